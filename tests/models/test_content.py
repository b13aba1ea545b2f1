"""A file is known by its bytes."""

import hashlib
from pathlib import Path

import pytest

from models.content import content_hash
from models.errors import ImagesError


def test_equal_bytes_have_one_hash_whatever_the_file_is_called(tmp_path: Path) -> None:
    for name in ("a.jpg", "ä b.png"):
        (tmp_path / name).write_bytes(b"picture")
    assert content_hash(tmp_path / "a.jpg") == content_hash(str(tmp_path / "ä b.png"))
    assert content_hash(tmp_path / "a.jpg") == hashlib.md5(b"picture").hexdigest()


def test_one_other_byte_is_another_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100_000))
    (tmp_path / "b").write_bytes(bytes(99_999) + b"\1")
    assert content_hash(tmp_path / "a") != content_hash(tmp_path / "b")


@pytest.mark.parametrize("name", ["gone.jpg", "no\0name.jpg", "."])
def test_what_cannot_be_read_is_said_in_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImagesError) as caught:
        content_hash(f"{tmp_path}/{name}")
    assert caught.value.message and caught.value.next_step
