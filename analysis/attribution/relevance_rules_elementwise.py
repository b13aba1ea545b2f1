"""How relevance passes sums, products, activations and gates: half of the rules of LRP.

All rules of LRP are written here as gradients. A rule gives the value that the operation gives, but hangs
it in the graph on a stand-in, whose gradient times the operation's input is the relevance that the rule
hands down. What is linear and has no bias then needs no rule at all: its own gradient already hands down
each input's contribution. So do a ReLU and a max-pool, which choose among their inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.operations import Operation, Rule, is_weight, stood

# Shares are held away from a division by zero by this much of the tensor's own size.
_GUARD = 1e-6
# These only lay the same numbers out anew, so that a gate stays one.
_LAID_OUT_ANEW = (
    *("View", "UnsafeView", "Reshape", "Expand", "Unsqueeze", "Squeeze", "Transpose", "Permute", "T"),
    *("Slice", "Select", "Split", "Clone", "Roll"),
)


def size(tensor: torch.Tensor) -> torch.Tensor:
    """The absolute value, with a gradient that forgets the tensor itself.

    ``abs`` would remember it, and fail where the network overwrites it later.
    """
    return tensor * tensor.detach().sign()


def shares(value: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """What to multiply a part with to get the whole; 0 where the part is nothing or the whole is not finite.

    Args:
        value: the whole.
        part: likewise, or of a shape that broadcasts to it.

    Returns:
        ``value / part`` without a gradient, of the shape of ``value``.
    """
    whole, part = value.detach(), part.detach()
    if part.numel() == 0:
        return whole
    guard = _GUARD * part.square().mean().sqrt()
    found = whole / (part + guard * part.sign())
    return torch.where((part == 0) | ~found.isfinite(), 0.0, found)


def passed_on(operation: Operation) -> Rule:
    """The rule of an activation: its input takes all the relevance of its output.

    For a ReLU that is its own gradient; for others it is an extension of the paper's rule to them.

    Args:
        operation: from one tensor, element by element; also one that works in place.
    """

    def rule(given: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if is_weight(given):
            result: torch.Tensor = operation(given, *args, **kwargs)
            return result
        own = given.detach().clone()
        value = operation(own, *args, **kwargs)
        in_place = value.data_ptr() == own.data_ptr()
        before = given.detach().clone() if in_place else given
        found = stood(value, given * shares(value, before), is_gate=operation in _GATES)
        return given.copy_(found) if in_place else found

    return rule


def sum_rule(a: Any, b: Any, *, alpha: float = 1, **_: Any) -> Any:
    """An addition: the summands share the relevance by their sizes, ``|a| : |b|``.

    By their values, two that nearly cancel would get huge shares of opposite sign. What does not follow
    the image (a position embedding, a constant) gets none.
    """
    b = b * alpha if alpha != 1 else b
    if is_weight(a) or is_weight(b):
        return _with_constant(torch.add, a, b)
    value = a.detach() + b.detach()
    share = shares(value, a.detach().abs() + b.detach().abs())
    return stood(value, a * (share * a.detach().sign()) + b * (share * b.detach().sign()))


def difference_rule(a: Any, b: Any, **kwargs: Any) -> Any:
    """A difference of two that follow the image is linear; a constant gets no relevance."""
    return (
        _with_constant(torch.sub, a, b, **kwargs)
        if is_weight(a) or is_weight(b)
        else torch.sub(a, b, **kwargs)
    )


def _with_constant(operation: Operation, a: Any, b: Any, **kwargs: Any) -> Any:
    if is_weight(a) and is_weight(b):
        return operation(torch.as_tensor(a), b, **kwargs)
    followed = b if is_weight(a) else a
    value = operation(
        *(each.detach() if each is followed else torch.as_tensor(each) for each in (a, b)), **kwargs
    )
    return stood(value, followed * shares(value, followed))


def product_rule(operation: Operation) -> Rule:
    """The rule of a product of two tensors that both follow the image.

    Where one is a gate (a sigmoid's or softmax's output), the other takes all: a gate says how much, not
    what. Else each takes half. A product with a weight is linear and keeps its own gradient.

    Args:
        operation: of two tensors and linear in each.
    """

    def rule(a: Any, b: Any, **kwargs: Any) -> Any:
        if is_weight(a) or is_weight(b):
            return operation(a, b, **kwargs)
        if is_gate(a) != is_gate(b):
            return operation(a.detach(), b, **kwargs) if is_gate(a) else operation(a, b.detach(), **kwargs)
        halves = operation(a, b.detach(), **kwargs) + operation(a.detach(), b, **kwargs)
        return stood(halves / 2, halves / 2)

    return rule


def einsum_rule(equation: str, *operands: Any) -> Any:
    """Einstein's sum of two tensors is a product."""
    given = operands[0] if isinstance(operands[0], list | tuple) else operands
    if len(given) != 2:
        return torch.einsum(equation, *given)
    return product_rule(lambda a, b: torch.einsum(equation, a, b))(*given)


