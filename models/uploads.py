"""Files that came through the browser, kept in the workspace under what they contain."""

from __future__ import annotations

import hashlib
import io
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from models.errors import ImagesError
from models.store import Store, write_bytes

LARGEST_UNPACKED = 2 * 1024**3
MOST_FILES = 50_000


def kept_file(store: Store, name: str, content: bytes) -> Path:
    """Keep one uploaded file; the same content is kept once.

    Args:
        store: the workspace.
        name: the file's name as the browser gives it; only its last part is used.
        content: its bytes.

    Returns:
        Where it lies.
    """
    path = store.folder("uploads", _digest(content)) / (PurePosixPath(name.replace("\\", "/")).name or "file")
    if not path.exists():
        write_bytes(path, content)
    return path


def unpacked_images(store: Store, name: str, content: bytes) -> Path:
    """Unpack an uploaded ZIP of images; the same content is unpacked once.

    Args:
        store: the workspace.
        name: the archive's name, for messages.
        content: its bytes.

    Returns:
        The folder of its files; where everything in it lies in one folder, that folder.

    Raises:
        ImagesError: it is no ZIP, is damaged or protected by a password, unpacks to too much, or a
            name in it leads out of the folder.
    """
    folder = store.folder("uploads") / f"{_digest(content)}-images"
    if not folder.exists():
        partial = store.folder("uploads", f"{_digest(content)}-partial")
        try:
            _unpack(name, content, partial)
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and _has_folders(inside[0]) else folder


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.iterdir())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _unpack(name: str, content: bytes, folder: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members(name, members)
            for member in members:
                archive.extract(member, folder)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise ImagesError(
            f"{name} is not a ZIP archive that can be unpacked ({error}).",
            next_step="Pack the class folders as a plain ZIP without a password, or give a path instead.",
        ) from error


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
