"""Corrected labels laid over the predictions: what the figures are with them.

The images and their files stay as they are; a correction is a decision that a person made about an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.confusion import Counts, Integers, confusion_counts
from analysis.metrics import Accuracy, accuracy
from models.fingerprints import name_of
from models.notes import Decision, ImageNote
from models.prediction_scores import log_of_probabilities, log_softmax, scores
from models.prediction_selection import rows_of

if TYPE_CHECKING:
    from models.prediction_record import Predictions

Notes = Mapping[int, ImageNote]
"""Row in the predictions to what is known about the image."""


@dataclass(frozen=True)
class ClassChange:
    """One class, before and after.

    Args:
        name: of the class.
        before: its recall with the labels as they are.
        after: its recall with the corrections.
    """

    name: str
    before: Accuracy
    after: Accuracy


@dataclass(frozen=True)
class CellChange:
    """One cell of the matrix that holds another number of images.

    Args:
        label: the row.
        predicted: the column.
        before: images with the labels as they are.
        after: images with the corrections.
    """

    label: str
    predicted: str
    before: int
    after: int


@dataclass(frozen=True)
class OverlayComparison:
    """The figures with and without the corrections.

    The corrected images were chosen because the model contradicts them, so the corrections nearly always
    help it: wrong labels that it agrees with are not among them.

    Args:
        before: accuracy with the labels as they are.
        after: accuracy with the corrections.
        n_corrected: images that bear another label now.
        n_unknown: labels decided wrong whose right class is not known, or not one of the classes; they stay.
        n_left_out: bad images that were left out.
        vanished: rows that were errors and are right, or left out.
        appeared: rows that were right and are errors.
        classes: the classes whose recall or number of images changes, in the order of the class names.
        cells: the cells that change, the greatest changes first.
    """

    before: Accuracy
    after: Accuracy
    n_corrected: int
    n_unknown: int
    n_left_out: int
    vanished: tuple[int, ...]
    appeared: tuple[int, ...]
    classes: tuple[ClassChange, ...]
    cells: tuple[CellChange, ...]


def standing_decision(predictions: Predictions, row: int, note: ImageNote | None) -> Decision | None:
    """The decision about an image that still holds; None where there is none.

    It was made about the label of its time: for an image with another label by now it says nothing.
    """
    if note is None or note.label != predictions.class_names[predictions.labels[row]]:
        return None
    return note.decision


def corrections(predictions: Predictions, notes: Notes) -> dict[int, int]:
    """Row to the index of its corrected label, of the labels decided wrong whose right class is known."""
    places = {name: index for index, name in enumerate(predictions.class_names)}
    return {
        row: places[note.corrected_label]
        for row, note in notes.items()
        if note.corrected_label in places and standing_decision(predictions, row, note) == "label"
    }


def corrected(predictions: Predictions, notes: Notes, *, without_bad_images: bool = False) -> Predictions:
    """The predictions with the corrected labels in place of the wrong ones.

    A label that was decided wrong without a known right class stays: the image is not judged anew, and
    leaving it out would flatter the model.

    Args:
        predictions: with the labels as they are; nothing in it is changed.
        notes: row to note.
        without_bad_images: leave out the images decided "image" (bad image). Logits, probabilities and
            embeddings are then copied without them.

    Returns:
        Predictions under a fingerprint of their own (the same for the same corrections); without any
        correction, the ones given.
    """
    new = corrections(predictions, notes)
    left_out = _bad_images(predictions, notes) if without_bad_images else []
    if not new and not left_out:
        return predictions
    key = name_of(predictions.fingerprint, sorted(new.items()), left_out)
    relabelled = replace(predictions, fingerprint=key, images=_relabelled(predictions, new))
    kept = np.delete(np.arange(len(predictions)), left_out)
    return rows_of(relabelled, kept) if left_out else relabelled


def _relabelled(predictions: Predictions, new: Mapping[int, int]) -> pd.DataFrame:
    images = predictions.images.copy()
    rows = np.array(sorted(new), dtype=np.intp)
    labels = np.array([new[int(row)] for row in rows], dtype=np.int32)
    names = np.array(predictions.class_names, dtype=object)[labels]
    values: dict[str, npt.NDArray[np.generic]] = {"label": names, **_scores(predictions, rows, labels)}
    if "group" in images and predictions.groups:
        values["group"] = np.array([predictions.groups.get(name, "") for name in names], dtype=object)
    for column, new_values in values.items():
        changed = images[column].to_numpy(copy=True)
        changed[rows] = new_values
        images[column] = pd.Series(changed, index=images.index, dtype=images[column].dtype)
    return images


def _scores(
    predictions: Predictions, rows: npt.NDArray[np.intp], labels: npt.NDArray[np.int32]
) -> dict[str, npt.NDArray[np.generic]]:
    if predictions.logits is not None:
        found = scores(log_softmax(predictions.logits[rows]), labels)
    elif predictions.probabilities is not None:
        found = scores(log_of_probabilities(predictions.probabilities[rows]), labels)
    else:  # the rank of a label that was not predicted is not known
        is_right = predictions.predicted[rows] == labels
        rank = np.where(is_right, 0, len(predictions.class_names)).astype(np.int32)
        return {"label_index": labels, "label_rank": rank}
    return {name: found[name].to_numpy() for name in ("label_index", "margin", "loss", "label_rank")}


def _bad_images(predictions: Predictions, notes: Notes) -> list[int]:
    return sorted(row for row, note in notes.items() if standing_decision(predictions, row, note) == "image")


def overlay_comparison(
    predictions: Predictions, notes: Notes, *, without_bad_images: bool = False
) -> OverlayComparison:
    """The figures with and without the corrections.

    Args:
        predictions: with the labels as they are.
        notes: row to note.
        without_bad_images: as in `corrected`.

    Returns:
        The comparison; rows are those of the predictions given.
    """
    new = corrections(predictions, notes)
    left_out = _bad_images(predictions, notes) if without_bad_images else []
    labels, predicted = predictions.labels, predictions.predicted
    after = labels.copy()
    after[list(new)] = list(new.values())
    kept = np.ones(len(labels), dtype=bool)
    kept[left_out] = False
    was_wrong, is_wrong = labels != predicted, kept & (after != predicted)
    n_classes = len(predictions.class_names)
    counts = confusion_counts(labels, predicted, n_classes)
    new_counts = confusion_counts(after[kept], predicted[kept], n_classes)
    decided_wrong = sum(standing_decision(predictions, row, note) == "label" for row, note in notes.items())
    return OverlayComparison(
        before=accuracy(labels, predicted),
        after=accuracy(after[kept], predicted[kept]),
        n_corrected=int((after != labels).sum()),
        n_unknown=decided_wrong - len(new),
        n_left_out=len(left_out),
        vanished=tuple(np.flatnonzero(was_wrong & ~is_wrong).tolist()),
        appeared=tuple(np.flatnonzero(~was_wrong & is_wrong).tolist()),
        classes=_class_changes(predictions, (labels, after), kept),
        cells=_cell_changes(predictions.class_names, counts, new_counts),
    )


def _class_changes(
    predictions: Predictions, labels: tuple[Integers, Integers], kept: npt.NDArray[np.bool_]
) -> tuple[ClassChange, ...]:
    before, after = labels
    touched = np.unique(np.concatenate([each[(before != after) | ~kept] for each in labels]))
    predicted = predictions.predicted
    return tuple(
        ClassChange(
            predictions.class_names[index],
            accuracy(before[before == index], predicted[before == index]),
            accuracy(after[kept & (after == index)], predicted[kept & (after == index)]),
        )
        for index in touched.tolist()
    )


def _cell_changes(class_names: tuple[str, ...], before: Counts, after: Counts) -> tuple[CellChange, ...]:
    rows, columns = np.nonzero(before != after)
    order = np.lexsort((columns, rows, -np.abs(after - before)[rows, columns]))
    return tuple(
        CellChange(class_names[row], class_names[column], int(before[row, column]), int(after[row, column]))
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    )
