"""Times of layers: a planted slow layer, sums that must hold, programs, and the job in a process of its own."""

import subprocess
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from analysis.layers import layer_times
from analysis.layers.layer_times import layer_times_steps, measured_here, saved_times, times_file
from models.errors import ErrorscopeError
from models.evaluation_spec import EvaluationSpec
from models.job_context import JobContext
from models.meta_modules import built_on_meta
from models.predictions import Predictions
from models.store import Store
from tests.analysis.evaluated import driven


@pytest.fixture(autouse=True)
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_LEAST": 3, "_MOST": 5, "_ENOUGH_SECONDS": 0.2}.items():
        monkeypatch.setattr(layer_times, name, value)


class Planted(nn.Module):
    """Twenty wide convolutions in the middle, and little around; one layer runs twice, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.slow = nn.Sequential(*(nn.Conv2d(8, 8, 7, padding=3) for _ in range(20)))
        self.twice = nn.Conv2d(8, 8, 1)
        self.never = nn.Linear(8, 2)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.twice(self.twice(self.slow(self.first(x)))).mean((2, 3)))


def test_the_planted_slow_layer_is_the_slowest() -> None:
    found = measured_here(Planted().eval(), (64, 64), has_modules=True)
    assert set(found.modules) == {name for name, _ in Planted().named_modules()} - {"never"}
    children = {name: found.modules[name] for name in ("first", "slow", "twice", "head")}
    assert max(children, key=lambda name: children[name]) == "slow"
    assert 0 < found.low <= found.whole <= found.high
    assert 3 <= found.runs <= 5 and found.multiply_adds is None
    slowest = max(found.operations, key=lambda name: found.operations[name])
    assert slowest.endswith(("convolution", "conv2d_forward"))


def test_in_one_run_parts_take_no_more_than_the_whole() -> None:
    """Of one run, not of medians: other work of the machine may fall on any part of it."""
    module = Planted().eval()
    layer_times._mark(module)
    with (
        torch.no_grad(),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler,
    ):
        module(torch.rand(1, 3, 64, 64))
    modules, operations = layer_times._sums(profiler.events() or (), on_card=False)
    rounding = 1e-4  # of each of the many figures, microseconds
    assert sum(modules[name] for name in ("first", "slow", "twice", "head")) <= modules[""] + rounding
    assert sum(modules[f"slow.{at}"] for at in range(20)) <= modules["slow"] + rounding
    assert 0 < sum(operations.values()) <= modules[""] + rounding


def test_of_a_torchscript_program_the_whole_is_timed_and_counted() -> None:
    plain = Planted().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        program = torch.jit.trace(plain, torch.zeros(1, 3, 64, 64))
    found = measured_here(program, (64, 64), has_modules=False)
    per_place = 8 * 3 * 9 + 20 * 8 * 8 * 49 + 2 * 8 * 8
    assert found.multiply_adds == 64 * 64 * per_place + 16
    assert found.modules == {} and found.whole > 0 and found.operations


def test_an_attention_that_the_counter_does_not_know_is_not_counted_wrong() -> None:
    block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = block

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.block(x.flatten(2)[:, :, :16])

    found = measured_here(Net().eval(), (8, 8), has_modules=False)
    assert found.multiply_adds is None


def test_the_job_measures_in_a_process_of_its_own_and_keeps_what_it_found(
    made: Predictions, store: Store, context: JobContext, tmp_path: Path
) -> None:
    spec = EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures")).to_json()
    assert saved_times(store, made.fingerprint) is None
    result, seen = driven(layer_times_steps({"evaluation": spec, "predictions": made.fingerprint}, context))
    assert seen[0].phase.startswith("Running one image")
    found = saved_times(store, made.fingerprint)
    assert found is not None and found.whole == result["seconds"]
    names = {name for name, _ in built_on_meta("shufflenet_v2_x0_5").named_modules()}
    assert set(found.modules) <= names and {"", "conv1", "stage2.0", "fc"} <= set(found.modules)
    assert found.input_size == (224, 224)
    times_file(store, made.fingerprint).write_text("{", encoding="utf-8")
    assert saved_times(store, made.fingerprint) is None  # damaged: measured again


def test_a_checkpoint_that_is_gone_is_the_jobs_error(
    made: Predictions, store: Store, context: JobContext, tmp_path: Path
) -> None:
    spec = EvaluationSpec(str(tmp_path / "other.pth"), str(tmp_path / "pictures")).to_json()
    with pytest.raises(ErrorscopeError, match=r"other\.pth"):
        driven(layer_times_steps({"evaluation": spec, "predictions": made.fingerprint}, context))
    assert saved_times(store, made.fingerprint) is None


def test_a_job_that_is_cancelled_ends_its_process(
    made: Predictions, context: JobContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    spec = EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures")).to_json()
    steps = layer_times_steps({"evaluation": spec, "predictions": made.fingerprint}, context)
    next(steps), next(steps)
    steps.close()
    assert len(started) == 1 and started[0].returncode is not None
