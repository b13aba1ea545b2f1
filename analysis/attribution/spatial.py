"""Which way round an activation lies: what axis holds the channels, which hold the places."""

from __future__ import annotations

import math

import torch


def spatial_map(activation: object, input_size: tuple[int, int]) -> torch.Tensor | None:
    """The activation as a map of places, if it is one.

    Convolutions give (B, D, h, w), Swin's blocks (B, h, w, D), a vision transformer B rows of tokens,
    (B, 1 + h * w, D) or (B, h * w, D), whose class token stands first and is no place.

    Args:
        activation: what a module gave.
        input_size: (H, W) of the network's input; places keep its proportions.

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
    places = None
    if activation.dim() == 4:
        places = _channels_first(activation, input_size)
    elif activation.dim() == 3:
        places = _patches(activation, input_size)
    return places if places is not None and min(places.shape[2:]) > 1 else None


def _channels_first(activation: torch.Tensor, input_size: tuple[int, int]) -> torch.Tensor:
    _, first, second, third = activation.shape
    proportion = input_size[0] / input_size[1]
    as_given = abs(math.log(second / third / proportion))
    channels_last = abs(math.log(first / second / proportion))
    return activation if as_given <= channels_last else activation.permute(0, 3, 1, 2)


def _patches(tokens: torch.Tensor, input_size: tuple[int, int]) -> torch.Tensor | None:
    count = tokens.shape[1]
    for class_tokens in (0, 1):
        # sides in the input's proportion: h * w = count, h / w = H / W
        height = round(math.sqrt(max(count - class_tokens, 0) * input_size[0] / input_size[1]))
        if height > 0 and (count - class_tokens) % height == 0:
            width = (count - class_tokens) // height
            if abs(height / width - input_size[0] / input_size[1]) < 0.05:
                return tokens[:, class_tokens:].transpose(1, 2).reshape(*tokens.shape[::2], height, width)
    return None
