"""Before a training: whether the held-out images could show that it helped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans, Floats
from analysis.mcnemar import mid_p_values
from analysis.number_words import percent
from analysis.target_test import target_mistakes
from models.finetune.spec import Target
from models.predictions import Predictions

WANTED_POWER = 0.8
ALPHA = 0.05
NEW_MISTAKES = 0.1
"""New mistakes for each one there was, where nothing else is known: a training never only mends."""
_STEPS = 20
_TAIL = 9.0
_NOTHING = 1e-12


@dataclass(frozen=True)
class TargetPower:
    """What the held-out images could show of a target.

    Args:
        name: of the target.
        n_images: held-out images that the target is about: those labelled as its cells say, or the chosen ones.
        n_mistakes: its mistakes among them now.
        n_mistakes_all: its mistakes among all images, both halves.
        power_if_all_fixed: how likely the test shows it if every one of them is fixed, 0..1.
        share_needed: the smallest share of them that must be fixed for the test to show it four times in five; None
            where not even all would do.
    """

    name: str
    n_images: int
    n_mistakes: int
    n_mistakes_all: int
    power_if_all_fixed: float
    share_needed: float | None

    @property
    def is_enough(self) -> bool:
        """Whether an effect could be shown at all."""
        return self.share_needed is not None

    @property
    def words(self) -> str:
        """The figures as a person says them, in one or two sentences."""
        mistakes, there = ("mistake", "is") if self.n_mistakes == 1 else ("mistakes", "are")
        all_mistakes = "1 mistake" if self.n_mistakes_all == 1 else f"{self.n_mistakes_all:,} mistakes"
        held = (
            f"Of the {all_mistakes} of {self.name}, {self.n_mistakes:,} {there} among the images held out for the "
            f"comparison."
        )
        if not self.n_mistakes:
            return f"{held} The comparison can say nothing of this target; it can still say what broke."
        if self.share_needed is None:
            return (
                f"{held} That is too few to show an effect: even if all were fixed, the test {self._hardly}."
            )
        return (
            f"{held} At least {percent(self.share_needed)} of these {self.n_mistakes:,} {mistakes} must be fixed for "
            f"the test to show it four times in five."
        )

    @property
    def _hardly(self) -> str:
        if self.power_if_all_fixed < 0.005:
            return "could not show it"
        return f"would show it with a chance of {percent(self.power_if_all_fixed)} only"


def target_power(
    predictions: Predictions,
    target: Target,
    report_half: Booleans,
    *,
    new_mistakes: float = NEW_MISTAKES,
) -> TargetPower:
    """What the held-out half of the images could show of a target, before anything is trained.

    Each of its mistakes is taken to be fixed with the same chance, independently, and new ones to appear among the
    other images that the target is about. Shown means: mid-p McNemar, two-sided, p <= .05, and fewer mistakes.

    Args:
        predictions: of the network before, N images.
        target: what is to be declared.
        report_half: (N,) True for the held-out half (all but `models.image_hashes.choosing_rows`).
        new_mistakes: how many are expected for each one there was; 0 is the most hopeful.
    """
    ids = tuple(predictions.images["id"])
    labels, predicted = predictions.labels.astype(np.int64), predictions.predicted.astype(np.int64)
    population, mistakes = target_mistakes(target, predictions.class_names, ids, labels, predicted)
    n_images, n_mistakes = int((population & report_half).sum()), int((mistakes & report_half).sum())
    others = n_images - n_mistakes
    appearing = min(1.0, new_mistakes * n_mistakes / others) if others else 0.0
    return TargetPower(
        name=target.name,
        n_images=n_images,
        n_mistakes=n_mistakes,
        n_mistakes_all=int(mistakes.sum()),
        power_if_all_fixed=fixing_power(n_mistakes, 1.0, others, appearing),
        share_needed=share_needed(n_mistakes, others, appearing),
    )


def share_needed(
    n_mistakes: int, n_others: int = 0, appearing: float = 0.0, power: float = WANTED_POWER
) -> float | None:
    """The smallest share of mistakes whose fixing the test shows with the wanted power; None where none does.

    Args:
        n_mistakes: there are now.
        n_others: images that could become one.
        appearing: the share of those that do, 0..1.
        power: 0..1.

    >>> share_needed(4) is None, round(share_needed(5), 2), round(share_needed(20), 2)
    (True, 0.96, 0.31)
    """
    if fixing_power(n_mistakes, 1.0, n_others, appearing) < power:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if fixing_power(n_mistakes, middle, n_others, appearing) < power:
            low = middle
        else:
            high = middle
    return high


def fixing_power(n_mistakes: int, share: float, n_others: int = 0, appearing: float = 0.0) -> float:
    """How likely the test shows that there are fewer mistakes. Exact.

    Args:
        n_mistakes: there are now.
        share: the chance of each to be fixed, 0..1.
        n_others: images that could become such a mistake.
        appearing: the chance of each to become one, 0..1.

    Returns:
        0..1.
    """
    fixed, fixed_weights = _binomial(n_mistakes, share)
    new, new_weights = _binomial(n_others, appearing)
    shown = (mid_p_values(fixed[:, None], new[None, :]) <= ALPHA) & (fixed[:, None] > new[None, :])
    return float(fixed_weights @ shown @ new_weights)


def change_power(n_images: int, fixed: float, broken: float) -> float:
    """How likely the test shows a change of accuracy, in the direction that it has. Exact.

    Args:
        n_images: images in all.
        fixed: the share of them that is fixed, 0..1.
        broken: the share that is broken, 0..1; both together 1 at most.

    Returns:
        0..1. Of a class of 100 images a gain of 5 points, 10 fixed and 5 broken, is shown one time in four:

    >>> round(change_power(100, 0.10, 0.05), 2)
    0.24
    """
    if fixed + broken <= 0:
        return 0.0
    differing, weights = _binomial(n_images, fixed + broken)
    better, worse = max(fixed, broken), min(fixed, broken)
    return float(
        sum(
            weight * _shown(int(n), better / (better + worse))
            for n, weight in zip(differing, weights, strict=True)
        )
    )


def _shown(n: int, share: float) -> float:
    """P(the test shows that more of n images went the likelier way)."""
    counts, weights = _binomial(n, share)
    return float(weights[(mid_p_values(counts, n - counts) <= ALPHA) & (2 * counts > n)].sum())


def _binomial(n: int, share: float) -> tuple[npt.NDArray[np.int64], Floats]:
    """The counts that n trials may bring, and how likely each is; those beyond 9 deviations are left out."""
    from scipy.stats import binom

    mean, deviation = n * share, (n * share * (1 - share)) ** 0.5
    spread = _TAIL * deviation + _TAIL
    counts = np.arange(max(0, int(mean - spread)), min(n, int(mean + spread) + 1) + 1)
    # scipy overflows where a share is next to nothing, and so are then the counts above 0
    return counts, np.asarray(binom.pmf(counts, n, share if share > _NOTHING else 0.0), np.float64)
