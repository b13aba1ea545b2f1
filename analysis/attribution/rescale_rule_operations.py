"""How each operation of torch passes a difference on, so that DeepLift's relevance adds up.

What is linear in its input (convolutions, sums, means, views, batch-norm in evaluation mode) is not listed:
its gradient is its multiplier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.operations import Operation
from analysis.attribution.rescale_rule_norms import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    normalize,
    variance,
)
from analysis.attribution.rescale_rule_pairs import (
    Pair,
    divided,
    linear,
    log_sum,
    multiplied,
    picked,
    rescaled,
    shares,
)

Passage = Callable[..., torch.Tensor | tuple[torch.Tensor, ...] | None]
"""Takes the operation and its arguments, with a `Pair` for each tensor that hangs on the image.

It gives the operation's output with the multipliers for gradient, or None where the gradient itself is to
be taken: this call is linear, or it is not covered.
"""
_ELEMENTWISE = """
    relu relu6 hardtanh silu gelu hardswish hardsigmoid elu selu celu leaky_relu mish softplus softsign
    tanhshrink hardshrink softshrink logsigmoid threshold rrelu sigmoid tanh exp exp2 expm1 log log1p log2
    log10 sqrt rsqrt reciprocal square abs absolute erf erfc sin cos tan atan arctan asin acos sinh cosh
    asinh clamp clip clamp_min clamp_max pow float_power sinc logit expit sign round floor ceil trunc
    nan_to_num
"""
_PRODUCTS = "mul multiply matmul bmm mm mv dot einsum bilinear"
_QUOTIENTS = "div divide true_divide truediv"


def elementwise(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """A function of each element of one tensor, wherever that stands among the arguments."""
    places = [i for i, each in enumerate(args) if isinstance(each, Pair)]
    # A bound or an exponent per element would have to be thinned out with the elements.
    if len(places) != 1 or any(
        isinstance(each, Pair) or (isinstance(each, torch.Tensor) and each.numel() > 1)
        for each in (*args[: places[0]], *args[places[0] + 1 :], *kwargs.values())
    ):
        return None
    before, given, after = args[: places[0]], args[places[0]], args[places[0] + 1 :]
    return rescaled(lambda x: operation(*before, x, *after, **kwargs), given).now


def product(operation: Operation, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """A product; with only one factor that hangs on the image it is linear."""
    places = [i for i, each in enumerate(args) if isinstance(each, Pair)]
    if len(places) != 2 or any(isinstance(each, Pair) for each in kwargs.values()):
        return None

    def of_two(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        factors = dict(zip(places, (a, b), strict=True))
        return operation(*(factors.get(i, each) for i, each in enumerate(args)), **kwargs)  # type: ignore[no-any-return]

    return multiplied(of_two, args[places[0]], args[places[1]]).now


def quotient(_: Operation, above: Any, below: Any, *, rounding_mode: str | None = None) -> Any:
    """A quotient; that of a constant is a function of each element alone."""
    if rounding_mode is not None or not isinstance(below, Pair):
        return None
    if isinstance(above, Pair):
        return divided(above, below).now
    return above * rescaled(torch.reciprocal, below).now


def inverted_quotient(operation: Operation, below: Any, above: Any) -> Any:
    """``2 / x``, which asks x."""
    return quotient(operation, above, below)


def added_product(operation: Operation, given: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    """A sum and a product in one: ``addmm``, ``baddbmm``, ``addcmul``."""
    if not (isinstance(a, Pair) and isinstance(b, Pair)):
        return None
    start = given.now if isinstance(given, Pair) else given
    nothing = torch.zeros_like(start)
    return operation(start, a.now, b.middle, **kwargs) + operation(nothing, a.middle, b.now, **kwargs)


def softmax(_: Operation, given: Pair, dim: int, *__: Any, **___: Any) -> torch.Tensor:
    """The softmax in single steps."""
    return shares(given.widest(), dim).now


def softmin(_: Operation, given: Pair, dim: int, *__: Any, **___: Any) -> torch.Tensor:
    """The softmax of what is turned round."""
    return shares(linear(torch.neg, given.widest()), dim).now


def log_softmax(_: Operation, given: Pair, dim: int, *__: Any, **___: Any) -> torch.Tensor:
    """The logarithm of the softmax, with which some networks end."""
    wide = given.widest()
    return wide.now - log_sum(wide, dim).now


def logsumexp(_: Operation, given: Pair, dim: int, keepdim: bool = False) -> torch.Tensor:
    """A soft maximum over one dimension."""
    total = log_sum(given.widest(), dim).now
    return total if keepdim else total.squeeze(dim)


def gated(_: Operation, given: Pair, dim: int = -1) -> torch.Tensor:
    """GLU: one half times the sigmoid of the other."""
    value, gate = (linear(lambda x, i=i: x.chunk(2, dim)[i], given) for i in range(2))  # type: ignore[misc]
    return multiplied(torch.mul, value, rescaled(torch.sigmoid, gate)).now


def prelu(_: Operation, given: Pair, weight: Any) -> Any:
    """A ReLU and, below zero, a learned slope."""
    if isinstance(weight, Pair):
        return None
    positive = rescaled(torch.relu, given).now
    slope = weight.reshape(1, -1, *[1] * (given.now.dim() - 2)) if given.now.dim() > 1 else weight
    return positive + (given.now - positive) * slope


def larger(operation: Operation, a: Any, b: Any) -> Any:
    """The larger or smaller of two tensors, element by element: a + relu(b - a), or b - relu(b - a)."""
    a, b = (each if isinstance(each, Pair) else Pair(each, each) for each in (a, b))
    excess = rescaled(torch.relu, Pair(b.now - a.now, b.then - a.then)).now
    return a.now + excess if operation.__name__.startswith("max") else b.now - excess


def pooled(n_dims: int, adaptive: bool) -> Passage:
    """Max-pooling over the last ``n_dims`` dimensions, also by windows that overlap."""
    kind = f"adaptive_max_pool{n_dims}d" if adaptive else f"max_pool{n_dims}d"
    with_indices = getattr(F, f"{kind}_with_indices")

    def passage(operation: Operation, given: Pair, *args: Any, **kwargs: Any) -> torch.Tensor:
        kwargs.pop("return_indices", None)
        top, place = with_indices(given.now.detach(), *args, **kwargs)
        _, place_then = with_indices(given.then, *args, **kwargs)
        flat = linear(lambda x: x.flatten(-n_dims), given)
        return picked(flat, place.flatten(-n_dims), place_then.flatten(-n_dims)).reshape(top.shape)

    return passage


def highest(operation: Operation, given: Pair, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest or smallest over some dimensions (``amax``, ``max``, ``amin``, ``min``)."""
    if isinstance(dim, Pair | torch.Tensor):
        return larger(operation, given, dim)
    dims = [*range(given.now.dim())] if dim in (None, ()) else [*dim] if isinstance(dim, Sequence) else [dim]
    dims = [each % given.now.dim() for each in dims]
    sign = 1 if operation.__name__.endswith("max") else -1
    rest = [each for each in range(given.now.dim()) if each not in dims]
    flat = linear(lambda x: sign * x.permute(*rest, *dims).flatten(len(rest)), given)
    places = (each.argmax(-1, keepdim=True) for each in (flat.now, flat.then))
    found = sign * picked(flat, *places).squeeze(-1)
    if not keepdim:
        return found
    return found.reshape([1 if i in dims else size for i, size in enumerate(given.now.shape)])


