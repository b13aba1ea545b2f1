"""One number by which all logits are divided, so that the confidences become honest.

It is fitted on one half of the images and judged on the other, and the other way round: a temperature looks
better on the images it was fitted on than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.calibration import N_BINS, Binning, Calibration, calibration_of
from analysis.confidences import Confidences, confidences, log_scores
from analysis.confusion import Booleans, Floats, Integers
from analysis.intervals import NORMAL_95, Interval
from analysis.row_blocks import row_blocks
from models.halves import stratified_halves
from models.prediction_record import Predictions

FITTED_ROWS = 10_000
LOWEST, HIGHEST = 0.05, 20.0
_ROUNDS = 60


@dataclass(frozen=True)
class Temperature:
    """A temperature and how well it is known.

    Args:
        value: divide the logits by it; above 1 the model was too sure, below 1 not sure enough.
        interval: its 95 % interval (from the spread of the images, without trust in the model).
        n: images it was fitted on.
        is_fitted: False where the best value lies outside 0.05 to 20 (every image right, say).
    """

    value: float
    interval: Interval
    n: int
    is_fitted: bool

    @property
    def is_needed(self) -> bool:
        """Whether 1, that is no change, lies outside the interval."""
        return self.is_fitted and not self.interval[0] <= 1 <= self.interval[1]


@dataclass(frozen=True)
class HalfReport:
    """A temperature of one half of the images, judged on the other.

    Args:
        temperature: fitted on the one half.
        before: calibration of the other half as it is.
        after: with the temperature.
        nll_change: by how much the mean loss of the other half changes, nats; below 0 is better.
        nll_interval: its 95 % interval.
    """

    temperature: Temperature
    before: Calibration
    after: Calibration
    nll_change: float
    nll_interval: Interval


@dataclass(frozen=True, eq=False)
class CrossFittedTemperatures:
    """A temperature for each half of N images.

    Args:
        one: fitted on the first half.
        other: fitted on the second.
        first: (N,) whether an image is in the first half.
    """

    one: Temperature
    other: Temperature
    first: Booleans

    @property
    def is_fitted(self) -> bool:
        """Whether both halves have a temperature."""
        return self.one.is_fitted and self.other.is_fitted

    @property
    def of_images(self) -> Floats:
        """(N,) each image's temperature, fitted on the half it does not belong to."""
        return np.where(self.first, self.other.value, self.one.value)


@dataclass(frozen=True, eq=False)
class TemperatureScaling:
    """What one temperature does to the confidences.

    Args:
        report: fitted on one half, reported on the other.
        swapped: the other way round.
        temperatures: (N,) each image's temperature, fitted on the half it does not belong to.
        scaled: the confidences of all images under these.
    """

    report: HalfReport
    swapped: HalfReport
    temperatures: Floats
    scaled: Confidences

    @property
    def is_fitted(self) -> bool:
        """Whether both halves have a temperature."""
        return self.report.temperature.is_fitted and self.swapped.temperature.is_fitted

    @property
    def words(self) -> str:
        """What to do, and what it brings, as a person says it."""
        if not self.is_fitted:
            return (
                "No temperature can be fitted: in one half of the images the loss only falls the further "
                "the logits are scaled, as it does where every image is right."
            )
        own = self.report.temperature
        low, high = own.interval
        known = f"{own.value:.2f} (95% interval {low:.2f} to {high:.2f})"
        if not own.is_needed and not self.swapped.temperature.is_needed:
            return f"No temperature is needed: the best one is {known}, which 1 agrees with."
        before, after = self.report.before, self.report.after
        return (
            f"Divide the logits by {known}. Fitted on {own.n:,} images; on the other half the error (ECE) goes "
            f"from {before.ece:.3f} to {after.ece:.3f} (a perfectly calibrated model would then show "
            f"{after.null_low:.3f} to {after.null_high:.3f}) and the loss (NLL) from {before.nll:.3f} to "
            f"{after.nll:.3f}. The other half alone would say {self.swapped.temperature.value:.2f}."
        )


