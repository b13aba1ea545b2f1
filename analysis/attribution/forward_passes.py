"""Many forward passes in small batches, in an order that soon covers the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

import torch
from torch import nn

from analysis.attribution.gradients import logits, score
from analysis.attribution.records import Question
from models.network import Network

# More images at once are hardly faster on a processor, need more memory, and let the page wait longer.
LARGEST_BATCH = 4

FORWARD_ONLY = 0.4
"""What a forward pass without a gradient costs, in units of one with the gradient of the input."""

_Slice_co = TypeVar("_Slice_co", covariant=True)


class _Sliced(Protocol[_Slice_co]):
    """A list, a range or a tensor."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> _Slice_co: ...


def batches(
    items: _Sliced[_Slice_co], network: Network, *, first: int = 1, largest: int | None = None
) -> Iterator[_Slice_co]:
    """Cut into batches: a small one first, so that something can be shown at once.

    Args:
        items: what to cut, at least one.
        network: a program is given single images, since it may have been recorded for one.
        first: size of the first batch.
        largest: size of the others; None for `LARGEST_BATCH`.

    Yields:
        Slices of ``items``, in their order.
    """
    usual = LARGEST_BATCH if largest is None else largest
    size = usual if network.kind == "state_dict" else 1
    start, stop = 0, min(first, size)
    while start < len(items):
        yield items[start:stop]
        start, stop = stop, stop + size


def scattered(n: int) -> list[int]:
    """The numbers 0 to n - 1, the middle first, then ever finer: any beginning covers the whole evenly.

    Args:
        n: how many, at least 1.

    Source:
        van der Corput, Verteilungsfunktionen, 1935: the binary digits of a counter, read backwards.

    Example:
        >>> scattered(7)
        [3, 1, 5, 0, 4, 2, 6]
    """
    digits = n.bit_length() + 1
    backwards = (int(f"{count:0{digits}b}"[::-1], 2) for count in range(1, 2**digits))
    return list(dict.fromkeys(n * place >> digits for place in backwards))


@torch.no_grad()
def scores(module: nn.Module, inputs: torch.Tensor, question: Question) -> torch.Tensor:
    """What the question's targets score, from one forward pass without gradients.

    Args:
        module: what to run.
        inputs: (B, 3, H, W).
        question: its targets and its network.

    Returns:
        (T, B) one row per target.
    """
    answer = logits(module, inputs, question.network)
    return torch.stack([score(answer, target) for target in question.targets])
