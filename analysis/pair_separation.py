"""What separates two classes that are taken for each other: their pictures, and what the network sees in them.

All of it is a hypothesis: pictures that are confused may also differ in something that is not measured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.confusion import Floats, Integers, cell_images
from analysis.number_words import p_words
from analysis.significance import false_discovery_rates
from models.image_facts import QUALITY

CLEAR = 0.05
_FEWEST = 3
_WORDS = {
    "brightness": ("brighter", "darker"),
    "contrast": ("richer in contrast", "poorer in contrast"),
    "sharpness": ("sharper", "less sharp"),
    "saturation": ("more colourful", "paler"),
    "aspect": ("wider", "narrower"),
    "pixels": ("larger", "smaller"),
}
_NAMES = {"aspect": "width over height", "pixels": "size in pixels"}


@dataclass(frozen=True)
class PairRows:
    """The images of a pair, as row numbers of the predictions, ascending.

    Args:
        a_right: labelled a and called a.
        a_as_b: labelled a and called b.
        b_as_a: labelled b and called a.
        b_right: labelled b and called b.
    """

    a_right: npt.NDArray[np.intp]
    a_as_b: npt.NDArray[np.intp]
    b_as_a: npt.NDArray[np.intp]
    b_right: npt.NDArray[np.intp]


@dataclass(frozen=True)
class QualityDifference:
    """How one measured property of pictures differs between two sets of images.

    Args:
        quality: one of ``models.image_facts.QUALITY``.
        images: which images, in words.
        others: with which they are compared, in words.
        n: readable images of the first.
        n_others: readable images of the others.
        median: of the first.
        others_median: of the others.
        auc: how often an image of the first has more of it than one of the others, 0 to 1 (ties count half).
        interval: its 95 % interval.
        p_value: of the Mann-Whitney test, two-sided.
        q_value: the same, corrected for all comparisons made for this pair (Benjamini and Hochberg).
    """

    quality: str
    images: str
    others: str
    n: int
    n_others: int
    median: float
    others_median: float
    auc: float
    interval: tuple[float, float]
    p_value: float
    q_value: float

    @property
    def is_clear(self) -> bool:
        """Whether it is beyond chance."""
        return self.q_value <= CLEAR

    @property
    def words(self) -> str:
        """The difference as a person says it."""
        more, less = _WORDS[self.quality]
        way, share = (more, self.auc) if self.auc >= 0.5 else (less, 1 - self.auc)
        form = "{:,.0f}" if self.quality == "pixels" else "{:.2f}"
        medians = f"{form.format(self.median)} against {form.format(self.others_median)}"
        return (
            f"{self.images} ({self.n}) are {way} than {self.others} ({self.n_others}): "
            f"{_NAMES.get(self.quality, self.quality)} {medians} (medians), {way} in {share:.0%} of all "
            f"comparisons, corrected {p_words(self.q_value)}."
        )


def pair_rows(labels: Integers, predicted: Integers, a: int, b: int) -> PairRows:
    """The images of both classes that were called one of the two.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices.
        a: a class index.
        b: another.
    """
    cells = [cell_images(labels, predicted, [row], [column]) for row in (a, b) for column in (a, b)]
    return PairRows(cells[0], cells[1], cells[2], cells[3])


def quality_differences(facts: pd.DataFrame, rows: PairRows, a: str, b: str) -> list[QualityDifference]:
    """Compare the measured look of confused and right images of each class, and of both classes.

    Args:
        facts: N rows with the columns ``QUALITY``; NaN where a picture could not be measured.
        rows: the pair's images among them.
        a: the name of the first class.
        b: the name of the second.

    Returns:
        Every comparison with at least three images on both sides, the surest first. Few confused images can hardly
        be told from chance: silence is no proof that they look alike.

    Source:
        H. B. Mann, D. R. Whitney, On a test of whether one of two random variables is stochastically larger than the
        other, 1947.
    """
    # scipy takes a third of a second to import: only who compares pays
    from scipy.stats import mannwhitneyu

    found = []
    for images, others, first, second in _comparisons(rows, a, b):
        for quality in QUALITY:
            one, two = (_known(facts[quality].to_numpy(float)[part]) for part in (first, second))
            if min(len(one), len(two)) < _FEWEST:
                continue
            test = mannwhitneyu(one, two)
            auc = float(test.statistic) / (len(one) * len(two))
            found.append(
                {
                    "quality": quality, "images": images, "others": others, "n": len(one), "n_others": len(two),
                    "median": float(np.median(one)), "others_median": float(np.median(two)),
                    "auc": auc, "interval": auc_interval(auc, len(one), len(two)),
                    "p_value": float(test.pvalue),
                }
            )  # fmt: skip
    return _corrected(found)


def _comparisons(
    rows: PairRows, a: str, b: str
) -> list[tuple[str, str, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    own = "those rightly recognised"
    labelled = np.concatenate([rows.a_right, rows.a_as_b]), np.concatenate([rows.b_right, rows.b_as_a])
    return [
        (f"The images of {a} called {b}", own, rows.a_as_b, rows.a_right),
        (f"The images of {b} called {a}", own, rows.b_as_a, rows.b_right),
        (f"The images of {a}", f"the images of {b}", *labelled),
    ]


def _known(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)]
    return known


def _corrected(found: Sequence[Mapping[str, Any]]) -> list[QualityDifference]:
    q_values = false_discovery_rates(np.array([each["p_value"] for each in found]))
    differences = [
        QualityDifference(**each, q_value=float(q_value))
        for each, q_value in zip(found, q_values, strict=True)
    ]
    return sorted(differences, key=lambda each: (each.p_value, each.images, each.quality))


def auc_interval(auc: float, n: int, n_others: int) -> tuple[float, float]:
    """The 95 % interval of an AUC, by solving the score equation; honest near 0 and 1 too.

    Args:
        auc: from 0 to 1.
        n: images of the one kind.
        n_others: images of the other.

    Source:
        R. G. Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2
        (method 5), 2006.

    >>> [round(end, 2) for end in auc_interval(1.0, 10, 10)]
    [0.8, 1.0]
    """
    truth = np.linspace(0.0, 1.0, 10_001)
    spread = 1 + ((n + n_others) / 2 - 1) * ((1 - truth) / (2 - truth) + truth / (1 + truth))
    error = np.sqrt(truth * (1 - truth) * spread / (n * n_others))
    inside = truth[np.abs(auc - truth) <= 1.96 * error + 1e-9]
    return (float(inside.min()), float(inside.max())) if len(inside) else (auc, auc)
