"""Files that are no pictures, or damaged ones: a reason in words, and nothing else."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from models.decoding import ORIENTATION_TAG, decoded
from models.errors import ImagesError
from tests.models.image_files import corners, wide, write_image


def jpeg_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((300, 200), 60).save(buffer, "JPEG")
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def nan_tiff(path: Path) -> None:
    wide(float("nan"), "<f4").save(path, "TIFF")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "the file is missing"),
    "empty": (write(b""), "the file is empty"),
    "truncated JPEG": (
        lambda path: path.write_bytes(jpeg_bytes()[:3000]),
        "truncated: the file ends too early",
    ),
    "JPEG beginning only": (write(b"\xff\xd8\xff" + b"?" * 99), "damaged: it begins like an image"),
    "text": (write(b"cats are nice\n" * 9), "not an image but text"),
    "web page": (write(b"<!DOCTYPE html><html>404"), "not an image but a web page"),
    "LFS pointer": (write(b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "HEIC": (write(b"\0\0\0\x18ftypheic\0\0\0\0"), "convert it to JPEG"),
    "noise": (write(bytes(range(256)) * 4), "not an image that can be opened"),
    "PostScript": (write(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not an image but text"),
    "bomb": (write(png_header(30_000, 30_000)), "too large: more than 89 million pixels"),
    "small bomb": (write(png_header(10_000, 10_000)), "too large: more than 89 million pixels"),
    "PNG without pixels": (write(png_header(10, 10)), "truncated|damaged"),
    "folder": (lambda path: path.mkdir(), "a folder, not a file"),
    "broken link": (lambda path: path.symlink_to("nowhere"), "the file is missing"),
    "loop of links": (loop, "a link that leads back to itself"),
    "pipe": (os.mkfifo, "a device or a pipe"),
    "not numbers": (nan_tiff, "values that are not numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told_in_words(tmp_path: Path, fault: str) -> None:
    plant, reason = FAULTS[fault]
    path = tmp_path / "cat.jpg"
    plant(path)
    with pytest.raises(ImagesError, match=reason) as caught:
        decoded(path, at_least=(8, 8))
    assert str(tmp_path) not in caught.value.message
    assert not caught.value.message.endswith(".")
    assert caught.value.next_step == "Replace or remove cat.jpg."


def test_a_name_with_a_zero_byte() -> None:
    with pytest.raises(ImagesError, match="null byte"):
        decoded("cat\0.jpg")


def test_pillow_is_left_strict() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_limit_of_pixels_holds_with_silenced_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "a.png", size=(12, 12))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(ImagesError, match="too large"):
        decoded(tmp_path / "a.png")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files can be counted on Linux only")
@pytest.mark.parametrize("content", [jpeg_bytes(), jpeg_bytes()[:3000], b"text"])
def test_the_file_is_closed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    held: list[object] = []
    try:
        held.append(decoded(tmp_path / "a.jpg"))
    except ImagesError as error:
        held.append(error)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def samples() -> list[bytes]:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    kinds = [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "1"), ("GIF", "P")]
    kinds += [("BMP", "RGB"), ("WEBP", "RGBA"), ("TIFF", "CMYK"), ("TIFF", "F"), ("PPM", "RGB")]
    contents = []
    for kind, mode in kinds:
        buffer = io.BytesIO()
        options = {"exif": exif} if kind in {"JPEG", "PNG", "WEBP"} else {}
        corners().convert("L" if mode == "F" else "RGB").convert(mode).save(buffer, kind, **options)
        contents.append(buffer.getvalue())
    return contents


SAMPLES = samples()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.sampled_from(SAMPLES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12),
    cut=st.none() | st.integers(0, 2000),
    at_least=st.none() | st.just((4, 4)),
)
def test_damaged_bytes_give_a_picture_or_a_reason(
    tmp_path: Path,
    content: bytes,
    changes: list[tuple[int, int]],
    cut: int | None,
    at_least: tuple[int, int] | None,
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    path = tmp_path / "a.jpg"
    path.write_bytes(damaged[:cut])
    try:
        assert decoded(path, at_least=at_least).mode == "RGB"
    except ImagesError as error:
        assert error.message
