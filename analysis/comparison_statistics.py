"""What changed between two networks, in figures, and whether it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.class_changes import Cell, cell_changes, class_changes, matrix_change
from analysis.comparison_record import Comparison
from analysis.confusion import Booleans, Counts
from analysis.metrics import Accuracy, accuracy_of
from analysis.number_words import fine_percent, p_words
from analysis.paired_shares import PairedShare, paired_share


@dataclass(frozen=True, eq=False)
class ComparisonStatistics:
    """Two networks on the same n images.

    Args:
        right: of being right: before, after, and the change with its interval and p-value.
        changed: images with another answer than before, right or wrong.
        classes: as `analysis.class_changes.class_changes` gives it.
        cells: as `analysis.class_changes.cell_changes` gives it.
        matrix: (C, C) the matrix after less the matrix before; row = label.
    """

    right: PairedShare
    changed: int
    classes: pd.DataFrame
    cells: pd.DataFrame
    matrix: Counts

    @property
    def n(self) -> int:
        """Images that count."""
        return self.right.n

    @property
    def before(self) -> Accuracy:
        """The accuracy before, with its Wilson interval."""
        return accuracy_of(self.right.before, self.n)

    @property
    def after(self) -> Accuracy:
        """The accuracy after, with its Wilson interval."""
        return accuracy_of(self.right.after, self.n)

    @property
    def fixed(self) -> int:
        """Images wrong before and right after."""
        return self.right.only_after

    @property
    def broken(self) -> int:
        """Images right before and wrong after."""
        return self.right.only_before

    @property
    def both_wrong(self) -> int:
        """Images wrong before and after."""
        return self.right.neither

    @property
    def both_right(self) -> int:
        """Images right before and after."""
        return self.right.both

    @property
    def negative_flips(self) -> Accuracy:
        """``broken`` of all images, as a share with its Wilson interval.

        Source:
            S. Yan et al., Positive-congruent training: towards regression-free model updates, CVPR 2021.
        """
        return accuracy_of(self.broken, self.n)

    @property
    def churn(self) -> Accuracy:
        """``changed`` of all images, as a share with its Wilson interval.

        Source:
            M. M. Fard et al., Launch and iterate: reducing prediction churn, NeurIPS 2016.
        """
        return accuracy_of(self.changed, self.n)

    @property
    def words(self) -> str:
        """The figures as a person says them: accuracy, its change, fixed, broken, p-value."""
        if not self.n:
            return "no images"
        shares = f"{fine_percent(self.right.rate_before)} → {fine_percent(self.right.rate_after)}"
        images = "image" if self.n == 1 else "images"
        counts = f"{self.fixed:,} fixed, {self.broken:,} broken, {p_words(self.right.p_value)}"
        return f"{shares} of {self.n:,} {images} right ({change_words(self.right)}): {counts}"


def change_words(share: PairedShare) -> str:
    """The change of a share with its interval, in points.

    >>> change_words(PairedShare(50, 36, 2, 12, 0.0569, 0.3404, 0.01))
    '+20.0 points, 95% interval +5.7 to +34.0'
    """
    if not share.n:
        return "no images"
    change, low, high = (
        f"{100 * each:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")
        for each in (share.change, share.low, share.high)
    )
    return f"{change} points, 95% interval {low} to {high}"


def comparison_statistics(
    comparison: Comparison, rows: Booleans, *, declared: Sequence[Cell] = ()
) -> ComparisonStatistics:
    """All figures of a comparison.

    Args:
        comparison: M images.
        rows: (M,) True for the images that count: ``comparison.rows("report")`` or ``comparison.rows("all")``.
        declared: cells (label, predicted) that were named before the training; tested apart.
    """
    return ComparisonStatistics(
        right=paired_share(comparison.right_before[rows], comparison.right_after[rows]),
        changed=int((comparison.changed & rows).sum()),
        classes=class_changes(comparison, rows),
        cells=cell_changes(comparison, rows, declared),
        matrix=matrix_change(comparison, rows),
    )
