"""What is measured of pictures: known answers on planted ones, kept, and gone on with."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from models import image_facts
from models.image_facts import QUALITY, image_facts_steps, perceptual_hash, picture_quality, saved_image_facts
from models.store import Store
from tests.models.prediction_samples import picture


def result(steps: Generator[Any, None, pd.DataFrame]) -> tuple[pd.DataFrame, list[Any]]:
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as end:
            return end.value, said


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


def _drawn(seed: int, size: tuple[int, int]) -> Image.Image:
    draws = np.random.default_rng(seed)
    coarse = Image.fromarray(draws.integers(40, 200, (6, 8, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = draws.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(("level", "brightness"), [(0, 0.0), (255, 1.0), (51, 0.2)])
def test_a_plain_grey_has_its_brightness_and_nothing_else(level: int, brightness: float) -> None:
    quality = picture_quality(Image.new("RGB", (90, 60), (level, level, level)))
    assert quality.brightness == pytest.approx(brightness)
    assert (quality.contrast, quality.sharpness, quality.saturation) == (0, 0, 0)
    assert (quality.aspect, quality.pixels) == (1.5, 5400)


def test_half_black_half_white_has_the_largest_contrast() -> None:
    grey = Image.new("RGB", (224, 224))
    grey.paste((255, 255, 255), (0, 0, 112, 224))
    assert picture_quality(grey).contrast == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("brightness", lambda image: ImageEnhance.Brightness(image).enhance(0.4)),
        ("contrast", lambda image: ImageEnhance.Contrast(image).enhance(0.3)),
        ("sharpness", lambda image: image.filter(ImageFilter.GaussianBlur(3))),
        ("saturation", lambda image: ImageEnhance.Color(image).enhance(0.2)),
    ],
)
def test_each_measure_falls_when_its_property_is_taken_away(name: str, change: Any) -> None:
    image = _drawn(1, (320, 240))
    assert getattr(picture_quality(change(image)), name) < 0.75 * getattr(picture_quality(image), name)


def test_sharpness_is_measured_at_one_size() -> None:
    large = _drawn(2, (900, 600)).filter(ImageFilter.GaussianBlur(6))
    small = large.resize((450, 300), Image.Resampling.LANCZOS)
    assert picture_quality(small).sharpness == pytest.approx(picture_quality(large).sharpness, abs=0.1)


def test_the_perceptual_hash_is_imagehash_s_and_survives_what_it_should() -> None:
    image = _drawn(5, (300, 200))
    own = perceptual_hash(image)
    assert own == int(str(imagehash.phash(image)), 16)
    smaller = perceptual_hash(image.resize((150, 100), Image.Resampling.LANCZOS))
    other = perceptual_hash(_drawn(6, (300, 200)))
    assert (own ^ smaller).bit_count() <= 4 < (own ^ other).bit_count()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [picture(tmp_path / "pictures" / f"{number}.jpg", number) for number in range(5)]
    broken = tmp_path / "pictures" / "broken.jpg"
    broken.write_bytes(made[0].read_bytes()[:500])
    return [*made, broken, tmp_path / "pictures" / "gone.jpg"]


def test_every_file_has_its_row_and_the_unreadable_ones_their_reason(store: Store, files: list[Path]) -> None:
    facts, _ = result(image_facts_steps(store, files))
    assert len(facts) == 7
    assert (facts["problem"].to_numpy() != "").tolist() == [False] * 5 + [True] * 2
    assert facts["width"].tolist()[:5] == [150] * 5
    assert not np.isnan(facts[list(QUALITY)].to_numpy()[:5]).any()
    assert np.isnan(facts[list(QUALITY)].to_numpy()[5:]).all()
    assert len(facts["content"][5]) == 32 and facts["content"][6] == ""
    assert facts["phash"].dtype == np.uint64


def test_facts_are_kept_until_a_file_changes(store: Store, files: list[Path]) -> None:
    facts, said = result(image_facts_steps(store, files))
    again, silent = result(image_facts_steps(store, files))
    assert said and not silent
    pd.testing.assert_frame_equal(facts, again)
    kept = saved_image_facts(store, files)
    assert kept is not None
    pd.testing.assert_frame_equal(facts, kept)
    picture(files[0], 77, (200, 100))
    assert saved_image_facts(store, files) is None


def test_work_that_was_stopped_goes_on(
    store: Store, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = result(image_facts_steps(Store(store.root.with_name("other")), files))
    monkeypatch.setattr(image_facts, "AT_ONCE", 2)
    steps = image_facts_steps(store, files)
    assert [next(steps).done for _ in range(3)] == [0, 2, 4]
    steps.close()
    measured: list[Path] = []
    facts_of = image_facts._facts
    monkeypatch.setattr(image_facts, "_facts", lambda path: measured.append(path) or facts_of(path))
    facts, _ = result(image_facts_steps(store, files))
    assert measured == files[4:]
    pd.testing.assert_frame_equal(facts, whole)


def test_no_images_are_no_facts(store: Store) -> None:
    facts, _ = result(image_facts_steps(store, []))
    assert len(facts) == 0 and {"content", "phash", *QUALITY} <= set(facts)


def test_a_picture_turned_by_its_exif_is_measured_upright(store: Store, tmp_path: Path) -> None:
    image, file = _drawn(4, (80, 40)), tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(file, exif=exif)
    facts, _ = result(image_facts_steps(store, [file]))
    assert (facts["width"][0], facts["height"][0], facts["aspect"][0]) == (40, 80, 0.5)


def test_damaged_facts_are_measured_again(store: Store, files: list[Path]) -> None:
    facts, _ = result(image_facts_steps(store, files))
    (kept,) = (store.root / "image_facts").glob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:100])
    assert saved_image_facts(store, files) is None
    again, said = result(image_facts_steps(store, files))
    pd.testing.assert_frame_equal(again, facts)
    assert said and saved_image_facts(store, files) is not None
