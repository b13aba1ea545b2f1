"""Decoding large JPEG files at a fraction of their size changes what the network sees by next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models.decoding
from models.image_input import draft_size, image_input
from models.preprocessing import Preprocessing, network_input

HALF = (0.5, 0.5, 0.5)
NETWORKS_USUAL = Preprocessing(256, 224, HALF, HALF)


def scene(path: Path, size: tuple[int, int]) -> Path:
    """Write a large photo-like JPEG: smooth light, hard edges, fine texture, sensor noise."""
    draws = np.random.default_rng(5)
    width, height = size
    light = Image.fromarray(draws.integers(30, 226, (5, 7, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    pixels = np.asarray(light).astype(np.float32)
    rows, columns = np.mgrid[:height, :width]
    pixels[(rows // 90 + columns // 130) % 5 == 0] *= 0.3
    pixels += 30 * np.sin(columns / 3.1)[..., None] * (rows > height / 2)[..., None]
    pixels += draws.normal(0, 6, pixels.shape)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def full(path: Path, preprocessing: Preprocessing) -> torch.Tensor:
    with Image.open(path) as image:
        return network_input(image.convert("RGB"), preprocessing)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(2400, 1800), (1500, 2300)])
def test_a_draft_is_within_the_stated_tolerance(
    tmp_path: Path, size: tuple[int, int], interpolation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preprocessing = Preprocessing(256, 224, HALF, HALF, interpolation)  # type: ignore[arg-type]
    path = scene(tmp_path / "a.jpg", size)
    sizes: list[tuple[int, int]] = []
    real = models.decoding.rgb
    monkeypatch.setattr(models.decoding, "rgb", lambda image: sizes.append(image.size) or real(image))
    difference = (image_input(path, preprocessing) - full(path, preprocessing)).abs() * 127.5
    assert sizes[0][0] < size[0]  # a draft was taken
    assert float(difference.mean()) < 1
    assert float(difference.max()) <= 16


def test_a_small_image_is_the_same_to_the_last_bit(tmp_path: Path) -> None:
    path = scene(tmp_path / "a.jpg", (640, 480))
    assert torch.equal(image_input(path, NETWORKS_USUAL), full(path, NETWORKS_USUAL))


@pytest.mark.parametrize(
    ("preprocessing", "size"),
    [
        (NETWORKS_USUAL, (256, 256)),
        (Preprocessing((100, 200), None, HALF, HALF), (200, 100)),
        (Preprocessing(None, 224, HALF, HALF), None),
        (Preprocessing(256, 224, HALF, HALF, "nearest"), None),
    ],
)
def test_a_draft_is_taken_only_where_pixels_are_averaged(
    preprocessing: Preprocessing, size: tuple[int, int] | None
) -> None:
    assert draft_size(preprocessing) == size
