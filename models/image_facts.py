"""What can be measured of each picture without a network: its content, its look, its quality.

``image_facts/<key>.parquet`` holds the facts of one list of files; the key changes when a file does. Work
that was stopped is kept in parts and goes on.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from models.content import content_hash
from models.cores import background_threads
from models.decoding import decoded
from models.errors import ImagesError
from models.fingerprints import content_key
from models.progress import Progress
from models.store import Store, write_table

REVISION = 1
SIDE = 224
"""Pixels of the longer side at which brightness, contrast, sharpness and saturation are measured."""
PHASE = "Measuring the images"
AT_ONCE = 500
QUALITY = ("brightness", "contrast", "sharpness", "saturation", "aspect", "pixels")
"""The measured properties, all float columns."""


@dataclass(frozen=True)
class PictureQuality:
    """How a picture looks, measured at one size, so that large and small ones can be compared.

    Args:
        brightness: mean luma, 0 (black) to 1.
        contrast: standard deviation of luma, 0 to .5.
        sharpness: log10 of the variance of luma's Laplacian (luma from 0 to 255) plus 1, about 0 to 4.
        saturation: mean saturation (HSV), 0 to 1.
        aspect: width / height.
        pixels: width times height of the file.
    """

    brightness: float
    contrast: float
    sharpness: float
    saturation: float
    aspect: float
    pixels: float


def picture_quality(picture: Image.Image, size: tuple[int, int] | None = None) -> PictureQuality:
    """Measure a picture.

    Args:
        picture: RGB.
        size: (width, height) of the file, where ``picture`` is a smaller draft of it.

    >>> picture_quality(Image.new("RGB", (40, 20), (255, 0, 0))).saturation
    1.0
    """
    width, height = size or picture.size
    scale = SIDE / max(picture.size)
    fixed = picture.resize(
        tuple(max(1, round(side * scale)) for side in picture.size),  # type: ignore[arg-type]
        Image.Resampling.BILINEAR,
        reducing_gap=3.0,
    )
    luma = np.asarray(fixed.convert("L"), dtype=np.float32)
    saturation = np.asarray(fixed.convert("HSV"), dtype=np.float32)[..., 1]
    return PictureQuality(
        brightness=float(luma.mean() / 255),
        contrast=float(luma.std() / 255),
        sharpness=float(np.log10(_laplacian(luma).var() + 1)),
        saturation=float(saturation.mean() / 255),
        aspect=width / height,
        pixels=float(width * height),
    )


def _laplacian(luma: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if min(luma.shape) < 3:
        return np.zeros((1, 1), np.float32)
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    inner: npt.NDArray[np.float32] = around - 4 * luma[1:-1, 1:-1]
    return inner


def perceptual_hash(picture: Image.Image) -> int:
    """The 64-bit pHash of a picture; few bits differ between a picture and its resized or recompressed copy.

    Returns:
        0 to 2**64 - 1; the number of bits in which two differ is their distance.

    Source:
        C. Zauner, Implementation and benchmarking of perceptual image hash functions, 2010 (the DCT hash).
    """
    return int(str(imagehash.phash(picture)), 16)


def image_facts_steps(store: Store, paths: Sequence[Path]) -> Generator[Progress, None, pd.DataFrame]:
    """Measure pictures, or take what was measured before.

    Args:
        store: the workspace.
        paths: N files.

    Yields:
        Progress in images; closed in between, what was measured is kept.

    Returns:
        N rows in the order of the paths: ``content`` (MD5, 32 hex digits), ``phash`` (uint64), ``width``,
        ``height`` (pixels), the columns ``QUALITY`` (see `PictureQuality`) and ``problem`` (why it could not
        be read, "" where it could). Of an unreadable picture the numbers are NaN or 0, and its ``content``
        is "" where not even the bytes can be read.
    """
    key = facts_key(paths)
    kept = saved_image_facts(store, paths, key)
    if kept is not None:
        return kept
    folder = store.folder("image_facts", key)
    yield Progress(PHASE, 0, len(paths))
    parts = []
    with ThreadPoolExecutor(background_threads(), thread_name_prefix="image-facts") as pool:
        for start in range(0, len(paths), AT_ONCE):
            chunk, file = paths[start : start + AT_ONCE], folder / f"part_{start:08d}.parquet"
            part = _opened(file, len(chunk))
            if part is None:
                rows = []
                for row in pool.map(_facts, chunk):
                    rows.append(row)
                    if len(rows) % 16 == 0:
                        yield Progress(PHASE, start + len(rows), len(paths))
                part = _table(rows)
                write_table(file, part)
            parts.append(part)
            yield Progress(PHASE, start + len(chunk), len(paths))
    facts = pd.concat(parts, ignore_index=True) if parts else _table([])
    write_table(store.folder("image_facts") / f"{key}.parquet", facts)
    shutil.rmtree(folder, ignore_errors=True)
    return facts


def facts_key(paths: Sequence[Path]) -> str:
    """The name of the facts of these files as they are now, 32 hex digits."""
    digest = hashlib.blake2b(f"{REVISION}".encode(), digest_size=16)
    for path in paths:
        digest.update(content_key(path).encode())
    return digest.hexdigest()


def saved_image_facts(store: Store, paths: Sequence[Path], key: str | None = None) -> pd.DataFrame | None:
    """The facts that were measured of these files before; None where they were not, or one has changed."""
    file = store.root / "image_facts" / f"{key or facts_key(paths)}.parquet"
    return _opened(file, len(paths))


def _opened(file: Path, n: int) -> pd.DataFrame | None:
    """The table in a file; None where there is none, or it is damaged: the pictures are then measured again."""
    try:
        facts = pd.read_parquet(file)
    except (OSError, ValueError):
        return None
    return facts if len(facts) == n and set(_COLUMNS) <= set(facts.columns) else None


_COLUMNS = ("content", "phash", "width", "height", *QUALITY, "problem")
_NOTHING: dict[str, Any] = {"phash": 0, "width": 0, "height": 0, **dict.fromkeys(QUALITY, float("nan"))}


def _facts(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"content": "", **_NOTHING, "problem": ""}
    try:
        facts["content"] = content_hash(path)
        picture = decoded(path, at_least=(SIDE, SIDE))
        with Image.open(path) as image:
            size = image.size
    except (ImagesError, OSError) as error:
        return facts | {"problem": error.message if isinstance(error, ImagesError) else str(error)}
    upright = size if (size[0] >= size[1]) == (picture.width >= picture.height) else size[::-1]
    facts |= {"phash": perceptual_hash(picture), "width": upright[0], "height": upright[1]}
    return facts | vars(picture_quality(picture, upright))


def _table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    types: dict[str, Any] = {"phash": np.uint64, "width": np.int32, "height": np.int32}
    types |= dict.fromkeys(QUALITY, np.float32) | dict.fromkeys(("content", "problem"), "str")
    return table.astype(types)
