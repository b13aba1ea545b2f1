"""How long a classifier takes for one image on this machine, and how much memory, as a job.

Measured in a process of its own: ``python -m models.backbone_timing '{"name": ..., "input_side": ...}'``.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cores import available_cores
from models.errors import ErrorscopeError, MeasuringError
from models.fingerprints import name_of
from models.job_context import JobContext
from models.measuring_process import answer, measured_apart, run_seconds
from models.progress import Progress
from models.store import Store, write_json

if TYPE_CHECKING:
    from torch import nn

REVISION = 1
FOLDER = "backbone_times"
_KIBIBYTE = 1024


@dataclass(frozen=True)
class BackboneTiming:
    """What one image costs on this machine.

    Args:
        name: of the classifier.
        input_side: of the square image, in pixels.
        seconds: for one forward of one image, median.
        low: a quarter of the forwards was faster.
        high: a quarter was slower.
        runs: how many forwards were measured.
        bytes: the most that the process took beyond what it took before it made the network: weights, activations and
            workspace. None where the system does not tell.
        device: where it ran.
        threads: of the processor.
        machine: `this_machine`.
    """

    name: str
    input_side: int
    seconds: float
    low: float
    high: float
    runs: int
    bytes: int | None
    device: str
    threads: int
    machine: str


def this_machine() -> str:
    """What the figures hold for: another machine in the same workspace has its own."""
    return f"{platform.node()}, {platform.machine()}, {available_cores()} cores"


def saved_timings(store: Store) -> dict[str, BackboneTiming]:
    """What was measured on this machine, by name; damaged records are left out.

    Args:
        store: the workspace.
    """
    found = {}
    for file in sorted((store.root / FOLDER).glob("*.json")):
        try:
            timing = BackboneTiming(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if timing.machine == this_machine():
            found[timing.name] = timing
    return found


def backbone_timing_steps(
    spec: dict[str, Any], context: JobContext
) -> Generator[Progress, None, dict[str, Any]]:
    """The job "backbone_timing": measure classifiers one after another, each at the side it is used with.

    Args:
        spec: ``names`` of torchvision's classifiers; ``again`` measures also those that were.
        context: the job's.

    Yields:
        Progress in backbones; what is measured is kept.

    Returns:
        ``measured``: how many; ``problems``: name to why it could not be.
    """
    from models.backbones import backbones

    known = {} if spec.get("again") else saved_timings(context.store)
    problems: dict[str, str] = {}
    names = [name for name in spec["names"] if name in backbones()]
    for at, name in enumerate(names):
        if name in known:
            continue
        steps = measured_apart(
            "models.backbone_timing", {"name": name, "input_side": backbones()[name].input_side}
        )
        try:
            yield from _told(steps, Progress(f"Measuring {name}", at, len(names), "backbones"), context.store)
        except MeasuringError as error:
            problems[name] = error.message
    return {"measured": len(names) - len(problems), "problems": problems}


def _told(
    steps: Generator[None, None, dict[str, Any]], progress: Progress, store: Store
) -> Generator[Progress, None, None]:
    yield progress
    try:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                timing = BackboneTiming(**end.value)
                break
            yield progress
    finally:
        steps.close()
    asked = name_of(REVISION, timing.machine, timing.name)
    write_json(store.folder(FOLDER) / f"{asked}.json", asdict(timing))


def measured_here(name: str, input_side: int) -> BackboneTiming:
    """Measure in this process, which should have done nothing else yet.

    Args:
        name: torchvision's.
        input_side: of the square image, in pixels.

    Raises:
        ErrorscopeError: the classifier does not take images of this side.
    """
    import torch

    from models.devices import best_device

    torch.set_num_threads(available_cores())
    device = best_device()
    inputs = torch.rand(1, 3, input_side, input_side, device=device)
    torch.nn.functional.conv2d(inputs, torch.rand(1, 3, 3, 3, device=device))  # loads the library of kernels
    planned = _planned(name, input_side)
    before = _present_bytes(device)
    module = _with_random_weights(planned).to(device)

    def run() -> None:
        module(inputs)
        if device == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        seconds = run_seconds(run)
    after = _most_bytes(device)
    low, median, high = statistics.quantiles(seconds, n=4)
    return BackboneTiming(
        name, input_side, median, low, high, len(seconds),
        None if before is None or after is None else after - before, device, torch.get_num_threads(), this_machine(),
    )  # fmt: skip


def _planned(name: str, input_side: int) -> nn.Module:
    """The classifier without memory, once it is sure that it takes images of this side."""
    import torch

    from models.meta_modules import built_on_meta

    size = input_side if name.startswith("vit_") else None
    try:
        module = built_on_meta(name, image_size=size).eval()
        with torch.no_grad():
            module(torch.empty(1, 3, input_side, input_side, device="meta"))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ErrorscopeError(
            f"{name} takes no images of {input_side} x {input_side} pixels ({first})."
        ) from error
    return module


def _with_random_weights(planned: nn.Module) -> nn.Module:
    """Weights as large as trained ones: numbers that fade from layer to layer slow a processor down many times."""
    import torch
    from torch import nn

    module = planned.to_empty(device="cpu")
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim > 1:
                nn.init.kaiming_normal_(tensor)
            elif tensor.is_floating_point():
                tensor.fill_(not key.endswith(("bias", "running_mean")))
            else:
                tensor.zero_()  # counters, and places in tables
    return module


def _present_bytes(device: str) -> int | None:
    """What this process takes now, in the memory that the network will lie in."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    try:
        # what importing took for a moment must not hide what a small network takes
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return _most_bytes(device)
    return _of_status("VmRSS:") or _most_bytes(device)


def _most_bytes(device: str) -> int | None:
    """The most that this process has taken so far, in the memory that the network lies in."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    found = _of_status("VmHWM:")
    if found is not None:
        return found
    try:
        import resource
    except ImportError:
        return None  # Windows
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KIBIBYTE


def _of_status(key: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * _KIBIBYTE for line in lines if line.startswith(key)), None)


if __name__ == "__main__":
    answer(lambda spec: asdict(measured_here(spec["name"], spec["input_side"])))
