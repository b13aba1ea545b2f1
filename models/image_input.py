"""One image file as the tensor that goes into a network."""

from __future__ import annotations

from pathlib import Path

import torch

from models.decoding import decoded
from models.preprocessing import Preprocessing, network_input


def image_input(path: Path, preprocessing: Preprocessing) -> torch.Tensor:
    """Decode, resize, crop and normalise one image, as predicting does.

    Large JPEG files are decoded at a fraction of their size, but never at less than twice what the
    resize asks for, which is several times faster. This changes a probability by a quarter of what saving
    the resized picture as a JPEG of quality 95 would: .02 in the median on blurred pictures of which the
    network is half sure, less on sharp ones (benchmarks/predicting.py measures it).

    Args:
        path: the image file.
        preprocessing: how it becomes the network's input.

    Returns:
        (3, height, width) float32, normalised.

    Raises:
        ImagesError: the file cannot be read; ``message`` is the reason.
    """
    return network_input(decoded(path, at_least=draft_size(preprocessing)), preprocessing)


def draft_size(preprocessing: Preprocessing) -> tuple[int, int] | None:
    """The size (width, height) in pixels that decoding must not fall short of; None for the full size.

    >>> draft_size(Preprocessing((128, 256), None, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    (256, 128)
    """
    # Without a resize every pixel counts; "nearest" picks single pixels, which a draft has averaged.
    if preprocessing.resize is None or preprocessing.interpolation == "nearest":
        return None
    if isinstance(preprocessing.resize, int):
        return preprocessing.resize, preprocessing.resize
    height, width = preprocessing.resize
    return width, height
