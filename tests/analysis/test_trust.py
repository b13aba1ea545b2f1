"""How far to trust the maps of an image, as a job: measured once, kept, stopped when told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import analysis.job_kinds  # noqa: F401 - makes the kinds known
import models.image_input
from analysis import map_revision
from analysis.attribution import Contrast, attribute
from analysis.attribution.faithfulness import insertion_deletion, n_orders
from analysis.attribution.randomisation import randomisation
from analysis.attribution.saved import saved_attribution
from analysis.trust import CURVES, RANDOMISATION, TrustSpec, estimated_seconds, trust_steps
from analysis.trust_results import Question, Trust, saved_trust
from models.errors import AttributionError, JobError, WorkspaceError
from models.evaluation import EvaluationSpec
from models.fingerprints import content_key
from models.image_input import image_input
from models.job_context import JobContext
from models.jobs import Jobs
from models.network import Network
from models.predictions import Predictions
from models.store import Store
from tests.analysis.evaluated import result
from tests.models.calibrated import calibrated_network
from tests.models.test_jobs import ended, wait_for

METHODS = {"grad_cam": {}, "smooth_grad": {"samples": 3}}


@pytest.fixture
def spec(tmp_path: Path, made: Predictions) -> TrustSpec:
    return TrustSpec(
        evaluation=EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures")),
        predictions=made.fingerprint,
        image=str(made.absolute(made.images["path"].iloc[0])),
        target=(1, 0),
        methods=METHODS,
        checks=(CURVES, RANDOMISATION),
    )


@pytest.fixture
def question(spec: TrustSpec, store: Store, network: Network) -> Question:
    return Question(store, network.fingerprint, content_key(Path(spec.image)), spec.asked())


def test_the_spec_survives_as_plain_data(spec: TrustSpec) -> None:
    for each in (spec, replace(spec, target=3)):
        assert TrustSpec.from_json(json.loads(json.dumps(each.to_json()))) == each
    assert spec.asked() == Contrast(1, 0) and replace(spec, target=3).asked() == 3
    without = {key: value for key, value in spec.to_json().items() if key != "methods"}
    with pytest.raises(JobError, match="needs 'methods'"):
        TrustSpec.from_json(without)
    with pytest.raises(JobError, match="not tarot"):
        TrustSpec.from_json({**spec.to_json(), "checks": ["tarot"]})


def test_both_checks_are_made_kept_and_not_made_again(
    spec: TrustSpec, context: JobContext, question: Question, network: Network
) -> None:
    assert saved_trust(question, METHODS).chance == ()
    steps = list(trust_steps(spec.to_json(), context))
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases[1:4] == ["Grad-CAM", "SmoothGrad", "Uncovering and covering squares"]
    assert "Asking networks with random weights: Grad-CAM, 1 of 2" in phases
    found = saved_trust(question, METHODS)
    assert list(found.curves) == list(found.randomisations) == list(METHODS) and not found.refusals
    inputs = image_input(Path(spec.image), network.preprocessing)
    for key, options in METHODS.items():
        kept = saved_attribution(
            question.store, question.network_fingerprint, question.image_key, spec.asked(), key, **options
        )
        assert kept is not None
        alone = attribute(network, inputs, spec.asked(), key, **options)
        measured = result(insertion_deletion(network, inputs, {key: alone.relevance}, spec.asked()))
        # half precision of the kept map may exchange two squares that are as good as equal
        assert found.curves[key].insertion.scores == pytest.approx(
            measured.maps[key].insertion.scores, abs=0.05
        )
    checked = result(randomisation(network, inputs, attribute(network, inputs, spec.asked(), "grad_cam")))
    for stage, wanted in zip(
        found.randomisations["grad_cam"].similarities, checked.similarities, strict=True
    ):
        assert stage == pytest.approx(wanted, abs=0.02)
    assert len(found.chance) == n_orders(2) == 38
    again = list(trust_steps(spec.to_json(), context))
    assert not any("random weights" in step.phase for step in again)
    assert max(step.total for step in again if step.unit == "pictures") == 2
    assert saved_trust(question, METHODS) == found


@pytest.mark.parametrize("check", [CURVES, RANDOMISATION])
def test_a_method_that_does_not_exist_is_named(
    spec: TrustSpec, context: JobContext, question: Question, network: Network, check: str
) -> None:
    unknown = {"saliency": {}, "tarot": {}}
    with pytest.raises(AttributionError, match='no attribution method called "tarot"'):
        list(trust_steps(replace(spec, methods=unknown, checks=(check,)).to_json(), context))
    with pytest.raises(AttributionError, match='no attribution method called "tarot"'):
        saved_trust(question, unknown)
    with pytest.raises(AttributionError, match='no attribution method called "tarot"'):
        estimated_seconds(network, unknown, RANDOMISATION)


def test_only_what_is_missing_is_measured(spec: TrustSpec, context: JobContext, question: Question) -> None:
    first = replace(spec, methods={"grad_cam": {}}, checks=(CURVES,))
    list(trust_steps(first.to_json(), context))
    before = saved_trust(question, METHODS)
    assert list(before.curves) == ["grad_cam"] and not before.randomisations
    list(trust_steps(replace(spec, checks=(CURVES,)).to_json(), context))
    after = saved_trust(question, METHODS)
    assert after.curves["grad_cam"] == before.curves["grad_cam"]
    # a second map needs more random orders to be held against; the first ones stay
    assert (len(before.chance), len(after.chance)) == (18, 38) and after.chance[:18] == before.chance
    assert list(after.curves) == list(METHODS)
    assert saved_trust(question, {"smooth_grad": {}}).curves == {}, "other options, another map"
    assert saved_trust(replace(question, target=0), METHODS).curves == {}
    assert saved_trust(replace(question, image_key="other"), METHODS).chance == ()


def test_maps_that_chance_is_not_measured_for_count_as_not_measured(
    spec: TrustSpec, context: JobContext, question: Question
) -> None:
    """Each on its own against a few random orders, side by side they would look better by chance too often."""
    for key, options in METHODS.items():
        list(trust_steps(replace(spec, methods={key: options}, checks=(CURVES,)).to_json(), context))
        assert list(saved_trust(question, {key: options}).curves) == [key]
    assert list(saved_trust(question, METHODS).curves) == ["grad_cam"]
    list(trust_steps(replace(spec, checks=(CURVES,)).to_json(), context))
    found = saved_trust(question, METHODS)
    assert list(found.curves) == list(METHODS) and len(found.chance) == 38


def test_when_the_maps_change_they_are_checked_again(
    spec: TrustSpec, context: JobContext, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"saliency": {}}
    wanted = replace(spec, methods=quick).to_json()
    list(trust_steps(wanted, context))
    before = saved_trust(question, quick)
    assert before.curves and before.chance and before.randomisations
    monkeypatch.setattr(map_revision, "REVISION", map_revision.REVISION + 1)
    assert saved_trust(question, quick) == Trust()
    list(trust_steps(wanted, context))
    assert saved_trust(question, quick) == before


def test_a_map_that_cannot_be_checked_is_said_in_words(
    spec: TrustSpec, context: JobContext, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    import analysis.attribution.randomisation as check

    def refuse(*_: object, **__: object) -> None:
        raise AttributionError("This network is a program.")

    monkeypatch.setattr(check, "randomised", refuse)
    list(trust_steps(replace(spec, checks=(RANDOMISATION,)).to_json(), context))
    found = saved_trust(question, METHODS)
    assert found.refusals == dict.fromkeys(METHODS, "This network is a program.")
    assert found.randomisations == {}


@pytest.mark.parametrize("place", ["forward", "backward"])
def test_want_of_memory_is_no_verdict_on_a_method(
    spec: TrustSpec,
    context: JobContext,
    question: Question,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    wanted = replace(spec, methods={"saliency": {}}, checks=(RANDOMISATION,)).to_json()

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(
            *((torch.nn.Linear, "forward") if place == "forward" else (torch.autograd, "grad")), full
        )
        with pytest.raises(AttributionError, match="memory of the device"):
            list(trust_steps(wanted, context))
    assert saved_trust(question, {"saliency": {}}).refusals == {}
    list(trust_steps(wanted, context))
    assert list(saved_trust(question, {"saliency": {}}).randomisations) == ["saliency"]


def test_a_picture_that_changes_meanwhile_is_kept_under_its_old_key(
    spec: TrustSpec, context: JobContext, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the curves of the old picture would be shown for the new one."""
    taken = models.image_input.image_input

    def and_then_changed(path: Path, *how: Any) -> torch.Tensor:
        inputs = taken(path, *how)
        path.write_bytes(path.read_bytes() + b" ")
        return inputs

    monkeypatch.setattr(models.image_input, "image_input", and_then_changed)
    list(trust_steps(replace(spec, methods={"saliency": {}}, checks=(CURVES,)).to_json(), context))
    now = replace(question, image_key=content_key(Path(spec.image)))
    assert now.image_key != question.image_key
    assert not saved_trust(now, {"saliency": {}}).curves and saved_trust(question, {"saliency": {}}).curves


