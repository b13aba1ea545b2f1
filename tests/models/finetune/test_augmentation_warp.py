"""Moved pixels: torchvision moves them the same way, and what is filled is what was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.finetune.augmentation import Fill
from models.finetune.augmentation_warp import (
    about,
    continued,
    quadrilateral,
    scaled,
    sheared,
    shifted,
    turned,
    warped,
)
from models.torchvision_import import torchvision  # noqa: F401

from torchvision.transforms.v2 import InterpolationMode, functional  # isort: skip

MEAN = (124, 116, 104)
BILINEAR = InterpolationMode.BILINEAR


def picture(width: int = 61, height: int = 48, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def share_apart(one: Image.Image, other: Image.Image) -> float:
    """Share of the places whose colours differ by more than rounding does."""
    assert one.size == other.size
    apart = np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max(axis=2)
    return float((apart > 1).mean())


ON_THE_BORDER = 0.02
"""Share of places that may fall to the picture or to the fill by the last bit of a coordinate."""


@settings(max_examples=60, deadline=None)
@given(
    angle=st.floats(-180, 180), move=st.tuples(st.integers(-20, 20), st.integers(-20, 20)), factor=st.floats(0.6, 1.6),
    slant=st.floats(-30, 30), size=st.tuples(st.integers(8, 90), st.integers(8, 90)),
)  # fmt: skip
def test_turning_shifting_zooming_shearing_equal_torchvisions_affine(
    angle: float, move: tuple[int, int], factor: float, slant: float, size: tuple[int, int]
) -> None:
    image, centre = picture(*size), (size[0] / 2, size[1] / 2)
    expected = functional.affine(
        image, angle=angle, translate=list(move), scale=factor, shear=[slant, 0.0], interpolation=BILINEAR, fill=7
    )  # fmt: skip
    # torchvision shears first, against the sense of its angle, then scales, turns and shifts
    matrix = about(turned(-angle) @ scaled(factor) @ sheared(-np.tan(np.radians(slant))), centre)
    found = warped(image, shifted(*move) @ matrix, (0, 0, *size), fill="mean", mean=(7, 7, 7))
    assert share_apart(found, expected) < ON_THE_BORDER


def test_turning_goes_the_way_of_torchvisions_rotate() -> None:
    image = picture(40, 40)
    found = warped(image, about(turned(30), (20, 20)), (0, 0, 40, 40), fill="black", mean=MEAN)
    assert share_apart(found, functional.rotate(image, 30, interpolation=BILINEAR)) < ON_THE_BORDER


def test_perspective_equals_torchvisions_up_to_where_a_corner_is() -> None:
    image = picture(60, 44)
    corners = [(0, 0), (60, 0), (60, 44), (0, 44)]
    moved = [(6, 3), (52, 5), (57, 40), (2, 37)]
    found = warped(image, quadrilateral(corners, moved), (0, 0, 60, 44), fill="black", mean=MEAN)
    expected = functional.perspective(
        image, [list(each) for each in corners], [list(each) for each in moved], interpolation=BILINEAR
    )
    assert share_apart(found, expected) < ON_THE_BORDER


def test_a_homography_takes_the_points_where_they_were_sent() -> None:
    corners, moved = [(0, 0), (10, 0), (10, 8), (0, 8)], [(1, 2), (9, 1), (8, 7), (0.5, 6)]
    for (x, y), wanted in zip(corners, moved, strict=True):
        u, v, w = quadrilateral(corners, moved) @ (x, y, 1)
        assert (u / w, v / w) == pytest.approx(wanted)


@pytest.mark.parametrize("fill", ["reflect", "edge"])
@settings(max_examples=40, deadline=None)
@given(
    margins=st.tuples(*[st.integers(0, 40)] * 4), width=st.integers(1, 20), height=st.integers(1, 20)
)  # fmt: skip
def test_pictures_go_on_as_numpy_pads_them(
    fill: Fill, margins: tuple[int, int, int, int], width: int, height: int
) -> None:
    image = picture(width, height)
    left, top, right, bottom = margins
    mode = "symmetric" if fill == "reflect" else "edge"
    expected = np.pad(np.asarray(image), ((top, bottom), (left, right), (0, 0)), mode=mode)  # type: ignore[call-overload]
    assert np.array_equal(np.asarray(continued(image, margins, fill)), expected)


@pytest.mark.parametrize(
    ("fill", "colour"), [("black", (0, 0, 0)), ("mean", MEAN), ("edge", (200, 10, 30)), ("reflect", (200, 10, 30))]
)  # fmt: skip
@pytest.mark.parametrize(
    "matrix", [shifted(30, -25), about(turned(45), (20, 20)), about(scaled(0.5), (20, 20))]
)
def test_places_left_are_filled_as_asked(
    fill: Fill, colour: tuple[int, int, int], matrix: np.ndarray
) -> None:
    image = Image.new("RGB", (40, 40), (200, 10, 30))
    found = warped(image, matrix, (0, 0, 40, 40), fill=fill, mean=MEAN)
    assert set(found.get_flattened_data()) == {(200, 10, 30), colour}


def test_a_window_shows_what_lies_beyond_it_before_anything_is_filled() -> None:
    """The corners of a crop that is turned hold the picture around it, not the fill."""
    image = picture(100, 100)
    found = warped(image, about(turned(30), (50, 50)), (30, 30, 70, 70), fill="black", mean=MEAN)
    whole = warped(image, about(turned(30), (50, 50)), (0, 0, 100, 100), fill="black", mean=MEAN)
    assert share_apart(found, whole.crop((30, 30, 70, 70))) == 0
    assert (np.asarray(found).sum(axis=2) == 0).mean() < 0.01


def test_a_horizon_takes_no_memory() -> None:
    matrix = quadrilateral([(0, 0), (40, 0), (40, 40), (0, 40)], [(19, 19), (21, 0), (40, 40), (0, 40)])
    assert warped(picture(40, 40), matrix, (0, 0, 40, 40), fill="reflect", mean=MEAN).size == (40, 40)
