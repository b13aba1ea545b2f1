"""In which order, and how often, training images are drawn in an epoch; how much each class counts."""

from __future__ import annotations

import torch
from torch import Tensor

from models.finetune.recipe import Balance


def epoch_order(
    n: int, weights: Tensor | None, labels: Tensor, balance: Balance, generator: torch.Generator
) -> list[int]:
    """The rows of an epoch, in the order in which they are drawn.

    Without weights each image comes once. With them each image comes as often as its share of all weights says,
    rounded up or down at random, so that of an epoch no more is left to chance than must be (systematic
    sampling from a random order). Weights of images and the balance of classes multiply.

    Args:
        n: how many images there are, and how many are drawn.
        weights: (n,) how often each is drawn, relative to the others, at least 0; None for all alike.
        labels: (n,) int64, class indices.
        balance: "balanced_sampling" draws all classes that have images equally often, others change nothing here.
        generator: on the processor; where the draw comes from.

    Returns:
        n rows from 0 to n - 1; may repeat where there are weights.

    Source:
        W. G. Madow, On the theory of systematic sampling, II, Annals of Mathematical Statistics 20, 1949.

    >>> generator = torch.Generator().manual_seed(0)
    >>> sorted(epoch_order(4, torch.tensor([3.0, 1, 0, 0]), torch.zeros(4).long(), "none", generator))
    [0, 0, 0, 1]
    """
    shuffled = torch.randperm(n, generator=generator)
    if weights is None and balance != "balanced_sampling":
        return shuffled.tolist()
    shares = torch.ones(n, dtype=torch.float64) if weights is None else weights.double()
    if balance == "balanced_sampling":
        shares = shares * _balancing(shares, labels)
    expected = n * shares[shuffled] / shares.sum()
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    ends = (expected.cumsum(0) + start).floor().long()
    ends[-1] = n  # rounding errors of the sum must not lose or add a draw
    times = ends.clamp(max=n).diff(prepend=torch.zeros(1, dtype=torch.int64))
    drawn = shuffled.repeat_interleave(times)
    return drawn[torch.randperm(n, generator=generator)].tolist()


def class_weights(labels: Tensor, n_classes: int) -> Tensor:
    """How much a class counts in the loss: the less, the more images it has.

    Args:
        labels: (N,) int64, class indices.
        n_classes: C.

    Returns:
        (C,) float32; N / (classes that have images * images of the class), so that the mean over all images is 1. A
        class without images, which can only be a wrong answer, has 1.

    >>> class_weights(torch.tensor([0, 0, 0, 1]), 3).tolist()
    [0.6666666865348816, 2.0, 1.0]
    """
    counts = torch.bincount(labels, minlength=n_classes).double()
    present = counts > 0
    weights = len(labels) / (present.sum() * counts.clamp(min=1))
    return torch.where(present, weights, 1.0).float()


def _balancing(shares: Tensor, labels: Tensor) -> Tensor:
    """Factors under which all classes have the same sum of shares."""
    totals = torch.zeros(int(labels.max()) + 1, dtype=torch.float64).index_add(0, labels, shares)
    return 1 / totals.clamp(min=torch.finfo(torch.float64).tiny)[labels]
