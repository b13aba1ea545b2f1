"""Thumbnails: what they look like, when they are made again, and how fast they come back."""

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models import thumbnails as module
from models.errors import ImagesError, WorkspaceError
from models.store import Store
from models.thumbnails import thumbnail, thumbnails
from tests.models.image_files import RED, write_image


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


def kept_files(store: Store) -> list[Path]:
    return sorted((store.root / "thumbnails").rglob("*.jpg"))


@pytest.mark.parametrize(
    "size, expected",
    [
        ((640, 480), (128, 96)),
        ((480, 640), (96, 128)),
        ((2000, 1000), (128, 64)),
        ((20, 10), (20, 10)),
        ((3000, 2), (128, 1)),
    ],
)
def test_the_longer_side_is_the_size_and_small_images_stay(
    tmp_path: Path, store: Store, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = opened(thumbnail(store, write_image(tmp_path / "a.png", size=size)))
    assert image.format == "JPEG" and image.mode == "RGB" and image.size == expected
    assert np.abs(np.asarray(image, int) - RED).max() <= 4


def test_a_turned_photo_becomes_upright(tmp_path: Path, store: Store) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.new("RGB", (1600, 1200), "blue")
    photo.paste((255, 0, 0), (0, 0, 800, 1200))  # the left half, which stands at the top when upright
    photo.save(tmp_path / "a.jpg", exif=exif)
    image = opened(thumbnail(store, tmp_path / "a.jpg", size=64))
    assert image.size == (48, 64)
    top, bottom = image.getpixel((24, 5)), image.getpixel((24, 58))
    assert isinstance(top, tuple) and isinstance(bottom, tuple)
    assert top[0] > 200 and bottom[2] > 200


def test_it_is_kept_until_the_image_changes(tmp_path: Path, store: Store) -> None:
    path = write_image(tmp_path / "a.png")
    first, changed = thumbnail(store, path), path.stat().st_mtime_ns
    path.write_bytes(b"no image any more")
    os.utime(path, ns=(changed, changed))
    assert thumbnail(store, path) == first
    os.utime(path, ns=(changed + 1, changed + 1))
    with pytest.raises(ImagesError, match="not an image but text"):
        thumbnail(store, path)


def test_each_size_is_kept_by_itself(tmp_path: Path, store: Store) -> None:
    path = write_image(tmp_path / "a.png", size=(300, 300))
    assert [opened(thumbnail(store, path, size=size)).width for size in (64, 128, 64)] == [64, 128, 64]
    assert len(kept_files(store)) == 2


@pytest.mark.parametrize("damage", ["empty", "gone"])
def test_what_was_kept_and_lost_is_made_again(tmp_path: Path, store: Store, damage: str) -> None:
    path = write_image(tmp_path / "a.png")
    first = thumbnail(store, path)
    (kept,) = kept_files(store)
    kept.write_bytes(b"") if damage == "empty" else kept.unlink()
    assert thumbnail(store, path) == first == kept.read_bytes()


def test_a_full_disk_does_not_cost_the_picture(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise WorkspaceError("The disk is full.")

    monkeypatch.setattr(module, "write_bytes", refuse)
    assert opened(thumbnail(store, write_image(tmp_path / "a.png"))).format == "JPEG"
    assert kept_files(store) == []


def test_many_come_in_order_with_none_for_the_unreadable(tmp_path: Path, store: Store) -> None:
    paths = [write_image(tmp_path / f"{n}.png", (n * 10, 0, 0)) for n in range(20)]
    paths[7].write_bytes(b"text")
    paths[12] = tmp_path / "missing.png"
    for _ in range(2):
        images = thumbnails(store, paths)
        assert [n for n, content in enumerate(images) if content is None] == [7, 12]
        for n in set(range(20)) - {7, 12}:
            red = opened(images[n]).getpixel((3, 3))
            assert isinstance(red, tuple) and abs(red[0] - n * 10) <= 3


@pytest.mark.parametrize("name", ["missing.png", "zero\0byte.png"])
def test_a_missing_file_is_told_in_words(tmp_path: Path, store: Store, name: str) -> None:
    with pytest.raises(ImagesError, match=r"missing|no file can have this name"):
        thumbnail(store, tmp_path / name)


def test_a_name_that_is_not_utf8_works(tmp_path: Path, store: Store) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    write_image(path)
    assert opened(thumbnail(store, path)).format == "JPEG"


def test_a_page_of_kept_thumbnails_comes_in_five_milliseconds(tmp_path: Path, store: Store) -> None:
    paths = [write_image(tmp_path / f"{n}.png", (n, 9, 9), size=(200, 150)) for n in range(24)]
    made = thumbnails(store, paths)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        assert thumbnails(store, paths) == made
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.005
