"""Shares, intervals and p-values as a person reads them, alike on every page and in the report."""

from __future__ import annotations

from math import isnan

from analysis.intervals import Interval


def percent(share: float) -> str:
    """A share in whole percent, in tenths near 0 and 1; only none and all are 0% and 100%.

    Args:
        share: 0 to 1; nan where it is not known.

    >>> percent(0.88), percent(0.9961), percent(0.99996), percent(1.0)
    ('88%', '99.6%', '>99.9%', '100%')
    """
    return fine_percent(share) if not 0.01 <= share < 0.99 else f"{share:.0%}"


def fine_percent(share: float) -> str:
    """A share in tenths of a percent, where two of them are compared; only none and all are 0% and 100%.

    Args:
        share: 0 to 1; nan where it is not known.

    >>> fine_percent(0.8739), fine_percent(1.0), fine_percent(0.0002), fine_percent(float("nan"))
    ('87.4%', '100%', '<0.1%', '–')
    """
    if isnan(share):
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"
    return "<0.1%" if share < 0.0005 else ">99.9%" if share >= 0.9995 else f"{share:.1%}"


def interval_words(interval: Interval) -> str:
    """An interval of shares, from its lower end to its upper one.

    >>> interval_words((0.0757, 0.4759))
    '8% to 48%'
    """
    low, high = interval
    return f"{percent(low)} to {percent(high)}"


def p_words(p_value: float) -> str:
    """A p-value, 0 to 1, corrected or not.

    >>> p_words(0.0321), p_words(0.00001)
    ('p = .032', 'p < .001')
    """
    return "p < .001" if p_value < 0.001 else f"p = {p_value:.3f}".replace("0.", ".", 1)
