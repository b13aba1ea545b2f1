"""A job's diary: ``events.jsonl`` in its folder, one event to a line, only ever added to."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from models.errors import WorkspaceError

NAME = "events.jsonl"


def write_event(folder: Path, event: str, **details: Any) -> None:
    """Add an event.

    Args:
        folder: the job's folder.
        event: "queued", "started", "progress", "log", "stop" (asked for), "done", "failed",
            "cancelled" or "interrupted"; or a word of the work's own.
        details: plain data.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    line = json.dumps({"time": time.time(), "event": event, **details}, ensure_ascii=False) + "\n"
    try:
        with (folder / NAME).open("ab") as file:
            file.write(line.encode())
    except OSError as error:
        raise WorkspaceError(
            f"The diary of a job, {folder / NAME}, cannot be written ({error.strerror or error}).",
            next_step="Free some space.",
        ) from error


def events(folder: Path, since: int = 0) -> list[dict[str, Any]]:
    """The events from number ``since`` on.

    Args:
        folder: the job's folder.
        since: how many events to leave out; 0 gives all.

    Returns:
        Plain data: ``time`` (seconds since 1970), ``event``, and its details. What was being written when
        the machine stopped, or is being written now, is left out.
    """
    try:
        lines = (folder / NAME).read_bytes().split(b"\n")
    except OSError:  # nothing has happened yet
        return []
    return [event for line in lines[since:-1] if (event := _event(line)) is not None]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:  # two halves of lines, left by a machine that stopped
        return None
    return value if isinstance(value, dict) else None
