"""Measuring in a process of its own, where nothing else runs.

Torch has one profiler for a process: two at once end it. The memory of a process that holds other networks says
nothing. And what the server does meanwhile would be measured too, as its threads take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import ErrorscopeError, MeasuringError

_ROOT = Path(__file__).parents[1]
_SECONDS_BETWEEN_LOOKS = 0.1


def measured_apart(module: str, spec: Mapping[str, Any]) -> Generator[None, None, dict[str, Any]]:
    """Run ``python -m module SPEC`` and wait for what it says with `answer`.

    Args:
        module: dotted name of a module that ends with `answer`.
        spec: plain data for it.

    Yields:
        Ten times a second, until it has ended; closed before, it ends the process.

    Returns:
        What the process found.

    Raises:
        MeasuringError: it failed, or there was not enough memory for it.
    """
    command = [sys.executable, "-W", "ignore", "-m", module, json.dumps(spec)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            output, complaints = yield from _ended(process)
        finally:
            process.kill()
    lines = output.strip().splitlines()
    if process.returncode == 0 and lines:
        found: dict[str, Any] = json.loads(lines[-1])
        if "problem" in found:
            raise MeasuringError(found["problem"], next_step=found["next_step"])
        return found
    raise _failed(process.returncode, complaints)


def answer(measure: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """In the process: measure what the command line asks for, and print what was found.

    Args:
        measure: takes the spec, gives plain data.
    """
    from models.finetune.parent_death import end_with_parent

    end_with_parent()
    try:
        found = measure(json.loads(sys.argv[1]))
    except ErrorscopeError as error:
        found = {"problem": error.message, "next_step": error.next_step}
    sys.stdout.write(f"\n{json.dumps(found)}\n")


def run_seconds(
    run: Callable[[], object], *, warm_ups: int = 2, least: int = 5, most: int = 50, enough: float = 2.0
) -> list[float]:
    """How long something takes, again and again.

    Args:
        run: what is measured; it comes back when it is done.
        warm_ups: runs before, which do not count.
        least: runs that count, at the least.
        most: likewise at the most.
        enough: seconds after which there are no more than the least.

    Returns:
        Seconds of each run that counts.
    """
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < warm_ups + least or (
        len(seconds) < warm_ups + most and time.perf_counter() - began < enough
    ):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds[warm_ups:]


def _ended(process: subprocess.Popen[str]) -> Generator[None, None, tuple[str, str]]:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_SECONDS_BETWEEN_LOOKS)
        yield


def _failed(status: int, complaints: str) -> MeasuringError:
    if status < 0 or "MemoryError" in complaints or "not enough memory" in complaints:
        return MeasuringError(
            "The process that measures was ended by the system: there was probably not enough memory.",
            next_step="Free some memory, or choose a smaller network.",
        )
    said = complaints.strip().rpartition("\n")[2] or f"it ended with status {status}"
    return MeasuringError(f"It cannot be run here ({said}).", next_step="Choose another size or network.")
