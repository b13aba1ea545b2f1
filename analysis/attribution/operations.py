"""One forward pass by other rules: operations rewritten in this thread, nothing hung on the network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from models.errors import AttributionError

_ATTENTION = inspect.signature(F.multi_head_attention_forward)
_NOT_SUPPORTED = ("bias_k", "bias_v", "key_padding_mask", "static_k", "static_v")

Operation = Callable[..., Any]
Rule = Callable[..., Any]


class Rewritten(TorchFunctionMode):
    """While it is entered, chosen operations of this thread follow rules of the caller's own.

    A hook sees modules only, so it misses what a network calls by name (a functional ReLU, ``x * gate``,
    attention); it acts in every thread that runs the module and stays when something fails. A mode sees
    every operation, belongs to its thread, and is gone when its block ends.

    A rule takes what the operation takes. What a rule itself calls is not rewritten, unless it says
    ``with mode:``. Attention is taken apart into its matrix products and its softmax first, so that rules
    for these reach inside it.

    Args:
        rules: operation (``F.relu``, ``torch.Tensor.add_``, ...) to what happens in its place.
    """

    def __init__(self, rules: Mapping[Operation, Rule]) -> None:
        super().__init__()
        self._rules = rules
        self._taken_apart: dict[Operation, Rule] = {
            F.multi_head_attention_forward: plain_attention,
            F.scaled_dot_product_attention: plain_dot_product_attention,
        }

    def __torch_function__(
        self,
        func: Operation,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation by its rule, or as it is where it has none."""
        kwargs = kwargs or {}
        if func in self._rules:
            return self._rules[func](*args, **kwargs)
        if func in self._taken_apart:
            with self:
                return self._taken_apart[func](*args, **kwargs)
        return func(*args, **kwargs)


def plain_attention(*args: Any, **kwargs: Any) -> tuple[torch.Tensor, None]:
    """Self-attention in single steps: what ``F.multi_head_attention_forward`` computes for image networks.

    Args:
        *args: as of ``F.multi_head_attention_forward``; query, key and value are (L, B, E).
        **kwargs: likewise.

    Returns:
        (L, B, E), and None in place of the weights.

    Raises:
        AttributionError: the network uses a form of attention that image networks do not use.
    """
    call = _ATTENTION.bind(*args, **kwargs)
    call.apply_defaults()
    given = call.arguments
    if any(given[name] is not None for name in _NOT_SUPPORTED) or given["in_proj_weight"] is None:
        raise AttributionError(
            "This network's attention is of a form that cannot be taken apart.",
            next_step="Choose a method that uses gradients or perturbations.",
        )
    length, batch, width = given["query"].shape
    heads, bias = given["num_heads"], given["in_proj_bias"]
    shape = (length, batch * heads, width // heads)
    parts = [
        F.linear(given[name], weight, part).reshape(shape).transpose(0, 1)
        for name, weight, part in zip(
            ("query", "key", "value"),
            given["in_proj_weight"].chunk(3),
            (None, None, None) if bias is None else bias.chunk(3),
            strict=True,
        )
    ]
    mixed = plain_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=given["attn_mask"])
    mixed = mixed.transpose(0, 1).reshape(length, batch, width)
    return F.linear(mixed, given["out_proj_weight"], given["out_proj_bias"]), None


def plain_dot_product_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    *_: Any,
    scale: float | None = None,
    **__: Any,
) -> torch.Tensor:
    """``F.scaled_dot_product_attention`` in single steps: product, mask, softmax, product.

    Args:
        query: (..., L, d).
        key: (..., S, d).
        value: (..., S, d).
        attn_mask: added before the softmax, or None.
        *_: dropout and causality, which image networks in evaluation mode do not use.
        scale: of the products; None for 1 / sqrt(d).
        **__: likewise.

    Returns:
        (..., L, d).
    """
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = torch.matmul(query * factor, key.transpose(-2, -1))
    if attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(F.softmax(scores, dim=-1), value)


def is_weight(value: object) -> bool:
    """Whether a value belongs to the network and does not follow the input.

    True for parameters and for anything that is no tensor; a weight without a gradient is recognised where
    it is an ``nn.Parameter``, or asks for no gradient while gradients are recorded.
    """
    return not isinstance(value, torch.Tensor) or isinstance(value, nn.Parameter) or not value.requires_grad


class Stood(torch.autograd.Function):
    """A value whose gradient goes to a stand-in.

    The node keeps ``is_layer``, ``is_gate`` and ``products`` for those who ask where a tensor comes from.
    """

    @staticmethod
    def forward(ctx: Any, boxed: Mapping[str, Any], stand_in: torch.Tensor) -> torch.Tensor:
        """Give the boxed value: boxed, so that autograd takes it for a new tensor and no view."""
        ctx.is_layer = boxed.get("is_layer", False)
        ctx.is_gate = boxed.get("is_gate", False)
        ctx.products = boxed.get("products")
        value: torch.Tensor = boxed["value"]
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        """Hand the gradient to the stand-in."""
        return None, gradients[0]


def stood(value: torch.Tensor, stand_in: torch.Tensor, **marks: Any) -> torch.Tensor:
    """A tensor with the numbers of one and the gradient of another.

    Args:
        value: the numbers, which are shared and not copied.
        stand_in: of the same shape; where the gradient goes.
        **marks: ``is_layer``, ``is_gate`` or ``products``, kept on the node.
    """
    found: torch.Tensor = Stood.apply({"value": value.detach(), **marks}, stand_in)  # type: ignore[no-untyped-call]
    return found
