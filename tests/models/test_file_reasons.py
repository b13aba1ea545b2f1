"""What the operating system says, in words a person reads."""

import errno
import os
from pathlib import Path

import pytest

from models.file_reasons import file_reason, missing_reason, name_reason, status_reason, unreadable_reason


@pytest.mark.parametrize(
    "number, reason",
    [
        (errno.ENOENT, "the file is missing"),
        (errno.ENOTDIR, "the file is missing"),
        (errno.EACCES, "no permission to read it"),
        (errno.EPERM, "no permission to read it"),
        (errno.ELOOP, "a link that leads back to itself"),
        (errno.ENAMETOOLONG, "its name is too long"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_errors_of_the_operating_system(number: int, reason: str) -> None:
    error = OSError(number, os.strerror(number))
    assert file_reason(error) == reason
    assert unreadable_reason(error, Path("any")) == reason


def test_too_little_memory() -> None:
    assert unreadable_reason(MemoryError(), Path("any")) == "too large for the memory of this machine"


def test_an_error_without_words_is_named_by_its_type() -> None:
    assert unreadable_reason(KeyError(), Path("any")) == "damaged (Pillow says: KeyError)"


def test_a_broken_link_is_told_from_a_missing_file(tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to("nowhere.jpg")
    missing = FileNotFoundError(errno.ENOENT, "No such file")
    assert missing_reason(missing, str(link)) == "a broken link: the file it points to is missing"
    assert missing_reason(missing, str(tmp_path / "other.jpg")) == "the file is missing"


def test_names_that_are_not_utf8() -> None:
    assert name_reason(os.fsdecode(b"caf\xe9.jpg")) == "the file name is not valid UTF-8: rename it"
    assert name_reason("café.jpg") == name_reason("cafe.jpg") == ""


def test_status(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    reasons = [status_reason((tmp_path / name).stat()) for name in ("empty", "full", ".", "pipe")]
    assert reasons == ["the file is empty", "", "a folder, not a file", "not a file but a device or a pipe"]
