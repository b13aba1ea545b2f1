"""A causal test as a person says it: the verdict with its counts, and what became of the probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.causal_test import CausalTest


def verdict_words(test: CausalTest) -> str:
    """The verdict with its counts; where there is too little for one, why."""
    if not test.n:
        found = _why_not(test)
    else:
        found = _cover_counts(test) if test.edit == "cover" else _paste_counts(test)
    if test.verdict == "too few images":
        found += "; with so few, chance cannot be ruled out"
    return f"{test.verdict.capitalize()}: {found}"


def _cover_counts(test: CausalTest) -> str:
    return (
        f"covering it takes {test.changed} of {test.n} images away from {test.target_name}; "
        f"covering another place of the same size takes {_control(test)} on average"
    )


def _paste_counts(test: CausalTest) -> str:
    pieces = f"{test.n_pieces} {'image' if test.n_pieces == 1 else 'images'}"
    other = "the same place of other" if test.control == "other images" else "another place of the same"
    return (
        f"pasting it, taken from {pieces}, turns {test.changed} of {test.n} images of other classes into "
        f"{test.target_name}; pasting {other} images turns {_control(test)} on average"
    )


def _control(test: CausalTest) -> str:
    return f"{test.control_changed:.1f}".removesuffix(".0")


def _why_not(test: CausalTest) -> str:
    if test.edit == "cover":
        return "there is no image of this cell that can be read to cover it on"
    return "there is no image of another class to paste it on"


def probability_words(test: CausalTest) -> str:
    """How the class's probability changed; the interval points the same way."""
    mean, low, high = test.probability_change
    start = f"The probability of {test.target_name} is"
    near, far = sorted((abs(low), abs(high)))
    if round(abs(mean), 2) == 0:
        start += " the same as with the controls"
    else:
        start += f" {abs(mean):.2f} {_direction(mean)} than with the controls"
    if low * high < 0:
        return f"{start} (95% interval {-low:.2f} lower to {high:.2f} higher)"
    return f"{start} (95% interval {near:.2f} to {far:.2f} {_direction(low + high)})"


def _direction(change: float) -> str:
    return "lower" if change < 0 else "higher"
