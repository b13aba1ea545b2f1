"""Blocks of classes that look alike to the network, where nobody said which classes belong together.

They are read off the network's own doubts, not off what the classes mean: call them "visual blocks
(inferred)", never cats and dogs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Counts, Floats, Integers, confusion_counts
from analysis.ordering import confusion_distances
from analysis.significance import expected_errors
from analysis.soft_counts import soft_counts

if TYPE_CHECKING:
    from models.predictions import Predictions

FEWEST_CLASSES = 4
MOST_BLOCKS = 40
RARE = 0.05
"""Errors across blocks are to be rare: the finest blocks that at most this share of the errors cross."""
SIGNIFICANCE = 0.05
Blocks = npt.NDArray[np.intp]


class BlockName(str):
    """The name of an inferred block, so that it is never taken for a group that a person named."""

    __slots__ = ()


@dataclass(frozen=True)
class VisualBlocks:
    """Blocks of classes, and how well they foretell errors that did not make them.

    Args:
        groups: class name to the name of its block ("visual block 1", ...).
        n_blocks: how many, 2 or more.
        n_crossing: errors across blocks, of all images; few by the choice of the blocks.
        held_out_errors: errors of images judged by blocks that the other half of the images made.
        held_out_crossing: how many of these crossed such a block.
        expected_crossing: how many would, if it were left to chance which class is taken for which.
        p_value: how likely so few would be by chance.
    """

    groups: dict[str, str]
    n_blocks: int
    n_crossing: int
    held_out_errors: int
    held_out_crossing: int
    expected_crossing: float
    p_value: float


def visual_blocks(predictions: Predictions) -> VisualBlocks | None:
    """Blocks of classes, from the tree that orders the matrix, fed with soft counts where there are some.

    Average linkage over ``confusion_distances`` of the summed probabilities (of the counts, without
    probabilities); of its cuts, the finest that at most 5 % of the errors cross, or the coarsest. So that
    chance makes no blocks, those made from each half of the images must hold back the errors of the other.

    Args:
        predictions: what the network said.

    Returns:
        None where there are fewer than four classes, no errors, or errors without blocks.
    """
    n_classes = len(predictions.class_names)
    labels, predicted = predictions.labels, predictions.predicted
    if n_classes < FEWEST_CLASSES or not (labels != predicted).any():
        return None
    halves = _halves(labels)
    crossing, expected, errors = np.zeros(3)
    for half in (False, True):
        made, judged = halves == half, halves != half
        counts = confusion_counts(labels[judged], predicted[judged], n_classes)
        blocks = _blocks(predictions, np.flatnonzero(made))
        fitted = expected_errors(counts)
        crossing += _crossing(counts, blocks)
        expected += _crossing(fitted, blocks)
        errors += fitted.sum()
    p_value = _chance_of_so_few(int(crossing), int(errors.round()), float(expected / max(errors, 1)))
    if p_value >= SIGNIFICANCE:
        return None
    blocks = _blocks(predictions, np.arange(len(labels)))
    return VisualBlocks(
        groups={
            name: BlockName(f"visual block {block + 1}")
            for name, block in zip(predictions.class_names, blocks, strict=True)
        },
        n_blocks=int(blocks.max()) + 1,
        n_crossing=int(_crossing(confusion_counts(labels, predicted, n_classes), blocks)),
        held_out_errors=int(errors.round()),
        held_out_crossing=int(crossing),
        expected_crossing=float(expected),
        p_value=p_value,
    )


def _halves(labels: Integers) -> npt.NDArray[np.bool_]:
    """(N,) every second image of each class."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    halves = np.empty(len(labels), dtype=bool)
    halves[order] = (np.arange(len(labels)) - starts) % 2 == 1
    return halves


def _blocks(predictions: Predictions, rows: Integers) -> Blocks:
    """(C,) the block of each class, from these images; blocks are numbered by their first class."""
    # scipy takes a third of a second to import: only who asks for blocks pays
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform

    n_classes = len(predictions.class_names)
    labels, predicted = predictions.labels, predictions.predicted
    sums = soft_counts(labels, predicted, n_classes, predictions.probabilities, rows)
    counts = confusion_counts(labels[rows], predicted[rows], n_classes)
    distances = confusion_distances(sums)
    tree = linkage(squareform(distances, checks=False), method="average")
    cuts = cut_tree(tree, range(2, min(n_classes - 1, MOST_BLOCKS) + 1)).T
    allowed = RARE * (counts.sum() - np.trace(counts))
    # cuts are nested: each finer one is crossed by the same errors and more
    fine = [cut for cut in cuts if _crossing(counts, cut) <= allowed]
    return _numbered(fine[-1] if fine else cuts[0])


def _numbered(blocks: npt.NDArray[Any]) -> Blocks:
    _, first, inverse = np.unique(blocks, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _crossing(counts: Counts | Floats, blocks: npt.NDArray[Any]) -> float:
    return float(counts[blocks[:, None] != blocks].sum())


def chance_of_so_few(counts: Counts, across: npt.NDArray[np.bool_], n_across: int) -> float:
    """How likely so few errors fall into some cells if it were left to chance which class is taken for which.

    Args:
        counts: (C, C), row = label, column = prediction.
        across: (C, C) the cells.
        n_across: errors in them.
    """
    fitted = expected_errors(counts)
    errors = float(fitted.sum())
    return _chance_of_so_few(n_across, round(errors), float(fitted[across].sum()) / max(errors, 1))


def _chance_of_so_few(crossing: int, errors: int, share: float) -> float:
    from scipy.stats import binom

    return float(binom.cdf(crossing, errors, min(max(share, 0.0), 1.0)))
