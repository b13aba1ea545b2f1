"""What the map of images is drawn from: one vector an image, read in blocks, and its main directions."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from analysis.row_blocks import row_blocks
from models.prediction_record import Predictions
from models.progress import Progress

Space = Literal["embeddings", "probabilities"]
Single = npt.NDArray[np.float32]

AXES = 50
_SPARE_AXES = 10
_PASSES = 6
_LEAST_PROBABILITY = 1e-6
_NOTHING = 1e-11  # mean square along a direction in which nothing differs but the rounding


@dataclass(frozen=True, eq=False)
class MapVectors:
    """N vectors, as the map compares them: by Euclidean distance.

    Args:
        source: (N, D) embeddings or probabilities; may be memory-mapped, it is read in blocks.
        space: "embeddings" are brought to length 1, so that near means alike as the inspector's
            nearest images are (by cosine); of "probabilities" it is the centred log-ratio.
    """

    source: npt.NDArray[np.floating[Any]]
    space: Space

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, rows: slice | npt.NDArray[np.integer[Any]]) -> Single:
        """The vectors of some images, (M, D). What is not finite counts as 0."""
        block = np.nan_to_num(np.asarray(self.source[rows], dtype=np.float32), nan=0, posinf=0, neginf=0)
        return _of_length_one(block) if self.space == "embeddings" else _log_ratios(block)

    def blocks(self) -> list[slice]:
        """Slices that together are all rows."""
        return row_blocks(len(self))


def map_vectors(predictions: Predictions) -> MapVectors | None:
    """What there is to draw a map from: embeddings, else probabilities, else None."""
    if predictions.embeddings is not None:
        return MapVectors(predictions.embeddings, "embeddings")
    if predictions.probabilities is not None:
        return MapVectors(predictions.probabilities, "probabilities")
    return None


def main_coordinates_steps(vectors: MapVectors, *, seed: int = 0) -> Generator[Progress, None, Single]:
    """The vectors along the directions in which they differ most.

    Source: N. Halko, P. G. Martinsson, J. A. Tropp, Finding Structure with Randomness, SIAM Review 53 (2011);
    its subspace iteration reads the vectors in blocks and keeps D x 60 numbers, not D x D.

    Args:
        vectors: N vectors of D numbers.
        seed: of the first guess; the same seed gives the same coordinates.

    Yields:
        Progress, at every block of rows.

    Returns:
        (N, A) float32 with A <= 50, by falling variance; directions in which nothing differs are left out,
        so A is 0 where all vectors are the same.
    """
    size = vectors.source.shape[1]
    centre = yield from _centre_steps(vectors)
    n_axes = min(AXES + _SPARE_AXES, size, len(vectors))
    start = np.random.default_rng(seed).standard_normal((size, n_axes))
    axes = np.linalg.qr(start)[0].astype(np.float32)
    for done in range(_PASSES):
        products = np.zeros((size, n_axes))
        for block in vectors.blocks():
            yield _progress(done + 1)
            centred = vectors.rows(block) - centre
            products += centred.T @ (centred @ axes)
        axes = np.linalg.qr(products)[0].astype(np.float32)
    along = np.empty((len(vectors), n_axes), dtype=np.float32)
    for block in vectors.blocks():
        yield _progress(_PASSES + 1)
        along[block] = (vectors.rows(block) - centre) @ axes
    return _by_variance(along)


def _progress(done: int) -> Progress:
    return Progress("Finding how the images differ most", done, _PASSES + 2, "passes")


def _centre_steps(vectors: MapVectors) -> Generator[Progress, None, Single]:
    total = np.zeros(vectors.source.shape[1])
    for block in vectors.blocks():
        yield _progress(0)
        total += vectors.rows(block).sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(1, len(vectors)), dtype=np.float32)


def _by_variance(along: Single) -> Single:
    """Turn the coordinates so that each axis has the most variance that is left, and cut the empty ones."""
    variances, turn = np.linalg.eigh(along.T.astype(np.float64) @ along)
    order = np.argsort(-variances, kind="stable")[:AXES]
    # Which way an axis points is chance: let its largest part be positive.
    turn = turn[:, order]
    turn *= np.sign(turn[np.abs(turn).argmax(axis=0), np.arange(turn.shape[1])])
    kept = variances[order] > len(along) * _NOTHING
    return np.asarray(along @ turn[:, kept], dtype=np.float32)


def _of_length_one(block: Single) -> Single:
    # First by the largest part: squares of large numbers do not fit into a float32.
    largest = np.abs(block).max(axis=1, keepdims=True, initial=0)
    scaled = np.divide(block, largest, out=np.zeros_like(block), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.asarray(np.divide(scaled, lengths, out=scaled, where=lengths > 0))


def _log_ratios(block: Single) -> Single:
    logarithms = np.log(np.clip(block, _LEAST_PROBABILITY, 1))
    return np.asarray(logarithms - logarithms.mean(axis=1, keepdims=True))
