import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.average_image import (
    MOST,
    SIDE,
    AverageImage,
    average_difference,
    average_image,
    average_jpeg,
    difference_png,
)


def _saved(folder: Path, pictures: list[np.ndarray]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:03}.png" for i in range(len(pictures))]
    for path, pixels in zip(paths, pictures, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def _noise(rng: np.random.Generator, n: int, light: float = 120.0, spread: float = 30.0) -> list[np.ndarray]:
    """Pictures of one light each, and noise on top."""
    lights = rng.normal(light, spread, n)
    return [np.clip(rng.normal(each, 10, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8) for each in lights]


def test_the_mean_is_numpys(tmp_path: Path) -> None:
    pictures = _noise(np.random.default_rng(0), 7)
    found = average_image(_saved(tmp_path, pictures))
    assert found is not None and (found.n, found.n_all, found.n_unreadable) == (7, 7, 0)
    stacked = np.stack(pictures).astype(float)
    np.testing.assert_allclose(found.pixels, stacked.mean(axis=0))
    luma = (stacked @ [0.299, 0.587, 0.114]).reshape(7, 16, 8, 16, 8).mean(axis=(2, 4))
    np.testing.assert_allclose(found.light, luma.mean(axis=0))
    np.testing.assert_allclose(found.light_variance, luma.var(axis=0, ddof=1))


def test_pictures_of_any_shape_are_cut_to_a_square_around_their_centre(tmp_path: Path) -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 255
    found = average_image(_saved(tmp_path, [wide]))
    assert found is not None and found.pixels.min() > 200
    assert np.isnan(found.light_variance).all()


def test_unreadable_pictures_are_counted_and_left_out(tmp_path: Path) -> None:
    paths = _saved(tmp_path, [np.full((20, 20, 3), 80, np.uint8)])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    found = average_image([*paths, tmp_path / "broken.png", tmp_path / "gone.png"])
    assert found is not None and (found.n, found.n_unreadable) == (1, 2)
    assert average_image([tmp_path / "gone.png"]) is None
    assert average_image([]) is None


def test_of_many_pictures_some_are_taken_evenly(tmp_path: Path) -> None:
    paths = _saved(tmp_path, [np.full((8, 8, 3), i, np.uint8) for i in range(30)])
    found = average_image(paths, most=4)
    assert found is not None and (found.n, found.n_all) == (4, 30)
    assert found.pixels[0, 0, 0] == pytest.approx(np.mean([0, 9, 19, 29]))
    assert MOST == 200


def _average(rng: np.random.Generator, n: int, shift: np.ndarray | float = 0.0) -> AverageImage:
    light = rng.normal(120, 40, (n, 1, 1)) + rng.normal(0, 25, (n, 16, 16)) + shift
    return AverageImage(np.zeros((SIDE, SIDE, 3)), light.mean(axis=0), light.var(axis=0, ddof=1), n, 0, n)


def test_a_planted_light_corner_is_found_and_nothing_else() -> None:
    shift = np.zeros((16, 16))
    shift[:4, :4] = 120
    rng = np.random.default_rng(1)
    found = average_difference(_average(rng, 40, shift), _average(rng, 40))
    assert found is not None
    assert found.is_clear[:4, :4].mean() > 0.9
    assert found.is_clear.sum() - found.is_clear[:4, :4].sum() <= 3
    words = found.words("Bengal", "Egyptian_Mau")
    assert words.startswith("Beyond chance, Bengal is lighter on 6% of the picture")


def test_pictures_that_do_not_differ_are_silent() -> None:
    clear = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = average_difference(_average(rng, 15), _average(rng, 12))
        assert found is not None
        clear += bool(found.is_clear.any())
        if not found.is_clear.any():
            assert found.words("a", "b").startswith("No place is lighter or darker")
    assert clear <= 3


def test_few_or_equal_pictures_say_nothing() -> None:
    rng = np.random.default_rng(2)
    assert average_difference(_average(rng, 9), _average(rng, 30)) is None
    same = AverageImage(np.zeros((SIDE, SIDE, 3)), np.full((16, 16), 9.0), np.zeros((16, 16)), 12, 0, 12)
    found = average_difference(same, same)
    assert found is not None and not found.is_clear.any()


def test_both_are_drawn_as_files_that_open(tmp_path: Path) -> None:
    found = average_image(_saved(tmp_path, _noise(np.random.default_rng(3), 3)))
    assert found is not None
    drawn = Image.open(io.BytesIO(average_jpeg(found)))
    assert (drawn.format, drawn.size) == ("JPEG", (256, 256))
    assert abs(np.asarray(drawn, float).mean() - found.pixels.mean()) < 2
    shift = np.zeros((16, 16))
    shift[:4] = 200
    rng = np.random.default_rng(4)
    difference = average_difference(_average(rng, 30, shift), _average(rng, 30))
    assert difference is not None
    picture = np.asarray(Image.open(io.BytesIO(difference_png(difference))).convert("RGB"), int)
    assert picture.shape == (256, 256, 3)
    top, bottom = picture[:64].mean(axis=(0, 1)), picture[192:].mean(axis=(0, 1))
    assert top[0] > top[2] + 50  # lighter is red
    assert abs(bottom - 200).max() < 15  # no difference is grey