def temperature_scaling(
    predictions: Predictions, *, n_bins: int = N_BINS, by: Binning = "width", seed: int = 0
) -> TemperatureScaling:
    """What one temperature does, fitted on one half of the images and judged on the other, both ways round.

    Args:
        predictions: with probabilities.
        n_bins: of the reports' calibration.
        by: see `analysis.calibration.calibration`.
        seed: of the halves.

    Raises:
        ValueError: there are no probabilities, or fewer than two images.

    Source:
        C. Guo et al., On calibration of modern neural networks, 2017.
    """
    fitted = cross_fitted_temperatures(predictions, seed)
    plain, scaled = confidences(predictions), confidences(predictions, fitted.of_images)
    reports = [
        _report(temperature, plain.of(rows), scaled.of(rows), n_bins, by)
        for temperature, rows in (
            (fitted.one, np.flatnonzero(~fitted.first)),
            (fitted.other, np.flatnonzero(fitted.first)),
        )
    ]
    return TemperatureScaling(reports[0], reports[1], fitted.of_images, scaled)


def cross_fitted_temperatures(predictions: Predictions, seed: int = 0) -> CrossFittedTemperatures:
    """One temperature for each half of the images.

    Args:
        predictions: with probabilities.
        seed: of the halves.

    Raises:
        ValueError: there are no probabilities, or fewer than two images.
    """
    if len(predictions) < 2:
        raise ValueError("two images at least are needed for two halves")
    first = stratified_halves(predictions.labels, seed)
    one, other = (fitted_temperature(predictions, np.flatnonzero(half)) for half in (first, ~first))
    return CrossFittedTemperatures(one, other, first)


def _report(
    temperature: Temperature, plain: Confidences, scaled: Confidences, n_bins: int, by: Binning
) -> HalfReport:
    change = scaled.loss - plain.loss
    half = NORMAL_95 * float(change.std()) / math.sqrt(len(change))
    mean = float(change.mean())
    return HalfReport(
        temperature,
        calibration_of(plain, n_bins=n_bins, by=by),
        calibration_of(scaled, n_bins=n_bins, by=by),
        mean,
        (mean - half, mean + half),
    )


def fitted_temperature(predictions: Predictions, rows: Integers) -> Temperature:
    """The temperature with the least loss (NLL) on some images.

    The loss is convex in 1 / T: Newton's method, kept within a bracket, finds its only minimum. Of more than
    10,000 images at most so many are taken, evenly: T is then known to about one part in a hundred.

    Args:
        predictions: with probabilities.
        rows: (n,) the images to fit it on, at least one.

    Returns:
        T with the interval of the sandwich estimator.
    """
    rows = np.sort(rows)[:: -(-len(rows) // FITTED_ROWS)]
    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(_ROUNDS):
        slopes, bend = _loss_slopes(predictions, rows, inverse)
        slope = float(slopes.mean())
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        step = inverse - slope / bend if bend > 0 else -1.0
        following = step if low < step < high else math.sqrt(low * high)
        if abs(following - inverse) <= 1e-9 * inverse or high / low < 1 + 1e-9:
            break
        inverse = following
    at_bound = inverse < 1.001 / HIGHEST or inverse > 0.999 / LOWEST
    if at_bound or bend <= 0:
        return Temperature(1 / inverse, (LOWEST, HIGHEST), len(rows), is_fitted=False)
    # the spread of log(1 / T), and so of log T
    spread = float(slopes.std()) / bend / math.sqrt(len(rows)) / inverse
    factor = math.exp(NORMAL_95 * spread)
    return Temperature(1 / inverse, (1 / inverse / factor, factor / inverse), len(rows), is_fitted=True)


def _loss_slopes(predictions: Predictions, rows: Integers, inverse: float) -> tuple[Floats, float]:
    """Each image's derivative of the loss by 1 / T, and the mean second derivative."""
    slopes, bends = np.empty(len(rows)), 0.0
    for block in row_blocks(len(rows)):
        scores = log_scores(predictions, rows[block])
        scores -= scores.max(axis=1, keepdims=True)
        weights = np.exp(inverse * scores)
        total = weights.sum(axis=1)
        mean = np.einsum("ij,ij->i", weights, scores) / total
        of_label = np.take_along_axis(scores, predictions.labels[rows[block]][:, None], axis=1)[:, 0]
        slopes[block] = mean - of_label
        bends += float((np.einsum("ij,ij,ij->i", weights, scores, scores) / total - mean**2).sum())
    return slopes, bends / len(rows)
