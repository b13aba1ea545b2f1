"""How relevance passes normalisations whose mean and deviation follow the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from analysis.attribution.operations import is_weight, stood
from analysis.attribution.relevance_rules_elementwise import size

# Numbers below it (masked attention leaves some) have no inverse in float32.
_NOTHING = 1e-30


def one(sizes: torch.Tensor) -> torch.Tensor:
    """1, with the gradient of a sum of sizes divided by its value; 0 where that is next to nothing.

    A bias times this is the bias, and its relevance goes to the summands by their sizes.
    """
    whole = sizes.detach()
    return sizes * torch.where(whole < _NOTHING, 0.0, 1 / whole)


def normalised(
    value: torch.Tensor,
    x: torch.Tensor,
    over: tuple[int, ...],
    eps: float,
    *,
    gain: torch.Tensor | None,
    shift: torch.Tensor | None,
) -> torch.Tensor:
    """The rule of all normalisations: the deviation counts as a constant, the rest is linear.

    Args:
        value: (B, ...) what the normalisation gives.
        x: (B, ...) what it is given.
        over: the dimensions that a mean is taken over.
        eps: added to the variance.
        gain: broadcast to ``x``; multiplies.
        shift: broadcast to ``x``; its relevance goes to the elements of ``over`` by their sizes.

    Source:
        Ali et al., XAI for Transformers: Better Explanations through Conservative Propagation, ICML 2022.
    """
    variance = x.detach().var(over, correction=0, keepdim=True)
    found = (x - x.mean(over, keepdim=True)) * (variance + eps).rsqrt()
    found = found if gain is None else found * gain
    if shift is not None:
        found = found + shift * one(size(x).sum(over, keepdim=True))
    return stood(value, found)


def layer_norm(
    x: torch.Tensor,
    shape: Sequence[int],
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    """``F.layer_norm`` by the rule of `normalised`."""
    with torch.no_grad():
        value = F.layer_norm(x, list(shape), weight, bias, eps)
    if is_weight(x):
        return value
    return normalised(value, x, tuple(range(-len(shape), 0)), eps, gain=weight, shift=bias)


def group_norm(
    x: torch.Tensor,
    groups: int,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    """``F.group_norm`` by the rule of `normalised`, within each group of channels."""
    with torch.no_grad():
        value = F.group_norm(x, groups, weight, bias, eps)
    if is_weight(x):
        return value
    parts = x.reshape(len(x), groups, -1, *x.shape[2:])
    column = (1, groups, -1, *[1] * (x.ndim - 2))
    gain, shift = (None if each is None else each.reshape(column) for each in (weight, bias))
    over = tuple(range(2, parts.ndim))
    return normalised(value.reshape(parts.shape), parts, over, eps, gain=gain, shift=shift).reshape(x.shape)
