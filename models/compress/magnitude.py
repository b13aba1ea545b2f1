"""Unstructured pruning: the smallest weights of each layer become zero. The network keeps its shape and its size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_BITS, _CHUNK = 16, 1 << 22


def zero_smallest(module: nn.Module, head: str, share: float) -> int:
    """Set the smallest weights of each layer to zero, in place; layers that are hurt more by it lose fewer.

    How many go of which layer is found by weights' layer-adaptive magnitude: the squared weight as a share of the sum of
    its own and all larger squares of its layer. One threshold of that share holds for all convolutions and linear layers, to
    the precision of a bin of magnitudes that is .8 % wide. Plain magnitude over all layers would empty those whose weights
    happen to be small. Biases, norms and the head stay: what is pruned is the same whatever the classes are.

    Args:
        module: a copy that nobody else has.
        head: dotted name of its last layer.
        share: of those weights that becomes zero, 0..1; rounded to a whole number of weights.

    Returns:
        How many that are.

    Source:
        Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning"; within a layer as
        ``torch.nn.utils.prune.l1_unstructured``.
    """
    weights = pruned_weights(module, head)
    n_gone = round(share * sum(weight.numel() for weight in weights))
    for weight, n in zip(weights, layer_counts(weights, n_gone), strict=True):
        _zero(weight, n)
    return n_gone


def layer_counts(weights: list[Tensor], n_gone: int) -> list[int]:
    """How many weights of each layer go, by layer-adaptive magnitude.

    Args:
        weights: one for each layer.
        n_gone: how many go in all.

    Returns:
        One number for each layer; their sum is ``n_gone``.
    """
    bins = [_magnitude_bins(weight) for weight in weights]
    counts = torch.cat([each for each, _ in bins])
    layers = torch.cat([torch.full_like(each, layer) for layer, (each, _) in enumerate(bins)])
    order = torch.argsort(torch.cat([scores for _, scores in bins]), stable=True)
    before = counts[order].cumsum(0) - counts[order]
    taken = torch.minimum(counts[order], (n_gone - before).clamp_min(0))
    return torch.zeros(len(weights), dtype=torch.int64).index_add(0, layers[order], taken).tolist()


def _magnitude_bins(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of each bin of magnitudes that is not empty, ascending: how many weights lie in it, and their score.

    The score is the mean square over the sum of squares from this bin on. Sorting all weights instead would hold those of
    a VGG16 in memory three more times.
    """
    n_bins = 1 << (31 - _BITS)
    counts, squares = torch.zeros(n_bins, dtype=torch.int64), torch.zeros(n_bins, dtype=torch.float64)
    for chunk in _chunks(weight):
        places = _strengths(chunk) >> _BITS
        counts += torch.bincount(places, minlength=n_bins)
        squares += torch.bincount(places, chunk.double().square(), minlength=n_bins)
    filled = counts > 0
    counts, squares = counts[filled], squares[filled]
    from_here = squares.flip(0).cumsum(0).flip(0)
    return counts, squares / counts / from_here.clamp_min(torch.finfo(torch.float64).tiny)


def _zero(weight: Tensor, n_gone: int) -> None:
    """Set the smallest weights of one layer to zero."""
    if not n_gone:
        return
    threshold, n_at = _smallest(weight, n_gone)
    with torch.no_grad():
        for chunk in _chunks(weight):
            strengths = _strengths(chunk)
            ties = (strengths == threshold).nonzero().flatten()[:n_at]
            n_at -= len(ties)
            chunk[strengths < threshold] = 0.0
            chunk[ties] = 0.0


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


def _smallest(weight: Tensor, n_gone: int) -> tuple[int, int]:
    """The strength up to which weights go, and how many of those that are exactly that strong.

    Found by counting: first the upper halves of all strengths, then the lower ones of those that share the upper half
    looked for. Sorting would hold all weights of a VGG16 in memory three more times.
    """
    upper = sum(torch.bincount(_strengths(each) >> _BITS, minlength=1 << _BITS) for each in _chunks(weight))
    place, below = _place(upper, n_gone)
    found = (_strengths(each) for each in _chunks(weight))
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


def _chunks(weight: Tensor) -> Iterator[Tensor]:
    """All weights of a layer, flat, some millions at a time; what is written into a chunk is written into the layer."""
    yield from torch.split(weight.detach().view(-1), _CHUNK)


def _strengths(chunk: Tensor) -> Tensor:
    """Magnitudes as whole numbers in the same order: the bits of a positive float."""
    return chunk.abs().view(torch.int32)
