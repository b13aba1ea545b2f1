"""Files that came through the browser, kept in the workspace under what they contain."""

from __future__ import annotations

import errno
import hashlib
import lzma
import shutil
import stat
import uuid
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from models.errors import ImagesError, WorkspaceError
from models.file_reasons import file_reason
from models.store import FOLDER_VARIABLE, Store, write_bytes

LARGEST_ARCHIVE = 2 * 1024**3
LARGEST_UNPACKED = 2 * 1024**3
MOST_FILES = 50_000
LONGEST_NAME, LONGEST_SUFFIX = 100, 20
"""In bytes: file systems take 255, and a temporary file has a longer name."""
# What damage raises in the archive's list, in its members, or through names that no file can have. OSError
# without a number is bz2's; with one of these numbers it is the name's.
DAMAGE = (
    zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError, zlib.error, lzma.LZMAError,
)  # fmt: skip
NAME_ERRORS = (
    None,
    errno.EINVAL,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.EILSEQ,
)


def kept_file(store: Store, name: str, content: bytes) -> Path:
    """Keep one uploaded file; the same content is kept once.

    Args:
        store: the workspace.
        name: the file's name as the browser gives it; only its last part is used.
        content: its bytes.

    Returns:
        Where it lies.
    """
    path = store.folder("uploads", _digest(content)) / fit_name(name)
    if not path.exists():
        write_bytes(path, content)
    return path


def fit_name(name: str) -> str:
    """A name that any folder of a workspace takes.

    Args:
        name: as a browser gives it; only its last part is used.

    Returns:
        At most LONGEST_NAME bytes, with the suffix; without control characters; never "." or "..".

    >>> fit_name("C:\\\\photos\\\\my cat.jpg"), fit_name(".."), fit_name("a\\0b.png")
    ('my cat.jpg', 'file', 'a_b.png')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(each if each.isprintable() else "_" for each in last).strip()
    if not clean.strip("."):
        return "file"
    suffix = PurePosixPath(clean).suffix
    suffix = suffix if len(suffix.encode(errors="replace")) <= LONGEST_SUFFIX else ""
    return _cut(clean.removesuffix(suffix), LONGEST_NAME - len(suffix.encode(errors="replace"))) + _cut(
        suffix, LONGEST_SUFFIX
    )


def _cut(text: str, n_bytes: int) -> str:
    return text.encode(errors="replace")[:n_bytes].decode(errors="ignore")


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest files of a folder.

    Args:
        folder: it holds files that can be made again.
        count: how many may stay.
    """
    known = []
    for path in folder.iterdir():
        with suppress(OSError):  # another session deleted it
            known.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(known, reverse=True)[count:]:
        with suppress(OSError):
            path.unlink()


def unpacked_archive(store: Store, path: Path) -> Path:
    """Unpack a ZIP of images on this machine; a file that has not changed is unpacked once.

    Args:
        store: the workspace.
        path: the archive.

    Returns:
        The folder of its files; where everything in it lies in one folder, that folder.

    Raises:
        ImagesError: there is no such file, it is too large, is no ZIP, is damaged or protected by a
            password, unpacks to too much, or a name in it leads out of the folder.
        WorkspaceError: the workspace cannot be written, or is full.
    """
    path = path.expanduser().absolute()
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImagesError(f"{path} is no file.", next_step="Give the path of a ZIP of class folders.")
        if status.st_size > LARGEST_ARCHIVE:
            raise ImagesError(
                f"{path} is an archive of {status.st_size / 1024**3:.1f} GB, which is too much to unpack here.",
                next_step="Unpack it yourself and give the path of its folder instead.",
            )
        state = f"{path}\n{status.st_mtime_ns}\n{status.st_size}"
        with path.open("rb") as file:
            return _unpacked_once(store, _digest(state.encode(errors="surrogateescape")), path.name, file)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise ImagesError(
            f"There is no file {path}." if missing else f"{path} cannot be read ({file_reason(error)}).",
            next_step="Check the path of the archive.",
        ) from error


def _unpacked_once(store: Store, key: str, name: str, content: IO[bytes]) -> Path:
    folder = store.folder("uploads") / f"{key}-images"
    if not folder.exists():
        # a name of its own: another session may be unpacking the same at this moment
        partial = store.folder("uploads", f"{key}-{uuid.uuid4().hex}-partial")
        try:
            _unpack(name, content, partial)
            _move_unless_there(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and _has_folders(inside[0]) else folder


def _move_unless_there(partial: Path, folder: Path) -> None:
    try:
        partial.replace(folder)
    except OSError as error:
        if not folder.is_dir():
            raise _unwritable(folder, error) from error


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.iterdir())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _unpack(name: str, content: IO[bytes], folder: Path) -> None:
    try:
        with zipfile.ZipFile(content) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members(name, members)
            for member in members:
                archive.extract(member, folder)
    except OSError as error:
        if error.errno in NAME_ERRORS:
            raise _damaged(name, error) from error
        raise _unwritable(folder, error) from error
    except DAMAGE as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ImagesError:
    return ImagesError(
        f"{name} is not a ZIP archive that can be unpacked ({str(error) or 'it ends too early'}).",
        next_step="Pack the class folders as a plain ZIP without a password, or give a path instead.",
    )


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The archive cannot be unpacked into {folder.parent} ({error.strerror or error}).",
        next_step=f"Free some space, or point {FOLDER_VARIABLE} to a folder you can write to.",
    )


def _check_members(name: str, members: list[zipfile.ZipInfo]) -> None:
    size = sum(member.file_size for member in members)
    if size > LARGEST_UNPACKED or len(members) > MOST_FILES:
        raise ImagesError(
            f"{name} unpacks to {size / 1024**3:.1f} GB in {len(members):,} files, which is too much to upload.",
            next_step="Put the images in a folder of this machine and give its path instead.",
        )
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if is_link or ".." in parts or member.filename.startswith(("/", "\\")):
            raise ImagesError(
                f"{name} holds {member.filename!r}, which leads out of its own folder.",
                next_step="Pack the class folders themselves, without links or absolute names.",
            )
