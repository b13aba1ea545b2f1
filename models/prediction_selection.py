"""Some of the images of a table of predictions: those of one split, or so many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import PredictionsError
from models.image_listing import listed
from models.prediction_record import Predictions
from models.table_columns import column_texts
from models.table_file import columns_of, read_table


def selected(predictions: Predictions, *, split: str | None, limit: int | None) -> Predictions:
    """The predictions of one split, and at most so many.

    Args:
        predictions: without logits and embeddings.
        split: only this split; None takes all.
        limit: at most this many images, evenly over the table, which is often sorted by label; None takes all.

    Raises:
        PredictionsError: there is no such split, or the limit is less than 1.
    """
    if split is not None:
        predictions = rows_of(predictions, np.flatnonzero(_of_split(predictions, split)))
    if limit is None or limit >= len(predictions):
        return predictions
    if limit < 1:
        raise PredictionsError(f"A limit of {limit} images leaves none.", next_step="Give 1 or more.")
    return rows_of(predictions, np.linspace(0, len(predictions) - 1, limit).astype(np.intp))


def table_splits(path: Path) -> tuple[str, ...]:
    """The splits that a table of predictions names, sorted; () where it names none.

    A table without the column ``split`` is not read beyond its first line.

    Raises:
        TableError: the table cannot be read.
    """
    path = path.expanduser()
    if "split" not in columns_of(path, ("path", "label")):
        return ()
    table = read_table(path, ("path", "label"), optional=("split",))
    return tuple(sorted(set(column_texts(table, "split", path)) - {""}))


def _of_split(predictions: Predictions, split: str) -> npt.NDArray[np.bool_]:
    splits = predictions.images["split"]
    if split not in set(splits):
        known = listed(sorted(set(splits) - {""}), most=12) or "none"
        raise PredictionsError(
            f'The predictions hold no image of the split "{split}" (their splits: {known}).',
            next_step="Name one of these, or leave the split out.",
        )
    found: npt.NDArray[np.bool_] = (splits == split).to_numpy(bool)
    return found


def rows_of(predictions: Predictions, rows: npt.NDArray[np.integer[Any]]) -> Predictions:
    """The predictions of some images, in this order; the fingerprint stays that of all.

    Args:
        predictions: of N images.
        rows: (M,) row numbers. What lies in files (logits, embeddings) is copied for these.
    """

    def of(array: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32] | None:
        return None if array is None else array[rows]

    return replace(
        predictions,
        images=predictions.images.iloc[rows].reset_index(drop=True),
        logits=of(predictions.logits),
        probabilities=of(predictions.probabilities),
        embeddings=of(predictions.embeddings),
    )
