"""How strong a channel is: what batch normalisation lets through of it, times the weights that read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def channel_strength() -> Callable[[Any], Tensor | None]:
    """The measure that torch-pruning ranks the channels of a group by.

    The norm of the weights that make a channel says little where batch normalisation follows, since that brings every
    channel to the same scale. So a channel counts by the squared scale that the normalisation gives it (without one, by
    the squared L2 norm of the weights that make it), times the squared L2 norm of the weights that read it, each summed
    over all layers that share the channel. A MobileNetV2 on 34 breeds without ten in a hundred channels, set right
    afterwards (`models.compress.matching`), is right on 68 % by this measure, and on 37 % where the weights that make the
    channel count in place of the scale.

    Returns:
        Takes a group; gives the strength of each of its channels with mean 1, or None for a group without weights.
    """
    from torch_pruning import importance

    class Strength(importance.GroupMagnitudeImportance):  # type: ignore[misc]
        @torch.no_grad()
        def __call__(self, group: Any) -> Tensor | None:
            usual: Tensor | None = super().__call__(group)
            return usual if usual is None else _strengths(group, usual)

    return Strength(p=2)


def _strengths(group: Any, usual: Tensor) -> Tensor:
    from torch_pruning import prune_conv_in_channels, prune_conv_out_channels, prune_linear_in_channels
    from torch_pruning import prune_linear_out_channels as linear_out

    scales, made, read = (torch.zeros_like(usual) for _ in range(3))
    for item in (group[place] for place in range(len(group))):
        layer, function, places = item.dep.layer, item.dep.pruning_fn, item.idxs
        roots = torch.tensor(item.root_idxs, device=usual.device)
        if isinstance(layer, _BatchNorm):
            scales.scatter_add_(0, roots, layer.weight[places].square())
        elif function in (prune_conv_out_channels, linear_out):
            made.scatter_add_(0, roots, layer.weight[places].flatten(1).square().sum(1))
        elif (
            function in (prune_conv_in_channels, prune_linear_in_channels)
            and getattr(layer, "groups", 1) == 1
        ):
            read.scatter_add_(0, roots, layer.weight.transpose(0, 1)[places].flatten(1).square().sum(1))
    given = scales if bool(scales.any()) else made
    strengths = given * read if bool(read.any()) else given
    return strengths / strengths.mean() if bool(strengths.any()) else usual


def chain_strengths(chain: list[nn.Module]) -> Tensor:
    """As ``channel_strength``, for layers one after the other of which the last reads what the others make, (D,)."""
    with torch.no_grad():
        scales = [each.weight.square() for each in chain if isinstance(each, _BatchNorm)]
        reader = chain[-1].weight
        assert isinstance(reader, Tensor)
        return torch.stack(scales).sum(0) * reader.transpose(0, 1).flatten(1).square().sum(1)
