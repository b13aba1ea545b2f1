"""Which classes the model is too sure of, and of which not sure enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.calibration import LEVEL
from analysis.calibration_null import count_p_value
from analysis.confidences import Confidences
from analysis.confusion import Integers
from analysis.intervals import Interval, wilson_interval
from analysis.number_words import percent
from analysis.significance import false_discovery_rates


@dataclass(frozen=True)
class ClassCalibration:
    """How honest the confidence is in images called one class.

    Args:
        name: of the class.
        index: of the class.
        n: images called so.
        right: how many of them are.
        mean_confidence: their mean confidence.
        precision: right / n.
        interval: its 95 % Wilson interval.
        gap: mean confidence less precision; above 0 where the model is too sure.
        p_value: how likely an honest model would be so far off, to either side.
        q_value: the same, corrected for having looked at all classes (Benjamini and Hochberg).
    """

    name: str
    index: int
    n: int
    right: int
    mean_confidence: float
    precision: float
    interval: Interval
    gap: float
    p_value: float
    q_value: float

    @property
    def direction(self) -> Literal["over", "under", "unclear"]:
        """Too sure, not sure enough, or no more off than chance would have it."""
        if self.q_value >= LEVEL:
            return "unclear"
        return "over" if self.gap > 0 else "under"

    @property
    def words(self) -> str:
        """Such as "too sure: says 93 %, right in 71 %"."""
        said = f"says {percent(self.mean_confidence)}, right in {percent(self.precision)}"
        lead = {"over": "too sure", "under": "not sure enough", "unclear": "no clear difference"}
        return f"{lead[self.direction]}: {said}"


def class_calibration(
    found: Confidences, predicted: Integers, class_names: Sequence[str]
) -> list[ClassCalibration]:
    """How honest the confidences are in each predicted class.

    Args:
        found: N images' confidences.
        predicted: (N,) class indices.
        class_names: C names.

    Returns:
        One record for each class that was predicted: those off by more than chance first, then by falling
        distance of confidence and precision.
    """
    order = np.argsort(predicted, kind="stable")
    classes, starts = np.unique(predicted[order], return_index=True)
    members = np.split(order, starts[1:])
    n = np.array([len(rows) for rows in members])
    right = np.array([int(found.right[rows].sum()) for rows in members])
    said = np.array([found.confidence[rows].mean() for rows in members])
    p_values = np.array(
        [count_p_value(found.confidence[rows], k) for rows, k in zip(members, right.tolist(), strict=True)]
    )
    q_values, (low, high) = false_discovery_rates(p_values), wilson_interval(right, n)
    records = [
        ClassCalibration(
            class_names[index],
            int(index),
            int(n[i]),
            int(right[i]),
            float(said[i]),
            float(right[i] / n[i]),
            (float(low[i]), float(high[i])),
            float(said[i] - right[i] / n[i]),
            float(p_values[i]),
            float(q_values[i]),
        )
        for i, index in enumerate(classes.tolist())
    ]
    return sorted(records, key=lambda each: (each.direction == "unclear", -abs(each.gap), each.index))
