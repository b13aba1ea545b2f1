"""Rectifiers by every name under which networks call them, with a backward pass of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.operations import Operation, Rule

_RELU = "ReLU"
# A sigmoid, hard or not, is a gate and no rectifier: it scales another signal, and the gradient passes it by
# its own derivative.
_FORMS: Mapping[str, tuple[Operation, ...]] = {
    _RELU: (F.relu, torch.relu, torch.Tensor.relu),
    "ReLU6": (F.relu6,),
    "LeakyReLU": (F.leaky_relu,),
    "RReLU": (F.rrelu, torch.rrelu),
    "PReLU": (torch.prelu, torch.Tensor.prelu),
    "ELU": (F.elu,),
    "SELU": (F.selu, torch.selu),
    "CELU": (F.celu, torch.celu),
    "GELU": (F.gelu,),
    "SiLU": (F.silu,),
    "Mish": (F.mish,),
    "Hardswish": (F.hardswish,),
    "Softplus": (F.softplus,),
}
# What works in place, and what computes the same out of place.
_IN_PLACE: Mapping[str, Mapping[Operation, Operation]] = {
    _RELU: {torch.relu_: torch.relu, torch.Tensor.relu_: torch.relu},
    "LeakyReLU": {F.leaky_relu_: F.leaky_relu},
    "RReLU": {torch.rrelu_: torch.rrelu},
    "ELU": {F.elu_: F.elu},
    "SELU": {torch.selu_: torch.selu},
    "CELU": {torch.celu_: torch.celu},
}
# A rectifier where the lower bound is 0 and the upper one is 6 or missing; from 0 to 1 it is a gate. Again
# each with what computes the same out of place.
_BOUNDED: Mapping[Operation, Operation] = {
    F.hardtanh: F.hardtanh,
    F.hardtanh_: F.hardtanh,
    torch.clamp: torch.clamp,
    torch.clamp_: torch.clamp,
    torch.clamp_min: torch.clamp_min,
    torch.clamp_min_: torch.clamp_min,
    torch.Tensor.clamp: torch.clamp,
    torch.Tensor.clamp_: torch.clamp,
    torch.Tensor.clamp_min: torch.clamp_min,
    torch.Tensor.clamp_min_: torch.clamp_min,
}

Activation = Callable[[torch.Tensor], torch.Tensor]
Backward = Callable[[torch.Tensor, Activation], torch.Tensor]
"""Runs an activation (second) on its input (first), out of place, with a backward pass of its own."""


class _Passing(torch.autograd.Function):
    """An activation forward; backward, the positive part of the gradient, whatever the input was."""

    @staticmethod
    def forward(_: Any, given: torch.Tensor, activation: Activation) -> torch.Tensor:
        return activation(given)

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return F.relu(gradient), None


def deconvolved(given: torch.Tensor, activation: Activation) -> torch.Tensor:
    """The activation; backward, max(g, 0) of the gradient g from above, whatever the input.

    Args:
        given: its input, any shape.
        activation: works out of place.
    """
    answer: torch.Tensor = _Passing.apply(given, activation)  # type: ignore[no-untyped-call]
    return answer


def guided(given: torch.Tensor, activation: Activation) -> torch.Tensor:
    """The activation; backward, max(a' * max(g, 0), 0), with its own derivative a' and g from above.

    Args:
        given: its input, any shape.
        activation: works out of place.
    """
    # A copy, for what else reads the input must keep its whole gradient.
    below = given.clone()
    above = activation(below)
    for each in (below, above):
        each.register_hook(F.relu)  # type: ignore[no-untyped-call]
    return above


class RectifierRules:
    """The rules for one forward pass, and which rectifiers it met.

    Args:
        backward: `guided` or `deconvolved`.
    """

    def __init__(self, backward: Backward) -> None:
        self._backward = backward
        self.met: set[str] = set()
        """Names of the rectifiers that the answer's way from the input has met."""

    def rules(self) -> dict[Operation, Rule]:
        """What happens in place of each form of each rectifier."""
        rules = {form: self._rule(name, form) for name, forms in _FORMS.items() for form in forms}
        for name, pairs in _IN_PLACE.items():
            rules |= {form: self._rule(name, plain, in_place=True) for form, plain in pairs.items()}
        return rules | {form: self._bounded_rule(form, plain) for form, plain in _BOUNDED.items()}

    def _rule(self, name: str, activation: Operation, *, in_place: bool = False) -> Rule:
        def rule(given: torch.Tensor, *args: Any, inplace: bool = False, **kwargs: Any) -> torch.Tensor:
            def plain(values: torch.Tensor) -> torch.Tensor:
                answer: torch.Tensor = activation(values, *args, **kwargs)
                return answer

            if given.requires_grad:
                self.met.add(name)
                answer = self._backward(given, plain)
            else:
                answer = plain(given)
            return given.copy_(answer) if inplace or in_place else answer

        return rule

    def _bounded_rule(self, form: Operation, plain: Operation) -> Rule:
        in_place = form.__name__.endswith("_")
        by_upper_bound = {
            None: self._rule(_RELU, plain, in_place=in_place),
            6: self._rule("ReLU6", plain, in_place=in_place),
        }

        def rule(given: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            lower, upper = _bounds(args, kwargs)
            if isinstance(lower, int | float) and lower == 0 and upper in (None, 6):
                return by_upper_bound[upper](given, *args, **kwargs)
            return form(given, *args, **kwargs)

        return rule

    def note(self) -> str:
        """What the papers do not cover, in one sentence, or ""."""
        others = sorted(self.met - {_RELU})
        if not others:
            return ""
        also = " also" if _RELU in self.met else ""
        return f"Extension: the paper covers ReLU only; this network{also} uses {' and '.join(others)}."


def _bounds(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    lower, upper = (*args, None, None)[:2]
    return (
        kwargs.get("min", kwargs.get("min_val", lower)),
        kwargs.get("max", kwargs.get("max_val", upper)),
    )
