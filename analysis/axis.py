"""What the confusion matrix shows: folded, filtered, ordered, and still true.

A view never changes a denominator: rates and totals count all images of an entry, also those whose
prediction is not on show.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.cell_name import GroupName
from analysis.confusion import Counts, Floats, Integers, shares, square
from analysis.confusion import folded as folded_counts
from analysis.ordering import Order, class_order

Rate = Literal["counts", "label", "prediction"]


@dataclass(frozen=True)
class Entry:
    """One row, and the column of the same place.

    Args:
        name: the class, or the ``GroupName`` of a folded group, as ``cell_name`` wants it.
        label: what a person reads; says so where only some of a group's classes are on show.
        members: the indices of its classes.
        is_group: whether it is a folded group.
    """

    name: str
    label: str
    members: tuple[int, ...]
    is_group: bool


@dataclass(frozen=True, eq=False)
class MatrixView:
    """The matrix as it is drawn; E entries, the same for rows (labels) and columns (predictions).

    For every row, ``counts.sum(1) + hidden_counts + blanked_counts == row_totals``.

    Args:
        entries: E entries, first to last.
        counts: (E, E) images; cells off the diagonal with fewer than ``min_count`` hold 0.
        row_totals: (E,) all images labelled so.
        column_totals: (E,) all images predicted so, also those of labels not on show.
        hidden_counts: (E,) images of the row whose prediction is in no column on show.
        blanked_counts: (E,) images of the row in cells blanked for being below ``min_count``.
        rates: (E, E) counts over row totals, or over column totals where ``rate`` is "prediction";
            nan where the total is 0.
        values: (E, E) what is coloured: counts or rates; nan on the diagonal where it is not shown.
        rate: what the values are.
        min_count: the fewest images of a cell off the diagonal that is shown.
    """

    entries: tuple[Entry, ...]
    counts: Counts
    row_totals: Counts
    column_totals: Counts
    hidden_counts: Counts
    blanked_counts: Counts
    rates: Floats
    values: Floats
    rate: Rate
    min_count: int

    @property
    def labels(self) -> list[str]:
        """The entries' texts, first to last."""
        return [entry.label for entry in self.entries]

    def place(self, name: str | None) -> int | None:
        """The place of the entry with this name, or None where it is not on show."""
        wanted = (name, isinstance(name, GroupName))
        names = [(entry.name, entry.is_group) for entry in self.entries]
        return names.index(wanted) if wanted in names else None


def matrix_view(
    counts: Counts,
    class_names: Sequence[str],
    groups: Mapping[str, str],
    *,
    order: Order | Sequence[int] | Integers = "name",
    folded: Collection[str] = (),
    shown: Collection[str] | None = None,
    min_count: int = 0,
    rate: Rate = "counts",
    diagonal: bool = True,
) -> MatrixView:
    """Fold, filter, order and blank a matrix.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names.
        groups: class name to group; {} where there are none.
        order: as for ``class_order``, over the entries on show; by name, the classes of a group stay
            together. Or all C classes in their order, first to last (a saved ``class_order``): a
            folded group stands where its first class would.
        folded: groups that are one row each; unknown ones are ignored.
        shown: the classes to show, None for all. A folded group holds its shown classes only.
        min_count: off the diagonal, cells with fewer images are blanked, and entries in none of the
            remaining cells are left out. 0 keeps all.
        rate: what is coloured: counts, shares of the label, or shares of the prediction.
        diagonal: whether the diagonal is coloured. Counts and totals are the same without.

    Returns:
        The view. It has no entries where the filters leave none.

    Raises:
        ValueError: counts are not square, or the names are not as many.

    >>> counts = np.array([[8, 2, 0], [1, 9, 0], [0, 1, 9]])
    >>> groups = {"Bengal": "cat", "Bombay": "cat", "pug": "dog"}
    >>> view = matrix_view(counts, list(groups), groups, folded={"cat"})
    >>> view.labels, view.counts.tolist()
    (['cat', 'pug'], [[20, 0], [1, 9]])
    """
    square(counts)
    if len(class_names) != len(counts):
        raise ValueError(f"{len(class_names)} class names for {len(counts)} classes")
    entries = _entries(class_names, groups, set(folded), shown)
    entries = _taking_part(entries, counts, min_count)
    entries = _ordered(entries, counts, class_names, groups, order)
    return _view(entries, counts, min_count, rate, diagonal)


