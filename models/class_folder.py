"""One class folder and all that lies inside it, told by names and sizes alone."""

from __future__ import annotations

import os
from pathlib import Path

from models.file_reasons import file_reason, missing_reason, name_reason, status_reason
from models.image_listing import ImageFile, Listing, Unreadable, has_image_suffix, is_litter, shown


class ClassFolder:
    """Lists one class folder and what lies inside it; plain strings, for the sake of large folders."""

    def __init__(self, listing: Listing, root: Path, label: str, split: str) -> None:
        self.listing = listing
        self.prefix = f"{root}/"
        self.label = label
        self.split = split
        self.seen = {_identity(str(root))}

    def add(self, folder: str) -> None:
        """Add the images of a folder, given relative to the root, and of the folders in it."""
        try:
            identity = _identity(self.prefix + folder)
            if identity in self.seen:
                self._leave_out(folder, "a link to a folder that was already listed for this class")
                return
            self.seen.add(identity)
            with os.scandir(self.prefix + folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._leave_out(folder, f"the folder cannot be opened: {file_reason(error)}")
            return
        for entry in found:
            if not is_litter(entry.name):
                self._add_entry(entry, f"{folder}/{entry.name}")

    def _add_entry(self, entry: os.DirEntry[str], path: str) -> None:
        if reason := name_reason(entry.name):
            self._leave_out(path, reason)
        elif is_folder(entry):
            self._add_folder(entry, path)
        else:
            self._add_file(entry, path)

    def _add_folder(self, entry: os.DirEntry[str], path: str) -> None:
        if reason := link_reason(entry.path):
            self._leave_out(path, reason)
            return
        before = len(self.listing.files), len(self.listing.unreadable)
        self.add(path)
        if has_image_suffix(entry.name) and before == (len(self.listing.files), len(self.listing.unreadable)):
            self._leave_out(path, "a folder, not a file")

    def _add_file(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            status = entry.stat()
        except OSError as error:
            self._leave_out(path, missing_reason(error, entry.path))
            return
        if not has_image_suffix(entry.name):
            suffix = os.path.splitext(entry.name)[1]  # noqa: PTH122
            self._leave_out(path, f"not an image ({suffix or 'no suffix'})")
        elif reason := status_reason(status):
            self._leave_out(path, reason)
        else:
            image = ImageFile(path, self.label, self.split, status.st_size, status.st_mtime_ns)
            self.listing.files.append(image)

    def _leave_out(self, path: str, reason: str) -> None:
        self.listing.unreadable.append(Unreadable(shown(path), reason, self.split))


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)  # noqa: PTH116
    return status.st_dev, status.st_ino


def link_reason(folder: str) -> str:
    """Why a folder must not be entered: it is a link to a folder above itself; else ""."""
    if not os.path.islink(folder):  # noqa: PTH114
        return ""
    target = os.path.realpath(folder)
    stands_in = os.path.realpath(os.path.dirname(folder))  # noqa: PTH120
    leads_back = f"{stands_in}{os.sep}".startswith(f"{target.rstrip(os.sep)}{os.sep}")
    return "a link that leads back to a folder above it" if leads_back else ""


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False
