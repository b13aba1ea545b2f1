"""The map of all images: what the network sees as alike lies close together.

It is for looking, not for proof: clusters are never read off it. Made by the survey (analysis/survey.py).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.embedding_faithfulness import MapFaithfulness, faithfulness_steps
from analysis.embedding_layout import Method, Reason, layout
from analysis.embedding_vectors import MapVectors, Single, Space, main_coordinates_steps, map_vectors
from models.prediction_record import Predictions
from models.progress import Progress


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Where each of N images lies on the map, and how far that can be trusted.

    Args:
        positions: (N, 2) float32, 0 to 1, in the order of the predictions; (0, 2) where there is no map.
        space: what was mapped: "embeddings"; "probabilities" where there are no embeddings; "" where there
            are neither, and so no map.
        method: what placed the points; "none" where all lie in one place.
        reason: why that was not LocalMAP ("" where it was): "few" points, all the "same", pacmap "missing",
            or it "failed".
        faithfulness: how far it keeps neighbours; None for fewer than three images, all the same, or no map.
    """

    positions: Single
    space: Space | Literal[""]
    method: Method
    reason: Reason
    faithfulness: MapFaithfulness | None

    def to_saved(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain data that JSON can hold, and arrays."""
        measured = None if self.faithfulness is None else self.faithfulness.to_plain()
        plain = {
            "space": self.space,
            "method": self.method,
            "reason": self.reason,
            "faithfulness": measured,
        }
        return plain, {"positions": self.positions}

    @classmethod
    def from_saved(cls, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave, as it was."""
        measured = plain["faithfulness"]
        return cls(
            np.asarray(arrays["positions"], dtype=np.float32),
            plain["space"],
            plain["method"],
            plain["reason"],
            None if measured is None else MapFaithfulness(**measured),
        )


def map_steps(predictions: Predictions, facts: pd.DataFrame) -> Generator[Progress, None, EmbeddingMap]:
    """Draw the map: 50 main directions, then LocalMAP; then measure how far it keeps neighbours.

    The same predictions give the same map.

    Args:
        predictions: with embeddings, or with probabilities.
        facts: of the pictures; the map needs none of them.

    Yields:
        Progress; the arranging itself is one step, about 30 s for 50,000 images.

    Returns:
        The map; without places where there are neither embeddings nor probabilities.
    """
    vectors = map_vectors(predictions)
    if vectors is None or len(vectors) == 0:
        return EmbeddingMap(np.empty((0, 2), dtype=np.float32), "", "none", "", None)
    return (yield from drawn_steps(vectors))


def drawn_steps(vectors: MapVectors) -> Generator[Progress, None, EmbeddingMap]:
    """Draw the map of these vectors, as `map_steps` does.

    Args:
        vectors: of one image or more.

    Yields:
        Progress.
    """
    coordinates = yield from main_coordinates_steps(vectors)
    yield Progress("Arranging the map", 0, 0, message="this step cannot be stopped half-way")
    placed = layout(coordinates)
    measured = None
    if placed.method != "none":
        measured = yield from faithfulness_steps(vectors, placed.positions)
    return EmbeddingMap(placed.positions, vectors.space, placed.method, placed.reason, measured)
