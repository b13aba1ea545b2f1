"""Fine-tuning as a job, from the spec to the judged version, on pictures whose colour says their class."""

import re
import shutil
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from models.checkpoint import load_checkpoint
from models.content import content_hash
from models.evaluation import THUMBNAILS_PHASE
from models.evaluation_spec import EvaluationSpec
from models.finetune import job as job_module
from models.finetune.augmentation import Augmentation
from models.finetune.feeds import CachedFeed, ImageFeed
from models.finetune.finish import ask_to_finish
from models.finetune.held_out import held_out_images, learned_images
from models.finetune.phase import Phase
from models.finetune.recipe import KINDS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.training import training_steps
from models.finetune.training_state import LAST_FILE
from models.finetune.versions import versions
from models.image_hashes import choosing_rows, hashes_of, known_by
from models.job_context import JobContext
from models.job_record import JobStatus
from models.jobs import Jobs
from models.prediction_run import prediction_steps
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store
from tests.conftest import SAMPLE
from tests.models.finetune.planted_images import (
    CLASSES,
    PREPROCESSING,
    coloured,
    coloured_folder,
    done,
    ended,
    events,
    kept_weights,
    planted,
    planted_spec,
    refused,
    save_start,
    waited,
)
from tests.models.finetune.training_samples import same, without_times

