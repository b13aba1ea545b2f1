"""Augmented images: nothing changed is nothing changed, all is drawn from the caller's generator, within its range."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.decoding import decoded
from models.errors import ImagesError
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_operations import MOVES, happens, random_box
from models.finetune.augmentation_presets import PRESETS
from models.finetune.augmentation_table import OPERATIONS
from models.finetune.augmented import augmented_input, augmented_picture, decoding_size, mean_colour
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, network_input
from models.torchvision_import import torchvision  # noqa: F401
from tests.models.finetune.test_augmentation import augmentations
from tests.models.finetune.test_augmentation_warp import picture

from torchvision.transforms import v2  # isort: skip

SMALL = Preprocessing(40, 32, IMAGENET_MEAN, IMAGENET_STD)
PREPROCESSINGS = st.builds(
    Preprocessing,
    resize=st.one_of(st.none(), st.integers(8, 50), st.tuples(st.integers(8, 50), st.integers(8, 50))),
    crop=st.one_of(st.none(), st.integers(5, 60), st.tuples(st.integers(5, 60), st.integers(5, 60))),
    mean=st.just(IMAGENET_MEAN),
    std=st.just(IMAGENET_STD),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    grayscale=st.booleans(),
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(name: str, strength: float | None = None, probability: float = 1.0) -> Augmentation:
    kind = OPERATIONS[name]
    return Augmentation((Operation(name, kind.default if strength is None else strength, probability),))


def values(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


@settings(max_examples=60, deadline=None)
@given(PREPROCESSINGS, st.integers(3, 80), st.integers(3, 80))
def test_nothing_changed_is_the_networks_input_bit_for_bit(
    preprocessing: Preprocessing, width: int, height: int
) -> None:
    image = picture(width, height)
    expected = network_input(image, preprocessing)
    assert torch.equal(augmented_input(image, Augmentation(), preprocessing, seeded()), expected)
    never = Augmentation(tuple(Operation(name, kind.default, 0.0) for name, kind in OPERATIONS.items()))
    assert torch.equal(augmented_input(image, never, preprocessing, seeded()), expected)


WEAKEST = [key for key, kind in OPERATIONS.items() if kind.lowest == 0 and key != "rand_augment"]


@pytest.mark.parametrize("name", WEAKEST)
def test_a_change_without_strength_changes_nothing(name: str) -> None:
    image = picture(64, 51)
    found = augmented_picture(image, only(name, 0), SMALL, seeded())
    expected = augmented_picture(image, Augmentation(), SMALL, seeded())
    # hue goes through another colour space, and a whole turn of pixels through another interpolation
    assert np.abs(values(found) - values(expected)).max() <= (8 if name == "hue" else 1)


@settings(max_examples=60, deadline=None)
@given(augmentations(), PREPROCESSINGS, st.integers(3, 80), st.integers(3, 80))
def test_any_augmentation_keeps_the_size_and_repeats_itself(
    augmentation: Augmentation, preprocessing: Preprocessing, width: int, height: int
) -> None:
    image = picture(width, height)
    plain = network_input(image, preprocessing)
    found = augmented_input(image, augmentation, preprocessing, seeded(3))
    assert found.shape == plain.shape and found.dtype == torch.float32
    assert torch.equal(found, augmented_input(image, augmentation, preprocessing, seeded(3)))
    seen = augmented_picture(image, augmentation, preprocessing, seeded(3))
    bare = replace(preprocessing, resize=None, crop=None)
    assert torch.equal(found, network_input(seen, bare))
    if preprocessing.grayscale:
        assert np.ptp(values(seen), axis=2).max() == 0
    assert image == picture(width, height)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_global_random_state_is_used_and_none_is_moved(name: str) -> None:
    image, augmentation = picture(64, 51), only(name)
    expected = augmented_input(image, augmentation, SMALL, seeded(5))
    torch.manual_seed(1)
    np.random.seed(1)
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    found = augmented_input(image, augmentation, SMALL, seeded(5))
    assert torch.equal(found, expected)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)  # type: ignore[index]


def test_threads_do_not_disturb_each_other() -> None:
    image, augmentation = picture(64, 51), PRESETS["strong"].augmentation
    alone = [augmented_input(image, augmentation, SMALL, seeded(each)) for each in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda each: augmented_input(image, augmentation, SMALL, seeded(each)), range(40))
        assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_an_operation_happens_as_often_as_said() -> None:
    generator = seeded()
    share = np.mean([happens(Operation("rotation", 1.0, 0.3), generator) for _ in range(4000)])
    assert abs(share - 0.3) < 4 * (0.3 * 0.7 / 4000) ** 0.5


DRAWN: dict[str, Callable[[np.ndarray], float]] = {
    "rotation": lambda matrix: np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0])) / 20,
    "shift": lambda matrix: matrix[0, 2] / (0.2 * 100),
    "shear": lambda matrix: matrix[0, 1] / 0.2,
    "zoom": lambda matrix: (matrix[0, 0] - 1) / 0.2,
}


@pytest.mark.parametrize("name", DRAWN)
def test_moves_are_drawn_evenly_up_to_their_strength(name: str) -> None:
    generator = seeded()
    strength = 20 if name == "rotation" else 0.2
    matrices = [MOVES[name](strength, (10, 20, 110, 70), generator) for _ in range(2000)]
    drawn = np.sort([DRAWN[name](matrix) for matrix in matrices])
    assert -1 <= drawn[0] < -0.98 and 0.98 < drawn[-1] <= 1
    assert np.abs(drawn - np.linspace(-1, 1, len(drawn))).max() < 0.1
    if name != "shift":  # what stands in the middle of the crop stays there
        middles = np.stack(matrices) @ (60, 45, 1)
        np.testing.assert_allclose(middles[:, :2], np.tile([60.0, 45.0], (2000, 1)))


def test_perspective_moves_each_corner_inwards_by_at_most_half_its_strength() -> None:
    generator = seeded()
    moved = np.array(
        [
            (matrix @ (10, 20, 1))[:2] / (matrix @ (10, 20, 1))[2]
            for matrix in (MOVES["perspective"](0.4, (10, 20, 110, 70), generator) for _ in range(500))
        ]
    )
    assert (moved >= (10, 20)).all() and (moved <= (10 + 20 + 1e-6, 20 + 10 + 1e-6)).all()
    assert moved.max(axis=0) == pytest.approx((30, 30), abs=0.5)


def test_random_crops_are_drawn_as_torchvision_draws_them() -> None:
    image, generator = Image.new("RGB", (300, 200)), seeded()
    boxes = np.array([random_box(0.2, image.size, generator) for _ in range(3000)])
    transform = v2.RandomResizedCrop(10, scale=(0.2, 1.0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = [transform.make_params([image]) for _ in range(3000)]
    sizes = np.array([(each["width"], each["height"], each["left"], each["top"]) for each in theirs])
    ours = np.column_stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1], boxes[:, 0], boxes[:, 1]])
    for column in range(4):
        assert ours[:, column].mean() == pytest.approx(sizes[:, column].mean(), rel=0.06)
        assert ours[:, column].std() == pytest.approx(sizes[:, column].std(), rel=0.08)
    ratios = np.log(ours[:, 0] / ours[:, 1])
    assert np.abs(ratios).max() <= log(4 / 3) + 0.05
    assert (boxes[:, 2] <= 300).all() and (boxes[:, 3] <= 200).all() and boxes.min() >= 0


def test_a_picture_too_slim_for_any_crop_gives_its_middle() -> None:
    assert random_box(1.0, (1000, 10), seeded()) == (493, 0, 506, 10)


def test_a_whole_random_crop_of_a_square_is_the_picture_resized() -> None:
    image = picture(64, 64)
    found = augmented_picture(image, only("random_resized_crop", 1.0), SMALL, seeded(1))
    assert found.size == (32, 32)


def test_flips_are_exact() -> None:
    image = picture(64, 64)
    plain = values(augmented_picture(image, Augmentation(), SMALL, seeded()))
    across = augmented_picture(image, only("horizontal_flip"), SMALL, seeded())
    down = augmented_picture(image, only("vertical_flip"), SMALL, seeded())
    assert np.array_equal(values(across), plain[:, ::-1])
    assert np.array_equal(values(down), plain[::-1])


def test_colours_change_within_their_strength() -> None:
    image = Image.new("RGB", (64, 64), (100, 100, 100))
    found = [
        values(augmented_picture(image, only("brightness", 0.4), SMALL, seeded(each)))[0, 0, 0] for each in range(300)
    ]  # fmt: skip
    assert 60 <= min(found) < 64 and 136 < max(found) <= 140
    grey = values(augmented_picture(picture(64, 51), only("grayscale"), SMALL, seeded()))
    assert np.ptp(grey, axis=2).max() == 0


def test_noise_is_as_strong_as_said() -> None:
    image = Image.new("RGB", (64, 64), (128, 128, 128))
    deviations = [
        values(augmented_picture(image, only("noise", 0.1), SMALL, seeded(each))).std() for each in range(200)
    ]
    assert max(deviations) == pytest.approx(25.5, rel=0.1) and min(deviations) < 1
    assert np.mean(deviations) == pytest.approx(12.75, rel=0.15)


def test_blur_is_torchvisions_but_for_a_few_grey_levels() -> None:
    image = picture(96, 96, seed=2)
    noisy = values(image) + np.random.default_rng(0).integers(-60, 60, (96, 96, 3))
    image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    bare = replace(SMALL, resize=None, crop=None)
    sigma = 0.05 * 96 * float(torch.rand(2, generator=seeded(9), dtype=torch.float64)[1])
    found = augmented_picture(image, only("blur", 0.05), bare, seeded(9))
    expected = v2.functional.gaussian_blur(image, [25, 25], [sigma, sigma])
    inner = (slice(12, -12), slice(12, -12))
    assert sigma > 1
    assert np.abs(values(found)[inner] - values(expected)[inner]).max() <= 4
    assert np.abs(values(found)[inner] - values(image)[inner]).mean() > 10


def test_a_hole_is_the_mean_colour_and_as_large_as_said() -> None:
    image = Image.new("RGB", (100, 100), (255, 255, 255))
    bare = replace(SMALL, resize=None, crop=None)
    shares = []
    for each in range(300):
        found = augmented_picture(image, only("cutout", 0.3), bare, seeded(each))
        hidden = (values(found) == mean_colour(bare)).all(axis=2)
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert (values(found)[~hidden] == 255).all()
        shares.append(hidden.mean())
    assert 0.015 < min(shares) < 0.04 and 0.27 < max(shares) < 0.31


@settings(max_examples=40, deadline=None)
@given(tiles=st.integers(2, 8), width=st.integers(8, 60), height=st.integers(8, 60), seed=st.integers(0, 99))
def test_grid_shuffle_moves_tiles_and_loses_no_pixel(tiles: int, width: int, height: int, seed: int) -> None:
    numbered = np.zeros((height, width, 3), np.uint8)
    numbered[..., 0], numbered[..., 1] = np.arange(width), np.arange(height)[:, None]
    bare = replace(SMALL, resize=None, crop=None)
    found = values(
        augmented_picture(Image.fromarray(numbered), only("grid_shuffle", tiles), bare, seeded(seed))
    )
    places = found[..., 1] * width + found[..., 0]
    assert np.array_equal(np.sort(places.ravel()), np.arange(width * height))
    w, h = width // tiles, height // tiles
    left, top = (width - tiles * w) // 2, (height - tiles * h) // 2
    for row in range(tiles):
        for column in range(tiles):
            y, x = top + row * h, left + column * w
            tile = places[y : y + h, x : x + w]
            source = np.divmod(tile[0, 0], width)
            assert (source[0] - top) % h == 0 and (source[1] - left) % w == 0
            grid = (source[0] + np.arange(h))[:, None] * width + source[1] + np.arange(w)
            assert np.array_equal(tile, grid)


def test_grid_shuffle_of_fewer_pixels_than_tiles_changes_nothing() -> None:
    bare = replace(SMALL, resize=None, crop=None)
    image = picture(3, 3)
    assert np.array_equal(
        values(augmented_picture(image, only("grid_shuffle", 8), bare, seeded())), values(image)
    )


def test_small_random_crops_are_decoded_sharply() -> None:
    assert decoding_size(Augmentation(), SMALL) == (40, 40)
    assert decoding_size(only("random_resized_crop", 0.25), SMALL) == (80, 80)
    assert decoding_size(only("random_resized_crop", 0.25), replace(SMALL, resize=None)) is None


def test_a_strip_takes_no_gigabytes() -> None:
    strip = Image.new("RGB", (2, 20000), (9, 9, 9))
    found = augmented_picture(
        strip, PRESETS["small_data"].augmentation, replace(SMALL, resize=256, crop=224), seeded()
    )
    assert found.size == (224, 224)
    with pytest.raises(ImagesError, match="too large"):
        augmented_picture(strip, only("rotation"), replace(SMALL, resize=256, crop=None), seeded())


@pytest.mark.real
def test_real_photos_keep_no_black_corners(real: Path) -> None:
    """Turned by up to 40 degrees, mirrored edges: no picture gets black it did not have."""
    path = sorted((real / "pets" / "val" / "Ragdoll").iterdir())[0]
    image, preprocessing = decoded(path), Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD)
    plain = (
        values(augmented_picture(image, Augmentation(), preprocessing, seeded())).sum(axis=2) == 0
    ).mean()
    for seed in range(20):
        found = augmented_picture(image, PRESETS["small_data"].augmentation, preprocessing, seeded(seed))
        assert (values(found).sum(axis=2) == 0).mean() <= 3 * plain + 0.01
