"""Opening labelled images: a folder of class folders, a table, or the layout of Oxford-IIIT Pet.

Nothing is decoded here. What cannot be used is listed beside the images with the reason, in words.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import ImagesError
from models.file_reasons import file_reason
from models.image_folder import WANTED, folder_contents, folder_listing
from models.image_groups import image_groups, listing_groups
from models.image_listing import Listing, Unreadable, has_image_suffix, listed, shown
from models.image_table import folder_table, table_listing
from models.oxford_layout import oxford_listing, oxford_root

__all__ = ["ImageSet", "Unreadable", "image_groups", "image_id", "open_image_set"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, none of them decoded yet.

    Args:
        root: the folder that paths are relative to; absolute.
        table: one row per image with the columns id (12 hex digits, of the path), path (relative, POSIX;
            absolute where a table names an image outside its folder), label, group and split (text, ""
            where there is none), then the user's own columns.
        class_names: the labels and the empty class folders, sorted as Python sorts text; those of a table
            by value if all are whole numbers.
        groups: class name -> group; {} where there are none.
        unreadable: what could not be used, and why.
        layout: how the images lie, in words.
        fingerprint: 32 hex digits over place, list, labels, sizes and modification times.
        file_states: (N, 2) integers: size in bytes, modification time in nanoseconds; not compared.
    """

    root: Path
    table: pd.DataFrame
    class_names: tuple[str, ...]
    groups: dict[str, str]
    unreadable: tuple[Unreadable, ...]
    layout: str
    fingerprint: str
    file_states: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.table)

    def absolute(self, path: str) -> Path:
        """Where an image of the table lies."""
        return self.root / path

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, sorted; () where the images are not split."""
        return tuple(sorted(set(self.table["split"]) - {""}))

    def split(self, name: str) -> ImageSet:
        """Only the images of one split; the class names stay those of the whole set.

        Raises:
            ImagesError: there is no such split.
        """
        if name not in self.splits:
            known = f"it has {listed(self.splits, most=12)}" if self.splits else "it is not split"
            raise ImagesError(
                f"The image set {shown(str(self.root))} has no split called {name}: {known}.",
                next_step="Choose one of its splits." if self.splits else "Open it without naming a split.",
            )
        unreadable = tuple(file for file in self.unreadable if file.split in ("", name))
        chosen = np.flatnonzero((self.table["split"] == name).to_numpy())
        return replace(self._rows(chosen), unreadable=unreadable)

    def balanced(self, limit: int) -> ImageSet:
        """At most ``limit`` images, as many of each class as can be, always the same ones.

        The classes take turns; within a class the order is that of the ids, which has nothing to do with
        names or dates. The rows kept stay in the order of the table.

        Raises:
            ImagesError: the limit is less than 1.
        """
        if limit < 1:
            raise ImagesError(f"A limit of {limit} images leaves none.", next_step="Give 1 or more.")
        by_id = self.table[["label", "id"]].reset_index(drop=True).sort_values("id", kind="stable")
        turn = by_id.groupby("label").cumcount()
        order = by_id.assign(turn=turn).sort_values(["turn", "label"], kind="stable").index[:limit]
        return self._rows(np.sort(order.to_numpy()))

    def _rows(self, rows: npt.NDArray[np.intp]) -> ImageSet:
        table = self.table.iloc[rows].reset_index(drop=True)
        states = None if self.file_states is None else self.file_states[rows]
        fingerprint = images_fingerprint(self.root, table, self.class_names, self.groups, states)
        return replace(self, table=table, file_states=states, fingerprint=fingerprint)


def preferred_split(splits: Sequence[str]) -> str | None:
    """The split to judge a network by: validation, else test, else the first.

    Args:
        splits: the names of a set's splits.

    Returns:
        One of them; None where the set is not split.

    >>> preferred_split(("test", "train", "val")), preferred_split(())
    ('val', None)
    """
    for name in ("val", "validation", "valid", "test"):
        if name in splits:
            return name
    return splits[0] if splits else None


def open_image_set(
    path: str | Path, *, groups: str | Path | None = None, split: str | None = None, limit: int | None = None
) -> ImageSet:
    """Open labelled images; nothing is decoded.

    Args:
        path: a folder or a table. In a folder these are looked for, in this order: the layout of
            Oxford-IIIT Pet (images/ and annotations/); class folders, or split folders (train, val,
            test...) of class folders; a table (CSV, TSV, Parquet) that labels the images beside it. Paths
            in a table are relative to its folder, or absolute; they may lead out of it (``..``).
        groups: a file that gives each class its group (superclass): CSV with the columns class and group,
            or JSON. Without it they come from the table's column ``group``, from ``groups.csv`` or
            ``groups.json`` in the folder or beside it, or from the breeds of Oxford-IIIT Pet.
        split: only this split.
        limit: at most this many images, balanced over the classes, the same ones every time.

    Returns:
        The images, in a stable order.

    Raises:
        ImagesError: no such folder, nothing in it that could be opened, an unknown split...
        TableError: the table is damaged, lacks a column, contradicts itself...
        GroupsError: the groups do not fit the classes.
    """
    if not str(path).strip():
        raise ImagesError("No folder and no table of images was named.", next_step=WANTED)
    place = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100
    root, listing = _listing(place)
    class_groups = listing_groups(listing, root, Path(groups) if groups is not None else None)
    images = _image_set(root, listing, class_groups)
    if split is not None:
        images = images.split(split)
    if limit is not None:
        images = images.balanced(limit)
    return images


def _listing(place: Path) -> tuple[Path, Listing]:
    """The folder that paths are relative to, and the images."""
    try:
        place.stat()
    except (OSError, ValueError) as error:
        reason = file_reason(error) if isinstance(error, OSError) else "no file can have this name"
        raise ImagesError(
            f"{shown(str(place))} cannot be opened: {reason.replace('the file', 'it')}.",
            next_step="Check the path; a relative one starts at the folder that Errorscope was started in.",
        ) from error
    if has_image_suffix(place.name) and place.is_file():
        raise ImagesError(f"{shown(str(place))} is a single image.", next_step=WANTED)
    if not place.is_dir():
        return place.parent, table_listing(place)
    oxford = oxford_root(place)
    if oxford is not None:
        return oxford, oxford_listing(oxford)
    table = folder_table(place, folder_contents(place))
    return place, table_listing(table) if table is not None else folder_listing(place)


def _image_set(root: Path, listing: Listing, groups: dict[str, str]) -> ImageSet:
    if not listing.files:
        raise ImagesError(f"{shown(str(root))} holds no images.", next_step=WANTED)
    table = _table(listing, groups)
    states = np.array([(file.size_bytes, file.modified_ns) for file in listing.files], dtype=np.int64)
    return ImageSet(
        root=root,
        table=table,
        class_names=listing.class_names,
        groups=groups,
        unreadable=tuple(listing.unreadable),
        layout=listing.layout,
        fingerprint=images_fingerprint(root, table, listing.class_names, groups, states),
        file_states=states,
    )


def _table(listing: Listing, groups: dict[str, str]) -> pd.DataFrame:
    files = listing.files
    columns = {
        "id": [image_id(file.path) for file in files],
        "path": [file.path for file in files],
        "label": [file.label for file in files],
        "group": [groups.get(file.label, "") for file in files],
        "split": [file.split for file in files],
    }
    table = pd.DataFrame(columns, dtype="str")
    if listing.extra is None:
        return table
    extra = listing.extra.reset_index(drop=True)
    return pd.concat([table, extra], axis="columns")


def image_id(path: str) -> str:
    """The id of an image: 12 hex digits of its path.

    >>> image_id("cat/1.jpg")
    'f885d4c8bc69'
    """
    return hashlib.blake2b(os.fsencode(path), digest_size=6).hexdigest()


def images_fingerprint(
    root: Path,
    table: pd.DataFrame,
    class_names: tuple[str, ...],
    groups: dict[str, str],
    states: npt.NDArray[np.int64] | None,
) -> str:
    """32 hex digits that change when the images, their labels or anything said about them changes.

    Args:
        root: the folder; its real place counts, however it was reached.
        table: as in `ImageSet`.
        class_names: in order.
        groups: class name -> group.
        states: (N, 2) sizes in bytes and modification times in nanoseconds; None where not known.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((os.path.realpath(root), list(table.columns), class_names, groups)).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    if states is not None:
        digest.update(np.ascontiguousarray(states).tobytes())
    return digest.hexdigest()