TOLERANCE = 1e-4
"""Relative, of losses on kept features: a layer may add up in another order in another batch; 1e-6 is found."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, int]]:
    """Every image that any feed was asked for: (feed, row)."""
    found: list[tuple[object, int]] = []

    def spied(kind: type, name: str) -> None:
        real = getattr(kind, name)

        def spy(self: object, rows: Any, *more: Any) -> Any:
            found.extend((self, row) for row in ([rows] if isinstance(rows, int) else rows))
            return real(self, rows, *more)

        monkeypatch.setattr(kind, name, spy)

    for kind, name in ((ImageFeed, "batch"), (ImageFeed, "views"), (CachedFeed, "batch")):
        spied(kind, name)
    return found


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Phase]]:
    """The phases of each training that was begun."""
    found: list[Sequence[Phase]] = []

    def spy(phases: Sequence[Phase], *arguments: Any, **named: Any) -> Any:
        found.append(phases)
        return training_steps(phases, *arguments, **named)

    monkeypatch.setattr(job_module, "training_steps", spy)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns_what_was_planted(kind: str, images: Path, store: Store) -> None:
    spec = planted_spec(images, kind, epochs=4, learning_rate=0.05)
    job = ended(store, spec)
    assert job.state == "done" and job.result is not None, job.error
    (made,) = versions(store)
    assert made.id == job.result["version"] == job.id == made.job
    assert made.finetune_spec == spec and made.name == kind
    assert [row["epoch"] for row in made.history] == [1, 2, 3, 4]
    assert {row["phase"] for row in made.history} == {KINDS[kind].label}
    roles = {name: made.metrics[name]["n"] for name in ("train", "select", "report", "test")}
    assert roles == {name: made.data[name]["n"] for name in roles} == {
        "train": 24, "select": 18, "report": 18, "test": 9,
    }  # fmt: skip
    assert made.metrics["report"]["loss"] < made.metrics["before"]["report"]["loss"]
    assert made.metrics["test"]["loss"] < made.metrics["before"]["report"]["loss"]
    network = load_checkpoint(made.checkpoint)
    assert network.class_names == made.class_names == CLASSES
    assert network.architecture == made.architecture
    assert not (store.root / "jobs" / job.id / LAST_FILE).exists()

    before, after = (kept_predictions(store, job.result[name]) for name in ("baseline", "evaluation"))
    report = ~choosing_rows(store, before)
    for predictions, name in ((before, "before"), (after, "after")):
        right = (predictions.labels == predictions.predicted)[report]
        assert job.result[f"accuracy_{name}"] == right.mean()
    assert made.evaluation == after.fingerprint
    assert made.metrics["report"]["accuracy"] == job.result["accuracy_after"]


def test_a_network_of_other_classes_gets_a_new_head_that_learns_first(
    images: Path, store: Store, trainings: list[Sequence[Phase]]
) -> None:
    """ShuffleNet of the sample knows 14 breeds; the open model knows the colours, but not grey."""
    train = shutil.copytree(images / "train", store.root.parent / "train")
    coloured_folder(train, 3, 300, ("grey",))
    spec = planted_spec(
        images,
        start=EvaluationSpec(
            str(SAMPLE / "shufflenet_v2_x0_5.pth"),
            str(images / "val"),
            preprocessing=replace(PREPROCESSING, resize=64, crop=64).to_json(),
        ),
        training=TrainingImages(str(train)),
        epochs=2,
        head_epochs=2,
        learning_rate=0.004,
        augmentation=Augmentation(),
    )
    made = done(store, spec)
    assert [row["phase"] for row in made.history] == ["Head on bottleneck features"] * 2 + ["Last block"] * 2
    assert made.metrics["best_epoch"] > 2
    assert made.class_names == (*CLASSES, "grey")
    assert made.architecture == "shufflenet_v2_x0_5"
    assert made.metrics["report"]["accuracy"] > made.metrics["before"]["report"]["accuracy"]
    assert "test" not in made.metrics
    former = torch.load(SAMPLE / "shufflenet_v2_x0_5.pth", weights_only=True)
    former = former.get("state_dict", former)
    changed = {
        name.split(".")[0]
        for name, value in kept_weights(made).items()
        if not torch.equal(value, former[name])
    }
    assert changed == {"stage4", "conv5", "fc"}
    head, block = trainings[0]
    assert [len(phase.train) for phase in (head, block)] == [27, 27]


def test_without_training_images_a_part_of_the_choosing_half_is_trained_on(
    images: Path, store: Store
) -> None:
    made = done(store, planted_spec(images, training=TrainingImages()))
    n = {name: made.data[name]["n"] for name in ("train", "select", "report", "test")}
    assert n["train"] + n["select"] == 18 and n["report"] == 18 and n["test"] == 0
    assert 3 <= n["select"] <= 4
    assert made.data["held_out"]
    assert "test" not in made.metrics


def test_no_validation_or_test_image_is_ever_in_a_batch(
    images: Path, store: Store, trainings: list[Sequence[Phase]], asked: list[tuple[Any, int]]
) -> None:
    train = shutil.copytree(images / "train", store.root.parent / "train")
    shutil.copy(images / "val" / "red" / "100.png", train / "red" / "other.png")
    shutil.copy(images / "test" / "blue" / "200.png", train / "blue" / "another.png")
    spec = planted_spec(images, training=replace(planted_spec(images).training, path=str(train)))
    for views in (2, 0):  # on kept features, and on the images themselves
        made = done(store, replace(spec, recipe=replace(spec.recipe, views=views)))
        assert {Path(each["path"]).name for each in made.data["excluded"]} == {"other.png", "another.png"}
    judged = {content_hash(path) for role in ("val", "test") for path in (images / role).rglob("*.png")}
    learnt_from = {content_hash(path) for path in (images / "train").rglob("*.png")}
    assert len(trainings) == 2
    for phases, kind in zip(trainings, (CachedFeed, ImageFeed), strict=True):
        (phase,) = phases
        assert isinstance(phase.train, kind)
        hashes = phase.train._hashes if isinstance(phase.train, CachedFeed) else phase.train.images.hashes  # type: ignore[attr-defined]
        seen = {hashes[row] for feed, row in asked if feed is phase.train}
        assert seen == learnt_from and not seen & judged
    augmented = [
        (feed, row) for feed, row in asked if isinstance(feed, ImageFeed) and feed.augmentation
    ]  # what is learnt from, before its features are kept as well
    assert augmented and not {feed.images.hashes[row] for feed, row in augmented} & judged


def test_a_target_raises_the_training_images_that_are_like_its_mistakes(
    images: Path, store: Store, trainings: list[Sequence[Phase]], asked: list[tuple[Any, int]]
) -> None:
    """The start takes all for one class: its mistakes are the other two classes'."""
    done(store, planted_spec(images))
    before = kept_predictions(store, Jobs(store).list()[0].result["baseline"])  # type: ignore[index]
    wrong = before.labels != before.predicted
    label = str(before.images["label"][np.flatnonzero(wrong)[0]])
    cell = (label, before.class_names[before.predicted[np.flatnonzero(wrong)[0]]])
    target = Target("cell", "/".join(cell), (cell,), strength=6.0, neighbours=6, cap=0.7)
    asked.clear()
    made = done(store, planted_spec(images, target=target, epochs=3))
    told = made.data["targeting"]
    assert {Path(each["path"]).parent.name for each in told["raised"]} == set(cell)
    assert 0 < told["share"] <= 0.7
    assert {Path(path).parent.name for path in told["mistakes"]} == {label}
    choosing = choosing_rows(store, before)
    assert {Path(path).name for path in told["mistakes"]} <= {
        Path(path).name for path in before.images["path"][choosing]
    }
    (phase,) = trainings[-1]
    weights = phase.sampling_weights
    assert weights is not None
    raised = {each["path"]: each["weight"] for each in told["raised"]}
    train = sorted((images / "train").rglob("*.png"))
    assert weights.tolist() == pytest.approx([raised.get(str(path), 1.0) for path in train])
    rows = [row for feed, row in asked if feed is phase.train]
    share = np.mean([weights[row] > 1 for row in rows])
    assert len(rows) == 3 * 24 and abs(share - told["share"]) < 0.2


