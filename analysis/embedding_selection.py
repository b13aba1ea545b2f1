"""What the images are that a person marked on the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.prediction_record import Predictions

MOST_NAMED = 3
_LEAST_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class MapSelection:
    """Images that were marked on the map, and all others.

    Args:
        rows: (M,) row numbers: the mistakes first, each part with the most confident first.
        n_wrong: mistakes among them.
        n_elsewhere: images that are not marked.
        n_wrong_elsewhere: mistakes among those.
        main_labels: up to three labels that are common among the marked, with their counts, by falling count.
        n_labels: how many different labels there are among the marked.
    """

    rows: npt.NDArray[np.intp]
    n_wrong: int
    n_elsewhere: int
    n_wrong_elsewhere: int
    main_labels: tuple[tuple[str, int], ...]
    n_labels: int

    @property
    def error_rate(self) -> float:
        """Share of mistakes among the marked; nan where none is marked."""
        return self.n_wrong / len(self.rows) if len(self.rows) else float("nan")

    @property
    def error_rate_elsewhere(self) -> float:
        """Share of mistakes among the others; nan where all are marked."""
        return self.n_wrong_elsewhere / self.n_elsewhere if self.n_elsewhere else float("nan")


def map_selection(predictions: Predictions, rows: npt.NDArray[np.integer[Any]]) -> MapSelection:
    """Count what was marked.

    It describes, it proves nothing: whoever marks a place because it is red finds more mistakes there.

    Args:
        predictions: all images' predictions.
        rows: row numbers of the marked images, in any order, each once.
    """
    marked = np.asarray(rows, dtype=np.intp)
    wrong = predictions.labels != predictions.predicted
    confidence = predictions.images["confidence"].to_numpy()[marked]
    order = np.lexsort((marked, -np.nan_to_num(confidence, nan=0.0), ~wrong[marked]))
    found, counts = np.unique(predictions.labels[marked], return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    main = [i for i in by_count[:MOST_NAMED] if counts[i] >= _LEAST_SHARE * len(marked)]
    n_wrong = int(wrong[marked].sum())
    return MapSelection(
        marked[order],
        n_wrong,
        len(predictions) - len(marked),
        int(wrong.sum()) - n_wrong,
        tuple((predictions.class_names[found[i]], int(counts[i])) for i in main),
        len(found),
    )


def most_confused_classes(predictions: Predictions, n: int) -> list[int]:
    """The classes with the most mistakes as label or as prediction, most first.

    Args:
        predictions: all images' predictions.
        n: how many classes at most; classes without a mistake come last, in their own order.

    Returns:
        Indices of class names.
    """
    wrong = predictions.labels != predictions.predicted
    size = len(predictions.class_names)
    mistakes = np.bincount(predictions.labels[wrong], minlength=size)
    mistakes += np.bincount(predictions.predicted[wrong], minlength=size)
    return [int(index) for index in np.argsort(-mistakes, kind="stable")[:n]]
