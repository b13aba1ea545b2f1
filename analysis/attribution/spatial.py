"""Which way round an activation lies: what axis holds the channels, which hold the places."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

CHANNELS_FIRST = 1
CHANNELS_LAST = 3

_PLACES = {CHANNELS_FIRST: (2, 3), CHANNELS_LAST: (1, 2)}
# Convolutions without padding lose places at the border, the same number along both axes: Inception 4.
_LOST_AT_BORDER = 4


def spatial_map(
    activation: object, input_size: tuple[int, int], channel_axis: int | None = None
) -> torch.Tensor | None:
    """The activation as a map of places, if it is one.

    Convolutions give (B, D, h, w), Swin's blocks (B, h, w, D), a vision transformer B rows of tokens,
    (B, 1 + h * w, D) or (B, h * w, D), whose class token stands first and is no place. Sides are those of
    the input divided by one whole stride, so that windows and other pieces of a map are none.

    Args:
        activation: what a module gave.
        input_size: (H, W) of the network's input; places keep its proportions.
        channel_axis: `CHANNELS_FIRST` or `CHANNELS_LAST` where it is known; else the first of
            `channel_axes`. Tokens need none.

    Returns:
        (B, D, h, w) with h and w above 1, as a view (so a gradient can be turned the same way), or None
        where the activation is no map.

    Example:
        >>> spatial_map(torch.zeros(1, 197, 768), (224, 224)).shape
        torch.Size([1, 768, 14, 14])
        >>> spatial_map(torch.zeros(1, 7, 7, 768), (224, 224)).shape
        torch.Size([1, 768, 7, 7])
    """
    if not isinstance(activation, torch.Tensor) or not activation.is_floating_point():
        return None
    if activation.dim() == 3:
        return _patches(activation, input_size)
    axes = channel_axes(activation.shape, input_size)
    axis = channel_axis or next(iter(axes), None)
    if axis not in axes:
        return None
    return activation if axis == CHANNELS_FIRST else activation.permute(0, 3, 1, 2)


def channel_axes(shape: Sequence[int], input_size: tuple[int, int]) -> tuple[int, ...]:
    """The axes of an activation that may hold its channels, because the two others can be places.

    The shape alone does not always tell: (1, 96, 96, 96) may lie either way.

    Args:
        shape: of the activation, batch first.
        input_size: (H, W) of the network's input.

    Returns:
        `CHANNELS_FIRST`, `CHANNELS_LAST`, both or none. The better fit stands first; of equal ones
        `CHANNELS_FIRST`, which is by far the more common.

    Example:
        >>> channel_axes((1, 64, 43, 29), (171, 114)), channel_axes((1, 64, 49, 64), (224, 224))
        ((1,), ())
    """
    if len(shape) != 4:
        return ()
    misfits = {
        axis: _misfit((shape[rows], shape[columns]), input_size) for axis, (rows, columns) in _PLACES.items()
    }
    fitting = {axis: misfit for axis, misfit in misfits.items() if misfit is not None}
    return tuple(sorted(fitting, key=lambda axis: fitting[axis]))


def _misfit(places: tuple[int, int], input_size: tuple[int, int]) -> int | None:
    """How far a map's sides are from the input's over one stride.

    Returns:
        0 where both are rounded in the same way, 1 where each is within one place, 2 where both have lost
        as many at the border, None where no stride fits or a side is below 2.
    """
    if min(places) < 2:
        return None
    coarsest = input_size[0] // (places[0] - 1)
    finest = max(1, input_size[0] // (places[0] + _LOST_AT_BORDER + 1))
    found = [_misfit_of_stride(places, input_size, stride) for stride in range(finest, coarsest + 1)]
    return min((misfit for misfit in found if misfit is not None), default=None)


def _misfit_of_stride(places: tuple[int, int], input_size: tuple[int, int], stride: int) -> int | None:
    if places in [
        tuple(rounded(side / stride) for side in input_size) for rounded in (math.floor, math.ceil)
    ]:
        return 0
    lost = [side / stride - kept for side, kept in zip(input_size, places, strict=True)]
    if max(lost) <= 1 and min(lost) >= -1:
        return 1
    same = abs(lost[0] - lost[1]) <= 1 and min(lost) >= -1
    return 2 if same and max(lost) <= _LOST_AT_BORDER + 1 else None


def _patches(tokens: torch.Tensor, input_size: tuple[int, int]) -> torch.Tensor | None:
    count = tokens.shape[1]
    for class_tokens in (0, 1):
        for patch in range(1, min(input_size) // 2 + 1):
            height, width = (side // patch for side in input_size)
            if height * width == count - class_tokens:
                return tokens[:, class_tokens:].transpose(1, 2).reshape(*tokens.shape[::2], height, width)
    return None