@pytest.mark.parametrize("program", [False, True])
def test_a_target_needs_no_open_network_where_the_start_is_one(
    program: bool, images: Path, store: Store, tmp_path: Path
) -> None:
    """A table of predictions, or a program, does not say which images are alike: the network to start from does."""
    target = Target("cell", "blue/red", (("blue", "red"),))
    baseline = programmed(images, tmp_path) if program else tabled(images, tmp_path)
    made = done(store, planted_spec(images, baseline=baseline, target=target))
    assert made.data["targeting"]["raised"]
    n = [made.metrics["before"][name]["n"] for name in ("select", "report")]
    assert n == [made.metrics[name]["n"] for name in ("select", "report")] == [18, 18]
    if not program:
        assert made.metrics["before"]["report"]["accuracy"] == pytest.approx(1 / 3, abs=0.1)


def test_a_table_of_some_of_the_images_is_compared_on_those(
    images: Path, store: Store, tmp_path: Path
) -> None:
    baseline = tabled(images, tmp_path, every=3)
    made = done(store, planted_spec(images, baseline=baseline))
    assert made.metrics["before"]["report"]["n"] == made.metrics["report"]["n"] == 6
    assert made.metrics["select"]["n"] == 6
    after = kept_predictions(store, made.evaluation)
    halved_then = held_out_images(store, after, after, made)  # whatever it is compared with
    assert len(halved_then) == 6 and len(held_out_images(store, after, after, None)) == 18
    table = kept_predictions(store, made.data["baseline"])
    assert halved_then == held_out_images(store, table, after, None)


def test_what_the_network_has_learned_from_before_does_not_judge(tmp_path: Path, store: Store) -> None:
    """It was trained on half of the images; one more of them, and the halves are others."""
    root = planted(tmp_path / "planted")
    spec = planted_spec(root, "bottleneck", training=TrainingImages())
    first = done(store, spec)
    coloured(root / "val" / CLASSES[0] / "a_new_one.png", CLASSES[0], 999)
    start = EvaluationSpec(str(first.checkpoint), spec.start.images)
    child = replace(spec, start=start, baseline=start, parent=first.id)
    second, scratch = (
        done(store, child),
        done(store, replace(child, recipe=replace(child.recipe, kind="scratch"))),
    )
    answers = [kept_predictions(store, each.evaluation) for each in (first, second, scratch)]
    learned = set(known_by(answers[0], hashes_of(store, answers[0]))) - held_out_images(
        store, answers[0], answers[0], first
    )
    apart = [
        held_out_images(store, each, each, of)
        for each, of in zip(answers[1:], (second, scratch), strict=True)
    ]
    assert learned == learned_images(store, child) and not learned & apart[0]
    assert learned & apart[1]  # from scratch nothing was known before
    assert [len(each) for each in apart] == [each.metrics["report"]["n"] for each in (second, scratch)]


