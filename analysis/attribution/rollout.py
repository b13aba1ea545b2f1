"""Attention rollout: how much of each patch reaches the class token of a vision transformer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.class_activation import enlarged
from analysis.attribution.gradients import gradients_on, logits, own_module
from analysis.attribution.layers import refuse_programs
from analysis.attribution.operations import Operation, Rewritten, Rule
from analysis.attribution.records import Estimate, Method, Option, Question
from analysis.attribution.spatial import spatial_map
from models.errors import AttributionError

DISCARD = Option(
    "discard",
    "Discard",
    0.0,
    "Share of the smallest attention weights of each layer that are left out, which clears the background; "
    "the paper leaves out none.",
    0.0,
    0.95,
    0.05,
)
_CLASS_TOKEN = 0


def attention_rollout(question: Question, *, discard: float) -> Iterator[Estimate]:
    """The attention of all layers multiplied together: the share of each patch in the class token.

    Each layer's attention is averaged over its heads, and half of the identity added for the connection that
    passes it by. All targets get the same map, for attention knows none. The places of patches follow from
    the input's proportions; the map is enlarged to the input's size by bilinear interpolation.

    Args:
        question: the image and its targets; one forward pass.
        discard: share of the smallest weights of each layer, after averaging, set to zero; what remains is
            scaled so that each token's shares add up to 1 again.

    Yields:
        The one result; before it is enlarged, it sums to 1 less the class token's share in itself.

    Raises:
        AttributionError: the network is a program, or has no class token that attends to the whole image.

    Source:
        Abnar, Zuidema, Quantifying Attention Flow in Transformers, ACL 2020; ``discard`` from
        Gildenblat, Exploring Explainability for Vision Transformers, 2020.
    """
    found = _map(question, discard)
    yield Estimate(1.0, tuple(found for _ in question.targets))


@gradients_on()
def _map(question: Question, discard: float) -> torch.Tensor:
    shares = _rolled_out([_layer_shares(each, discard) for each in _attention(question)])
    patches = spatial_map(shares[_CLASS_TOKEN, _CLASS_TOKEN + 1 :][None, :, None], question.size)
    if patches is None:
        raise _no_attention()
    return enlarged(patches, question)


def _attention(question: Question) -> list[torch.Tensor]:
    """The attention weights of each layer, (heads, L, L), rows sum to 1.

    Raises:
        AttributionError: there are none, or they do not span one and the same row of tokens.
    """
    network = question.network
    refuse_programs(network)
    found: list[torch.Tensor] = []

    def recorded(scores: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        weights = F.softmax(scores, *args, **kwargs)
        if weights.dim() > 2 and weights.shape[-1] == weights.shape[-2]:
            found.append(weights.detach())
        return weights

    rules: dict[Operation, Rule] = {
        F.softmax: recorded,
        torch.softmax: recorded,
        torch.Tensor.softmax: recorded,
    }
    with torch.no_grad(), Rewritten(rules):
        logits(own_module(network), question.inputs, network)
    # Windows come as (windows, heads, L, L), and over fewer tokens layer by layer.
    shapes = {each.shape for each in found}
    if len(shapes) != 1 or shapes.pop()[:-3].numel() != 1:
        raise _no_attention()
    return [each.reshape(-1, *each.shape[-2:]) for each in found]


def _layer_shares(weights: torch.Tensor, discard: float) -> torch.Tensor:
    """What each token of a layer's output takes from each token of its input, (L, L), rows sum to 1."""
    fused = weights.mean(0)
    smallest = fused.flatten().topk(int(discard * fused.numel()), largest=False).indices
    kept = fused.flatten().index_fill(0, smallest, 0).reshape_as(fused)
    shares = kept + torch.eye(len(kept), dtype=kept.dtype, device=kept.device)
    return shares / shares.sum(-1, keepdim=True)


def _rolled_out(layers: list[torch.Tensor]) -> torch.Tensor:
    rolled = layers[0]
    for shares in layers[1:]:
        rolled = shares @ rolled
    return rolled


def _no_attention() -> AttributionError:
    return AttributionError(
        "This network has no class token with attention over the whole image (convolutional networks have no "
        "attention, Swin's stays within windows), so attention cannot be rolled out.",
        next_step="Use Grad-CAM or SmoothGrad instead.",
    )


ATTENTION_ROLLOUT = Method(
    key="attention_rollout",
    label="Attention rollout",
    function=attention_rollout,
    family="Attention",
    cost="instant",
    signed=False,
    source="Abnar and Zuidema, 2020: Quantifying Attention Flow in Transformers",
    options=(DISCARD,),
    needs="a vision transformer with a class token",
    limits="The same map for each class: shows what was looked at, not what speaks for or against a class.",
)
