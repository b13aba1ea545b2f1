"""What each random change does to a picture; torchvision's arithmetic, drawn from the caller's generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import torch
from PIL import Image, ImageFilter

from models.finetune.augmentation import Operation
from models.finetune.augmentation_policies import rand_augmented, trivial_augmented
from models.finetune.augmentation_warp import (
    Colour,
    Matrix,
    Point,
    about,
    quadrilateral,
    scaled,
    sheared,
    shifted,
    turned,
)
from models.torchvision_import import torchvision  # noqa: F401 - must come before torchvision

from torchvision.transforms.v2 import functional  # isort: skip

SLIMMEST_CROP = 3 / 4
"""Width to height of a random crop, and its inverse; as torchvision's RandomResizedCrop."""
SMALLEST_HOLE, SLIMMEST_HOLE = 0.02, 0.3
"""Share of the picture and width to height of a hole; as torchvision's RandomErasing."""
TRIES = 10


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A number between two others."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def happens(operation: Operation, generator: torch.Generator) -> bool:
    """Whether it does this time."""
    return uniform(0, 1, generator) < operation.probability


Box = tuple[int, int, int, int]


def random_box(smallest_share: float, size: tuple[int, int], generator: torch.Generator) -> Box:
    """What a random resized crop keeps, as torchvision's ``RandomResizedCrop`` draws it.

    Args:
        smallest_share: of the picture's area, above 0 to 1.
        size: (width, height) of the picture.
        generator: all is drawn from it.

    Returns:
        (left, top, right, bottom); the largest box in the middle where ten draws did not fit into the picture.
    """
    width, height = size
    for _ in range(TRIES):
        area = width * height * uniform(smallest_share, 1, generator)
        ratio = exp(uniform(log(SLIMMEST_CROP), -log(SLIMMEST_CROP), generator))
        w, h = round(sqrt(area * ratio)), round(sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return _placed(w, h, size, generator)
    w = min(width, max(1, round(height / SLIMMEST_CROP)))
    h = min(height, max(1, round(width / SLIMMEST_CROP)))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def _placed(width: int, height: int, size: tuple[int, int], generator: torch.Generator) -> Box:
    left = int(torch.randint(size[0] - width + 1, (), generator=generator))
    top = int(torch.randint(size[1] - height + 1, (), generator=generator))
    return left, top, left + width, top + height


def _rotation(strength: float, box: Box, generator: torch.Generator) -> Matrix:
    return about(turned(uniform(-strength, strength, generator)), _centre(box))


def _shift(strength: float, box: Box, generator: torch.Generator) -> Matrix:
    x, y = uniform(-strength, strength, generator), uniform(-strength, strength, generator)
    return shifted(x * (box[2] - box[0]), y * (box[3] - box[1]))


def _shear(strength: float, box: Box, generator: torch.Generator) -> Matrix:
    return about(sheared(uniform(-strength, strength, generator)), _centre(box))


def _zoom(strength: float, box: Box, generator: torch.Generator) -> Matrix:
    return about(scaled(uniform(1 - strength, 1 + strength, generator)), _centre(box))


def _perspective(strength: float, box: Box, generator: torch.Generator) -> Matrix:
    left, top, right, bottom = box
    corners: list[Point] = [(left, top), (right, top), (right, bottom), (left, bottom)]
    x, y = strength * (right - left) / 2, strength * (bottom - top) / 2
    moved = [
        (
            u + uniform(0, x, generator) * (1 if u == left else -1),
            v + uniform(0, y, generator) * (1 if v == top else -1),
        )
        for u, v in corners
    ]
    return quadrilateral(corners, moved)


def _centre(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


MOVES: Mapping[str, Callable[[float, Box, torch.Generator], Matrix]] = {
    "rotation": _rotation,
    "shift": _shift,
    "shear": _shear,
    "zoom": _zoom,
    "perspective": _perspective,
}
"""Operation to the function of (strength, what will be kept, generator) that gives the matrix of the move."""


@dataclass(frozen=True)
class Draw:
    """What a change of a picture needs to know.

    Args:
        operation: with strength and fill.
        mean: the mean colour that the preprocessing subtracts.
        generator: all is drawn from it.
    """

    operation: Operation
    mean: Colour
    generator: torch.Generator

    def factor(self) -> float:
        """A number from 1 - strength to 1 + strength."""
        return 1 + self.either_way()

    def either_way(self) -> float:
        """A number from -strength to strength."""
        return uniform(-self.operation.strength, self.operation.strength, self.generator)


def _blur(image: Image.Image, draw: Draw) -> Image.Image:
    # Pillow's takes a seventh of the time of torchvision's and differs by a few of 255.
    sigma = uniform(0, draw.operation.strength, draw.generator) * min(image.size)
    return image.filter(ImageFilter.GaussianBlur(sigma))


def _noise(image: Image.Image, draw: Draw) -> Image.Image:
    deviation = 255 * uniform(0, draw.operation.strength, draw.generator)
    grain = torch.randn((image.height, image.width, 3), generator=draw.generator).numpy()
    noisy = np.asarray(image, dtype=np.float32) + deviation * grain
    return Image.fromarray(np.rint(noisy.clip(0, 255)).astype(np.uint8))


def _cutout(image: Image.Image, draw: Draw) -> Image.Image:
    width, height = image.size
    for _ in range(TRIES):
        area = width * height * uniform(SMALLEST_HOLE, draw.operation.strength, draw.generator)
        ratio = exp(uniform(log(SLIMMEST_HOLE), -log(SLIMMEST_HOLE), draw.generator))
        w, h = round(sqrt(area * ratio)), round(sqrt(area / ratio))
        if 0 < w < width and 0 < h < height:
            holed = image.copy()
            holed.paste(draw.mean, _placed(w, h, image.size, draw.generator))
            return holed
    return image


def _grid_shuffle(image: Image.Image, draw: Draw) -> Image.Image:
    """Tiles of equal size change places; where the sides do not divide, a rim of some pixels stays as it is."""
    tiles = int(draw.operation.strength)
    width, height = image.width // tiles, image.height // tiles
    if not (width and height):
        return image
    left, top = (image.width - tiles * width) // 2, (image.height - tiles * height) // 2
    boxes = [
        (left + x * width, top + y * height, left + (x + 1) * width, top + (y + 1) * height)
        for y in range(tiles)
        for x in range(tiles)
    ]
    shuffled = image.copy()
    for place, source in enumerate(torch.randperm(len(boxes), generator=draw.generator).tolist()):
        shuffled.paste(image.crop(boxes[source]), boxes[place])
    return shuffled


CHANGES: Mapping[str, Callable[[Image.Image, Draw], Image.Image]] = {
    "horizontal_flip": lambda image, draw: functional.horizontal_flip(image),
    "vertical_flip": lambda image, draw: functional.vertical_flip(image),
    "brightness": lambda image, draw: functional.adjust_brightness(image, draw.factor()),
    "contrast": lambda image, draw: functional.adjust_contrast(image, draw.factor()),
    "saturation": lambda image, draw: functional.adjust_saturation(image, draw.factor()),
    "hue": lambda image, draw: functional.adjust_hue(image, draw.either_way()),
    "grayscale": lambda image, draw: functional.rgb_to_grayscale(image, 3),
    "rand_augment": lambda image, draw: rand_augmented(
        image, int(draw.operation.strength), draw.operation.fill, draw.mean, draw.generator
    ),
    "trivial_augment": lambda image, draw: trivial_augmented(
        image, draw.operation.fill, draw.mean, draw.generator
    ),
    "blur": _blur,
    "noise": _noise,
    "cutout": _cutout,
    "grid_shuffle": _grid_shuffle,
}
"""Operation to what it does to a picture."""
