"""Room on the disk for features: what was not used for long makes way. Needs no torch."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from weakref import WeakKeyDictionary

from models.file_lock import FileLock
from models.store import Store

MOST_BYTES = 20 * 10**9
SHARE_OF_DISK = 0.1
"""Of the space that would be free without any features."""
RESERVE = 10**9
"""Bytes that are always left to others."""
_USERS: WeakKeyDictionary[object, Path] = WeakKeyDictionary()
"""Who has features open in this process, and the folder of these."""


def has_room(store: Store, n_bytes: int) -> bool:
    """Whether so many bytes of features find room, when all others have made way.

    Args:
        store: the workspace.
        n_bytes: what is still to be written.
    """
    return _free(store) + sum(map(_size, _caches(store))) - n_bytes >= RESERVE


def make_room(store: Store, n_bytes: int, keep: Path) -> bool:
    """Remove features, those that were used longest ago first, until so many bytes more find room.

    All features together shall take no more than 20 GB or a tenth of the free disk, whichever is less; those that
    are needed now may. Features that are being computed at this moment stay, and so do those that this process has
    open: the training that they belong to would have to compute them again when it is resumed.

    Args:
        store: the workspace.
        n_bytes: what is to be written.
        keep: the folder they are written into.

    Returns:
        Whether there is room now.
    """
    sizes = {folder: _size(folder) for folder in dict.fromkeys([*_caches(store), keep])}
    needed = {keep, *_USERS.copy().values()}
    others = [folder for folder in sizes if folder not in needed]
    limit = min(MOST_BYTES, SHARE_OF_DISK * (_free(store) + sum(sizes.values())))
    total = sum(sizes.values()) + n_bytes
    for folder in others:
        if total <= limit and _free(store) - n_bytes >= RESERVE:
            break
        if _removed(folder):
            total -= sizes[folder]
    return _free(store) - n_bytes >= RESERVE


def used_now(folder: Path, user: object = None) -> None:
    """Remember that the features of a folder were needed at this moment.

    Args:
        folder: of the features.
        user: needs them for as long as it lives; None for this moment alone.
    """
    if user is not None:
        _USERS[user] = folder
    with suppress(OSError):
        os.utime(folder)


def _caches(store: Store) -> list[Path]:
    """The folders of features, the one used longest ago first."""
    folders = [path for path in store.folder("features").iterdir() if path.is_dir()]
    return sorted(folders, key=lambda path: path.stat().st_mtime_ns)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.npy"))


def _free(store: Store) -> int:
    return shutil.disk_usage(store.folder()).free


def _removed(folder: Path) -> bool:
    """Remove the features of a folder, unless somebody computes them just now."""
    with FileLock(folder.with_name(f"{folder.name}.lock")) as lock:
        if not lock.acquire():
            return False
        shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
