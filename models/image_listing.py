"""What every way of opening images gives: the files, their labels, and what was left out and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff")
) | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".jp2", ".j2k", ".jpx", ".ico", ".qoi"}

# What operating systems leave behind; names with a leading full stop are left out as well.
LITTER = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin"}
)


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be used.

    Args:
        path: relative to the root of the images, POSIX; as it stands in the table for one from a table.
        reason: why, in words without a full stop.
        split: the split it would belong to, or "".
    """

    path: str
    reason: str
    split: str = ""


class ImageFile(NamedTuple):
    """One image of a listing.

    Args:
        path: relative to the root, POSIX; absolute for an image that a table names outside its folder.
        label: class name.
        split: "train", "val"... or "".
        size_bytes: size of the file.
        modified_ns: when the file was last changed, nanoseconds since 1970.
    """

    path: str
    label: str
    split: str
    size_bytes: int
    modified_ns: int


@dataclass
class Listing:
    """The images of a folder or a table, nothing of them decoded.

    Args:
        layout: how they lie, in words a person reads.
        files: the images, in a stable order.
        class_names: in order, those without images included.
        unreadable: what was left out.
        groups: class name -> group, where the layout itself says so.
        groups_given: the groups were written down by the person, in a column of the table.
        extra: the user's own columns, one row per file; None if there are none.
    """

    layout: str
    files: list[ImageFile] = field(default_factory=list)
    class_names: tuple[str, ...] = ()
    unreadable: list[Unreadable] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    groups_given: bool = False
    extra: pd.DataFrame | None = None


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, or was left there by an operating system.

    >>> [name for name in ("a.jpg", "._a.jpg", "Thumbs.db", "__MACOSX") if is_litter(name)]
    ['._a.jpg', 'Thumbs.db', '__MACOSX']
    """
    return name.startswith(".") or name.lower() in LITTER


def has_image_suffix(name: str) -> bool:
    """Whether a name ends like that of an image."""
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES


def shown(name: str) -> str:
    r"""A file name as text that can be written anywhere, also where its bytes are not valid UTF-8.

    >>> shown("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names for a sentence, the first few of them.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    head = ", ".join(shown(name) for name in names[:most])
    return head if len(names) <= most else f"{head} and {len(names) - most} more"


def posix(path: str | Path) -> str:
    """A path with forward slashes, on every system."""
    return str(path).replace(os.sep, "/")
