"""The part of a picture that excites a channel: the field's box, else the map's place, cut out and marked."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.layers.peak_pictures import WHOLE, cut_out, marked, peak_region, seen_picture
from analysis.layers.receptive_field import ReceptiveField
from models.preprocessing import Preprocessing

FIELD = ReceptiveField((7, 7), (4, 4), (-3, -3))


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_the_field_is_the_part_where_it_is_less_than_all() -> None:
    region, is_field = peak_region((2, 3), (8, 8), FIELD, (32, 32))
    assert is_field and region == (9 / 32, 5 / 32, 16 / 32, 12 / 32)  # left, top, right, bottom
    region, _ = peak_region((0, 0), (8, 8), FIELD, (32, 64))
    assert region == (0, 0, 4 / 64, 4 / 32)  # cut by the border


@pytest.mark.parametrize("field", [None, ReceptiveField((60, 60), (4, 4), (-30, -30))])
def test_else_the_place_in_the_map_is(field: ReceptiveField | None) -> None:
    assert peak_region((1, 2), (2, 4), field, (32, 32)) == ((0.5, 0.5, 0.75, 1.0), False)


def test_a_place_beyond_the_map_is_its_last() -> None:
    """Of images of various sizes the map of the first one is known."""
    assert peak_region((9, 9), (2, 4), None, (32, 32)) == ((0.75, 0.5, 1.0, 1.0), False)


def test_a_vector_hangs_on_all() -> None:
    assert peak_region((0, 0), None, FIELD, (32, 32)) == (WHOLE, False)
    picture = Image.new("RGB", (40, 40), (200, 10, 10))
    assert np.ptp(pixels(marked(picture, WHOLE))[..., 0]) < 4  # no frame


def test_a_mark_lies_around_the_part_and_leaves_the_picture() -> None:
    picture = Image.new("RGB", (100, 100), (120, 120, 120))
    found = pixels(marked(picture, (0.2, 0.4, 0.6, 0.8)))
    assert found[40:80, 20].mean() > 200 and found[40, 20:60].mean() > 200
    assert abs(found[50:70, 30:50].mean() - 120) < 6 and abs(found[:30].mean() - 120) < 3
    assert np.asarray(picture).std() == 0


def test_a_cut_shows_the_part_and_never_leaves_the_picture() -> None:
    values = np.zeros((60, 80, 3), np.uint8)
    values[40:60, 60:80] = (0, 255, 0)
    picture = Image.fromarray(values)
    found = pixels(cut_out(picture, (60 / 80, 40 / 60, 1, 1), 24))
    assert found.shape == (24, 24, 3) and found[..., 1].min() > 200
    wider = pixels(cut_out(picture, (60 / 80, 40 / 60, 1, 1), 24, least=1.0))
    assert 0.05 < (wider[..., 1] > 128).mean() < 0.2
    assert pixels(cut_out(picture, WHOLE, 24)).shape == (24, 24, 3)


def test_it_is_cut_from_what_the_network_saw(tmp_path: Path) -> None:
    values = np.zeros((64, 128, 3), np.uint8)
    values[:, 40:88] = 255
    Image.fromarray(values).save(tmp_path / "wide.png")
    seen = seen_picture(tmp_path / "wide.png", Preprocessing(32, 24, (0.5,) * 3, (0.5,) * 3))
    assert seen.size == (24, 24) and np.asarray(seen).mean() > 250
