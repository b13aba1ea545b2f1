"""Compression as jobs on the sample: the sweep, the saved versions, int8, what is said where it cannot be."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.compress.half import round_to_half
from models.compress.job import TUNED
from models.compress.price import price
from models.compress.spec import N_CALIBRATED, N_MATCHED, CompressionSpec, Method, SweepSpec
from models.errors import CheckpointError, JobError, VersionError
from models.evaluation_spec import EvaluationSpec
from models.finetune.export import ONNX, export_of, export_version, exports_of
from models.finetune.held_out import learned_images
from models.finetune.spec import TrainingImages
from models.finetune.version_record import Version
from models.finetune.versions import version, version_at, versions
from models.image_hashes import hashes_of, known_by
from models.job_record import JobStatus
from models.jobs import Jobs
from models.own_networks import trainable_copy
from models.saved_predictions import kept_predictions
from models.store import Store
from pages.shared.sample import sample_spec
from tests.conftest import SAMPLE
from tests.models.finetune.planted_images import waited

N = 74


@dataclass(frozen=True)
class Opened:
    """The sample, evaluated on some of its images."""

    store: Store
    jobs: Jobs
    spec: EvaluationSpec
    fingerprint: str

    def ended(self, kind: str, spec: dict[str, Any]) -> JobStatus:
        return waited(self.jobs, self.jobs.submit(kind, spec, title=kind))

    def made(self, method: str, amount: float = 0.0, **more: Any) -> Version:
        """The version of a compression that must end well."""
        spec = CompressionSpec(self.spec, self.fingerprint, method, amount, f"smaller by {method}", **more)  # type: ignore[arg-type]
        job = self.ended("compress", spec.to_json())
        assert job.state == "done" and job.result, job.error
        return version(self.store, job.result["version"])


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    store = Store(tmp_path_factory.mktemp("compression") / "workspace")
    manager = Jobs(store)
    spec = replace(sample_spec(), limit=N)
    job = waited(manager, manager.submit("evaluate", spec.to_json(), title="sample"))
    assert job.result, job.error
    yield Opened(store, manager, spec, job.result["fingerprint"])
    manager.close()


@pytest.fixture(scope="module")
def int8(opened: Opened) -> Version:
    return opened.made("int8", training=TrainingImages(str(SAMPLE / "pets" / "train")))


def test_the_price_is_counted_as_by_hand() -> None:
    labels, before, after = (
        np.array(each) for each in ([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 2], [1, 1, 0, 1, 1, 0])
    )
    found = price(labels, before, after, ["a", "b", "c"])
    assert [found[key] for key in ("n", "right_before", "right", "fixed", "broken", "agree")] == [
        6,
        4,
        3,
        2,
        3,
        1,
    ]
    assert found["classes"] == [
        {"name": "a", "n": 3, "before": 2, "after": 1},
        {"name": "c", "n": 1, "before": 1, "after": 0},
    ]
    assert found["cells"] == [
        {"label": "a", "predicted": "b", "before": 1, "after": 2},
        {"label": "c", "predicted": "a", "before": 0, "after": 1},
    ]


def test_a_sweep_says_what_each_amount_costs_and_keeps_no_network(opened: Opened) -> None:
    before = {each.id for each in versions(opened.store)}
    found: dict[str, dict[str, Any]] = {}
    training = TrainingImages(str(SAMPLE / "pets" / "train"))
    tried: dict[Method, tuple[float, ...]] = {"channels": (0.01, 0.6), "magnitude": (0.01, 0.5, 0.95)}
    for method, amounts in tried.items():
        spec = SweepSpec(opened.spec, opened.fingerprint, method, amounts, training)
        job = opened.ended("compress_sweep", spec.to_json())
        assert job.state == "done" and job.result, job.error
        assert job.result["matched"] == N_MATCHED and not job.result["on_half"]
        found[method] = job.result
    channels, zeros = (found[method]["amounts"] for method in ("channels", "magnitude"))
    size = found["channels"]["before"]["size"]
    assert size > channels[0]["size"] > channels[1]["size"]
    assert {row["size"] for row in zeros} == {size}, "zeros take as much room as any other number"
    weights = found["magnitude"]["before"]["weights"]
    assert zeros[1]["weights"] < 0.6 * weights < 0.95 * weights < zeros[0]["weights"]
    # this network can do without half of its weights, and not without nineteen of twenty
    assert zeros[0]["agree"] >= zeros[1]["agree"] >= 0.9 * N > 0.6 * N > zeros[2]["agree"]
    for row in (*channels, *zeros):
        assert row["n"] == N and row["latency"] > 0 and row["latency_before"] > 0
        assert row["right"] == row["right_before"] + row["fixed"] - row["broken"]
    assert {each.id for each in versions(opened.store)} == before


def test_a_half_version_answers_as_the_rounded_weights_do(opened: Opened) -> None:
    made = opened.made("half")
    network = load_checkpoint(sample_spec().checkpoint)
    module = trainable_copy(network)
    round_to_half(module)
    images = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(
            load_checkpoint(made.checkpoint).module(images), module.requires_grad_(False)(images)
        )
    found = made.compression
    assert found["size"] == made.checkpoint.stat().st_size < 0.6 * found["size_before"]
    kept = torch.load(made.checkpoint, weights_only=True)["state_dict"]
    assert {each.dtype for key, each in kept.items() if key.endswith("weight")} == {torch.float16}


def test_a_version_with_fewer_channels_is_judged_and_learned_from_no_validation_image(opened: Opened) -> None:
    training = TrainingImages(str(SAMPLE / "pets" / "train"))
    made = opened.made("channels", 0.3, parent="gone", training=training)
    found, predictions = made.compression, kept_predictions(opened.store, made.evaluation)
    before = kept_predictions(opened.store, opened.fingerprint)
    assert found["right"] == int((predictions.labels == predictions.predicted).sum())
    assert found["fixed"] + found["broken"] > 0 and found["weights"] < found["weights_before"]
    assert made.metrics["report"]["n"] + made.metrics["select"]["n"] == N == len(before)
    assert made.metrics["before"]["report"]["accuracy"] is not None
    assert not made.learned_from_half
    assert (found["matched"], found["on_half"]) == (N_MATCHED, False)
    # the training images had a part in it, so they judge none of its children
    learned = learned_images(opened.store, replace(made.finetune_spec, parent=made.id))
    assert learned and not learned & set(known_by(before, hashes_of(opened.store, before)))
    assert version_at(opened.store, str(made.checkpoint)) == made


def test_without_training_images_half_of_the_validation_images_sets_it_right_and_is_named(
    opened: Opened,
) -> None:
    made = opened.made("magnitude", 0.2)
    assert made.compression["on_half"] and made.learned_from_half


def test_training_images_that_are_gone_are_said_before_anything_is_kept(
    opened: Opened, tmp_path: Path
) -> None:
    before = len(versions(opened.store))
    spec = CompressionSpec(
        opened.spec, opened.fingerprint, "channels", 0.2, training=TrainingImages(str(tmp_path / "gone"))
    )
    job = opened.ended("compress", spec.to_json())
    assert job.state == "failed" and job.error and "gone" in job.error["message"]
    assert len(versions(opened.store)) == before


def test_a_stopped_job_goes_on_and_makes_one_version(opened: Opened) -> None:
    n, jobs = len(versions(opened.store)), opened.jobs
    spec = CompressionSpec(opened.spec, opened.fingerprint, "magnitude", 0.3, "stopped in the middle")
    id = jobs.submit("compress", spec.to_json(), title="stopped")
    waited(jobs, id, lambda job: job.phase == "Predicting")  # the version is saved by then
    jobs.cancel(id)
    assert waited(jobs, id).state == "cancelled"
    assert [each.id for each in versions(opened.store)].count(id) == 1
    assert waited(jobs, jobs.resume(id)).state == "done"
    made = version(opened.store, id)
    assert len(versions(opened.store)) == n + 1
    assert made.compression["size"] == made.compression["size_before"]


def test_int8_is_less_than_half_of_the_file_and_agrees_with_the_network(
    int8: Version, opened: Opened
) -> None:
    found = int8.compression
    assert int8.architecture == ONNX and int8.checkpoint.name == "network.onnx"
    # a quarter for the weights; in a network as small as the sample the graph weighs as much
    assert found["size"] < 0.5 * found["size_before"]
    assert found["agree"] >= 0.9 * N
    assert found["calibrated"] == N_CALIBRATED == 128 and not found["on_half"]
    assert found["latency_whole"] > 0
    assert kept_predictions(opened.store, int8.evaluation).architecture == ONNX


def test_an_int8_version_opens_as_any_checkpoint_with_its_names(int8: Version) -> None:
    summary, sample = inspect_checkpoint(int8.checkpoint), load_checkpoint(sample_spec().checkpoint)
    assert summary.kind == "onnx" and summary.class_names == sample.class_names
    assert summary.preprocessing == sample.preprocessing
    assert summary.n_weights == sum(weight.numel() for weight in sample.module.parameters())
    network = load_checkpoint(int8.checkpoint)
    images = torch.randn(
        3, 3, *network.preprocessing.usual_size(), generator=torch.Generator().manual_seed(1)
    )
    assert network.module(images).shape == (3, len(sample.class_names)) and network.head is None


def test_an_int8_version_is_exported_as_what_it_is(int8: Version) -> None:
    assert list(exports_of(int8)) == [ONNX]
    assert export_version(int8, ONNX) == int8.checkpoint == export_of(int8, ONNX)
    with pytest.raises(VersionError, match="is an ONNX file"):
        export_version(int8, "safetensors")


def test_a_damaged_onnx_file_is_one_sentence(int8: Version, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(int8.checkpoint.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match="is a damaged ONNX file"):
        load_checkpoint(path)


def test_without_onnx_runtime_a_person_reads_how_to_install_it(
    int8: Version, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(CheckpointError, match="not installed") as caught:
        load_checkpoint(int8.checkpoint)
    assert "make onnx" in caught.value.next_step
    monkeypatch.setattr("models.compress.job.has_onnx_runtime", lambda: False)
    spec = CompressionSpec(opened.spec, opened.fingerprint, "int8", name="no runtime")
    job = opened.ended("compress", spec.to_json())
    assert job.state == "failed" and job.error and "not installed" in job.error["message"]
    assert "make onnx" in job.error["next_step"]


def test_a_program_is_refused_in_words(int8: Version, opened: Opened) -> None:
    spec = int8.evaluation_spec(opened.spec)
    for kind, plain in (
        ("compress", CompressionSpec(spec, int8.evaluation, "half").to_json()),
        ("compress_sweep", SweepSpec(spec, int8.evaluation, "channels", (0.1,)).to_json()),
    ):
        job = opened.ended(kind, plain)
        assert job.state == "failed" and job.error and "is a program (onnx)" in job.error["message"]


def test_it_can_be_trained_further_in_the_same_job(opened: Opened) -> None:
    spec = CompressionSpec(
        opened.spec, opened.fingerprint, "channels", 0.2, "then trained", "", TrainingImages(), 1
    )
    job = opened.ended("compress_and_tune", spec.to_json())
    assert job.state == "done" and job.result, job.error
    made, tuned = (version(opened.store, job.result[name]) for name in ("version", "tuned"))
    assert tuned.id == f"{made.id}{TUNED}" and tuned.parent == made.id and not tuned.compression
    assert tuned.metrics["epochs"] == 1
    kept = [torch.load(each.checkpoint, weights_only=True)["state_dict"] for each in (made, tuned)]
    assert {key: each.shape for key, each in kept[0].items()} == {
        key: each.shape for key, each in kept[1].items()
    }
    assert not torch.equal(kept[0]["fc.weight"], kept[1]["fc.weight"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "magic"},
        {"method": "channels", "amount": 0.0},
        {"method": "channels", "amount": 1.0},
        {"method": "half", "amount": 0.5},
        {"method": "int8", "epochs": 3},
        {"method": "half", "epochs": -1},
    ],
)
def test_specs_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(JobError):
        CompressionSpec(EvaluationSpec("a.pth", "images"), "f" * 32, **wrong)