def test_training_images_of_before_do_not_judge_where_they_are_validation_images_now(
    tmp_path: Path, store: Store
) -> None:
    root = planted(tmp_path / "planted")
    first = done(store, planted_spec(root, "bottleneck"))
    for name in CLASSES:  # all that was validated on, and some that was learnt from
        shutil.copytree(root / "val" / name, root / "mixed" / name)
        for path in sorted((root / "train" / name).iterdir())[:4]:
            shutil.copy(path, root / "mixed" / name / f"train_{path.name}")
    start = EvaluationSpec(str(first.checkpoint), str(root / "mixed"))
    halves = TrainingImages()
    child = replace(
        planted_spec(root, "bottleneck", training=halves), start=start, baseline=start, parent=first.id
    )
    made = done(store, child)
    answers = kept_predictions(store, made.evaluation)
    known = known_by(answers, hashes_of(store, answers))
    apart = held_out_images(store, answers, answers, made)
    judging = [path for path, key in zip(answers.images["path"], known, strict=True) if key in apart]
    assert judging and not [path for path in judging if "train_" in path]
    assert len(judging) == made.metrics["report"]["n"]
    only = replace(start, images=str(root / "train"))
    job = ended(store, replace(child, start=only, baseline=only))
    assert job.error is not None and "has learned from all 24 validation images" in job.error["message"]


@pytest.mark.parametrize("kind", ["bottleneck", "last_block"])
def test_kept_features_change_nothing(kind: str, images: Path, store: Store) -> None:
    kept = done(store, planted_spec(images, kind, epochs=3))
    anew = done(store, planted_spec(images, kind, epochs=3, cache="off"))
    assert (store.root / "features").is_dir()
    assert len(kept.history) == len(anew.history) == 3
    for row, expected in zip(kept.history, anew.history, strict=True):
        for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
            assert row[name] == pytest.approx(expected[name], rel=TOLERANCE)
    for name, value in kept_weights(anew).items():
        assert torch.allclose(kept_weights(kept)[name], value, rtol=TOLERANCE, atol=1e-6), name


def tabled(images: Path, folder: Path, every: int = 1) -> EvaluationSpec:
    """Predictions made elsewhere, which call every image red, in a table whose paths lead out of its folder."""
    paths = sorted((images / "val").rglob("*.png"))[::every]
    table = pd.DataFrame({"path": [f"../{path.relative_to(images)}" for path in paths]})
    table["label"] = [path.parent.name for path in paths]
    for name in CLASSES:
        table[name] = 0.6 if name == "red" else 0.2
    (images / "tables").mkdir(exist_ok=True)
    file = images / "tables" / f"{folder.name}.csv"
    table.to_csv(file, index=False)
    return EvaluationSpec.of_predictions(file)