def passages() -> dict[Operation, Passage]:
    """Every operation that is not linear and is covered here, with how it passes a difference on."""
    table: dict[Operation, Passage] = {}
    for names, passage in _NAMED:
        table.update(dict.fromkeys(_operations(names), passage))
    for n in (1, 2, 3):
        for kind in ("max_pool", "adaptive_max_pool"):
            table.update(
                dict.fromkeys(_operations(f"{kind}{n}d {kind}{n}d_with_indices"), pooled(n, "ada" in kind))
            )
    for name, passage in _FUNCTIONAL.items():
        table[getattr(F, name)] = passage
    return table


def is_linear(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether this call is known to be linear from its arguments alone, so that nothing need be kept."""
    if operation is F.batch_norm:
        return not (args[5] if len(args) > 5 else kwargs.get("training", False))
    tensors = sum(isinstance(each, torch.Tensor) for each in (*args, *kwargs.values()))
    return operation in _products and tensors < 2


_NAMED: tuple[tuple[str, Passage], ...] = (
    (_ELEMENTWISE, elementwise),
    (_PRODUCTS, product),
    (_QUOTIENTS, quotient),
    ("__rdiv__ __rtruediv__", inverted_quotient),
    ("addmm addbmm baddbmm addcmul", added_product),
    ("softmax", softmax),
    ("softmin", softmin),
    ("log_softmax", log_softmax),
    ("logsumexp", logsumexp),
    ("var std var_mean std_mean", variance),
    ("glu", gated),
    ("prelu", prelu),
    ("maximum minimum", larger),
    ("max amax min amin", highest),
)
# torch has some of the same names with other arguments
_FUNCTIONAL: dict[str, Passage] = {
    "layer_norm": layer_norm,
    "rms_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "batch_norm": batch_norm,
    "normalize": normalize,
}


def _operations(names: str) -> Iterator[Operation]:
    for name in names.split():
        for variant in (name, f"{name}_", f"__{name}__", f"__i{name}__", f"__r{name}__"):
            for place in (torch, torch.Tensor, F, torch.special):
                if hasattr(place, variant):
                    yield getattr(place, variant)


_products = frozenset(_operations(_PRODUCTS))
EXACT = frozenset({elementwise, product})
"""Passages whose output is computed as in a prediction, to the last bit."""
EXTENSIONS = frozenset(
    {
        *(product, quotient, inverted_quotient, added_product, softmax, softmin, logsumexp, gated),
        *(layer_norm, group_norm, instance_norm, batch_norm, normalize, variance),
    }
)
"""Passages that DeepLift's paper does not have."""
