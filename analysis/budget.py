"""How much a new network may break: limits that a comparison keeps or does not, on a page and in CI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Literal

from analysis.comparison_statistics import ComparisonStatistics
from analysis.number_words import fine_percent
from models.errors import ComparisonError

MIN_CLASS_IMAGES = 10
"""Classes with fewer images are not judged one by one: one image would decide."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """A figure that a limit is held against.

    Args:
        value: a share from -1 to 1, or a count; nan where there is none.
        where: the class or the cell it belongs to, or how many images it is; "" where there is nothing to say.
    """

    value: float
    where: str = ""


@dataclass(frozen=True)
class Limit:
    """One of the limits that a budget can set.

    Args:
        key: in a budget and on the command line.
        label: on the page.
        sentence: what it asks for.
        unit: "share", "points" (a difference of shares) or "count".
        bound: whether the figure may be this at most or must be this at least.
        suggested: a first value.
        measured: the figure of a comparison.
    """

    key: str
    label: str
    sentence: str
    unit: Literal["share", "points", "count"]
    bound: Literal["at most", "at least"]
    suggested: float
    measured: Callable[[ComparisonStatistics], Measured]

    def value_words(self, value: float) -> str:
        """A value of this limit as a person reads it.

        >>> LIMITS["min-accuracy-change"].value_words(-0.01), LIMITS["max-churn"].value_words(0.025)
        ('-1.0 points', '2.5%')
        """
        if isnan(value):
            return "not known"
        if self.unit == "count":
            return f"{value:,.0f}"
        return f"{100 * value:+.1f} points" if self.unit == "points" else fine_percent(value)


def _negative_flips(statistics: ComparisonStatistics) -> Measured:
    return Measured(statistics.negative_flips.rate, f"{statistics.broken:,} of {statistics.n:,} images")


def _churn(statistics: ComparisonStatistics) -> Measured:
    return Measured(statistics.churn.rate, f"{statistics.changed:,} of {statistics.n:,} images")


def _recall_drop(statistics: ComparisonStatistics) -> Measured:
    table = statistics.classes
    table = table[table["support"] >= MIN_CLASS_IMAGES]
    if table.empty:
        return Measured(float("nan"), f"no class has {MIN_CLASS_IMAGES} images")
    worst = table.iloc[int(table["change"].to_numpy().argmin())]
    drop = max(0.0, -float(worst["change"]))
    return Measured(drop, f"{worst['class']}, {worst['support']} images" if drop else "")


def _cell_increase(statistics: ComparisonStatistics) -> Measured:
    table = statistics.cells
    if table.empty or table["change"].max() <= 0:
        return Measured(0.0)
    worst = table.iloc[int(table["change"].to_numpy().argmax())]
    return Measured(float(worst["change"]), f"{worst['label']}/{worst['predicted']}")


LIMITS: Mapping[str, Limit] = {
    limit.key: limit
    for limit in (
        Limit(
            "max-negative-flips", "Negative flips", "Of all images, at most this share was right and is wrong now.",
            "share", "at most", 0.02, _negative_flips,
        ),
        Limit(
            "min-accuracy-change", "Change of accuracy", "The accuracy changes by at least this.",
            "points", "at least", 0.0, lambda statistics: Measured(statistics.right.change),
        ),
        Limit(
            "min-accuracy", "Accuracy", "At least this share of the images is right now.",
            "share", "at least", 0.8, lambda statistics: Measured(statistics.after.rate),
        ),
        Limit(
            "class-recall-drop", "Recall lost by a class",
            f"No class with {MIN_CLASS_IMAGES} images or more loses more of its recall.",
            "share", "at most", 0.05, _recall_drop,
        ),
        Limit(
            "cell-increase", "New mistakes in a cell", "In no cell of the matrix are there more new mistakes on balance.",
            "count", "at most", 5, _cell_increase,
        ),
        Limit(
            "max-churn", "Churn", "Of all images, at most this share has another answer than before, right or wrong.",
            "share", "at most", 0.1, _churn,
        ),
    )
}  # fmt: skip
"""Key to limit, in the order of the page."""


@dataclass(frozen=True)
class Budget:
    """Limits that a new network has to keep.

    Args:
        limits: key of ``LIMITS`` to value: shares from 0 to 1 (differences from -1 to 1), counts from 0 up.

    Raises:
        ComparisonError: a key is unknown, or a value makes no sense.
    """

    limits: Mapping[str, float]

    def __post_init__(self) -> None:
        for key, value in self.limits.items():
            if key not in LIMITS:
                raise ComparisonError(f'A budget has no "{key}".', next_step=f"It has {', '.join(LIMITS)}.")
            _check(LIMITS[key], value)


@dataclass(frozen=True)
class Check:
    """Whether one limit is kept.

    Args:
        limit: which.
        allowed: its value in the budget.
        measured: what was found.
        passed: whether it is kept; a limit that cannot be judged is not.
    """

    limit: Limit
    allowed: float
    measured: Measured
    passed: bool

    @property
    def words(self) -> str:
        """The check as a person says it: ``Negative flips: 3.0%, 6 of 200 images (at most 2.0%)``."""
        found = self.limit.value_words(self.measured.value)
        where = f", {self.measured.where}" if self.measured.where else ""
        return (
            f"{self.limit.label}: {found}{where} ({self.limit.bound} {self.limit.value_words(self.allowed)})"
        )


def budget_checks(budget: Budget, statistics: ComparisonStatistics) -> tuple[Check, ...]:
    """Hold a comparison against a budget.

    Args:
        budget: the limits.
        statistics: of the images that count.

    Returns:
        One check for each limit, in the order of ``LIMITS``; exactly the limit still keeps it.
    """
    return tuple(
        _checked(limit, budget.limits[key], statistics)
        for key, limit in LIMITS.items()
        if key in budget.limits
    )


def _checked(limit: Limit, allowed: float, statistics: ComparisonStatistics) -> Check:
    measured = limit.measured(statistics)
    over = measured.value - allowed if limit.bound == "at most" else allowed - measured.value
    return Check(limit, allowed, measured, passed=over <= _ROUNDING)  # nan is not


def parsed_budget(texts: Sequence[str]) -> Budget:
    """The budget that a command line asks for.

    Args:
        texts: ``key=value`` each; a value is a number, or a percentage with "%".

    Raises:
        ComparisonError: one is not of this form, is given twice, or makes no sense.

    >>> parsed_budget(["max-negative-flips=2%", "cell-increase=3"]).limits
    {'max-negative-flips': 0.02, 'cell-increase': 3.0}
    """
    limits: dict[str, float] = {}
    for text in texts:
        key, _, value = (part.strip() for part in text.partition("="))
        if key in limits:
            raise ComparisonError(f'The budget gives "{key}" twice.', next_step="Give each limit once.")
        limits[key] = _number(text, value)
    return Budget(limits)


def _number(text: str, value: str) -> float:
    try:
        return float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError as error:
        raise ComparisonError(
            f'"{text}" is no limit of a budget.', next_step="Write it like max-negative-flips=2%."
        ) from error


def _check(limit: Limit, value: float) -> None:
    low, high = {"share": (0.0, 1.0), "points": (-1.0, 1.0), "count": (0.0, float("inf"))}[limit.unit]
    if not (isfinite(value) and low <= value <= high):
        allowed = "0 or more" if limit.unit == "count" else f"from {low:.0%} to {high:.0%}"
        raise ComparisonError(f"{limit.key} cannot be {value:g}.", next_step=f"Give a value {allowed}.")
