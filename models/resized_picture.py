"""Resizing and cropping one picture within the memory of the machine. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from models.errors import ImagesError

if TYPE_CHECKING:
    from models.preprocessing import Preprocessing

LARGEST_AREA = 64_000_000
"""Pixels of a picture that is resized as a whole before it is cropped."""
LARGEST_INPUT = 32_000_000
"""Pixels of what a network is given of one picture."""

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
"""A preprocessing's interpolation to Pillow's."""


def resized_and_cropped(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """A picture as its preprocessing resizes and crops it, without ever taking gigabytes.

    Args:
        image: RGB.
        preprocessing: its resize, crop and interpolation count.

    Returns:
        A picture of the size of the network's input.

    Raises:
        ImagesError: it would be too large; ``message`` is the reason alone, fit for a list of unreadable files.
    """
    resampling = RESAMPLING[preprocessing.interpolation]
    width, height = preprocessing.resized(*image.size)
    left, top, right, bottom = preprocessing.crop_of_resized(width, height)
    _check_area(right - left, bottom - top, LARGEST_INPUT)
    within = min(left, top) >= 0 and right <= width and bottom <= height
    if width * height > LARGEST_AREA and within:
        # a strip of 1 x 5000 pixels would be blown up to 256 x 1280000 first: resize only what is kept
        box = preprocessing.crop_box(*image.size)  # rounded, it may lead out by a hair
        inside = max(0.0, box[0]), max(0.0, box[1]), min(image.width, box[2]), min(image.height, box[3])
        return image.resize((right - left, bottom - top), resampling, box=inside)
    if (width, height) != image.size:
        _check_area(width, height, LARGEST_AREA)
        image = image.resize((width, height), resampling)
    return image.crop((left, top, right, bottom))


@contextmanager
def memory_explained() -> Iterator[None]:
    """Where one picture takes more memory than there is, say so instead of stopping everything.

    Raises:
        ImagesError: there is not enough memory; ``message`` is the reason alone.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has no class of its own for a processor's memory
        if isinstance(error, RuntimeError) and "DefaultCPUAllocator" not in str(error):
            raise
        raise ImagesError(
            "too large for the memory of this machine",
            next_step="Remove this picture, or choose a smaller resize in the preprocessing.",
        ) from error


def _check_area(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise ImagesError(
            f"too large: {width:,} x {height:,} pixels after resizing, more than {most // 1_000_000} million",
            next_step="Remove this picture, or choose a smaller resize or a crop in the preprocessing.",
        )
