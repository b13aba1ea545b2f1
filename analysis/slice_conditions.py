"""Conditions on the features of images, and rules made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans
from analysis.slice_features import Feature, Kind

FEWEST_IMAGES = 20
"""Images of a slice, both halves together."""
_SHARES = (0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 1 / 3, 0.5)
_SNAP = 0.025
_MOST_LEVELS = 40


@dataclass(frozen=True)
class Condition:
    """What is asked of one feature.

    Args:
        feature: its name.
        kind: its kind.
        low: the amount is at least this; None without such an end.
        high: the amount is below this; None without such an end.
        level: of a feature of kinds, the kind it is; None for amounts. Neither an end nor a level: it is
            missing.
        is_date: the amounts are seconds since 1970.
    """

    feature: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    level: str | None = None
    is_date: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether it asks for images of which the feature is not known."""
        return self.low is None and self.high is None and self.level is None

    def holds(self, feature: Feature) -> Booleans:
        """(N,) the images that fulfil it; an unknown amount fulfils nothing but "missing"."""
        if self.is_missing:
            return feature.missing
        if self.level is not None:
            assert feature.codes is not None
            code = feature.levels.index(self.level) if self.level in feature.levels else -2
            is_level: Booleans = feature.codes == code
            return is_level
        assert feature.values is not None
        low, high = (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)
        found: Booleans = (feature.values >= low) & (feature.values < high)
        return found


Rule = tuple[Condition, ...]


def holds(rule: Rule, features: Sequence[Feature]) -> Booleans:
    """(N,) the images that fulfil all conditions of a rule."""
    named = {feature.name: feature for feature in features}
    masks = [condition.holds(named[condition.feature]) for condition in rule]
    both: Booleans = np.logical_and.reduce(masks)
    return both


def conditions(feature: Feature) -> Iterator[Condition]:
    """The single conditions tried of a feature: low and high amounts, or each frequent kind, and missing."""
    if feature.values is not None:
        for end in cuts(feature.values[~feature.missing]):
            yield Condition(feature.name, feature.kind, high=end, is_date=feature.is_date)
            yield Condition(feature.name, feature.kind, low=end, is_date=feature.is_date)
    else:
        assert feature.codes is not None
        n = np.bincount(feature.codes[feature.codes >= 0], minlength=len(feature.levels))
        for code in np.argsort(-n, kind="stable")[:_MOST_LEVELS].tolist():
            if n[code] >= FEWEST_IMAGES:
                yield Condition(feature.name, feature.kind, level=feature.levels[code])
    if feature.missing.any():
        yield Condition(feature.name, feature.kind, is_date=feature.is_date)


def cuts(known: npt.NDArray[np.float64]) -> list[float]:
    """Where to cut amounts: near usual shares of the images, in the widest gap there, at a short number.

    >>> cuts(np.r_[np.linspace(0, 0.1, 10), np.linspace(0.3, 1, 90)])[1]
    0.2
    """
    ordered = np.sort(known)
    found = []
    for share in sorted({*_SHARES, *(1 - each for each in _SHARES)}):
        first, last = (int((share + side * _SNAP) * len(ordered)) for side in (-1, 1))
        window = ordered[max(0, first) : last + 1]
        if len(window) > 1 and window[-1] > window[0]:
            place = int(np.argmax(np.diff(window)))
            found.append(short_number_between(float(window[place]), float(window[place + 1])))
    return sorted(set(found))


def short_number_between(low: float, high: float) -> float:
    """The number with the fewest digits that is above ``low`` and at most ``high``, near their middle.

    >>> short_number_between(0.1268, 0.2276), short_number_between(0.3402, 0.3411)
    (0.2, 0.341)
    """
    middle = low + (high - low) / 2
    for digits in range(1, 17):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded <= high:
            return rounded
    return high
