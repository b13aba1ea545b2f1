"""Which images' maps are laid side by side: those of a cell, and those they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.cell_name import GroupName, parsed_cell
from analysis.confusion import cell_images
from models.errors import JobError
from models.predictions import Predictions

GroupKey = Literal["cell", "label", "predicted", "others"]
Positions = npt.NDArray[np.intp]

MOST_CELL_IMAGES = 60
MOST_REFERENCES = 48


@dataclass(frozen=True, eq=False)
class MapGroups:
    """The images of a cell and their references, as row numbers of the predictions.

    Args:
        name: the cell, as the URL writes it.
        cell: images of the cell.
        label: correct images of the label's classes; empty where they are the cell, or a side is open.
        predicted: correct images of the prediction's classes; empty likewise.
        others: correct images of all other classes, as many of each as possible.
        n_cell: how many images the cell has in all; ``cell`` may hold fewer.
    """

    name: str
    cell: Positions
    label: Positions
    predicted: Positions
    others: Positions
    n_cell: int

    def of(self, group: GroupKey) -> Positions:
        """The images of one group."""
        found: Positions = getattr(self, group)
        return found

    @property
    def images(self) -> Positions:
        """All of them, each once: the cell first."""
        joined = np.concatenate([self.cell, self.label, self.predicted, self.others])
        _, first = np.unique(joined, return_index=True)
        return joined[np.sort(first)]


def map_groups(predictions: Predictions, name: str) -> MapGroups:
    """Choose the images to look at for a cell, a row or a column.

    Where there are more images than are needed, every so-manyth is taken, so the choice is spread over the
    data and always the same.

    Args:
        predictions: of all images.
        name: a cell as `analysis.cell_name` writes it: ``a/b``, the row ``a/`` or the column ``/b``.

    Raises:
        JobError: the classes of the cell are not among those of the predictions, or it names none.
    """
    label, predicted = parsed_cell(name)
    rows, columns = (class_indices(predictions, each) for each in (label, predicted))
    if rows is None and columns is None:
        raise JobError(f'"{name}" names no cell, row or column.', next_step="Choose a cell of the matrix.")
    cell = cell_images(predictions.labels, predictions.predicted, rows, columns)
    right = predictions.labels == predictions.predicted
    is_error = rows is not None and columns is not None and set(rows) != set(columns)
    own = [*(rows or ()), *(columns or ())]
    return MapGroups(
        name=name,
        cell=spread(cell, MOST_CELL_IMAGES),
        label=_correct(predictions, rows or (), MOST_REFERENCES // 2) if is_error else _NONE,
        predicted=_correct(predictions, columns or (), MOST_REFERENCES // 2) if is_error else _NONE,
        others=_balanced(predictions, right & ~np.isin(predictions.labels, own), MOST_REFERENCES),
        n_cell=len(cell),
    )


_NONE: Positions = np.zeros(0, dtype=np.intp)


def class_indices(predictions: Predictions, name: str | None) -> tuple[int, ...] | None:
    """The classes that one side of a cell names; None for a side left open.

    Raises:
        JobError: there is no such class or group.
    """
    if name is None:
        return None
    names = predictions.class_names
    if isinstance(name, GroupName):
        found = tuple(i for i, each in enumerate(names) if predictions.groups.get(each) == str(name))
    else:
        found = tuple(i for i, each in enumerate(names) if each == name)
    if not found:
        raise JobError(
            f'There is no class "{name}" among the predictions.', next_step="Choose a cell of the matrix."
        )
    return found


def spread(positions: Positions, most: int) -> Positions:
    """At most so many of some positions, evenly spread over them.

    >>> spread(np.arange(10), 3).tolist()
    [0, 3, 6]
    """
    if len(positions) <= most:
        return positions
    return positions[np.arange(most) * len(positions) // most]


def _correct(predictions: Predictions, classes: Sequence[int], most: int) -> Positions:
    right = predictions.labels == predictions.predicted
    return spread(np.flatnonzero(right & np.isin(predictions.labels, list(classes))), most)


def _balanced(predictions: Predictions, chosen: npt.NDArray[np.bool_], most: int) -> Positions:
    """At most so many of the chosen images, going round the classes."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return _NONE
    labels = predictions.labels[rows]
    by_class = np.argsort(labels, kind="stable")
    per_class = np.split(rows[by_class], np.flatnonzero(np.diff(labels[by_class])) + 1)
    each = -(-most // len(per_class))
    # the first of every class, then the second of every class ...
    turns = [(turn, place, image) for place, images in enumerate(per_class)
             for turn, image in enumerate(spread(images, each))]  # fmt: skip
    return np.sort(np.array([image for _, _, image in sorted(turns)[:most]], dtype=np.intp))
