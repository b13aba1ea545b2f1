"""One training image, changed at random: what the network is given, and what that looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil, sqrt

import numpy as np
import torch
from PIL import Image

from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_operations import CHANGES, MOVES, Draw, happens, random_box
from models.finetune.augmentation_table import OPERATIONS, Stage
from models.finetune.augmentation_warp import Colour, Matrix, warped
from models.image_input import draft_size
from models.preprocessing import Preprocessing, network_input
from models.resized_picture import LARGEST_AREA, RESAMPLING, memory_explained, resized_and_cropped


def augmented_input(
    image: Image.Image, augmentation: Augmentation, preprocessing: Preprocessing, generator: torch.Generator
) -> torch.Tensor:
    """The tensor that goes into the network for one training image.

    Args:
        image: a picture of any size; other modes are turned into RGB.
        augmentation: what is changed at random; nothing changed gives ``network_input``, bit for bit.
        preprocessing: how the picture is resized, cropped and normalised.
        generator: all that is drawn is drawn from it; the same state gives the same tensor.

    Returns:
        (3, height, width) float32, normalised.

    Raises:
        ImagesError: the picture becomes too large; ``message`` is the reason alone.
    """
    if not augmentation:
        return network_input(image, preprocessing)
    seen = augmented_picture(image, augmentation, preprocessing, generator)
    return network_input(seen, replace(preprocessing, resize=None, crop=None))


def augmented_picture(
    image: Image.Image, augmentation: Augmentation, preprocessing: Preprocessing, generator: torch.Generator
) -> Image.Image:
    """The same before normalisation: what the network would see, for a person.

    Args:
        image: as for ``augmented_input``.
        augmentation: as for ``augmented_input``.
        preprocessing: as for ``augmented_input``.
        generator: the same state gives the same picture as there.

    Returns:
        RGB, of the size of the network's input.

    Raises:
        ImagesError: the picture becomes too large; ``message`` is the reason alone.
    """
    with memory_explained():
        seen = _in_colours_of(image, preprocessing)
        seen = _moved(seen, augmentation, preprocessing, generator)
        for operation in _happening(augmentation, "change", generator):
            draw = Draw(operation, mean_colour(preprocessing), generator)
            seen = CHANGES[operation.name](seen, draw)
        return _in_colours_of(seen, preprocessing)


def decoding_size(augmentation: Augmentation, preprocessing: Preprocessing) -> tuple[int, int] | None:
    """What decoding must not fall short of, so that an augmented picture is as sharp as one that is not.

    Args:
        augmentation: a random crop of a tenth of the area needs more pixels than the whole picture does.
        preprocessing: as for ``models.image_input.draft_size``.

    Returns:
        (width, height) in pixels for ``models.decoding.decoded``'s ``at_least``; None for the full size.
    """
    usual = draft_size(preprocessing)
    crop = next((each for each in augmentation.operations if each.name == "random_resized_crop"), None)
    if usual is None or crop is None:
        return usual
    width, height = (ceil(side / sqrt(crop.strength)) for side in usual)
    return width, height


def mean_colour(preprocessing: Preprocessing) -> Colour:
    """The colour that normalisation turns into zeros, as far as a pixel can be that colour."""
    red, green, blue = (round(255 * min(1.0, max(0.0, each))) for each in preprocessing.mean)
    return red, green, blue


def _in_colours_of(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    if preprocessing.grayscale:
        image = image.convert("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def _happening(augmentation: Augmentation, stage: Stage, generator: torch.Generator) -> list[Operation]:
    of_the_stage = [each for each in augmentation.operations if OPERATIONS[each.name].stage == stage]
    return [operation for operation in of_the_stage if happens(operation, generator)]


def _moved(
    image: Image.Image, augmentation: Augmentation, preprocessing: Preprocessing, generator: torch.Generator
) -> Image.Image:
    """The picture cropped, resized and moved: of the size of the network's input."""
    for operation in _happening(augmentation, "crop", generator):
        box = random_box(operation.strength, image.size, generator)
        height, width = preprocessing.input_size() or preprocessing.resized(*image.size)[::-1]
        image = image.crop(box).resize((width, height), RESAMPLING[preprocessing.interpolation])
        preprocessing = replace(preprocessing, resize=None, crop=None)
    moves = _happening(augmentation, "move", generator)
    width, height = preprocessing.resized(*image.size)
    # What lies beyond the crop may come into sight; of a strip blown up to gigabytes only the crop is kept.
    if not moves or width * height > LARGEST_AREA:
        image = resized_and_cropped(image, preprocessing)
        preprocessing = replace(preprocessing, resize=None, crop=None)
    else:
        image = resized_and_cropped(image, replace(preprocessing, crop=None))
    return _warped(image, moves, preprocessing, generator)


def _warped(
    image: Image.Image, moves: Sequence[Operation], preprocessing: Preprocessing, generator: torch.Generator
) -> Image.Image:
    """Moves that fill alike are one interpolation; the last of them makes the crop as well."""
    kept, whole = preprocessing.crop_of_resized(*image.size), (0, 0, *image.size)
    drawn = [(move.fill, MOVES[move.name](move.strength, kept, generator)) for move in moves]
    groups = [(fill, [matrix for _, matrix in each]) for fill, each in groupby(drawn, key=lambda one: one[0])]
    for place, (fill, matrices) in enumerate(groups):
        window = kept if place == len(groups) - 1 else whole
        resampling = RESAMPLING[preprocessing.interpolation]
        image = warped(
            image,
            _product(matrices),
            window,
            fill=fill,
            mean=mean_colour(preprocessing),
            resampling=resampling,
        )
    return image


def _product(matrices: Sequence[Matrix]) -> Matrix:
    """All moves one after another, the first first."""
    whole: Matrix = np.eye(3)
    for matrix in matrices:
        whole = matrix @ whole
    return whole
