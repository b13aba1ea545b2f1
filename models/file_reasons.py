"""Why a file is no image that can be used, in words fit for a list: no path, no full stop."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# How files begin (in lower case) that were not identified as images, and what that says of them.
DAMAGED_IMAGE = (b"\xff\xd8\xff", b"\x89png", b"gif8", b"riff", b"ii*\0", b"mm\0*", b"qoif", b"\0\0\0\x0cjp")
BEGINNINGS = (
    (DAMAGED_IMAGE, "damaged: it begins like an image, but what follows makes no sense"),
    (b"version https://git-lfs", "not an image but a Git LFS pointer: fetch the image with `git lfs pull`"),
    ((b"<!doctype html", b"<html"), "not an image but a web page"),
)
HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1")


def name_reason(name: str) -> str:
    """Why a file cannot be used because of its name, or ""."""
    if name.isascii():
        return ""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "the file name is not valid UTF-8: rename it"
    return ""


def status_reason(status: os.stat_result) -> str:
    """Why something with this status is no image, or ""."""
    if stat.S_ISREG(status.st_mode):
        return "" if status.st_size else "the file is empty"
    if stat.S_ISDIR(status.st_mode):
        return "a folder, not a file"
    return "not a file but a device or a pipe"


def missing_reason(error: OSError, path: str) -> str:
    """Why the status of a file cannot be read: missing, a broken link, a loop of links..."""
    if error.errno == errno.ENOENT and os.path.islink(path):  # noqa: PTH114
        return "a broken link: the file it points to is missing"
    return file_reason(error)


def unreadable_reason(error: BaseException, path: Path) -> str:
    """Why a file cannot be read, in words fit for a list: no path, no full stop.

    Args:
        error: what opening or decoding raised.
        path: the file, looked at again to say what it is when it is no image.
    """
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        return f"too large: more than {limit} million pixels (a decompression bomb?)"
    if isinstance(error, UnidentifiedImageError):
        return content_reason(path)
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    if isinstance(error, OSError) and error.errno is not None:
        return file_reason(error)
    text = str(error).strip() or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "truncated: the file ends too early"
    return f"damaged (Pillow says: {text})"


def file_reason(error: OSError) -> str:
    """What the operating system says about a file that cannot be opened, in words."""
    known = {
        errno.ENOENT: "the file is missing",
        errno.ENOTDIR: "the file is missing",
        errno.EACCES: "no permission to read it",
        errno.EPERM: "no permission to read it",
        errno.EISDIR: "a folder, not a file",
        errno.ELOOP: "a link that leads back to itself",
        errno.ENAMETOOLONG: "its name is too long",
    }
    return known.get(error.errno or 0, error.strerror or str(error))


def content_reason(path: Path) -> str:
    """What a file that is no image seems to be instead."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head[4:12] in HEIC:
        return "an image format that cannot be opened here (HEIC): convert it to JPEG"
    for beginning, reason in BEGINNINGS:
        if head.lstrip().lower().startswith(beginning):
            return reason
    if not any(byte < 9 or 14 <= byte < 32 for byte in head):
        return "not an image but text"
    return "not an image that can be opened, whatever its name says"
