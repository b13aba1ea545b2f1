"""Unstructured pruning: the smallest weights of all layers become zero. The network keeps its shape and its size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_BITS, _CHUNK = 16, 1 << 22


def zero_smallest(module: nn.Module, head: str, share: float) -> int:
    """Set the smallest weights to zero, in place: the smallest in magnitude over all convolutions and linear layers.

    Biases, norms and the head stay: what is pruned is the same whatever the classes are.

    Args:
        module: a copy that nobody else has.
        head: dotted name of its last layer.
        share: of those weights that becomes zero, 0..1; rounded to a whole number of weights.

    Returns:
        How many that are.

    Source:
        Han et al. 2015, "Learning both weights and connections"; as ``torch.nn.utils.prune.global_unstructured``.
    """
    weights = pruned_weights(module, head)
    n_gone = round(share * sum(weight.numel() for weight in weights))
    if not n_gone:
        return 0
    threshold, n_at = _smallest(weights, n_gone)
    with torch.no_grad():
        for chunk in _chunks(weights):
            strengths = _strengths(chunk)
            ties = (strengths == threshold).nonzero().flatten()[:n_at]
            n_at -= len(ties)
            chunk[strengths < threshold] = 0.0
            chunk[ties] = 0.0
    return n_gone


def pruned_weights(module: nn.Module, head: str) -> list[Tensor]:
    """The weights that pruning looks at: of all convolutions and linear layers but the head.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    return [
        each.weight
        for name, each in module.named_modules()
        if isinstance(each, nn.Conv2d | nn.Linear) and name != head
    ]


def _smallest(weights: list[Tensor], n_gone: int) -> tuple[int, int]:
    """The strength up to which weights go, and how many of those that are exactly that strong.

    Found by counting: first the upper halves of all strengths, then the lower ones of those that share the upper half
    looked for. Sorting would hold all weights of a VGG16 in memory three more times.
    """
    upper = sum(torch.bincount(_strengths(each) >> _BITS, minlength=1 << _BITS) for each in _chunks(weights))
    place, below = _place(upper, n_gone)
    found = (_strengths(each) for each in _chunks(weights))
    alike = (each[each >> _BITS == place] & ((1 << _BITS) - 1) for each in found)
    lower = sum(torch.bincount(each, minlength=1 << _BITS) for each in alike)
    rest, more = _place(lower, n_gone - below)
    return place << _BITS | rest, n_gone - below - more


def _place(counts: Tensor | int, n: int) -> tuple[int, int]:
    """Where the n-th of counted things lies, and how many lie before that place."""
    assert isinstance(counts, Tensor)
    reached = counts.cumsum(0)
    place = int((reached < n).sum())
    return place, int(reached[place - 1]) if place else 0


def _chunks(weights: list[Tensor]) -> Iterator[Tensor]:
    """All weights, flat, some millions at a time; what is written into a chunk is written into its weight."""
    for weight in weights:
        yield from torch.split(weight.detach().view(-1), _CHUNK)


def _strengths(chunk: Tensor) -> Tensor:
    """Magnitudes as whole numbers in the same order: the bits of a positive float."""
    return chunk.abs().view(torch.int32)