def test_a_stopped_job_keeps_what_is_finished(spec: TrustSpec, store: Store, question: Question) -> None:
    slow = {"grad_cam": {}, "smooth_grad": {"samples": 200}}
    jobs = Jobs(store)
    try:
        wanted = replace(spec, methods=slow, checks=(RANDOMISATION,))
        id = jobs.submit("trust", wanted.to_json(), title="Check")
        wait_for(
            lambda: saved_trust(question, slow).randomisations or not jobs.status(id).is_active, seconds=60
        )
        assert jobs.status(id).is_active, jobs.status(id).error
        jobs.cancel(id)
        assert ended(jobs, id).state == "cancelled"
        assert list(saved_trust(question, slow).randomisations) == ["grad_cam"]
    finally:
        jobs.close()


def test_damaged_results_count_as_missing(spec: TrustSpec, context: JobContext, question: Question) -> None:
    list(trust_steps(replace(spec, methods={"grad_cam": {}}, checks=(CURVES,)).to_json(), context))
    files = sorted(question.store.root.glob(f"trust/{question.network_fingerprint}/*.json"))
    assert len(files) == 2
    for file in files:
        file.write_text(file.read_text()[:40])
    assert saved_trust(question, METHODS).curves == {} and saved_trust(question, METHODS).chance == ()
    files[0].unlink()
    files[0].mkdir()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        saved_trust(question, METHODS)


