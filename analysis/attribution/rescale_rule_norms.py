"""Normalisations in single steps, so that DeepLift's relevance adds up through them.

Each takes the operation and its arguments, with a `Pair` for what hangs on the image, and gives the output
with the multipliers for gradient; None where the gradient itself is to be taken.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.operations import Operation
from analysis.attribution.rescale_rule_pairs import Pair, divided, linear, normed, rescaled


def layer_norm(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """LayerNorm and, without the mean, RMSNorm: over the last dimensions."""
    call = _arguments(operation, args, kwargs)
    given, dims, eps = call["input"].widest(), range(-len(call["normalized_shape"]), 0), call["eps"]
    if operation is F.layer_norm:
        return _scaled(normed(given, dims, eps).now, call["weight"], call["bias"])
    eps = torch.finfo(call["input"].now.dtype).eps if eps is None else eps
    return _scaled(normed(given, dims, eps, centred=False).now, call["weight"])


def group_norm(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """GroupNorm: over the places and channels of a group."""
    call = _arguments(operation, args, kwargs)
    shape = call["input"].now.shape
    groups = linear(lambda x: x.reshape(shape[0], call["num_groups"], -1), call["input"].widest())
    return _by_channel(normed(groups, [-1], call["eps"]).now.reshape(shape), call)


def instance_norm(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """InstanceNorm: over the places of each channel; by remembered statistics it is linear."""
    call = _arguments(operation, args, kwargs)
    given = call["input"].widest()
    if not call["use_input_stats"]:
        return None
    return _by_channel(normed(given, range(2, given.now.dim()), call["eps"]).now, call)


def batch_norm(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """Batch-norm that keeps no statistics and takes those of the image; else it is linear."""
    call = _arguments(operation, args, kwargs)
    given = call["input"].widest()
    if not call["training"]:
        return None
    return _by_channel(normed(given, [0, *range(2, given.now.dim())], call["eps"]).now, call)


def normalize(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """Length 1 along a dimension: divided by the Euclidean norm."""
    call = _arguments(operation, args, kwargs)
    if call["p"] != 2:
        return None
    given, dim, eps = call["input"].widest(), call["dim"], call["eps"]
    squares = linear(lambda x: x.sum(dim, keepdim=True), rescaled(torch.square, given))
    return divided(given, rescaled(lambda x: x.sqrt().clamp_min(eps), squares)).now


def _arguments(operation: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    call = inspect.signature(operation).bind(*args, **kwargs)
    call.apply_defaults()
    return call.arguments


def _by_channel(found: torch.Tensor, call: Mapping[str, Any]) -> torch.Tensor | None:
    shape = (1, -1, *[1] * (found.dim() - 2))
    weight, bias = (
        each.reshape(shape) if isinstance(each, torch.Tensor) else each
        for each in (call["weight"], call["bias"])
    )
    return _scaled(found, weight, bias)


def _scaled(found: torch.Tensor, weight: Any, bias: Any = None) -> torch.Tensor | None:
    if isinstance(weight, Pair) or isinstance(bias, Pair):
        return None
    found = found if weight is None else found * weight
    return found if bias is None else found + bias


def variance(
    operation: Operation,
    given: Pair,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """The variance or standard deviation, alone or with the mean, for a LayerNorm by hand."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    dims = (
        tuple(range(given.now.dim())) if dim is None else tuple(dim) if isinstance(dim, Sequence) else (dim,)
    )
    less = float(unbiased) if correction is None else correction
    count = math.prod(given.now.shape[each] for each in dims) - less
    centred = linear(lambda x: x - x.mean(dims, keepdim=True), given.widest())
    found = linear(lambda x: x.sum(dims, keepdim=keepdim) / count, rescaled(torch.square, centred))
    spread = rescaled(torch.sqrt, found).now if operation.__name__.startswith("std") else found.now
    return (spread, given.now.mean(dims, keepdim=keepdim)) if operation.__name__.endswith("mean") else spread
