"""Asking a training to end now and keep what it has. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from models.errors import WorkspaceError

FINISH_FILE = "FINISH"


def ask_to_finish(folder: Path) -> None:
    """Let the training of a job's folder end after its present batch, as if its epochs were over.

    One that was paused does so when it is resumed.

    Args:
        folder: the job's.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    try:
        (folder / FINISH_FILE).touch()
    except OSError as error:
        raise WorkspaceError(
            f"The training cannot be told to finish ({error.strerror or error}).",
            next_step="Free some space.",
        ) from error


def finish_asked(folder: Path) -> bool:
    """Whether that was asked."""
    return (folder / FINISH_FILE).exists()
