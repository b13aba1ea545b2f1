"""Maps drawn over pictures: at the right place, visible, and honest about what was not seen."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analysis.saliency_image import (
    crop_frame,
    crop_frame_png,
    display_values,
    full_scale,
    heat_image,
    heat_png,
    overlay,
)
from models.preprocessing import Preprocessing, pixels

HALF = (0.5, 0.5, 0.5)
RECIPES = [
    Preprocessing(256, 224, HALF, HALF),
    Preprocessing(96, (64, 96), HALF, HALF),
    Preprocessing((100, 60), None, HALF, HALF),
    Preprocessing(None, None, HALF, HALF),
]


def spot(width: int, height: int, x: int, y: int, radius: int = 12) -> Image.Image:
    """A black picture with a white square around (x, y)."""
    levels = np.zeros((height, width, 3), np.uint8)
    levels[max(0, y - radius) : y + radius, max(0, x - radius) : x + radius] = 255
    return Image.fromarray(levels)


def centre(weights: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(weights.shape) + 0.5
    return float((columns * weights).sum() / weights.sum()), float((rows * weights).sum() / weights.sum())


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (900, 700), (224, 224)])
@pytest.mark.parametrize("longest", [2000, 160])
def test_the_map_comes_back_to_where_its_evidence_was(
    recipe: Preprocessing, size: tuple[int, int], longest: int
) -> None:
    """The white square, preprocessed, is itself the map: drawn, it must lie on the white square."""
    width, height = size
    at = round(width * 0.45), round(height * 0.6)
    picture = spot(width, height, *at)
    relevance = pixels(picture, recipe)[0].numpy()
    heat = heat_image(relevance, recipe.crop_box(width, height), size, longest=longest)
    scale = heat.width / width
    assert max(heat.size) <= min(longest, max(size))
    found = centre(np.asarray(heat)[..., 3].astype(float))
    assert found[0] / scale == pytest.approx(at[0], abs=1.5 / min(scale, 1))
    assert found[1] / scale == pytest.approx(at[1], abs=1.5 / min(scale, 1))


@pytest.mark.parametrize("grain", [1, 4])
def test_nothing_is_drawn_outside_what_the_network_saw(grain: int) -> None:
    heat = np.asarray(heat_image(np.ones((8, 8)), (40, 0, 80, 40), (120, 40), grain=grain))
    assert not heat[:, :39, 3].any() and not heat[:, 81:, 3].any()
    assert (heat[:, 41:79, 3] == 178).all()


def test_a_crop_larger_than_the_picture_is_cut() -> None:
    heat = np.asarray(heat_image(np.ones((8, 8)), (-10, -10, 50, 50), (40, 40)))
    assert heat.shape == (40, 40, 4) and (heat[..., 3] == 178).all()
    assert crop_frame((-10, -10, 50, 50), (40, 40)).getextrema()[3] == (0, 0)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=9, max_size=9), st.floats(1e-3, 1e3))
def test_display_values_keep_signs_and_zero_and_forget_the_scale(values: list[float], factor: float) -> None:
    relevance = np.array(values).reshape(3, 3)
    shown = display_values(relevance)
    assert np.abs(shown).max() <= 1
    assert ((np.sign(shown) == np.sign(relevance)) | (np.abs(shown) < 1e-6)).all()
    np.testing.assert_allclose(display_values(relevance * factor), shown, atol=1e-5)


def test_a_few_extreme_pixels_do_not_darken_the_rest() -> None:
    relevance = np.ones((50, 50))
    relevance[0, 0] = 1e6
    assert display_values(relevance)[25, 25] == 1
    alone = np.zeros((50, 50))
    alone[3, 3] = 7
    assert display_values(alone)[3, 3] == 1


def test_a_blank_map_draws_nothing_at_all() -> None:
    picture = spot(60, 40, 30, 20)
    whole = (0.0, 0.0, 60.0, 40.0)
    assert heat_image(np.zeros((8, 8)), whole, picture.size).getextrema()[3] == (0, 0)
    np.testing.assert_array_equal(overlay(picture, np.zeros((8, 8)), whole), picture)


def test_for_is_red_and_against_is_blue_only_where_the_method_is_signed() -> None:
    relevance = np.array([[1.0, -1.0]])
    signed = np.asarray(heat_image(relevance, (0, 0, 40, 20), (40, 20), signed=True)).astype(int)
    assert signed[10, 5, 0] > signed[10, 5, 2] + 50 and signed[10, 35, 2] > signed[10, 35, 0] + 50
    unsigned = np.asarray(heat_image(relevance, (0, 0, 40, 20), (40, 20)))
    assert unsigned[10, 5, 3] > 0 and unsigned[10, 35, 3] == 0


def test_absolute_draws_what_speaks_against_as_strongly_as_what_speaks_for() -> None:
    relevance = np.array([[1.0, -1.0]])
    shown = np.asarray(heat_image(relevance, (0, 0, 40, 20), (40, 20), absolute=True))
    np.testing.assert_array_equal(shown[10, 5], shown[10, 35])
    assert shown[10, 5, 3] > 150
    with Image.open(io.BytesIO(heat_png(relevance, (0, 0, 40, 20), (40, 20), absolute=True))) as image:
        np.testing.assert_array_equal(image, shown)


def test_a_lower_percentile_draws_more_of_the_map_at_full_strength() -> None:
    relevance = np.linspace(0, 1, 10_000).reshape(100, 100)
    whole = (0.0, 0.0, 100.0, 100.0)
    full = [
        int((np.asarray(heat_image(relevance, whole, (100, 100), percentile=p))[..., 3] == 178).sum())
        for p in (100.0, 99.0, 90.0)
    ]
    assert full[0] < full[1] < full[2]
    assert full_scale(relevance, 90) == pytest.approx(0.9, abs=1e-3)
    assert full_scale(relevance, 100) == 1
    assert full_scale(np.zeros((4, 4))) == 0
    # the scale is that of what is drawn: single pixels that contradict each other average out
    checks = np.indices((16, 16)).sum(0) % 2 * 2.0 - 1
    assert full_scale(checks) == 1 and full_scale(checks, grain=4) == 0


def test_maps_of_one_scale_show_which_is_fainter() -> None:
    strong = np.linspace(0, 8, 64).reshape(8, 8)
    scale = full_scale(strong)
    box, size = (0.0, 0.0, 64.0, 64.0), (64, 64)
    pictures = [np.asarray(heat_image(each, box, size, scale=scale)) for each in (strong, strong / 10)]
    own = np.asarray(heat_image(strong / 10, box, size))
    np.testing.assert_array_equal(pictures[0], own)  # each to itself: the same picture
    assert pictures[1][..., 3].max() == pytest.approx(pictures[0][..., 3].max() / 10, abs=2)


def test_opacity_goes_from_the_picture_to_the_map() -> None:
    picture = spot(64, 64, 32, 32)
    whole = (0.0, 0.0, 64.0, 64.0)
    relevance = np.ones((4, 4))
    strength = [
        float(np.abs(np.asarray(overlay(picture, relevance, whole, opacity=o)) - np.asarray(picture)).sum())
        for o in (0.0, 0.5, 1.0)
    ]
    assert strength[0] == 0 < strength[1] < strength[2]
    # even at full opacity black and white beneath stay apart
    shown = np.asarray(overlay(picture, relevance, whole)).astype(int)
    assert shown[32, 32].sum() - shown[2, 2].sum() > 100


def test_what_was_not_seen_is_darkened_and_outlined() -> None:
    picture = Image.new("RGB", (120, 40), "white")
    shown = np.asarray(overlay(picture, np.zeros((4, 4)), (40, 0, 80, 40))).astype(int)
    assert (shown[20, 10] < 160).all() and (shown[20, 60] == 255).all()
    frame = np.asarray(crop_frame((40, 0, 80, 40), (120, 40)))
    assert frame[20, 40].tolist() == frame[20, 79].tolist() == [255, 255, 255, 150]
    assert not crop_frame((0, 0, 120, 40), (120, 40)).getchannel("A").getextrema()[1]


def test_grain_averages_squares_before_drawing() -> None:
    """Neighbours that contradict each other cancel; a block that agrees stays."""
    relevance = np.indices((16, 16)).sum(0) % 2 * 2.0 - 1
    relevance[:4, :4] = 1
    heat = np.asarray(heat_image(relevance, (0, 0, 16, 16), (16, 16), grain=4, signed=True))
    assert heat[1, 1, 3] > 150 and heat[12, 12, 3] == 0


def test_pngs_are_small_and_hold_the_same_picture() -> None:
    relevance = np.random.default_rng(0).random((224, 224))
    arguments = (relevance, (14.0, 14.0, 210.0, 210.0), (1600, 1200))
    content = heat_png(*arguments)
    assert len(content) < 1_200_000
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (640, 480) and image.mode == "RGBA"
        np.testing.assert_array_equal(image, heat_image(*arguments))
    with Image.open(io.BytesIO(crop_frame_png(*arguments[1:]))) as image:
        assert image.size == (640, 480)


def test_pictures_of_other_modes_are_drawn_in_colour() -> None:
    for mode in ("L", "RGBA", "P"):
        assert overlay(Image.new(mode, (30, 20)), np.ones((4, 4)), (0, 0, 30, 20)).mode == "RGB"


def test_drawing_needs_no_torch_and_no_matplotlib() -> None:
    program = (
        "import sys, analysis.saliency_image; print({'torch', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_a_grey_picture_lets_colours_belong_to_the_map() -> None:
    picture = Image.new("RGB", (40, 30), (200, 40, 40))
    relevance = np.zeros((30, 40), np.float32)
    relevance[10:20, 10:20] = 1
    drawn = np.asarray(overlay(picture, relevance, (0, 0, 40, 30), grey=True), dtype=int)
    assert np.ptp(drawn[0, 0]) == 0 and drawn[0, 0, 0] < 200
    assert np.ptp(drawn[15, 15]) > 30
    coloured = np.asarray(overlay(picture, relevance, (0, 0, 40, 30)))
    assert coloured[0, 0].tolist() == [200, 40, 40]
