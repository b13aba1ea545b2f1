"""RandAugment and TrivialAugment, drawn from a generator of one's own.

torchvision's draw from torch's global generator, which other threads move. The changes, their ranges and their
probabilities are torchvision's, but moved pixels are interpolated and filled like those of the other operations.

Sources: Cubuk et al. 2020, "RandAugment: Practical automated data augmentation with a reduced search space",
arXiv:1909.13719. Müller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation",
arXiv:2103.10158.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from PIL import Image

from models.finetune.augmentation import Fill
from models.finetune.augmentation_warp import Colour, Matrix, about, sheared, shifted, turned, warped
from models.torchvision_import import torchvision  # noqa: F401 - must come before torchvision

from torchvision.transforms.v2 import functional  # isort: skip

BINS = 31
RAND_AUGMENT_CHANGES = 2
"""Changes to a picture."""

_Range = tuple[float, float, bool]
"""Strength in the first and in the last bin, and whether a coin decides its sign."""

RAND_AUGMENT: Mapping[str, _Range | None] = {
    "Identity": None, "ShearX": (0, 0.3, True), "ShearY": (0, 0.3, True),
    "TranslateX": (0, 150 / 331, True), "TranslateY": (0, 150 / 331, True), "Rotate": (0, 30, True),
    "Brightness": (0, 0.9, True), "Color": (0, 0.9, True), "Contrast": (0, 0.9, True), "Sharpness": (0, 0.9, True),
    "Posterize": (8, 4, False), "Solarize": (1, 0, False), "AutoContrast": None, "Equalize": None,
}  # fmt: skip
"""Change to its range; TranslateX and TranslateY in shares of the side."""
TRIVIAL_AUGMENT: Mapping[str, _Range | None] = {
    "Identity": None, "ShearX": (0, 0.99, True), "ShearY": (0, 0.99, True),
    "TranslateX": (0, 32, True), "TranslateY": (0, 32, True), "Rotate": (0, 135, True),
    "Brightness": (0, 0.99, True), "Color": (0, 0.99, True), "Contrast": (0, 0.99, True),
    "Sharpness": (0, 0.99, True), "Posterize": (8, 2, False), "Solarize": (1, 0, False), "AutoContrast": None,
    "Equalize": None,
}  # fmt: skip
"""Change to its range; TranslateX and TranslateY in pixels."""


def rand_augmented(
    image: Image.Image, magnitude: int, fill: Fill, mean: Colour, generator: torch.Generator
) -> Image.Image:
    """A picture after two random changes of one strength.

    Args:
        image: RGB.
        magnitude: bin of the strength, 0..30.
        fill: of the places left by moved pixels.
        mean: the colour of the fill "mean".
        generator: all is drawn from it.
    """
    for _ in range(RAND_AUGMENT_CHANGES):
        name = _drawn(list(RAND_AUGMENT), generator)
        strength = bin_strength(RAND_AUGMENT[name], magnitude, name)
        if name.startswith("Translate"):
            strength *= image.width if name.endswith("X") else image.height
        image = changed(image, name, _signed(RAND_AUGMENT[name], strength, generator), fill, mean)
    return image


def trivial_augmented(
    image: Image.Image, fill: Fill, mean: Colour, generator: torch.Generator
) -> Image.Image:
    """A picture after one random change of random strength.

    Args:
        image: RGB.
        fill: of the places left by moved pixels.
        mean: the colour of the fill "mean".
        generator: all is drawn from it.
    """
    name = _drawn(list(TRIVIAL_AUGMENT), generator)
    place = int(torch.randint(BINS, (), generator=generator))
    strength = bin_strength(TRIVIAL_AUGMENT[name], place, name)
    return changed(image, name, _signed(TRIVIAL_AUGMENT[name], strength, generator), fill, mean)


def bin_strength(limits: _Range | None, place: int, name: str) -> float:
    """The strength in a bin, without its sign.

    Args:
        limits: of the change; None has no strength.
        place: 0..30.
        name: of the change; Posterize knows whole bits only.
    """
    if limits is None:
        return 0.0
    first, last, _ = limits
    strength = first + (last - first) * place / (BINS - 1)
    return float(round(strength)) if name == "Posterize" else strength


def changed(image: Image.Image, name: str, strength: float, fill: Fill, mean: Colour) -> Image.Image:
    """A picture after one change.

    Args:
        image: RGB.
        name: a key of ``RAND_AUGMENT``.
        strength: with its sign; TranslateX and TranslateY in pixels.
        fill: of the places left by moved pixels.
        mean: the colour of the fill "mean".
    """
    if name in _MOVES:
        matrix = _MOVES[name](strength, image.size)
        return warped(image, matrix, (0, 0, *image.size), fill=fill, mean=mean)
    made: Image.Image = _CHANGES[name](image, strength)
    return made


_MOVES: Mapping[str, Callable[[float, tuple[int, int]], Matrix]] = {
    "ShearX": lambda strength, size: sheared(-strength),
    "ShearY": lambda strength, size: sheared(0.0, -strength),
    "TranslateX": lambda strength, size: shifted(int(strength), 0),
    "TranslateY": lambda strength, size: shifted(0, int(strength)),
    "Rotate": lambda strength, size: about(turned(strength), (size[0] / 2, size[1] / 2)),
}
_CHANGES: Mapping[str, Callable[[Image.Image, float], Image.Image]] = {
    "Identity": lambda image, strength: image,
    "Brightness": lambda image, strength: functional.adjust_brightness(image, 1 + strength),
    "Color": lambda image, strength: functional.adjust_saturation(image, 1 + strength),
    "Contrast": lambda image, strength: functional.adjust_contrast(image, 1 + strength),
    "Sharpness": lambda image, strength: functional.adjust_sharpness(image, 1 + strength),
    "Posterize": lambda image, strength: functional.posterize(image, int(strength)),
    "Solarize": lambda image, strength: functional.solarize(image, 255 * strength),
    "AutoContrast": lambda image, strength: functional.autocontrast(image),
    "Equalize": lambda image, strength: functional.equalize(image),
}


def _drawn(names: list[str], generator: torch.Generator) -> str:
    return names[int(torch.randint(len(names), (), generator=generator))]


def _signed(limits: _Range | None, strength: float, generator: torch.Generator) -> float:
    if limits is None or not limits[2]:
        return strength
    return -strength if float(torch.rand((), generator=generator)) <= 0.5 else strength
