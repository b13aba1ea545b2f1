"""What an augmentation makes of a few images, as small JPEGs for a page."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image

from models.decoding import decoded
from models.errors import ImagesError
from models.finetune.augmentation import Augmentation
from models.finetune.augmented import augmented_picture, decoding_size
from models.preprocessing import Preprocessing

LARGEST_SIDE = 192
QUALITY = 85


@dataclass(frozen=True)
class PreviewRow:
    """One image and what becomes of it.

    Args:
        path: the image.
        original: a JPEG of what the network sees of it when it is judged.
        draws: JPEGs of what it may be given in training.
    """

    path: Path
    original: bytes
    draws: tuple[bytes, ...]


def preview_rows(
    paths: Sequence[Path],
    augmentation: Augmentation,
    preprocessing: Preprocessing,
    *,
    seed: int,
    images: int = 3,
    draws: int = 4,
) -> list[PreviewRow]:
    """The first images that can be read, each with some random draws; quick, as the latest ones are kept.

    Args:
        paths: images to choose from.
        augmentation: what is changed at random.
        preprocessing: of the network.
        seed: another one draws others.
        images: how many rows at most.
        draws: how many pictures to a row.

    Returns:
        At most ``images`` rows, fewer where fewer images can be read.
    """
    rows: list[PreviewRow] = []
    for path in paths:
        try:
            rows.append(
                _row(path, path.stat().st_mtime_ns, augmentation, preprocessing, seed=seed, draws=draws)
            )
        except (ImagesError, OSError):  # other images show as well what the augmentation does
            continue
        if len(rows) == images:
            break
    return rows


@lru_cache(maxsize=128)
def _row(
    path: Path,
    changed_ns: int,
    augmentation: Augmentation,
    preprocessing: Preprocessing,
    *,
    seed: int,
    draws: int,
) -> PreviewRow:
    picture = _picture(path, changed_ns, decoding_size(augmentation, preprocessing))
    made = (
        augmented_picture(picture, augmentation, preprocessing, _generator(path, seed, draw))
        for draw in range(draws)
    )
    original = augmented_picture(picture, Augmentation(), preprocessing, torch.Generator())
    return PreviewRow(path, _jpeg(original), tuple(map(_jpeg, made)))


@lru_cache(maxsize=16)
def _picture(path: Path, changed_ns: int, at_least: tuple[int, int] | None) -> Image.Image:
    return decoded(path, at_least=at_least)


def _generator(path: Path, seed: int, draw: int) -> torch.Generator:
    digest = hashlib.blake2b(f"{path.name} {seed} {draw}".encode("utf-8", "surrogateescape"), digest_size=7)
    return torch.Generator().manual_seed(int.from_bytes(digest.digest(), "big"))


def _jpeg(picture: Image.Image) -> bytes:
    picture = picture.copy()
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
