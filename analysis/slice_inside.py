"""What is in a slice: its classes, and how amounts are spread inside and outside of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.confusion import Booleans, Integers
from analysis.slice_features import Feature
from analysis.slice_record import SliceClass, Spread

if TYPE_CHECKING:
    from models.prediction_record import Predictions

BINS = 24
MOST_CLASSES = 50


def slice_classes(predictions: Predictions, rows: Integers) -> tuple[SliceClass, ...]:
    """The classes in a slice, those with the most errors first, at most ``MOST_CLASSES``."""
    labels, predicted = predictions.labels[rows], predictions.predicted[rows]
    names = predictions.class_names
    found = []
    for label in np.unique(labels).tolist():
        called = predicted[labels == label]
        wrong = called[called != label]
        taken_for = names[int(np.bincount(wrong).argmax())] if len(wrong) else ""
        found.append(SliceClass(names[label], len(called), len(wrong), taken_for))
    return tuple(sorted(found, key=lambda each: (-each.errors, -each.n)))[:MOST_CLASSES]


def spreads(features: Sequence[Feature], inside: Booleans, names: Sequence[str]) -> tuple[Spread, ...]:
    """Histograms of the amounts with these names, inside and outside of a slice.

    The bins reach from the 0.5th to the 99.5th percentile; what lies beyond counts in the outermost ones.
    """
    named = {feature.name: feature for feature in features}
    asked = [named[name] for name in dict.fromkeys(names)]
    return tuple(_spread(feature, inside) for feature in asked if feature.values is not None)


def _spread(feature: Feature, inside: Booleans) -> Spread:
    assert feature.values is not None
    known = feature.values[~feature.missing]
    low, high = np.percentile(known, [0.5, 99.5])
    if low == high:
        low, high = known.min(), known.max()
    edges = np.linspace(low, high, BINS + 1)
    sides = []
    for side in (inside, ~inside):
        values = feature.values[side & ~feature.missing]
        n, _ = np.histogram(np.clip(values, low, high), edges)
        sides.append(tuple((n / max(1, len(values))).tolist()))
    return Spread(feature.name, tuple(edges.tolist()), sides[0], sides[1], feature.is_date)
