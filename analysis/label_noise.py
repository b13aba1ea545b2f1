"""How many labels are wrong beyond what the errors of the model explain.

A model that errs disagrees with right labels, so a disagreement alone proves nothing. Here three things may
explain a label: the model's own probabilities, once they are calibrated; the model's habits, that is which
labels the other images of the same prediction bear (look-alikes, a class that is drawn to another); and a
label drawn at random. Only where the third is needed, labels look wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.class_scores import ClassScores
from analysis.confusion import Floats, Integers, confusion_counts
from analysis.label_shares import MOST_NOISE, TINY, label_shares
from analysis.row_blocks import even_row_blocks

SIGNIFICANCE = 0.01
"""The test of random labels speaks below this p-value."""
_PRIOR = 0.1
_TEMPERATURES = (-2.5, 2.5)
"""Logarithms of the temperatures tried; where the best lies at an end, the next ones beyond it are tried too."""
_AT_END, _FARTHER, _FARTHEST = 0.1, 4.0, 12.0
_VALUES_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """How the labels are explained.

    Args:
        temperature: what the logits are divided by to be calibrated.
        habit_share: the share of labels that the model's habits explain better than its probabilities.
        noise_share: the share of labels that look drawn at random, 0 to 0.5.
        noise_low: the lower end of its 95 % interval (by profile likelihood, at the fitted temperature).
        noise_high: its upper end.
        statistic: the likelihood ratio of having such labels against having none, 0 or more.
        p_value: how likely chance alone gives such a ratio, 0 to 1.
        n_images: N.
        n_classes: C.
        posterior: (N,) how likely each label was drawn at random, 0 to 1; 0 where ``noise_share`` is 0.
    """

    temperature: float
    habit_share: float
    noise_share: float
    noise_low: float
    noise_high: float
    statistic: float
    p_value: float
    n_images: int
    n_classes: int
    posterior: Floats

    @property
    def is_beyond_chance(self) -> bool:
        """Whether some labels look wrong beyond the errors of the model."""
        return self.p_value < SIGNIFICANCE

    @property
    def n_wrong(self) -> float:
        """How many labels look wrong; a label drawn at random may be the right one."""
        return self._wrong(self.noise_share)

    @property
    def n_wrong_interval(self) -> tuple[float, float]:
        """The 95 % interval of ``n_wrong``."""
        return self._wrong(self.noise_low), self._wrong(self.noise_high)

    def _wrong(self, share: float) -> float:
        return share * self.n_images * (self.n_classes - 1) / max(1, self.n_classes)


def label_noise(scores: ClassScores, labels: Integers, predicted: Integers) -> LabelNoise:
    """Fit P(label y) = (1 - e) [(1 - h) softmax(z / T)_y + h H_y] + e / C by maximum likelihood.

    H_y, the habit, is the share of y among the labels of the *other* images with the same prediction
    (with a prior of a tenth of an image, spread over the classes). The test of e = 0 is the likelihood ratio,
    half of chi-squared with one degree of freedom, for 0 is at the edge of what e can be.

    A mix-up of labels that happens again and again between the same two classes looks like a habit of the
    model and is not counted.

    Args:
        scores: N rows of C.
        labels: (N,) class indices.
        predicted: (N,) class indices.

    Returns:
        The fit; of no images or fewer than two classes, one without noise.

    Source:
        Random labels in the likelihood: after V. Mnih, G. Hinton, Learning to label aerial images from noisy
        data, 2012. Temperature: C. Guo et al., On calibration of modern neural networks, 2017. The test at
        the edge: S. Self, K.-Y. Liang, 1987.
    """
    n, n_classes = scores.values.shape
    if not n or n_classes < 2:
        return LabelNoise(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, n, n_classes, np.zeros(n))
    habits = label_habits(labels, predicted, n_classes)
    free, without = (_fit(scores, labels, habits, has_noise=has_noise) for has_noise in (True, False))
    statistic = max(0.0, 2 * (free.log_likelihood - without.log_likelihood))
    if free.noise * n < 1e-3:  # less than a thousandth of an image: the optimiser stopped beside 0
        free, statistic = without, 0.0
    low, high = _interval(free, habits, 1 / n_classes)
    return LabelNoise(
        temperature=free.temperature,
        habit_share=free.habit,
        noise_share=free.noise,
        noise_low=low,
        noise_high=high,
        statistic=statistic,
        p_value=0.5 * math.erfc(math.sqrt(statistic / 2)) if statistic else 1.0,
        n_images=n,
        n_classes=n_classes,
        posterior=free.noise / n_classes / _mixture(free.soft, habits, 1 / n_classes, free.habit, free.noise),
    )


def label_habits(labels: Integers, predicted: Integers, n_classes: int) -> Floats:
    """The share of each image's label among the other images of its prediction.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices.
        n_classes: C.

    Returns:
        (N,) above 0, up to 1.

    >>> label_habits(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), 2).round(2).tolist()
    [0.66, 0.66, 0.66, 0.02]
    """
    counts = confusion_counts(labels, predicted, n_classes)
    together, called_so = counts[labels, predicted], counts.sum(axis=0)[predicted]
    habits: Floats = (together - 1 + _PRIOR / n_classes) / (called_so - 1 + _PRIOR)
    return habits


def label_probabilities(scores: ClassScores, labels: Integers, temperature: float) -> Floats:
    """(N,) softmax(z / T) of each label; the exponentials in single precision, they are read many times."""
    found = np.empty(len(labels))
    for rows in even_row_blocks(scores.values.shape, _VALUES_AT_ONCE):
        block = scores.rows(rows)
        shifted = (block - block.max(axis=1, keepdims=True)).astype(np.float32)
        shifted *= np.float32(1 / temperature)
        own = shifted[np.arange(len(block)), labels[rows]].astype(float)
        # added in double precision: else the sum, and with it the fit, hangs on the order of the classes
        found[rows] = np.exp(own - np.log(np.exp(shifted, out=shifted).sum(axis=1, dtype=float)))
    return found


@dataclass(frozen=True, eq=False)
class _Fit:
    temperature: float
    habit: float
    noise: float
    log_likelihood: float
    soft: Floats


def _fit(scores: ClassScores, labels: Integers, habits: Floats, *, has_noise: bool) -> _Fit:
    # scipy takes a third of a second to import: only who asks for the fit pays
    from scipy.optimize import minimize_scalar

    best: list[_Fit] = []

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        soft = label_probabilities(scores, labels, temperature)
        habit, noise, likelihood = label_shares(soft, habits, 1 / scores.values.shape[1], has_noise=has_noise)
        if not best or likelihood > best[0].log_likelihood:
            best[:] = [_Fit(temperature, habit, noise, likelihood, soft)]
        return -likelihood

    low, high = _TEMPERATURES
    while True:
        minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 2e-3})
        found = math.log(best[0].temperature)
        # logits in a scale of their own: what lies beyond the range must not pass for wrong labels
        if found > high - _AT_END and high < _FARTHEST:
            low, high = high - 2 * _AT_END, high + _FARTHER
        elif found < low + _AT_END and low > -_FARTHEST:
            low, high = low - _FARTHER, low + 2 * _AT_END
        else:
            return best[0]


def _mixture(soft: Floats, habits: Floats, uniform: float, habit: float, noise: float) -> Floats:
    return (1 - noise) * ((1 - habit) * soft + habit * habits) + noise * uniform + TINY


def _interval(fit: _Fit, habits: Floats, uniform: float) -> tuple[float, float]:
    """Where twice the log-likelihood, best over the habit's share, falls 3.84 below its greatest value."""
    from scipy.optimize import brentq, minimize_scalar

    def fall(noise: float) -> float:
        def loss(habit: float) -> float:
            return -float(np.log(_mixture(fit.soft, habits, uniform, habit, noise)).sum())

        least = minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-4}).fun
        return 2 * (fit.log_likelihood + float(least)) - 3.841

    low = brentq(fall, 0.0, fit.noise, xtol=1e-6) if fit.noise and fall(0.0) > 0 else 0.0
    high = brentq(fall, fit.noise, MOST_NOISE, xtol=1e-6) if fall(MOST_NOISE) > 0 else MOST_NOISE
    return float(low), float(high)
