"""Folders that appear and vanish at once and whole, whoever is killed in the middle. Needs no torch.

A folder is filled under a name that nobody looks at and then renamed; one that goes is renamed first and then removed.
While that lasts a lock stands beside it, so what a killed process left is told from what somebody is just doing.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import WorkspaceError
from models.file_lock import FileLock

_UNFINISHED, _LOCK = ".unfinished-", ".lock"


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill; it takes its place at the end, if nothing was raised.

    Args:
        folder: where it is to be; its parent exists, and nothing is there yet.

    Raises:
        WorkspaceError: it cannot be made or moved.
    """
    with _unfinished(folder) as temporary:
        try:
            temporary.mkdir()
            yield temporary
            temporary.rename(folder)
        except OSError as error:
            raise _unwritable(folder, error) from error


def remove_at_once(folder: Path) -> None:
    """Remove a folder; nobody sees a part of it.

    Args:
        folder: it exists.

    Raises:
        WorkspaceError: it cannot be moved away.
    """
    with _unfinished(folder) as temporary:
        try:
            folder.rename(temporary)
        except OSError as error:
            raise _unwritable(folder, error) from error


def clear_unfinished(parent: Path) -> None:
    """Clear away what killed processes left in a folder of such folders."""
    names = {path.name.removesuffix(_LOCK) for path in parent.glob(f"{_UNFINISHED}*")}
    for name in names:
        with suppress(OSError), FileLock(parent / f"{name}{_LOCK}") as lock:
            if lock.acquire():  # else somebody is at it
                shutil.rmtree(parent / name, ignore_errors=True)


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A place beside a folder for its unfinished state; what is there at the end is removed."""
    temporary = folder.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    with FileLock(temporary.with_name(f"{temporary.name}{_LOCK}")) as lock:
        try:
            lock.acquire()  # before the folder is there, so that nobody takes it for one that was left
        except OSError as error:
            raise _unwritable(folder, error) from error
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The folder {folder} cannot be made or removed ({error.strerror or error}).",
        next_step="Free some space, and check that you may write there.",
    )
