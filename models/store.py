"""The workspace folder: where everything that was computed or written down is kept.

Every write goes to a temporary file beside its target and is then moved over it, so a reader never
sees half a file and a killed process leaves the former version whole.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import WorkspaceError

FOLDER_VARIABLE = "ERRORSCOPE_HOME"
DEFAULT_FOLDER = ".errorscope"


@dataclass(frozen=True)
class Store:
    """A workspace folder.

    Args:
        root: the folder; made on first use.
    """

    root: Path

    def folder(self, *parts: str) -> Path:
        """The folder ``root/parts``, made if missing.

        Raises:
            WorkspaceError: the folder cannot be made.
        """
        folder = self.root.joinpath(*parts)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The workspace folder {folder} cannot be made ({error.strerror or error}).",
                next_step=f"Free the place, or point {FOLDER_VARIABLE} to a folder you can write to.",
            ) from error
        return folder

    def evaluation(self, fingerprint: str) -> Path:
        """The folder of one evaluation."""
        return self.folder("evaluations", fingerprint)

    @property
    def database(self) -> Path:
        """The SQLite file of jobs, recent models and notes."""
        return self.folder() / "errorscope.sqlite"


def default_store() -> Store:
    """The workspace that ``ERRORSCOPE_HOME`` names, else ``.errorscope`` in the current folder."""
    return Store(Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER).expanduser().absolute())


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary path beside ``path``, then move the result over ``path``.

    Args:
        path: the final file; its folder exists.
        write: writes the whole file at the path it is given.

    Raises:
        WorkspaceError: the disk is full or the folder cannot be written; ``path`` keeps what it held.
    """
    # Not tempfile: its files can only be read by their owner, and reports are meant to be handed on.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        with temporary.open("r+b") as file:  # Windows flushes only what is open for writing
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"{path} cannot be written ({error.strerror or error}).",
        next_step=f"Free some space, or point {FOLDER_VARIABLE} to a folder you can write to.",
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON, atomically; NaN is refused."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, text.encode())


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as ``.npy``, atomically."""
    write_atomically(path, lambda temporary: np.save(temporary, array, allow_pickle=False))


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, atomically."""
    write_atomically(path, lambda temporary: table.to_parquet(temporary, index=False))
