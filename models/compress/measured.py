"""What a network costs: the bytes of its file, and the time for one image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.progress import Progress

THREADS = 1
"""Threads that compute while the time for one image is taken: alike for all, whatever machine it is."""
_ROUNDS, _MOST_SECONDS, _FEWEST_ROUNDS, _WARM_UPS = 25, 6.0, 5, 2


class _Counter:
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self.n_bytes = 0

    def write(self, chunk: bytes) -> int:
        """Count what would have been written."""
        self.n_bytes += len(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Nothing waits."""


def file_bytes(content: Mapping[str, Any]) -> int:
    """The bytes that a file of weights would have, without writing it.

    Args:
        content: what `models.own_networks.checkpoint_content` gives.
    """
    counter = _Counter()
    torch.save(dict(content), counter)  # type: ignore[arg-type]
    return counter.n_bytes


def n_weights(module: nn.Module) -> int:
    """Numbers in a network's parameters."""
    return sum(weight.numel() for weight in module.parameters())


def latency_steps(
    networks: Mapping[str, Callable[[Tensor], Any]], input_size: tuple[int, int]
) -> Generator[Progress, None, dict[str, float]]:
    """The time that each network needs for one image: the median of turns that they take one after the other.

    Turn and turn about, so that whatever else the machine does slows all of them alike.

    Args:
        networks: name to a network on the processor, in evaluation mode.
        input_size: (height, width) of the image, pixels.

    Yields:
        Progress in turns; closed in between, nothing is left.

    Returns:
        Name to seconds, with one thread.
    """
    image = torch.randn(1, 3, *input_size, generator=torch.Generator().manual_seed(0))
    found: dict[str, list[float]] = {name: [] for name in networks}
    before = torch.get_num_threads()
    began = time.perf_counter()
    try:
        for turn in range(_ROUNDS + _WARM_UPS):
            yield Progress("Timing one image", turn, _ROUNDS + _WARM_UPS, "turns")
            torch.set_num_threads(THREADS)
            with torch.inference_mode():
                for name, network in networks.items():
                    start = time.perf_counter()
                    network(image)
                    if turn >= _WARM_UPS:
                        found[name].append(time.perf_counter() - start)
            if turn >= _WARM_UPS + _FEWEST_ROUNDS and time.perf_counter() - began > _MOST_SECONDS:
                break
    finally:
        torch.set_num_threads(before)
    return {name: statistics.median(seconds) for name, seconds in found.items()}
