"""The preview shows what the network would see, and skips what cannot be read."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models.decoding import decoded
from models.finetune.augmentation import Augmentation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.augmentation_preview import preview_rows
from models.finetune.augmented import augmented_picture
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tests.models.finetune.test_augmentation_warp import picture

SMALL = Preprocessing(72, 64, IMAGENET_MEAN, IMAGENET_STD)


def written(folder: Path, count: int = 3) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        picture(90, 80, seed=number).save(path)
    return paths


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_rows_are_the_first_readable_images(tmp_path: Path) -> None:
    paths = written(tmp_path)
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"no picture")
    asked = [tmp_path / "gone.jpg", paths[0], damaged, paths[1], paths[2]]
    rows = preview_rows(asked, PRESETS["mild"].augmentation, SMALL, seed=0, images=2, draws=3)
    assert [row.path for row in rows] == paths[:2]
    for row in rows:
        seen = augmented_picture(decoded(row.path), Augmentation(), SMALL, torch.Generator())
        shown = opened(row.original)
        assert shown.size == (64, 64)
        assert np.abs(np.asarray(shown, np.int16) - np.asarray(seen, np.int16)).mean() < 6  # a JPEG
        assert len(set(row.draws)) == 3
    assert preview_rows(asked[:1], Augmentation(), SMALL, seed=0) == []


def test_a_seed_repeats_its_draws_and_another_draws_others(tmp_path: Path) -> None:
    paths, augmentation = written(tmp_path, 1), PRESETS["strong"].augmentation
    (first,) = preview_rows(paths, augmentation, SMALL, seed=0)
    (again,) = preview_rows(paths, augmentation, SMALL, seed=0)
    (other,) = preview_rows(paths, augmentation, SMALL, seed=1)
    assert first == again and first.original == other.original
    assert not set(first.draws) & set(other.draws)


def test_a_changed_file_is_shown_anew(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    (before,) = preview_rows([path], Augmentation(), SMALL, seed=0)
    Image.new("RGB", (90, 80), (200, 0, 0)).save(path)
    (after,) = preview_rows([path], Augmentation(), SMALL, seed=0)
    assert before.original != after.original