DAMAGED: list[dict[str, Any]] = [
    {},
    {"insertion": 3, "deletion": None, "orders": 5, "shares": [0.5], "similarities": 1},
    {
        "insertion": {"fractions": [0, 1], "scores": [0.5]},
        "deletion": {"fractions": [], "scores": []},
        "orders": [{}],
        "shares": [0.0, 1.0],
        "similarities": [[0.5]],
    },
    {"insertion": {"fractions": "ab", "scores": "cd"}, "orders": [[]], "shares": [], "similarities": []},
    {"shares": ["much"], "similarities": [[0.1]]},
]


def test_results_of_another_form_count_as_missing(
    spec: TrustSpec, context: JobContext, question: Question
) -> None:
    quick = {"saliency": {}}
    whole = replace(spec, methods=quick).to_json()
    list(trust_steps(whole, context))
    before = saved_trust(question, quick)
    assert before.curves and before.chance and before.randomisations
    files = list(question.store.root.glob(f"trust/{question.network_fingerprint}/*.json"))
    assert len(files) == 3
    for damaged in DAMAGED:
        for file in files:
            file.write_text(json.dumps(damaged))
        assert saved_trust(question, quick) == Trust()
    list(trust_steps(whole, context))
    assert saved_trust(question, quick) == before


def test_estimates_grow_with_the_work() -> None:
    network = calibrated_network("shufflenet_v2_x0_5", seed=6)
    for check in (CURVES, RANDOMISATION):
        one = estimated_seconds(network, {"grad_cam": {}}, check)
        both = estimated_seconds(network, METHODS, check)
        assert 0 < one < both < 120
    few = estimated_seconds(network, {"smooth_grad": {"samples": 10}}, RANDOMISATION)
    many = estimated_seconds(network, {"smooth_grad": {"samples": 100}}, RANDOMISATION)
    assert many > 3 * few


def test_the_job_is_known_and_needs_no_torch_to_be_listed() -> None:
    import subprocess
    import sys

    program = (
        "import sys, analysis.job_kinds, analysis.trust\n"
        "from models.job_kinds import JOB_KINDS, lane_of\n"
        "print('trust' in JOB_KINDS, lane_of('trust'), 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "surveying", "False"]
