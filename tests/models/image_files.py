"""Small image files for tests."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16
RED = (200, 30, 40)


def write_image(path: Path, color: tuple[int, int, int] = RED, size: tuple[int, int] = (16, 12)) -> Path:
    """Write a picture of one colour; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def write_images(root: Path, names: Iterable[str]) -> Path:
    """Write pictures of different colours under a folder; gives the folder."""
    for number, name in enumerate(names):
        write_image(root / name, (number * 37 % 256, number * 91 % 256, 80))
    return root


def plain(mode: str, color: object) -> Image.Image:
    """A square of one colour."""
    return Image.new(mode, (SIDE, SIDE), color)  # type: ignore[arg-type]


def wide(value: float, dtype: str) -> Image.Image:
    """A square of one number, of a type such as ``<u2``."""
    return Image.fromarray(np.full((SIDE, SIDE), value, dtype))


def corners() -> Image.Image:
    """A picture that no turn or flip leaves as it is."""
    image = Image.new("RGB", (48, 32), "black")
    image.paste((250, 20, 20), (0, 0, 24, 16))
    image.paste((20, 250, 20), (24, 0, 48, 16))
    image.paste((20, 20, 250), (0, 16, 24, 32))
    return image