def _entries(
    class_names: Sequence[str],
    groups: Mapping[str, str],
    folded_groups: set[str],
    shown: Collection[str] | None,
) -> list[Entry]:
    entries: list[Entry] = []
    visible = set(class_names if shown is None else shown)
    members: dict[str, list[int]] = {}
    for index, name in enumerate(class_names):
        group = groups.get(name, "")
        if group in folded_groups and group:
            members.setdefault(group, []).append(index)
        elif name in visible:
            entries.append(Entry(name, name, (index,), False))
    for group, indices in members.items():
        present = tuple(i for i in indices if class_names[i] in visible)
        some = f" ({len(present)} of {len(indices)} classes)" if len(present) < len(indices) else ""
        if present:
            entries.append(Entry(GroupName(group), group + some, present, True))
    return sorted(entries, key=lambda entry: entry.members[0])


def _block(entries: Sequence[Entry], counts: Counts) -> Counts:
    """(E + 1, E + 1) counts; the last row and column hold all classes of no entry."""
    place = np.full(len(counts), len(entries), dtype=np.int64)
    for index, entry in enumerate(entries):
        place[list(entry.members)] = index
    # one class more makes sure that the rest has a row, even an empty one
    return folded_counts(np.pad(counts, (0, 1)), np.append(place, len(entries)))


def _taking_part(entries: list[Entry], counts: Counts, min_count: int) -> list[Entry]:
    if min_count < 1:
        return entries
    block = _block(entries, counts)[:-1, :-1]
    enough = block >= min_count
    np.fill_diagonal(enough, False)
    kept = np.asarray((enough | enough.T).any(axis=0))
    return [entry for entry, keep in zip(entries, kept, strict=True) if keep]


def _ordered(
    entries: list[Entry],
    counts: Counts,
    class_names: Sequence[str],
    groups: Mapping[str, str],
    order: Order | Sequence[int] | Integers,
) -> list[Entry]:
    if not isinstance(order, str):
        rank = {int(index): place for place, index in enumerate(order)}
        return sorted(entries, key=lambda entry: min(rank[member] for member in entry.members))
    block = _block(entries, counts)[:-1, :-1]
    if order == "accuracy":
        # the recall of an entry counts all its images, also those predicted as a class not on show
        totals = [counts[list(entry.members)].sum() for entry in entries]
        recalls = shares(np.diagonal(block), np.array(totals, dtype=np.int64))
        return [entries[i] for i in np.argsort(recalls, kind="stable")]
    places = class_order(block, order, [entry.name for entry in entries])
    placed = [entries[i] for i in places]
    if order == "name":
        placed.sort(key=lambda entry: groups.get(class_names[entry.members[0]], ""))
    return placed


def _view(entries: Sequence[Entry], counts: Counts, min_count: int, rate: Rate, diagonal: bool) -> MatrixView:
    block = _block(entries, counts)
    row_totals, column_totals = block.sum(axis=1)[:-1], block.sum(axis=0)[:-1]
    hidden, visible = block[:-1, -1], block[:-1, :-1]
    blanked = (visible < min_count) & ~np.eye(len(entries), dtype=bool)
    shown_counts = np.where(blanked, 0, visible)
    whole = column_totals[None, :] if rate == "prediction" else row_totals[:, None]
    rates = shares(shown_counts, np.broadcast_to(whole, shown_counts.shape))
    values = rates.copy() if rate != "counts" else shown_counts.astype(float)
    if not diagonal:
        np.fill_diagonal(values, np.nan)
    return MatrixView(
        tuple(entries),
        shown_counts,
        row_totals,
        column_totals,
        hidden,
        np.where(blanked, visible, 0).sum(axis=1),
        rates,
        values,
        rate,
        min_count,
    )


def cell_words(view: MatrixView, row: int, column: int) -> str:
    """One cell as a person says it.

    Args:
        view: the matrix on show.
        row: the place of the label.
        column: the place of the prediction.

    Returns:
        Such as "12 of 31 beagle called pug" or "25 of 31 beagle right".

    >>> view = matrix_view(np.array([[8, 2], [0, 9]]), ["Bengal", "pug"], {})
    >>> cell_words(view, 0, 1), cell_words(view, 1, 1), cell_words(view, 1, 0)
    ('2 of 10 Bengal called pug', '9 of 9 pug right', 'none of 9 pug called Bengal')
    """
    label, predicted = view.entries[row], view.entries[column]
    count, total = int(view.counts[row, column]), int(view.row_totals[row])
    if row == column:
        right = f"called one of {label.label}" if label.is_group else "right"
        return f"{count:,} of {total:,} {label.label} {right}"
    number = f"{count:,}"
    if not count:
        number = f"fewer than {view.min_count:,}" if view.min_count > 1 else "none"
    return f"{number} of {total:,} {label.label} called {predicted.label}"
