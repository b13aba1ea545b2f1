"""Decisions about labels, and the corrected labels, as tables for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.label_overlay import Notes, corrected, standing_decision

if TYPE_CHECKING:
    from models.prediction_record import Predictions


def corrected_labels_table(
    predictions: Predictions, notes: Notes, *, only_decided: bool = True
) -> pd.DataFrame:
    """What was decided about each image, as a table.

    Args:
        predictions: with the labels as they are.
        notes: row to note.
        only_decided: only the images with a decision that still holds; False lists all.

    Returns:
        Columns ``path``, ``label``, ``corrected_label`` ("" where none is known), ``decision`` (model,
        label, image, ambiguous or ""), ``note`` and ``tags`` (with ", " between them), in the order of
        the images.
    """
    names, labels = predictions.class_names, predictions.labels
    rows = []
    for row, path in enumerate(predictions.images["path"]):
        note = notes.get(row)
        decision = standing_decision(predictions, row, note)
        if decision is None and only_decided:
            continue
        right = note.corrected_label if note and decision == "label" else None
        said = (note.text, ", ".join(note.tags)) if note else ("", "")
        rows.append((path, names[labels[row]], right or "", decision or "", *said))
    return pd.DataFrame(rows, columns=["path", "label", "corrected_label", "decision", "note", "tags"])


def relabelled_table(
    predictions: Predictions, notes: Notes, *, without_bad_images: bool = False
) -> pd.DataFrame:
    """All labels, the corrected ones in place of the wrong ones: a table that can be opened as images.

    Args:
        predictions: with the labels as they are.
        notes: row to note.
        without_bad_images: as in `corrected`.

    Returns:
        Columns ``path`` (absolute, so that the table can lie anywhere), ``label``, and ``group`` and
        ``split`` where there are any.
    """
    changed = corrected(predictions, notes, without_bad_images=without_bad_images)
    labels = np.array(changed.class_names, dtype=object)[changed.labels]
    paths = [changed.absolute(path).absolute().as_posix() for path in changed.images["path"]]
    table = pd.DataFrame({"path": paths, "label": labels})
    if changed.groups:
        table["group"] = [changed.groups.get(label, "") for label in labels]
    if "split" in changed.images and (changed.images["split"] != "").any():
        table["split"] = changed.images["split"].to_numpy()
    return table
