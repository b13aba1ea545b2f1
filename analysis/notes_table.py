"""Decisions, tags and notes as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.notes import ImageNote, SubjectNote

if TYPE_CHECKING:
    from models.predictions import Predictions
    from models.recent import RecentEvaluation

IMAGE_COLUMNS = (
    *("path", "label", "predicted", "decision", "corrected_label", "decided_label", "tags", "note"),
    *("changed", "model", "content"),
)
SUBJECT_COLUMNS = ("kind", "name", "tags", "note", "changed")
_TAGS_APART = "; "


def image_notes_table(
    predictions: Predictions, notes: Mapping[int, ImageNote], models: Mapping[str, str]
) -> pd.DataFrame:
    """What is known about the images of an evaluation, the last changed first.

    Args:
        predictions: whose images they are.
        notes: row in the predictions to note (``models.noted_images.noted_images``).
        models: fingerprint of an evaluation to what a person calls its model (``model_names``).

    Returns:
        One row an image, indexed by its row in the predictions; all text. ``label`` and ``predicted`` are
        those of the predictions; ``decision`` is a key of ``models.notes.DECISIONS`` or "", and
        ``decided_label`` the label that it was about: another one than ``label`` says that it no longer
        holds. ``tags`` are joined by "; ", ``changed`` is in UTC (ISO 8601), ``model`` was open then,
        and ``content`` is the MD5 by which the image is known, and by which tables are joined.
    """
    rows = sorted(notes, key=lambda row: (-notes[row].changed, row))
    names = np.array(predictions.class_names, dtype=object)
    paths = predictions.images["path"].to_numpy()
    labels, predicted = predictions.labels, predictions.predicted
    records = [
        {
            "path": str(paths[row]),
            "label": names[labels[row]],
            "predicted": names[predicted[row]],
            "model": models.get(note.evaluation, note.evaluation[:8]),
            **_told(note),
        }
        for row in rows
        for note in [notes[row]]
    ]
    return pd.DataFrame(records, columns=list(IMAGE_COLUMNS), index=pd.Index(rows, dtype=int))


def _told(note: ImageNote) -> dict[str, str]:
    return {
        "decision": note.decision or "",
        "corrected_label": note.corrected_label or "",
        "decided_label": note.label if note.decision else "",
        "tags": _TAGS_APART.join(note.tags),
        "note": note.text,
        "changed": _moment(note.changed),
        "content": note.content,
    }


def subject_notes_table(notes: Sequence[SubjectNote]) -> pd.DataFrame:
    """What was written about cells, classes and pairs: ``kind``, ``name``, ``tags``, ``note``, ``changed``.

    >>> note = SubjectNote("class", "pug", ("small", "old"), "snorts", 0.0)
    >>> subject_notes_table([note]).values.tolist()
    [['class', 'pug', 'small; old', 'snorts', '1970-01-01T00:00:00Z']]
    """
    records = [
        (note.kind, note.name, _TAGS_APART.join(note.tags), note.text, _moment(note.changed))
        for note in notes
    ]
    return pd.DataFrame(records, columns=list(SUBJECT_COLUMNS))


def model_names(evaluations: Sequence[RecentEvaluation]) -> dict[str, str]:
    """What a person calls the model of each evaluation: the name of its file."""
    files = {
        each.fingerprint: each.spec.get("checkpoint") or each.spec.get("predictions") for each in evaluations
    }
    return {fingerprint: Path(str(file)).name for fingerprint, file in files.items() if file}


def selected_notes(
    table: pd.DataFrame, *, decisions: Sequence[str] = (), tags: Sequence[str] = (), words: str = ""
) -> pd.DataFrame:
    """The rows of ``image_notes_table`` that a person looks for.

    Args:
        table: of images.
        decisions: any of these; () takes all, "" stands for none taken.
        tags: all of these.
        words: a part of the path, a class name, a tag or the note, in capitals or not.
    """
    keep = pd.Series(data=True, index=table.index)
    if decisions:
        keep &= table["decision"].isin(decisions)
    for tag in tags:
        keep &= table["tags"].map(lambda joined, tag=tag: tag in joined.split(_TAGS_APART)).astype(bool)
    if words.strip():
        everything = table[["path", "label", "predicted", "corrected_label", "tags", "note"]]
        joined = everything.agg("\n".join, axis=1) if len(table) else pd.Series(dtype="str")
        keep &= joined.str.casefold().str.contains(words.strip().casefold(), regex=False)
    return table[keep]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
