"""How relevance passes the layers that have weights: the other half of the rules of LRP.

Written as in `relevance_rules_elementwise`: each layer gives its value and hangs on a stand-in whose
gradient times the layer's input is the relevance that its rule hands down.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F

from analysis.attribution.operations import Operation, Rule, is_weight, stood
from analysis.attribution.relevance_rules_elementwise import shares, size
from analysis.attribution.relevance_rules_norms import group_norm, layer_norm, normalised, one

Z_PLUS, EPSILON = "z+", "epsilon"
_BATCH_NORM = inspect.signature(F.batch_norm)
# Below this share of all contributions, those of one sign cannot carry a neuron's relevance.
_NEGLIGIBLE = 1e-3

Apply = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Products(NamedTuple):
    """What a convolution adds up, for a batch-norm that comes right after it.

    Args:
        total: (B, C, ...) sum of the contributions ``w x``, with its gradient.
        sizes: (B, C, ...) sum of their sizes ``|w x|``, with its gradient; in a first layer the number of
            pixels below a neuron, with the gradient that spreads evenly over them.
        bias: (C, 1, ...) or None.
        is_first: whether it is a first layer.
        is_head: whether it is the last one.
    """

    total: torch.Tensor
    sizes: torch.Tensor
    bias: torch.Tensor | None
    is_first: bool
    is_head: bool


@dataclass(frozen=True)
class LayerRules:
    """The rules of layers with weights, for one choice of settings.

    Args:
        epsilon: stabiliser of the epsilon rule, as a share of the layer's root mean square.
        convolutions: "z+" or "epsilon".
        head: weight of the last layer, which follows the epsilon rule also where it is a convolution.
    """

    epsilon: float
    convolutions: str
    head: torch.Tensor | None

    def rules(self) -> Mapping[Operation, Rule]:
        """Operations with weights, and their rules."""
        return {
            F.linear: self.dense,
            **{each: self.convolution(each) for each in (F.conv1d, F.conv2d, F.conv3d)},
            F.batch_norm: self.batch_norm,
            F.layer_norm: layer_norm,
            F.group_norm: group_norm,
            **{each: pooled(each) for each in (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)},
        }

    def dense(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """The epsilon rule; the bias's share goes to the inputs by their sizes."""
        if is_weight(x):
            return F.linear(x, weight, bias)
        total = F.linear(x, weight)
        value = _with_bias(total, bias)
        whole = total if bias is None else total + bias * one(size(x).sum(-1, keepdim=True))
        return stood(value, whole * self._damping(value), is_layer=True)

    def convolution(self, operation: Operation) -> Rule:
        """The rule of a convolution: evenly in a first layer, epsilon in the head, else the chosen one."""

        def rule(
            x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, *args: Any, **kwargs: Any
        ) -> torch.Tensor:
            if is_weight(x):
                found: torch.Tensor = operation(x, weight, bias, *args, **kwargs)
                return found

            def applied(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
                found: torch.Tensor = operation(x, weight, None, *args, **kwargs)
                return found

            is_first = reads_the_image(x)
            if is_first:
                sizes = _evenly_spread(applied, x, weight)
                total = applied(x.detach(), weight)
            else:
                total, sizes = applied(x, weight), applied(size(x), weight.abs())
            column = None if bias is None else bias.reshape(-1, *[1] * (total.ndim - 2))
            is_head = self.head is not None and weight.data_ptr() == self.head.data_ptr()
            products = Products(total, sizes, column, is_first, is_head)
            return self._convolved(products, _with_bias(total, column))

        return rule

    def batch_norm(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Folded into the convolution before it; else each element hands on all that it was given.

        Before dense layers and convolutions of the epsilon rule, a lone one's bias keeps its share.
        """
        with torch.no_grad():
            value = F.batch_norm(*args, **kwargs)
        call = _BATCH_NORM.bind(*args, **kwargs)
        call.apply_defaults()
        x, mean, variance, weight, bias, training, _, eps = call.arguments.values()
        if is_weight(x):
            return value
        column = (-1, *[1] * (x.ndim - 2))
        if training or mean is None or variance is None:
            gain, shift = (None if each is None else each.reshape(column) for each in (weight, bias))
            return normalised(value, x, (0, *range(2, x.ndim)), eps, gain=gain, shift=shift)
        products = getattr(x.grad_fn, "products", None)
        scale = ((variance + eps).rsqrt() * (1 if weight is None else weight)).reshape(column)
        if products is None:
            # Relevance per activation gets huge where the activation is tiny, which z+ alone bears.
            all_handed_on = self.convolutions == Z_PLUS and x.ndim > 2
            return stood(value, x * (shares(value, x) if all_handed_on else scale))
        shift = -mean.reshape(column) * scale + (0 if bias is None else bias.reshape(column))
        shift = shift if products.bias is None else shift + products.bias * scale
        sizes = products.sizes if products.is_first else products.sizes * scale.abs()
        folded = products._replace(total=products.total * scale, sizes=sizes, bias=shift)
        return self._convolved(folded, value)

    def _convolved(self, products: Products, value: torch.Tensor) -> torch.Tensor:
        if products.is_first:
            stand_in = products.sizes * shares(value, products.sizes)
        elif products.is_head:
            bias = products.bias
            carried = 0 if bias is None else bias * one(products.sizes)
            stand_in = (products.total + carried) * self._damping(value)
        elif self.convolutions == EPSILON:
            # the bias keeps its share: a few tiny inputs could not carry it
            stand_in = products.total * self._damping(value)
        else:
            stand_in = _z_plus(value, products.total, products.sizes)
        return stood(value, stand_in, is_layer=True, products=products)

    def _damping(self, value: torch.Tensor) -> torch.Tensor:
        held = self.epsilon * value.square().mean().sqrt()
        return torch.where(value == 0, 1.0, value / (value + torch.where(value < 0, -held, held)))


def _with_bias(total: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return total.detach() if bias is None else total.detach() + bias


def _z_plus(value: torch.Tensor, total: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """The stand-in of the z+ rule, for inputs of both signs.

    The contributions of a neuron's own sign share its relevance: above zero, and after a ReLU that is
    always so, the positive ones (alpha 1, beta 0). Where there are none, as in a neuron that only its
    bias drives, those of the other sign do; where all inputs are zero, the relevance stays with the bias.
    """
    flat, whole = total.detach(), sizes.detach()
    up, down = (whole + flat) / 2, (whole - flat) / 2
    upward = torch.where(value > 0, up > _NEGLIGIBLE * whole, down <= _NEGLIGIBLE * whole)
    side = torch.where(upward, 1.0, -1.0)
    carrying = (total + side * sizes) / 2
    return carrying * shares(value, carrying)


def _evenly_spread(applied: Apply, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The stand-in of the flat rule: every input pixel below a neuron contributes 1."""
    inverse = torch.where(x.detach() == 0, 0.0, 1 / x.detach())
    return applied(x * inverse, torch.ones_like(weight))


def pooled(operation: Operation) -> Rule:
    """An average pool follows the z+ rule: it is a convolution whose weights are all the same."""

    def rule(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        total: torch.Tensor = operation(x, *args, **kwargs)
        if is_weight(x):
            return total
        return stood(total, _z_plus(total.detach(), total, operation(size(x), *args, **kwargs)))

    return rule


def reads_the_image(tensor: torch.Tensor) -> bool:
    """Whether no layer stands between the image and this tensor."""
    waiting, seen = [tensor.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if getattr(node, "is_layer", False):
            return False
        seen.add(node)
        waiting.extend(following for following, _ in node.next_functions)
    return True