def quotient_rule(a: Any, b: Any, **kwargs: Any) -> Any:
    """A division: the numerator takes all; a denominator alone is passed on like an activation."""
    if is_weight(a) and not is_weight(b):
        return _with_constant(torch.div, a, b, **kwargs)
    return torch.div(a, b if is_weight(b) else b.detach(), **kwargs)


def turned(rule: Rule) -> Rule:
    """The same rule for the operation with its operands exchanged, as in ``1 - x``."""
    return lambda a, b: rule(b, a)


def softmax_rule(operation: Operation) -> Rule:
    """A softmax keeps its own gradient, but its output counts as a gate: in attention, as a constant."""

    def rule(given: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        found: torch.Tensor = operation(given, *args, **kwargs)
        return found if is_weight(given) else stood(found, found, is_gate=True)

    return rule


def written_over(rule: Callable[..., Any]) -> Rule:
    """The same rule for the operation in place, as in ``x += y``."""

    def in_place(given: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return given.copy_(rule(given.clone(), *args, **kwargs))

    return in_place


def is_gate(tensor: torch.Tensor) -> bool:
    """Whether a tensor is the output of a sigmoid or a softmax, perhaps laid out anew."""
    node = tensor.grad_fn
    while node is not None:
        if getattr(node, "is_gate", False):
            return True
        if node.name().removesuffix("0").removesuffix("1").removesuffix("Backward") not in _LAID_OUT_ANEW:
            return False
        node = node.next_functions[0][0]
    return False


_GATES: set[Operation] = {
    *(torch.sigmoid, torch.sigmoid_, torch.Tensor.sigmoid, torch.Tensor.sigmoid_, F.sigmoid, F.hardsigmoid),
}
_ACTIVATIONS: tuple[Operation, ...] = (
    *(F.relu6, F.hardtanh, F.hardswish, F.silu, F.gelu, F.mish, F.elu, F.celu, F.selu, F.softplus),
    *(F.tanh, torch.tanh, torch.Tensor.tanh, F.softsign, F.logsigmoid, F.hardshrink),
    *(F.local_response_norm, F.normalize, F.rms_norm),
    *(
        torch.clamp,
        torch.Tensor.clamp,
        torch.Tensor.clamp_,
        torch.pow,
        torch.Tensor.pow,
        torch.Tensor.__pow__,
    ),
    *(torch.exp, torch.Tensor.exp, torch.sqrt, torch.Tensor.sqrt, F.hardtanh_, F.elu_),
)
_SUMS = (torch.add, torch.Tensor.add, torch.Tensor.__add__, torch.Tensor.__radd__)
_DIFFERENCES = (torch.sub, torch.Tensor.sub, torch.Tensor.__sub__)
_PRODUCTS = {
    torch.mul: (torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__),
    torch.matmul: (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.Tensor.bmm),
}

RULES: Mapping[Operation, Rule] = {
    **{operation: passed_on(operation) for operation in (*_ACTIVATIONS, *_GATES)},
    **dict.fromkeys(_SUMS, sum_rule),
    **{name: product_rule(product) for product, names in _PRODUCTS.items() for name in names},
    **dict.fromkeys(_DIFFERENCES, difference_rule),
    torch.Tensor.__rsub__: turned(difference_rule),
    **dict.fromkeys((torch.Tensor.__rdiv__, torch.Tensor.__rtruediv__), turned(quotient_rule)),
    **dict.fromkeys((torch.Tensor.sub_, torch.Tensor.__isub__), written_over(difference_rule)),
    **dict.fromkeys((torch.Tensor.add_, torch.Tensor.__iadd__), written_over(sum_rule)),
    **dict.fromkeys((torch.Tensor.mul_, torch.Tensor.__imul__), written_over(product_rule(torch.mul))),
    torch.einsum: einsum_rule,
    **dict.fromkeys((torch.div, torch.Tensor.div, torch.Tensor.__truediv__), quotient_rule),
    **{name: softmax_rule(name) for name in (F.softmax, torch.softmax, torch.Tensor.softmax)},
}
"""Operations whose own gradient would not hand down relevance, and what happens in their place."""
