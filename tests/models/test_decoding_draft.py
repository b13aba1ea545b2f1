"""Draft decoding: how large the draft is, and how little it changes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.decoding import ORIENTATION_TAG, decoded
from tests.models.image_files import plain


def drawn(width: int = 3000, height: int = 2000) -> Image.Image:
    """Coloured shapes and thin lines: harder than any photo."""
    random = np.random.default_rng(1)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(400):
        x, y = (int(v) for v in random.integers(0, (width, height)))
        right, bottom = (int(v) for v in random.integers(2, 400, 2))
        color = tuple(int(v) for v in random.integers(0, 256, 3))
        draw.ellipse((x, y, x + right, y + bottom), fill=color)
        draw.line((x, y, right * 5, bottom * 5), fill="black", width=2)
    return image


def photo(path: Path, noise: float) -> Image.Image:
    """A real photo enlarged to six million pixels, with the grain that enlarging took away."""
    with Image.open(path) as image:
        large = image.convert("RGB").resize((3000, 2000), Image.Resampling.BICUBIC)
    random = np.random.default_rng(0)
    grain = random.normal(0, noise, (2000, 3000, 1)) + random.normal(0, noise / 3, (2000, 3000, 3))
    return Image.fromarray((np.asarray(large) + grain).clip(0, 255).astype(np.uint8))


def difference(
    path: Path, at_least: tuple[int, int] | None, filter_: Image.Resampling
) -> NDArray[np.float64]:
    def shrunk(size: tuple[int, int] | None) -> NDArray[np.float64]:
        return np.asarray(decoded(path, at_least=size).resize((384, 256), filter_), float)

    return np.abs(shrunk(at_least) - shrunk(None))


@pytest.mark.parametrize("filter_", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_a_draft_of_drawn_edges_is_within_the_stated_tolerance(
    tmp_path: Path, filter_: Image.Resampling
) -> None:
    drawn().save(tmp_path / "a.jpg", quality=92)
    off = difference(tmp_path / "a.jpg", (256, 256), filter_)
    assert 0 < off.mean() < 1 and off.max() <= 32


@pytest.mark.real
@pytest.mark.parametrize("name, noise", [("Bengal", 0), ("pug", 12), ("Ragdoll", 40)])
def test_a_draft_of_photos_is_within_the_stated_tolerance(
    tmp_path: Path, real: Path, name: str, noise: float
) -> None:
    source = sorted((real / "pets" / "val" / name).iterdir())[0]
    photo(source, noise).save(tmp_path / "a.jpg", quality=92)
    off = difference(tmp_path / "a.jpg", (256, 256), Image.Resampling.BILINEAR)
    assert 0 < off.mean() < 1 and off.max() <= 8


@pytest.mark.parametrize(
    "size, at_least, expected",
    [
        ((1000, 800), (100, 100), (250, 200)),
        ((1000, 800), (200, 200), (500, 400)),
        ((1000, 800), (201, 201), (1000, 800)),
        ((1000, 400), (100, 100), (500, 200)),
        ((1000, 800), (10, 10), (125, 100)),
        ((1000, 800), (5000, 5000), (1000, 800)),
    ],
)
def test_a_draft_keeps_twice_what_is_asked_for(
    tmp_path: Path, size: tuple[int, int], at_least: tuple[int, int], expected: tuple[int, int]
) -> None:
    plain("RGB", (10, 200, 30)).resize(size).save(tmp_path / "a.jpg")
    assert decoded(tmp_path / "a.jpg", at_least=at_least).size == expected
    plain("RGB", (10, 200, 30)).resize(size).save(tmp_path / "a.png")
    assert decoded(tmp_path / "a.png", at_least=at_least).size == size


def test_a_draft_of_a_turned_picture_asks_for_the_upright_sides(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    plain("RGB", (10, 200, 30)).resize((1600, 400)).save(tmp_path / "a.jpg", exif=exif)
    assert decoded(tmp_path / "a.jpg", at_least=(100, 100)).size == (200, 800)
    assert decoded(tmp_path / "a.jpg", at_least=(50, 200)).size == (100, 400)
