"""Small pictures for galleries, made once and kept in the workspace.

A thumbnail lies under ``thumbnails/<two hex>/<hash>.jpg``, the hash being of the absolute path, the size
and the time the image was last changed: a changed image gets a new thumbnail, and nothing else does.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from PIL import Image

from models.decoding import decoded
from models.errors import ImagesError, WorkspaceError
from models.file_reasons import file_reason
from models.store import Store, write_bytes

SIZE = 128
QUALITY = 82
THREADS = max(2, min(8, os.cpu_count() or 1))


def thumbnail(store: Store, path: Path, *, size: int = SIZE) -> bytes:
    """A small JPEG of an image, from the workspace where it was made before.

    Args:
        store: the workspace that keeps it.
        path: the image.
        size: pixels of the longer side; a smaller image keeps its size.

    Returns:
        The bytes of a JPEG: upright, RGB, aspect kept.

    Raises:
        ImagesError: the image cannot be read; the ``message`` is the reason.
    """
    kept_at = _kept_at(store, path, size)
    content = _kept(kept_at)
    return _made(store, path, kept_at, size) if content is None else content


def thumbnails(store: Store, paths: Sequence[Path], *, size: int = SIZE) -> list[bytes | None]:
    """Thumbnails of many images, in their order; None for an image that cannot be read.

    Args:
        store: the workspace that keeps them.
        paths: the images.
        size: pixels of the longer side.
    """
    contents: list[bytes | None] = [_kept_thumbnail(store, path, size) for path in paths]
    missing = [row for row, content in enumerate(contents) if content is None]
    if missing:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="thumbnails") as pool:
            made = pool.map(lambda row: _thumbnail_or_none(store, paths[row], size), missing)
            for row, content in zip(missing, made, strict=True):
                contents[row] = content
    return contents


def _thumbnail_or_none(store: Store, path: Path, size: int) -> bytes | None:
    try:
        return thumbnail(store, path, size=size)
    except ImagesError:
        return None


def _kept_thumbnail(store: Store, path: Path, size: int) -> bytes | None:
    try:
        return _kept(_kept_at(store, path, size))
    except ImagesError:
        return None


def _kept_at(store: Store, path: Path, size: int) -> str:
    """Where the thumbnail lies; strings, because a gallery asks for dozens at every click."""
    absolute = os.path.abspath(path)  # noqa: PTH100
    try:
        changed = os.stat(absolute).st_mtime_ns  # noqa: PTH116
    except (OSError, ValueError) as error:
        reason = file_reason(error) if isinstance(error, OSError) else "no file can have this name"
        raise ImagesError(reason, next_step=f"Put {path.name} back, or open the images again.") from error
    key = hashlib.blake2b(os.fsencode(absolute) + f"\0{size}\0{changed}".encode(), digest_size=16)
    name = key.hexdigest()
    return f"{store.root}/thumbnails/{name[:2]}/{name}.jpg"


def _kept(kept_at: str) -> bytes | None:
    try:
        with open(kept_at, "rb") as file:  # noqa: PTH123
            return file.read() or None
    except OSError:  # not made yet, or not readable: it is made again
        return None


def _made(store: Store, path: Path, kept_at: str, size: int) -> bytes:
    content = _jpeg(decoded(path, at_least=(size, size)), size)
    with suppress(WorkspaceError):  # a full disk costs the time to make it again, not the gallery
        file = Path(kept_at)
        store.folder("thumbnails", file.parent.name)
        write_bytes(file, content)
    return content


def _jpeg(image: Image.Image, size: int) -> bytes:
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
