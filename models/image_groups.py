"""Groups of classes (superclasses, such as cat and dog): from a table, from a file, or from known breeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from models.breeds import breed_groups
from models.errors import GroupsError, TableError
from models.file_reasons import file_reason
from models.image_listing import Listing, listed, shown
from models.table_file import is_table, read_table

FILE_NAMES = ("groups.csv", "groups.json", "groups.tsv")
SHAPES = (
    'Give a CSV with the columns class and group, or JSON such as {"Bengal": "cat", "pug": "dog"}'
    ' or {"cat": ["Bengal"], "dog": ["pug"]}.'
)


def listing_groups(listing: Listing, root: Path, file: Path | None = None) -> dict[str, str]:
    """The groups of opened images: the first of these that there is.

    1. ``file``; 2. the column ``group`` of the table; 3. ``groups.csv`` or ``groups.json`` in the folder,
    or beside it if it names one of the classes; 4. the species in the list of Oxford-IIIT Pet; 5. cat and
    dog, if every class is a known breed and there are both.

    Args:
        listing: the images.
        root: their folder.
        file: a file the person named.

    Returns:
        Class name -> group, for every class; {} if there are no groups.

    Raises:
        GroupsError: the file cannot be read, or does not fit the classes.
    """
    if file is None and not (listing.groups and listing.groups_given):
        file = _groups_file(root, listing.class_names)
    if file is not None:
        return groups_from_file(file, listing.class_names)
    return listing.groups or breed_groups(listing.class_names)


def image_groups(table: pd.DataFrame, class_names: Sequence[str]) -> dict[str, str]:
    """The groups that a table of images gives by itself: from its columns label and group, else by breed.

    Args:
        table: one row per image; ``group`` may be missing or empty.
        class_names: all the classes.

    Returns:
        Class name -> group, for every class; {} if there are no groups.

    Raises:
        GroupsError: a class is in two groups, or in none while others are.
    """
    if "group" not in table:
        return breed_groups(class_names)
    groups = column_groups(table["label"].tolist(), table["group"].tolist(), class_names)
    return groups or breed_groups(class_names)


def column_groups(labels: Sequence[str], groups: Sequence[str], class_names: Sequence[str]) -> dict[str, str]:
    """The group of each class from one label and one group per row; {} where every group is "".

    Raises:
        GroupsError: a class is in two groups, or in none while others are.
    """
    pairs = sorted({(label, group) for label, group in zip(labels, groups, strict=True) if label and group})
    if not pairs:
        return {}
    return _checked(_unique(pairs, "the column group"), class_names, "the column group")


def groups_from_file(path: Path, class_names: Sequence[str]) -> dict[str, str]:
    """Read a mapping file.

    Args:
        path: CSV or TSV with the columns class and group; or JSON, {class: group} or {group: [classes]}.
        class_names: the classes that must be in it; it may hold more, as when a part of a set is opened.

    Returns:
        Class name -> group, for ``class_names``.

    Raises:
        GroupsError: missing, damaged, of another shape; a class is missing or in two groups.
    """
    path = Path(path).expanduser()
    where = f"the groups file {shown(path.name)}"
    if path.suffix.lower() == ".json":
        pairs = _json_pairs(path)
    elif is_table(path.name):
        pairs = _table_pairs(path)
    else:
        raise GroupsError(f"{shown(str(path))} is no file of groups.", next_step=SHAPES)
    return _checked(_unique(pairs, where), class_names, where)


def _groups_file(root: Path, class_names: Sequence[str]) -> Path | None:
    """A file of groups in the folder; or beside it, where it may have been meant for something else."""
    for name in FILE_NAMES:
        if (root / name).is_file():
            return root / name
    for name in FILE_NAMES:
        beside = root.parent / name
        if beside.is_file() and _names_any(beside, class_names):
            return beside
    return None


def _names_any(path: Path, class_names: Sequence[str]) -> bool:
    try:
        pairs = _json_pairs(path) if path.suffix == ".json" else _table_pairs(path)
    except GroupsError:  # it lies outside the folder and was not asked for
        return False
    return not {name for name, _ in pairs}.isdisjoint(class_names)


def _table_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        table = read_table(path, ("class", "group"))
    except TableError as error:
        raise GroupsError(error.message, next_step=SHAPES) from error
    rows = table[["class", "group"]].astype("str").fillna("")
    return [(name.strip(), group.strip()) for name, group in rows.itertuples(index=False)]


def _json_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        value = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_pairs)
    except OSError as error:
        raise GroupsError(
            f"The groups file {shown(str(path))} cannot be read: {file_reason(error)}.", next_step=SHAPES
        ) from error
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise GroupsError(f"The groups file {shown(path.name)} is not JSON.", next_step=SHAPES) from error
    pairs = _class_and_group(value)
    if pairs is None:
        raise GroupsError(
            f"The groups file {shown(path.name)} has another shape than expected.", next_step=SHAPES
        )
    return pairs


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, repeated ones too: a class in two groups must not go unseen."""


def _pairs(members: Iterable[tuple[str, Any]]) -> _Pairs:
    return _Pairs(members)


def _class_and_group(value: Any) -> list[tuple[str, str]] | None:
    """(class, group) pairs of a JSON value, or None where it has neither shape."""
    if not isinstance(value, _Pairs) or not value:
        return None
    members = [each for _, each in value]
    if all(isinstance(each, str) for each in members):
        return [(name.strip(), group.strip()) for name, group in value]
    if all(type(each) is list and all(isinstance(name, str) for name in each) for each in members):
        return [(name.strip(), group.strip()) for group, names in value for name in names]
    return None


def _unique(pairs: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
    groups: dict[str, str] = {}
    for name, group in pairs:
        if groups.setdefault(name, group) != group:
            raise GroupsError(
                f"In {where}, the class {shown(name)} is in two groups:"
                f" {shown(groups[name])} and {shown(group)}.",
                next_step="Put every class into one group.",
            )
    return groups


def _checked(groups: Mapping[str, str], class_names: Sequence[str], where: str) -> dict[str, str]:
    missing = [name for name in class_names if not groups.get(name)]
    if missing:
        unknown = sorted(set(groups) - set(class_names))
        also = f"; it names {listed(unknown)}, which the images do not have" if unknown else ""
        raise GroupsError(
            f"{where[0].upper()}{where[1:]} gives no group to {listed(missing)}{also}.",
            next_step="Give every class a group, spelled as in the images.",
        )
    return {name: groups[name] for name in class_names}
