"""The layers of a network that can be looked at, found without running it on any image."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from analysis.attribution.layers import refuse_programs
from analysis.layers.observed import LayerOutput, before_head, observed_forward
from analysis.layers.receptive_field import FollowedFields, ReceptiveField
from analysis.layers.refused_size import refused_size
from models.meta_modules import without_memory
from models.network import Network


@dataclass(frozen=True)
class LayerOutline:
    """What is known of a layer beforehand.

    Args:
        name: dotted; of a layer with weights, or of a block.
        n_channels: D.
        places: rows and columns of its map; None where it gives a vector.
        activation: what is applied to it ("relu6"), or "".
        is_block: whether it is a block's output, not a single layer's.
        receptive_field: pixels that a place hangs on; None where that is not defined.
    """

    name: str
    n_channels: int
    places: tuple[int, int] | None
    activation: str
    is_block: bool
    receptive_field: ReceptiveField | None


def catalogue(network: Network, input_size: tuple[int, int]) -> tuple[LayerOutline, ...]:
    """The layers of a network, in the order in which they are computed, without its head.

    Args:
        network: a plain network, no program.
        input_size: (H, W) of its input in pixels.

    Raises:
        AttributionError: it is a program.
        ErrorscopeError: the network does not take an input of this size.
    """
    refuse_programs(network)
    inputs = torch.empty(1, 3, *input_size, device="meta")
    fields = FollowedFields(inputs)
    found: dict[str, LayerOutline] = {}

    def hear(output: LayerOutput) -> None:
        shape, field = output.values.shape, fields.of(output.tensor)
        found[output.name] = LayerOutline(
            name=output.name,
            n_channels=shape[1],
            places=(shape[2], shape[3]) if output.is_map else None,
            activation=output.activation,
            is_block=output.is_block,
            receptive_field=field if isinstance(field, ReceptiveField) else None,
        )

    with refused_size(input_size), fields:
        observed_forward(without_memory(network.module), inputs, hear)
    return tuple(before_head(found, network.head).values())
