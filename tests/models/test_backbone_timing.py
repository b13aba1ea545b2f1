"""Time and memory of a classifier, measured in a process of its own; what is measured is kept, what fails is told."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from models import backbone_timing
from models.backbone_timing import BackboneTiming, backbone_timing_steps, saved_timings, this_machine
from models.backbones import backbones
from models.errors import MeasuringError
from models.job_context import JobContext
from models.job_kinds import lane_of
from models.measuring_process import measured_apart, run_seconds
from models.store import Store
from tests.analysis.evaluated import context_of, driven


@pytest.fixture
def context(tmp_path: Path) -> JobContext:
    return context_of(Store(tmp_path))


def ended(steps: Generator[None, None, dict[str, Any]]) -> dict[str, Any]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: dict[str, Any] = end.value
            return found


def test_a_small_classifier_is_measured_and_kept(context: JobContext) -> None:
    found, seen = driven(backbone_timing_steps({"names": ["shufflenet_v2_x0_5"]}, context))
    assert found == {"measured": 1, "problems": {}}
    assert seen[0].phase == "Measuring shufflenet_v2_x0_5" and seen[0].total == 1
    timing = saved_timings(context.store)["shufflenet_v2_x0_5"]
    assert timing.input_side == 224 and timing.runs >= 5 and timing.machine == this_machine()
    assert 0 < timing.low <= timing.seconds <= timing.high
    if timing.bytes is not None:
        weights = 4 * backbones()["shufflenet_v2_x0_5"].n_weights
        assert weights <= timing.bytes < weights + 500_000_000


def test_a_side_that_it_does_not_take_is_one_sentence() -> None:
    with pytest.raises(MeasuringError, match="maxvit_t takes no images of 225 x 225 pixels"):
        ended(measured_apart("models.backbone_timing", {"name": "maxvit_t", "input_side": 225}))


def answering(known: Mapping[str, str]) -> Any:
    """In the place of a process: a timing, or the problem that is known of a name."""

    def measured(_: str, spec: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
        yield
        name = spec["name"]
        if name in known:
            raise MeasuringError(known[name])
        return vars(
            BackboneTiming(name, spec["input_side"], 0.1, 0.1, 0.2, 5, 10**8, "cpu", 2, this_machine())
        )

    return measured


def test_one_that_fails_does_not_stop_the_others(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_timing, "measured_apart", answering({"vgg16": "No memory."}))
    found, _ = driven(backbone_timing_steps({"names": ["vgg16", "resnet18", "no_such"]}, context))
    assert found == {"measured": 1, "problems": {"vgg16": "No memory."}}
    assert set(saved_timings(context.store)) == {"resnet18"}


def test_what_was_measured_is_not_measured_again_unless_asked(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_timing, "measured_apart", answering({}))
    steps = backbone_timing_steps({"names": ["resnet18", "vgg16"]}, context)
    while "resnet18" not in saved_timings(context.store):
        next(steps)
    steps.close()  # cancelled after the first
    _, seen = driven(backbone_timing_steps({"names": ["resnet18", "vgg16"]}, context))
    assert {each.phase for each in seen} == {"Measuring vgg16"}
    _, seen = driven(backbone_timing_steps({"names": ["resnet18", "vgg16"], "again": True}, context))
    assert {each.phase for each in seen} == {"Measuring resnet18", "Measuring vgg16"}


def test_another_machines_figures_and_damaged_ones_are_left_out(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone_timing, "measured_apart", answering({}))
    driven(backbone_timing_steps({"names": ["resnet18", "vgg16"]}, context))
    files = sorted((context.store.root / backbone_timing.FOLDER).glob("*.json"))
    kept = json.loads(files[0].read_text(encoding="utf-8"))
    files[0].write_text(json.dumps({**kept, "machine": "elsewhere"}), encoding="utf-8")
    (files[0].parent / "damaged.json").write_text("{", encoding="utf-8")
    assert len(saved_timings(context.store)) == 1


def test_a_process_that_fails_or_is_ended_is_told_apart() -> None:
    with pytest.raises(MeasuringError, match="cannot be run here"):
        ended(measured_apart("models.no_such_module", {}))
    with pytest.raises(MeasuringError, match="not enough memory"):
        ended(measured_apart("tests.models.ended_process", {}))


def test_runs_are_counted_without_those_that_warm_up() -> None:
    calls: list[int] = []
    seconds = run_seconds(lambda: calls.append(1), warm_ups=2, least=3, most=7, enough=100)
    assert len(seconds) == 7 and len(calls) == 9
    assert len(run_seconds(lambda: calls.append(1), warm_ups=2, least=3, most=7, enough=0)) == 3


def test_measuring_does_not_wait_in_the_lane_of_trainings_nor_run_beside_itself() -> None:
    assert lane_of("backbone_timing") not in (lane_of("finetune"), lane_of("evaluate"))
    assert lane_of("backbone_download") not in (lane_of("backbone_timing"), lane_of("finetune"))
