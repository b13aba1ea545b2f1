"""Pictures of every kind, with the colours and the turn that they must have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from models.decoding import ORIENTATION_TAG, decoded, rgb
from tests.models.image_files import SIDE, corners, plain, wide

Color = tuple[int, int, int]


def palette(color: Color) -> Image.Image:
    image = plain("P", 1)
    image.putpalette([255, 0, 255, *color])
    return image


# name of the file, the picture, how it is saved, the colour expected, and how far it may be off
Picture = tuple[str, Image.Image, dict[str, Any], Color, int]
PICTURES: list[Picture] = [
    ("gray.png", plain("L", 100), {}, (100, 100, 100), 0),
    ("gray.jpg", plain("L", 100), {}, (100, 100, 100), 1),
    ("white_bits.png", plain("1", 1), {}, (255, 255, 255), 0),
    ("black_bits.png", plain("1", 0), {}, (0, 0, 0), 0),
    ("palette.png", palette((10, 200, 30)), {}, (10, 200, 30), 0),
    ("palette.gif", palette((10, 200, 30)), {}, (10, 200, 30), 0),
    ("see_through_palette.png", palette((10, 200, 30)), {"transparency": 1}, (255, 255, 255), 0),
    ("other_see_through.png", palette((10, 200, 30)), {"transparency": 0}, (10, 200, 30), 0),
    ("see_through_rgb.png", plain("RGB", (9, 8, 7)), {"transparency": (9, 8, 7)}, (255, 255, 255), 0),
    ("see_through_gray.png", plain("L", 9), {"transparency": 9}, (255, 255, 255), 0),
    ("rgb.png", plain("RGB", (10, 200, 30)), {}, (10, 200, 30), 0),
    ("rgb.jpg", plain("RGB", (10, 200, 30)), {}, (10, 200, 30), 3),
    ("rgb.bmp", plain("RGB", (10, 200, 30)), {}, (10, 200, 30), 0),
    ("rgb.webp", plain("RGB", (10, 200, 30)), {"lossless": True}, (10, 200, 30), 0),
    ("rgb.tif", plain("RGB", (10, 200, 30)), {}, (10, 200, 30), 0),
    ("rgb.ppm", plain("RGB", (10, 200, 30)), {}, (10, 200, 30), 0),
    ("half_red.png", plain("RGBA", (200, 0, 0, 128)), {}, (227, 127, 127), 1),
    ("nothing.webp", plain("RGBA", (200, 0, 0, 0)), {}, (255, 255, 255), 0),
    ("half_gray.png", plain("LA", (50, 128)), {}, (152, 152, 152), 1),
    ("cmyk_red.jpg", plain("CMYK", (0, 255, 255, 0)), {}, (255, 0, 0), 4),
    ("cmyk_dark.jpg", plain("CMYK", (0, 0, 0, 205)), {}, (50, 50, 50), 4),
    ("cmyk_red.tif", plain("CMYK", (0, 255, 255, 0)), {}, (255, 0, 0), 0),
    ("ycbcr.tif", plain("YCbCr", (120, 128, 128)), {}, (120, 120, 120), 1),
    ("lab_gray.tif", plain("LAB", (128, 128, 128)), {}, (119, 119, 119), 2),
    ("lab_white.tif", plain("LAB", (255, 128, 128)), {}, (255, 255, 255), 1),
    ("white16.png", wide(65535, "<u2"), {}, (255, 255, 255), 0),
    ("middle16.png", wide(32896, "<u2"), {}, (128, 128, 128), 0),
    ("low16.png", wide(257, "<u2"), {}, (1, 1, 1), 0),
    ("middle16.tif", wide(32896, "<u2"), {}, (128, 128, 128), 0),
    ("big_endian16.tif", wide(32896, ">u2"), {}, (128, 128, 128), 0),
    ("middle16.pgm", wide(32896, "<i4"), {}, (128, 128, 128), 0),
    ("white32.tif", wide(2**31 - 1, "<i4"), {}, (255, 255, 255), 0),
    ("negative32.tif", wide(-5, "<i4"), {}, (0, 0, 0), 0),
    ("unit_float.tif", wide(0.5, "<f4"), {}, (128, 128, 128), 0),
    ("byte_float.tif", wide(128, "<f4"), {}, (128, 128, 128), 0),
    ("bright_float.tif", wide(1e9, "<f4"), {}, (255, 255, 255), 0),
]


@pytest.mark.parametrize("picture", PICTURES, ids=[picture[0] for picture in PICTURES])
def test_colours(tmp_path: Path, picture: Picture) -> None:
    name, image, options, color, tolerance = picture
    image.save(tmp_path / name, **options)
    opened = decoded(tmp_path / name)
    assert opened.mode == "RGB" and opened.size == (SIDE, SIDE)
    assert np.abs(np.asarray(opened, int) - color).max() <= tolerance


@pytest.mark.parametrize("name", ["gif.jpg", "png.jpg", "webp.png", "jpeg.gif", "bmp"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, name: str) -> None:
    true_format = name.split(".", maxsplit=1)[0]
    plain("RGB", (10, 200, 30)).save(tmp_path / name, true_format)
    assert np.abs(np.asarray(decoded(tmp_path / name), int) - (10, 200, 30)).max() <= 8


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_the_first_frame_of_an_animation(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"animated.{suffix}"
    plain("RGB", (255, 0, 0)).save(path, save_all=True, append_images=[plain("RGB", (0, 0, 255))])
    red, _, blue = np.asarray(decoded(path), int)[8, 8]
    assert red > 250 and blue < 5


def test_hsv_is_converted() -> None:
    assert rgb(plain("HSV", (0, 255, 255))).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    path = tmp_path / f"turned.{suffix}"
    corners().save(path, exif=exif)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    picture = decoded(path)
    assert picture.size == ((32, 48) if orientation >= 5 else (48, 32))
    assert np.array_equal(np.asarray(picture), np.asarray(expected))
    # Nothing may turn it again.
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(picture)), np.asarray(expected))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_none(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    corners().save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(np.asarray(decoded(tmp_path / "a.png")), np.asarray(corners()))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_broken_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert decoded(tmp_path / "a.jpg").size == (48, 32)