def programmed(images: Path, folder: Path) -> EvaluationSpec:
    """The start as a program."""
    network = load_checkpoint(images / "start.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(network.module, torch.zeros(1, 3, 32, 32))
        torch.jit.save(traced, folder / "program.pt")
    return EvaluationSpec(
        str(folder / "program.pt"),
        str(images / "val"),
        preprocessing=network.preprocessing.to_json(),
        trust_code=True,
    )


def start_of_program(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    return replace(spec, start=programmed(images, folder))


def start_of_table(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    return replace(spec, start=replace(tabled(images, folder), images=str(images / "val")))


def target_for_scratch(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    spec = start_of_table(spec, images, folder)
    target = Target("cell", "blue/red", (("blue", "red"),))
    return replace(spec, baseline=spec.start, target=target, recipe=replace(spec.recipe, kind="scratch"))


def other_labels(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    coloured(folder / "test" / "violet" / "1.png", "blue", 500)
    return replace(spec, training=replace(spec.training, test_path=str(folder / "test")))


def labels_the_open_model_has_not(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    save_start(folder / "other.pth", ("cat", "dog", "fox"))
    return replace(spec, baseline=replace(spec.baseline, checkpoint=str(folder / "other.pth")))


def one_class(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    coloured_folder(folder / "train", 4, 400, ("red",))
    return replace(spec, training=TrainingImages(str(folder / "train")))


def only_validation_images(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    return replace(spec, training=TrainingImages(str(images / "val")))


def no_folder(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    return replace(spec, training=TrainingImages(str(folder / "nothing")))


def many_sizes(spec: FinetuneSpec, images: Path, folder: Path) -> FinetuneSpec:
    sizes = {**load_checkpoint(images / "start.pth").preprocessing.to_json(), "crop": None}
    return replace(spec, start=replace(spec.start, preprocessing=sizes))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (start_of_program, "is a program"),
        (start_of_table, "is a table of predictions"),
        (target_for_scratch, "which images|sees the images"),
        (other_labels, "none of the network's 3 classes: violet"),
        (labels_the_open_model_has_not, "blue"),
        (one_class, "fewer than two classes"),
        (only_validation_images, "validation or test images"),
        (no_folder, "cannot be opened"),
        (many_sizes, "various sizes"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(
    wrong: Callable[[FinetuneSpec, Path, Path], FinetuneSpec],
    words: str,
    images: Path,
    store: Store,
    tmp_path: Path,
) -> None:
    error = refused(store, wrong(planted_spec(images), images, tmp_path))
    assert any(word in error["message"] for word in words.split("|")), error
    assert versions(store) == []


@pytest.mark.parametrize("words", ["epoch 2 of 3", "Computing features", "Predicting", THUMBNAILS_PHASE])
def test_cancelled_and_resumed_it_comes_to_the_same_weights(
    words: str, images: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled at the first word of a phase or an epoch."""
    spec = planted_spec(images, epochs=3, new_head=True, head_epochs=2)
    unbroken = done(Store(store.root.with_name("unbroken")), spec)
    manager, report = Jobs(store), JobContext.report
    told: list[Progress] = []

    def cancelling(self: JobContext, progress: Progress) -> None:
        report(self, progress)
        if words in f"{progress.phase} {progress.message}" and not told:
            told.append(progress)
            manager.cancel(self.folder.name)

    monkeypatch.setattr(JobContext, "report", cancelling)
    monkeypatch.setattr("models.job_context.SECONDS_BETWEEN_LOOKS", 0.0)
    id = manager.submit("finetune", spec.to_json(), title="Cancelled")
    assert waited(manager, id).state == "cancelled"
    former = versions(store)
    assert len(former) == (words == THUMBNAILS_PHASE)
    assert manager.resume(id) == id
    assert waited(manager, id).state == "done"
    manager.close()
    (made,) = versions(store)
    assert made in former or not former
    assert same(kept_weights(made), kept_weights(unbroken))
    assert without_times(made.history) == without_times(unbroken.history)
    assert [event["epoch"] for event in events(store, id, "epoch")] == [1, 2, 3, 4, 5]


def test_asked_to_finish_it_keeps_the_best_so_far(images: Path, store: Store) -> None:
    manager = Jobs(store)
    id = manager.submit("finetune", planted_spec(images, epochs=5000).to_json(), title="Long")
    waited(manager, id, lambda job: epoch_of(job) >= 3)
    ask_to_finish(store.root / "jobs" / id)
    job = waited(manager, id)
    assert job.state == "done", job.error
    manager.close()
    (made,) = versions(store)
    losses = [row["validation_loss"] for row in made.history]
    assert made.metrics["stopped"] == "by hand"
    assert 3 <= len(losses) < 5000 and made.metrics["best_epoch"] == int(np.argmin(losses)) + 1
    # the file holds the best epoch's weights: they say of the choosing half what was noted then
    assert made.metrics["select"]["loss"] == pytest.approx(min(losses), rel=1e-4)


def epoch_of(job: JobStatus) -> int:
    """The epoch that a job says it is in; 0 before the first."""
    found = re.search(r"epoch (\d+) of", job.message)
    return int(found[1]) if found else 0


@pytest.fixture
def tests_taken(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The roots of all sets of images that were predicted."""
    found: list[Path] = []

    def spy(network: Any, chosen: Any, **named: Any) -> Any:
        found.append(chosen.root)
        return prediction_steps(network, chosen, **named)

    monkeypatch.setattr("models.prediction_run.prediction_steps", spy)
    return found


def test_what_is_saved_is_neither_trained_nor_tested_again(
    images: Path,
    store: Store,
    trainings: list[Sequence[Phase]],
    tests_taken: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server fails after all is judged, and the job goes on later."""

    def broken(*_: object) -> Iterator[None]:
        raise OSError("the disk is gone")
        yield

    monkeypatch.setattr(job_module, "thumbnail_steps", broken)
    job = ended(store, planted_spec(images))
    assert job.state == "failed"
    (made,) = versions(store)
    monkeypatch.setattr(job_module, "thumbnail_steps", _nothing)
    manager = Jobs(store)
    manager.resume(job.id)
    assert waited(manager, job.id).state == "done"
    manager.close()
    assert versions(store) == [made]
    assert len(trainings) == 1
    assert tests_taken.count(images / "test") == 1


def _nothing(*_: object) -> Generator[None, None, None]:
    yield from ()
