"""Which mistakes a training could be meant to mend: the cells of a choice, their images, what is confused most."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.cell_name import GroupName, parsed_cell
from models.finetune.spec import Target
from models.prediction_record import Predictions

Cells = tuple[tuple[str, str], ...]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ConfusedCell:
    """A cell off the diagonal that has images.

    Args:
        label: the true class.
        predicted: what its images are called.
        count: images in it.
        support: images of the label.
    """

    label: str
    predicted: str
    count: int
    support: int


def cells_of_name(name: str, class_names: Sequence[str], groups: Mapping[str, str]) -> Cells:
    """The cells (label, predicted) that a name of the matrix stands for, without the diagonal.

    Args:
        name: as `analysis.cell_name.cell_name` writes it: a cell, a row, a column, a cell of folded groups.
        class_names: C names.
        groups: class name to group.

    Returns:
        () where the name is none of a mistake: unknown, or on the diagonal.

    >>> cells_of_name("cat/", ["cat", "dog", "fox"], {})
    (('cat', 'dog'), ('cat', 'fox'))
    """
    label, predicted = parsed_cell(name)
    if label is None and predicted is None:
        return ()
    rows, columns = (_classes(side, class_names, groups) for side in (label, predicted))
    return tuple((a, b) for a in rows for b in columns if a != b)


def _classes(name: str | None, class_names: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    if name is None:
        return list(class_names)
    if isinstance(name, GroupName):
        return [each for each in class_names if groups.get(each) == name]
    return [each for each in class_names if each == name]


def cells_among(names: Iterable[str]) -> Cells:
    """All cells between some classes, both ways.

    >>> cells_among(["cat", "dog"])
    (('cat', 'dog'), ('dog', 'cat'))
    """
    listed = list(names)
    return tuple((a, b) for a in listed for b in listed if a != b)


def mistakes_of(target: Target, predictions: Predictions) -> Rows:
    """The images that a target is about: those in its cells, and those it names.

    Args:
        target: the target.
        predictions: N images.

    Returns:
        (M,) row numbers, ascending; right predictions are never among them.
    """
    wrong = predictions.labels != predictions.predicted
    meant = predictions.images["id"].isin(target.images).to_numpy() | _in_cells(target.cells, predictions)
    return np.flatnonzero(wrong & meant)


def _in_cells(cells: Collection[tuple[str, str]], predictions: Predictions) -> npt.NDArray[np.bool_]:
    """(N,) whether the image's label and prediction are one of the cells."""
    place = {name: index for index, name in enumerate(predictions.class_names)}
    n = len(place)
    asked = [place[a] * n + place[b] for a, b in cells if a in place and b in place]
    codes = predictions.labels.astype(np.int64) * n + predictions.predicted
    return np.isin(codes, np.array(asked, np.int64))


def most_confused_cells(
    predictions: Predictions, half: npt.NDArray[np.bool_], *, limit: int = 5
) -> list[ConfusedCell]:
    """The cells with most mistakes on one half of the images.

    Chosen on one half, a cell's mistakes on the other are no winners of a contest: what a training changes there
    is its own doing.

    Args:
        predictions: N images.
        half: (N,) which images count.
        limit: how many cells at most.

    Returns:
        Those with most images first; of equal ones, in the order of the classes.
    """
    n = len(predictions.class_names)
    labels, predicted = predictions.labels[half].astype(np.int64), predictions.predicted[half]
    counts = np.bincount(labels * n + predicted, minlength=n * n).reshape(n, n)
    support = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:limit]
    names = predictions.class_names
    return [
        ConfusedCell(names[a], names[b], int(counts[a, b]), int(support[a]))
        for a, b in (divmod(int(code), n) for code in order)
        if counts[a, b]
    ]
