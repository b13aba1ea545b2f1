"""Two networks' answers to the same images, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans

Half = Literal["report", "all"]
"""The held-out half, on which nothing was chosen; or all images."""
MatchedBy = Literal["content", "path"]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Comparison:
    """M images that both have answered, in the order of the first.

    Args:
        class_names: C names: the classes of the first, then those that only the second knows.
        ids: M ids, those of the first.
        before_rows: (M,) their rows in the first predictions.
        after_rows: (M,) their rows in the second.
        labels: (M,) int64 indices in ``class_names``.
        before: (M,) what the first predicted.
        after: (M,) what the second predicted.
        in_report_half: (M,) True in the held-out half; everywhere where nothing is known of halves.
        is_copy: (M,) True where an earlier image has the same content and label: it is no evidence of its own.
            False everywhere where the images were matched by path.
        has_halves: whether there is a held-out half.
        n_only_before: images of the first that the second lacks.
        n_only_after: images of the second that the first lacks.
        matched_by: what made two rows one image: equal bytes, or equal paths.
    """

    class_names: tuple[str, ...]
    ids: tuple[str, ...]
    before_rows: Rows
    after_rows: Rows
    labels: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    in_report_half: Booleans
    is_copy: Booleans
    has_halves: bool
    n_only_before: int
    n_only_after: int
    matched_by: MatchedBy

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, half: Half) -> Booleans:
        """Which images count: those of a half, copies once.

        Args:
            half: "report" for the held-out half (all where there are no halves), "all" for both.

        Returns:
            (M,) bool.
        """
        chosen = self.in_report_half if half == "report" else np.ones(len(self), bool)
        return chosen & ~self.is_copy

    @property
    def right_before(self) -> Booleans:
        """(M,) right before."""
        right: Booleans = self.before == self.labels
        return right

    @property
    def right_after(self) -> Booleans:
        """(M,) right after."""
        right: Booleans = self.after == self.labels
        return right

    @property
    def fixed(self) -> Booleans:
        """(M,) wrong before, right after."""
        return ~self.right_before & self.right_after

    @property
    def broken(self) -> Booleans:
        """(M,) right before, wrong after: negative flips."""
        return self.right_before & ~self.right_after

    @property
    def both_wrong(self) -> Booleans:
        """(M,) wrong before and after, in the same way or not."""
        return ~self.right_before & ~self.right_after

    @property
    def both_right(self) -> Booleans:
        """(M,) right before and after."""
        return self.right_before & self.right_after

    @property
    def changed(self) -> Booleans:
        """(M,) another answer than before, right or wrong: churn."""
        changed: Booleans = self.before != self.after
        return changed
