"""A small random network and a few pictures, for tests of predicting."""

import random
from pathlib import Path

import numpy as np
from PIL import Image

from models.images import ImageSet, open_image_set
from models.network import Network
from models.predictions import Predictions
from tests.models.calibrated import calibrated_network

CLASSES = ("ant", "bee", "cat", "dog", "emu")


def small_network(architecture: str = "shufflenet_v2_x0_5") -> Network:
    """A calibrated network that knows CLASSES."""
    return calibrated_network(architecture, len(CLASSES)).with_class_names(CLASSES, "the test")


def picture(path: Path, seed: int, size: tuple[int, int] = (150, 120)) -> Path:
    """Write a picture of smooth random colours with some grain."""
    draws = np.random.default_rng(seed)
    coarse = Image.fromarray(draws.integers(0, 256, (6, 8, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    grain = draws.normal(0, 12, (size[1], size[0], 3))
    pixels = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=92)
    return path


def picture_folder(root: Path, n: int) -> Path:
    """Class folders with n pictures of different sizes in all."""
    sizes = random.Random(0)
    for number in range(n):
        size = (sizes.randrange(100, 220), sizes.randrange(100, 220))
        picture(root / CLASSES[number % len(CLASSES)] / f"{number:03d}.jpg", number, size)
    return root


def pictures(root: Path, n: int) -> ImageSet:
    """The same, opened."""
    return open_image_set(picture_folder(root, n))


def same(one: Predictions, other: Predictions) -> bool:
    """Whether two predictions are equal to the last bit."""
    arrays = all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("logits", "probabilities", "embeddings")
    )
    return arrays and one.images.equals(other.images) and one.unreadable == other.unreadable
