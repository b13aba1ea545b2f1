"""How long each module of a network takes for one image, measured with torch's profiler, as a job.

Measured in a process of its own (`models.measuring_process` says why): it opens the network once more, so for its
seconds that much more memory is taken.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cores import available_cores
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import name_of
from models.job_context import JobContext
from models.measuring_process import answer, measured_apart, run_seconds
from models.open_networks import shared_network
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store, write_json

if TYPE_CHECKING:
    from torch import Tensor, nn

REVISION = 2
FOLDER = "layers"
_LEAST, _MOST, _ENOUGH_SECONDS = 5, 15, 4.0
_MARK = "errorscope-layer:"


@dataclass(frozen=True)
class LayerTimes:
    """Seconds for one image.

    Args:
        whole: of the network without the profiler, median.
        low: a quarter of these runs was faster.
        high: a quarter was slower.
        runs: how many forwards that is the median of.
        modules: dotted name to seconds of the module with all in it, with the profiler, which itself takes time, median;
            on a card of NVIDIA those of its kernels. A module that runs several times counts all its runs. {} for
            programs.
        operations: operation ("convolution") to seconds, without those in it, with the profiler, median.
        multiply_adds: for one image; only of programs, whose modules are not followed.
        input_size: (H, W) in pixels.
        device: where it ran.
        threads: of the processor.
    """

    whole: float
    low: float
    high: float
    runs: int
    modules: dict[str, float]
    operations: dict[str, float]
    multiply_adds: int | None
    input_size: tuple[int, int]
    device: str
    threads: int


def times_file(store: Store, fingerprint: str) -> Path:
    """Where the times of an evaluation's network lie."""
    return store.root / FOLDER / f"times-{name_of(REVISION, fingerprint)}.json"


def saved_times(store: Store, fingerprint: str) -> LayerTimes | None:
    """The times as they were kept; None where they were not, or are damaged.

    Args:
        store: the workspace.
        fingerprint: of the saved evaluation.
    """
    try:
        kept = json.loads(times_file(store, fingerprint).read_text(encoding="utf-8"))
        height, width = kept["input_size"]
        return LayerTimes(**{**kept, "input_size": (height, width)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def layer_times_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "layer_times": run one image some times, without and with the profiler, in another process.

    Args:
        spec: ``evaluation`` (``EvaluationSpec.to_json()``) and ``predictions`` (its fingerprint).
        context: the job's.

    Yields:
        That it is measured.

    Raises:
        MeasuringError: the checkpoint cannot be opened, or there is not enough memory for it.
    """
    asked = {**spec, "store": str(context.store.root)}
    steps = measured_apart("analysis.layers.layer_times", asked)
    try:
        while True:
            yield Progress("Running one image, again and again", 0, 0)
            next(steps)
    except StopIteration as end:
        found: dict[str, Any] = end.value
    finally:
        steps.close()
    context.store.folder(FOLDER)
    write_json(times_file(context.store, spec["predictions"]), found)
    return {"seconds": found["whole"]}


def measured_here(module: nn.Module, input_size: tuple[int, int], *, has_modules: bool) -> LayerTimes:
    """Measure a network in this process, whose only thread this should be.

    Args:
        module: it is hooked and stays so.
        input_size: (H, W) in pixels.
        has_modules: whether it is a plain network, no program.
    """
    import torch

    from analysis.layers.passage import counted_forward

    device = next(module.parameters(), torch.empty(0)).device
    inputs = torch.rand(1, 3, *input_size, device=device)

    def run() -> None:
        module(inputs)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    with torch.no_grad():
        seconds = run_seconds(run, least=_LEAST, most=_MOST, enough=_ENOUGH_SECONDS)
        multiply_adds = None if has_modules else counted_forward(run)
        if has_modules:
            _mark(module)
        modules, operations = _profiled(run, on_card=device.type == "cuda")
    if any("multi_head_attention" in each for each in operations):
        multiply_adds = None  # torch's counter does not know this one operation of a whole attention
    low, median, high = statistics.quantiles(seconds, n=4)
    return LayerTimes(
        median, low, high, len(seconds), modules, operations, multiply_adds, input_size, device.type,
        torch.get_num_threads(),
    )  # fmt: skip


def _profiled(run: Callable[[], None], *, on_card: bool) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of each marked module, and of each operation without those in it."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    modules: dict[str, list[float]] = {}
    operations: dict[str, list[float]] = {}

    def profiled() -> None:
        with profile(activities=activities) as profiler:
            run()
        for noted, found in zip((modules, operations), _sums(profiler.events() or (), on_card), strict=True):
            for name, seconds in found.items():
                noted.setdefault(name, []).append(seconds)

    n = len(run_seconds(profiled, least=_LEAST, most=_MOST, enough=_ENOUGH_SECONDS))
    return _medians(modules, n), _medians(operations, n)


def _medians(noted: dict[str, list[float]], n: int) -> dict[str, float]:
    """Of the last runs; what some operation of a warming run took is not among them."""
    return {name: statistics.median(each[-n:]) for name, each in noted.items()}


def _sums(events: Iterable[Any], on_card: bool) -> tuple[dict[str, float], dict[str, float]]:
    modules: dict[str, float] = {}
    operations: dict[str, float] = {}
    for event in events:
        if event.device_type.name != "CPU":  # a card's kernel, which its operation counts
            continue
        if event.name.startswith(_MARK):
            name = event.name.removeprefix(_MARK)
            spent = event.device_time_total if on_card else event.cpu_time_total
            modules[name] = modules.get(name, 0.0) + spent / 1e6
        elif event.name.startswith("aten::"):
            name = event.name.removeprefix("aten::")
            spent = event.self_device_time_total if on_card else event.self_cpu_time_total
            operations[name] = operations.get(name, 0.0) + spent / 1e6
    return modules, operations


def _mark(module: nn.Module) -> None:
    """Let the profiler see where each module begins and ends."""
    for name, each in module.named_modules():
        marks: list[Any] = []
        each.register_forward_pre_hook(_opening(name, marks))
        each.register_forward_hook(_closing(marks))


def _opening(name: str, marks: list[Any]) -> Any:
    from torch.autograd.profiler import record_function

    def begin(*_: object) -> None:
        marks.append(record_function(f"{_MARK}{name}"))
        marks[-1].__enter__()

    return begin


def _closing(marks: list[Any]) -> Any:
    def end(*_: Tensor) -> None:
        marks.pop().__exit__(None, None, None)

    return end


def _asked(spec: dict[str, Any]) -> dict[str, Any]:
    import torch

    predictions = kept_predictions(Store(Path(spec["store"])), spec["predictions"])
    network = shared_network(EvaluationSpec.from_json(spec["evaluation"]), predictions)
    torch.set_num_threads(available_cores())
    size = network.preprocessing.usual_size()
    return asdict(measured_here(network.module, size, has_modules=network.kind == "state_dict"))


if __name__ == "__main__":
    answer(_asked)
