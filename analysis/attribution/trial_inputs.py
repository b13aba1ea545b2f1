"""What to run a network on where only its layers matter, not the image."""

from __future__ import annotations

import torch

from models.network import Network

_AREA = 224 * 224
_SHORTEST_SIDE = 128
_GRID = 32
# Two places of a map at the usual largest stride of 32: rounding cannot hide such a change.
_TELLING = 64


def noise(network: Network, input_size: tuple[int, int]) -> torch.Tensor:
    """(1, 3, H, W) of noise, always the same, where the network's weights lie."""
    drawn = torch.randn(1, 3, *input_size, generator=torch.Generator().manual_seed(0))
    return drawn.to(device_of(network))


def device_of(network: Network) -> torch.device:
    """Where the network's weights lie."""
    weights = [*network.module.parameters(), *network.module.buffers()]
    return weights[0].device if weights else torch.device("cpu")


def small_size(input_size: tuple[int, int]) -> tuple[int, int]:
    """A size of about the same proportions, on which a network costs little.

    Args:
        input_size: (H, W) in pixels.

    Returns:
        The same where its area is at most that of 224 x 224; else multiples of 32 whose area is at most
        that. No side is made shorter than 128: the usual networks would have single places left.

    Example:
        >>> small_size((768, 1024)), small_size((96, 400)), small_size((400, 2000))
        ((192, 256), (96, 400), (128, 640))
    """
    shrink = max((_AREA / (input_size[0] * input_size[1])) ** 0.5, _SHORTEST_SIDE / min(input_size))
    if shrink >= 1:
        return input_size
    height, width = (max(_SHORTEST_SIDE, int(side * shrink) // _GRID * _GRID) for side in input_size)
    return height, width


def other_size(input_size: tuple[int, int]) -> tuple[int, int]:
    """A size, small where it can be, at which every map of places has other sides than at this one.

    Example:
        >>> other_size((768, 1024)), other_size((224, 256))
        ((192, 256), (288, 320))
    """
    height, width = (
        small if side - small >= _TELLING else side + _TELLING
        for side, small in zip(input_size, small_size(input_size), strict=True)
    )
    return height, width
