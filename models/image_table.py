"""A table of images: the columns path and label, perhaps group and split, perhaps others."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath

from models.errors import TableError
from models.file_reasons import missing_reason, status_reason
from models.image_folder import FolderContents, labelling_folders
from models.image_groups import FILE_NAMES, column_groups
from models.image_listing import ImageFile, Listing, Unreadable, has_image_suffix, listed, posix, shown
from models.table_columns import COLUMNS, OPTIONAL, column_texts, extra_columns, label_texts, sorted_labels
from models.table_file import columns_of, is_table, read_table

LAYOUT = "table"


def folder_table(folder: Path, contents: FolderContents) -> Path | None:
    """The table in a folder that labels its images, or None where the class folders do.

    A table goes before class folders if two of these are so: there is but one of them, images lie beside
    the table, it has the columns path and label.

    Raises:
        TableError: several tables could.
    """
    tables = [name for name in contents.files if is_table(name) and name.lower() not in FILE_NAMES]
    if not tables:  # the usual case; what follows looks into every class folder
        return None
    labelling = [name for name in tables if set(COLUMNS) <= set(columns_of(folder / name, COLUMNS))]
    class_folders = labelling_folders(folder, contents)
    for_a_table = [len(class_folders) <= 1, bool(contents.images), bool(labelling)]
    if class_folders and sum(for_a_table) < 2:
        return None
    if len(labelling) > 1:
        raise TableError(
            f"The folder {shown(str(folder))} holds several tables of images: {listed(labelling)}.",
            next_step="Open one of the tables instead of the folder.",
        )
    # A table with other columns is opened too: what it lacks is the message that helps.
    return folder / (labelling or tables)[0]


def table_listing(path: Path) -> Listing:
    """The images of a table.

    Rows whose file is missing, or that have no path or no label, are listed as unreadable; so is a row
    that says the same again.

    Args:
        path: CSV, TSV or Parquet with the columns path and label, and perhaps group and split. Paths are
            relative to its folder, or absolute, and may lead out of the folder. Labels may be numbers;
            3 and 3.0 become "3". Other columns are kept, but for nested and binary ones.

    Returns:
        The listing in the order of the table. Class names are sorted; whole numbers by their value.

    Raises:
        TableError: the table cannot be read, contradicts itself, or no row of it can be used.
        GroupsError: a class is in two groups, or in none while others are.
    """
    table = read_table(path, COLUMNS, optional=OPTIONAL)
    labels = label_texts(column_texts(table, "label", path))
    splits, groups = column_texts(table, "split", path), column_texts(table, "group", path)
    rows = _Rows(path.parent, Listing(LAYOUT))
    for path_text, label, split in zip(column_texts(table, "path", path), labels, splits, strict=True):
        rows.add(path_text, label, split)
    listing = rows.listing
    _check_any(path, rows)
    listing.class_names = sorted_labels(labels)
    listing.groups = column_groups(labels, groups, listing.class_names)
    listing.groups_given = bool(listing.groups)
    listing.extra = extra_columns(table).iloc[rows.kept].reset_index(drop=True)
    return listing


class _Rows:
    """Turns rows into images, one after the other."""

    def __init__(self, root: Path, listing: Listing) -> None:
        self.root = root
        self.prefix = f"{posix(root).rstrip('/')}/"
        self.listing = listing
        self.kept: list[int] = []
        self.first_missing = ""
        self._count = 0
        self._row_of: dict[str, tuple[int, str, str]] = {}

    def add(self, path: str, label: str, split: str) -> None:
        """Add the next row."""
        self._count += 1
        if not path or not label:
            reason = f"row {self._count} of the table has no {'label' if path else 'path'}"
            self._leave_out(path, reason, split)
            return
        relative, status, reason = self._found(path)
        if status is None:
            self.first_missing = self.first_missing or self.absolute(relative)
            self._leave_out(path, reason, split)
        elif not self._repeats(relative, label, split):
            image = ImageFile(relative, label, split, status.st_size, status.st_mtime_ns)
            self.listing.files.append(image)
            self.kept.append(self._count - 1)

    def absolute(self, relative: str) -> str:
        """The file that a path of the table means."""
        return relative if os.path.isabs(relative) else self.prefix + relative  # noqa: PTH117

    def _found(self, path: str) -> tuple[str, os.stat_result | None, str]:
        """The path to keep, the status of its file, or the reason why there is none."""
        reason = ""
        for spelling in _spellings(path):
            relative = str(PurePosixPath(spelling)).removeprefix(self.prefix)
            try:
                status = os.stat(self.absolute(relative))  # noqa: PTH116
            except OSError as error:
                reason = reason or missing_reason(error, self.absolute(relative))
            except ValueError:  # a zero byte
                reason = "no file can have this name"
            else:
                reason = status_reason(status) or _suffix_reason(relative)
                return relative, None if reason else status, reason
        return path, None, reason

    def _repeats(self, relative: str, label: str, split: str) -> bool:
        """Whether an earlier row says the same; raises if it says something else."""
        row, *said = self._row_of.setdefault(relative, (self._count, label, split))
        if row == self._count:
            return False
        if said != [label, split]:
            known, now = (f"{label}, {split}" if split else label for label, split in (said, (label, split)))
            raise TableError(
                f"The image {shown(relative)} is in the table twice, with different labels or splits:"
                f" {known} (row {row}) and {now} (row {self._count}).",
                next_step="Keep one row per image.",
            )
        self._leave_out(relative, f"row {self._count} of the table repeats row {row}", split)
        return True

    def _leave_out(self, path: str, reason: str, split: str) -> None:
        self.listing.unreadable.append(Unreadable(shown(path), reason, split))


def _spellings(path: str) -> list[str]:
    """Ways to write a path: as it is, with Windows' slashes turned, with accents composed or not."""
    spellings = [path, path.replace("\\", "/")]
    if not path.isascii():
        spellings += [unicodedata.normalize(form, path) for form in ("NFC", "NFD")]
    return list(dict.fromkeys(spellings))


def _suffix_reason(path: str) -> str:
    name = path.rpartition("/")[2]
    if "." not in name or has_image_suffix(name):  # without a suffix the table's word is taken
        return ""
    return f"not an image ({name[name.rfind('.') :]})"


def _check_any(path: Path, rows: _Rows) -> None:
    if rows.listing.files:
        return
    unreadable = rows.listing.unreadable
    if rows.first_missing and all(file.reason == "the file is missing" for file in unreadable):
        raise TableError(
            f"Not one of the {len(unreadable)} images in {shown(path.name)} is there; the first looked for"
            f" is {shown(rows.first_missing)}.",
            next_step=_where_instead(path, unreadable[0].path),
        )
    raise TableError(
        f"None of the {len(unreadable)} rows of {shown(path.name)} can be used;"
        f" the first, {unreadable[0].path or 'row 1'}: {unreadable[0].reason}.",
        next_step="Correct the table.",
    )


def _where_instead(table: Path, first: str) -> str:
    """What to do about paths that lead nowhere; names the folder where they would lead somewhere."""
    rule = "Paths in a table are relative to the folder of the table, or absolute"
    for folder in sorted(table.parent.iterdir()):
        if folder.is_dir() and (folder / first).is_file():
            return f"{rule}: write {shown(folder.name)}/ before each of them."
    return f"{rule}."
