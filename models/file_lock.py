"""A lock between processes that its holder's death always frees.

Process numbers are reused and mean nothing in another container; a lock of the operating system is gone
with the process that held it, however it ended.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """A lock on a file, held by one object in one process at a time.

    Args:
        path: the file; it is made to be locked and removed when it is freed. Its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[Any] | None = None

    def acquire(self) -> bool:
        """Take the lock.

        Returns:
            True where it is now ours, False where another holds it.

        Raises:
            OSError: the file cannot be made.
        """
        while self._file is None:
            file = self.path.open("ab")
            if not _locked(file):
                file.close()
                return False
            if _is_still_at(file, self.path):
                self._file = file
            else:  # its former holder removed it between our opening and our locking
                file.close()
        return True

    def release(self) -> None:
        """Free the lock, and remove its file."""
        if self._file is not None:
            # On Windows an open file cannot be removed; an empty file left behind does no harm.
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _locked(file: IO[Any]) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_still_at(file: IO[Any], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
