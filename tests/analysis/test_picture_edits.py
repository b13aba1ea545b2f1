"""Edits change what they say, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analysis.picture_edits import (
    Edit,
    Region,
    blurred,
    brightened,
    covered,
    edited,
    flipped,
    kept_picture,
    mean_colour,
    pasted,
    pixel_box,
    rotated,
)
from models.decoding import decoded
from models.errors import ErrorscopeError, ImagesError
from models.store import Store

REGION: Region = (0.25, 0.2, 0.75, 0.6)


def noise(width: int = 80, height: int = 50, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def inside(image: Image.Image, region: Region) -> np.ndarray:
    mask = np.zeros((image.height, image.width), bool)
    left, top, right, bottom = pixel_box(region, image.size)
    mask[top:bottom, left:right] = True
    return mask


@given(st.tuples(*[st.floats(0, 1)] * 4), st.tuples(st.integers(1, 500), st.integers(1, 500)))
def test_a_box_holds_a_pixel_and_stays_in_the_picture(shares: Region, size: tuple[int, int]) -> None:
    left, right = sorted((shares[0], shares[2]))
    top, bottom = sorted((shares[1], shares[3]))
    if left == right or top == bottom:
        with pytest.raises(ImagesError):
            pixel_box((left, top, right, bottom), size)
        return
    box = pixel_box((left, top, right, bottom), size)
    assert 0 <= box[0] < box[2] <= size[0] and 0 <= box[1] < box[3] <= size[1]


@pytest.mark.parametrize("fill", ["blur", "grey", "mean"])
def test_covering_changes_the_rectangle_and_nothing_else(fill: str) -> None:
    picture = noise()
    result = covered(picture, REGION, fill=fill)  # type: ignore[arg-type]
    mask = inside(picture, REGION)
    np.testing.assert_array_equal(levels(result)[~mask], levels(picture)[~mask])
    # noise has a deviation of 74 levels; covered, hardly anything is left of it
    assert levels(result)[mask].std() < 74 / 10
    np.testing.assert_array_equal(picture, noise())


def test_a_blurred_cover_keeps_the_colour_of_the_place_not_what_was_there() -> None:
    picture = Image.new("RGB", (100, 100), (200, 40, 40))
    picture.paste((200, 40, 40), (50, 0, 100, 100))
    mark = picture.copy()
    mark.paste((0, 0, 255), (45, 45, 55, 55))
    result = levels(covered(mark, (0.35, 0.35, 0.65, 0.65)))
    assert np.abs(result[50, 50] - [200, 40, 40]).max() < 60
    assert np.abs(result[50, 50] - result[40, 40]).max() < 25


def test_a_piece_of_another_picture_lands_where_it_should() -> None:
    source = Image.new("RGB", (40, 40), "black")
    source.paste((255, 0, 0), (20, 20, 40, 40))
    picture = noise()
    result = pasted(picture, REGION, source, (0.5, 0.5, 1, 1))
    mask = inside(picture, REGION)
    assert (levels(result)[mask] == [255, 0, 0]).all()
    np.testing.assert_array_equal(levels(result)[~mask], levels(picture)[~mask])


def test_flipping_twice_is_nothing() -> None:
    picture = noise()
    np.testing.assert_array_equal(levels(flipped(picture)), levels(picture)[:, ::-1])
    np.testing.assert_array_equal(flipped(flipped(picture)), picture)


def test_quarter_turns_are_exact_and_clockwise() -> None:
    picture = noise()
    for turns in (-1, 0, 1, 2, 3, 4):
        np.testing.assert_array_equal(rotated(picture, 90 * turns), np.rot90(np.asarray(picture), -turns))


def test_other_angles_keep_the_size_turn_clockwise_and_fill_with_the_mean() -> None:
    picture = Image.new("RGB", (101, 101), (60, 120, 60))
    picture.paste((255, 255, 255), (90, 48, 101, 53))  # at three o'clock
    turned = rotated(picture, 30)
    assert turned.size == picture.size
    rows, columns = np.nonzero(levels(turned)[..., 0] > 200)
    assert rows.mean() > 60 and columns.mean() > 75  # at four o'clock
    assert tuple(levels(turned)[0, 0]) == mean_colour(picture)


def test_brightness_is_a_factor() -> None:
    picture = Image.new("RGB", (4, 4), (100, 60, 200))
    assert brightened(picture, 1.5).getpixel((0, 0)) == (150, 90, 255)
    np.testing.assert_array_equal(brightened(picture, 1), picture)


def test_blur_follows_the_size_of_the_picture() -> None:
    small, large = noise(60, 60), noise(60, 60).resize((240, 240), Image.Resampling.NEAREST)
    ratio = levels(blurred(small, 0.05)).std() / levels(blurred(large, 0.05)).std()
    assert ratio == pytest.approx(1, abs=0.25)
    assert levels(blurred(small, 0.05)).std() < levels(small).std() / 3


def test_edits_follow_one_another() -> None:
    picture = noise()
    edits = [Edit("flip"), Edit("cover", REGION, "grey"), Edit("rotate", amount=90)]
    expected = rotated(covered(flipped(picture), REGION, fill="grey"), 90)
    np.testing.assert_array_equal(edited(picture, edits), expected)
    assert edited(picture, []) is not picture


@pytest.mark.parametrize(
    "edit",
    [
        Edit("cover", REGION, "mean"), Edit("flip"), Edit("rotate", amount=-12.5),
        Edit("brighten", amount=1.4), Edit("blur", amount=0.02),
    ],
)  # fmt: skip
def test_an_edit_survives_json(edit: Edit) -> None:
    assert Edit.from_json(json.loads(json.dumps(edit.to_json()))) == edit
    assert not np.array_equal(edited(noise(), [edit]), noise())


@pytest.mark.parametrize(
    "make",
    [
        lambda: Edit("cover"),
        lambda: Edit("stretch"),  # type: ignore[arg-type]
        lambda: Edit("cover", REGION, "red"),  # type: ignore[arg-type]
        lambda: covered(noise(), (0.5, 0, 0.5, 1)),
        lambda: covered(noise(), (-0.1, 0, 0.5, 1)),
        lambda: covered(noise(), (float("nan"), 0, 0.5, 1)),
    ],
)
def test_nonsense_is_refused_in_words(make: object) -> None:
    with pytest.raises(ErrorscopeError) as caught:
        make()  # type: ignore[operator]
    assert caught.value.message and caught.value.next_step


def test_a_kept_picture_comes_back_whole_and_is_written_once(tmp_path: Path) -> None:
    store, picture = Store(tmp_path), noise()
    path = kept_picture(store, picture, "a b/Bengal 020.jpg")
    written = path.stat().st_mtime_ns
    assert path.parent == tmp_path / "edits" and path.name.startswith("Bengal_020-")
    np.testing.assert_array_equal(decoded(path), picture)
    assert kept_picture(store, noise(), "Bengal 020.jpg") == path and path.stat().st_mtime_ns == written
    assert kept_picture(store, noise(seed=1), "Bengal 020.jpg") != path
    assert kept_picture(store, picture, "...").suffix == ".png"


def test_editing_needs_no_torch() -> None:
    program = "import sys, analysis.picture_edits; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
