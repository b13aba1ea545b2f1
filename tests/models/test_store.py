"""Whole files or none."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from models.errors import WorkspaceError
from models.store import write_atomically, write_bytes


def test_a_file_is_flushed_through_a_handle_that_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(fcntl.fcntl(handle, fcntl.F_GETFL)))
    write_bytes(tmp_path / "a.bin", b"abc")
    assert [flags & os.O_ACCMODE for flags in flushed] == [os.O_RDWR]  # Windows refuses a read-only one
    assert (tmp_path / "a.bin").read_bytes() == b"abc"


def test_a_write_that_fails_leaves_the_former_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    write_bytes(target, b"before")

    def full(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkspaceError, match="No space left"):
        write_atomically(target, full)
    assert target.read_bytes() == b"before" and list(tmp_path.iterdir()) == [target]
