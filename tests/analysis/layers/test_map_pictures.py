"""Maps as pictures: each place where it is, full strength where it was asked."""

import io

import numpy as np
from PIL import Image

from analysis.colour_maps import colours
from analysis.layers.map_pictures import COLOUR_MAP, map_over, map_picture


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_each_place_is_a_square_of_its_colour() -> None:
    values = np.array([[0, 1, 2], [3, 4, 2]], np.float32)
    pixels = opened(map_picture(values, 4.0, side=90))
    assert pixels.shape == (60, 90, 3)
    for row in range(2):
        for column in range(3):
            square = pixels[row * 30 : row * 30 + 30, column * 30 : column * 30 + 30]
            expected = colours(np.array([values[row, column] / 4]), COLOUR_MAP)[0]
            assert (square == expected).all()


def test_below_zero_it_is_drawn_in_two_directions() -> None:
    pixels = opened(map_picture(np.array([[-2, 0, 2]], np.float32), 2.0, side=3))[0].astype(int)
    assert pixels[0, 2] > pixels[0, 0]  # blue
    assert pixels[2, 0] > pixels[2, 2]  # red
    assert pixels[1].min() > 235  # nothing is white


def test_a_large_map_is_made_smaller_and_an_empty_one_is_drawn() -> None:
    assert max(opened(map_picture(np.ones((500, 250), np.float32), 1.0, side=100)).shape[:2]) == 100
    assert (
        opened(map_picture(np.zeros((4, 4), np.float32), 0.0)) == colours(np.zeros(1), COLOUR_MAP)[0]
    ).all()


def test_over_the_picture_only_what_is_strong_is_coloured() -> None:
    photo = Image.new("RGB", (80, 40), (120, 120, 120))
    values = np.zeros((4, 8), np.float32)
    values[0, 7] = 5
    pixels = opened(map_over(values, 5.0, photo)).astype(int)
    assert pixels.shape == (40, 80, 3)
    assert np.ptp(pixels[30, 5]) == 0  # still grey
    assert pixels[2, 77, 0] > pixels[2, 77, 2] + 60  # hot
