"""Whether the confidences can be taken at their word: of the images with 90 %, are 90 % right?

An error of calibration is never 0 on real images, not even for a perfect model, so it is shown beside what a
perfectly calibrated model would show with just these confidences (`analysis.calibration_null`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.calibration_null import count_p_value, null_counts
from analysis.confidences import Confidences, confidences
from analysis.confusion import Floats, Integers
from analysis.intervals import Interval, wilson_interval
from analysis.number_words import percent
from analysis.significance import false_discovery_rates
from models.prediction_record import Predictions

Binning = Literal["width", "number"]
Direction = Literal["honest", "over", "under", "mixed"]
N_BINS = 15
LEVEL = 0.05


@dataclass(frozen=True)
class ReliabilityBin:
    """The images of similar confidence.

    Args:
        low: the bin holds confidences from here ...
        high: ... to below here; the last bin holds its upper end too.
        n: how many images.
        right: how many of them are right.
        mean_confidence: their mean confidence.
        accuracy: right / n.
        interval: its 95 % Wilson interval.
        null_low: where the accuracy of an honest model would lie 95 times in 100: from here ...
        null_high: ... to here.
        p_value: how likely an honest model would be so far off, to either side.
        q_value: the same, corrected for having looked at all bins (Benjamini and Hochberg).
    """

    low: float
    high: float
    n: int
    right: int
    mean_confidence: float
    accuracy: float
    interval: Interval
    null_low: float
    null_high: float
    p_value: float
    q_value: float

    @property
    def gap(self) -> float:
        """Mean confidence less accuracy: above 0 where the model is too sure."""
        return self.mean_confidence - self.accuracy


@dataclass(frozen=True)
class Calibration:
    """How honest the confidences of N images are.

    Args:
        n: how many images.
        ece: expected calibration error: the mean distance of confidence and accuracy over the bins, each
            weighted by its images, 0 to 1.
        mce: the largest of these distances.
        null_low: the ECE of a perfectly calibrated model with these confidences lies from here ...
        null_high: ... to here, 95 times in 100.
        null_mean: its mean.
        p_value: how likely a perfectly calibrated model would show such an ECE or a larger one.
        bins: the bins that hold images, by rising confidence.
        mean_confidence: of all images.
        accuracy: of all images.
        gap_p_value: how likely a perfectly calibrated model would have its accuracy so far from its mean confidence.
        brier: mean squared distance of probabilities and labels over all classes, 0 to 2.
        nll: mean -log of the label's probability, nats.
    """

    n: int
    ece: float
    mce: float
    null_low: float
    null_high: float
    null_mean: float
    p_value: float
    bins: tuple[ReliabilityBin, ...]
    mean_confidence: float
    accuracy: float
    gap_p_value: float
    brier: float
    nll: float

    @property
    def direction(self) -> Direction:
        """Whether the model is honest (as far as chance lets one tell), too sure, not sure enough, or both."""
        if self.p_value >= LEVEL:
            return "honest"
        if self.gap_p_value >= LEVEL:
            return "mixed"
        return "over" if self.mean_confidence > self.accuracy else "under"

    @property
    def worst_bin(self) -> ReliabilityBin:
        """The bin that adds most to the error, on the side of the verdict."""
        side = {"over": 1.0, "under": -1.0}.get(self.direction)
        return max(self.bins, key=lambda bin: bin.n * (abs(bin.gap) if side is None else side * bin.gap))

    @property
    def words(self) -> str:
        """The verdict as a person says it."""
        figures = (
            f"(ECE {self.ece:.3f}; a perfectly calibrated model would show {self.null_low:.3f} to "
            f"{self.null_high:.3f})"
        )
        if self.direction == "honest":
            images = "one image" if self.n == 1 else f"{self.n:,} images"
            return f"The confidences are honest as far as {images} can tell {figures}."
        worst = self.worst_bin
        said = f"where it says {percent(worst.mean_confidence)}, it is right in {percent(worst.accuracy)}"
        lead = {"over": "Over-confident", "under": "Under-confident", "mixed": "Off in both directions"}
        return f"{lead[self.direction]}: {said} {figures}."


def calibration(predictions: Predictions, *, n_bins: int = N_BINS, by: Binning = "width") -> Calibration:
    """How honest the confidences of a model are.

    Args:
        predictions: with probabilities.
        n_bins: how many bins at most.
        by: bins of equal "width", or of an equal "number" of images.

    Returns:
        The measures with what a perfectly calibrated model would show.

    Raises:
        ValueError: there are no probabilities, no images, or no bins.

    Source:
        C. Guo et al., On calibration of modern neural networks, 2017; the null band as consistency
        resampling: J. Broecker, L. A. Smith, Increasing the reliability of reliability diagrams, 2007.
    """
    return calibration_of(confidences(predictions), n_bins=n_bins, by=by)


def calibration_of(
    found: Confidences, *, n_bins: int = N_BINS, by: Binning = "width", draws: int = 1000, seed: int = 0
) -> Calibration:
    """The same, of confidences at hand (of a half of the images, or under a temperature).

    Args:
        found: N of them.
        n_bins: how many bins at most.
        by: see `calibration`.
        draws: how often the labels are drawn from the confidences.
        seed: of these draws.

    Raises:
        ValueError: there are no images, or no bins.
    """
    if not len(found) or n_bins < 1:
        raise ValueError(f"{len(found)} images in {n_bins} bins: one of each is needed at least")
    order = np.argsort(found.confidence, kind="stable")
    confidence, right = found.confidence[order], found.right[order]
    edges = bin_edges(confidence, n_bins, by)
    places = bin_places(confidence, edges)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    said = np.add.reduceat(confidence, starts)
    drawn = null_counts(confidence, starts, draws=draws, seed=seed)
    errors = np.abs(drawn - said).sum(axis=1) / len(found)
    bins = _bins(confidence, right, starts, edges[np.stack([places[starts], places[starts] + 1])], drawn)
    mce = max(abs(bin.gap) for bin in bins)
    # a mean is at most its largest term, but for rounding
    ece = min(mce, sum(bin.n * abs(bin.gap) for bin in bins) / len(found))
    low, high = np.quantile(errors, [LEVEL / 2, 1 - LEVEL / 2])
    return Calibration(
        n=len(found),
        ece=ece,
        mce=mce,
        null_low=float(low),
        null_high=float(high),
        null_mean=float(errors.mean()),
        p_value=float((1 + (errors >= ece - 1e-12).sum()) / (1 + draws)),
        bins=bins,
        mean_confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        gap_p_value=count_p_value(confidence, int(right.sum())),
        brier=float(found.squares.mean()),
        nll=float(found.loss.mean()),
    )


def _bins(
    confidence: Floats,
    right: npt.NDArray[np.bool_],
    starts: Integers,
    edges: Floats,
    drawn: npt.NDArray[np.int64],
) -> tuple[ReliabilityBin, ...]:
    ends = np.append(starts[1:], len(confidence))
    n = ends - starts
    counts = np.add.reduceat(right.astype(np.int64), starts)
    low, high = wilson_interval(counts, n)
    # outwards to the next count: an honest model is outside at most 5 times in 100
    null_low = np.quantile(drawn, LEVEL / 2, axis=0, method="lower") / n
    null_high = np.quantile(drawn, 1 - LEVEL / 2, axis=0, method="higher") / n
    slices = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
    p_values = np.array(
        [count_p_value(confidence[rows], int(k)) for rows, k in zip(slices, counts, strict=True)]
    )
    q_values = false_discovery_rates(p_values)
    return tuple(
        ReliabilityBin(
            float(edges[0, i]),
            float(edges[1, i]),
            int(n[i]),
            int(counts[i]),
            float(confidence[slices[i]].mean()),
            float(counts[i] / n[i]),
            (float(low[i]), float(high[i])),
            float(null_low[i]),
            float(null_high[i]),
            float(p_values[i]),
            float(q_values[i]),
        )
        for i in range(len(starts))
    )


def bin_edges(confidence: Floats, n_bins: int, by: Binning) -> Floats:
    """The edges of the bins, from 0 to 1, (B + 1,) or fewer where many confidences are alike.

    >>> bin_edges(np.array([0.2, 0.4, 0.6, 0.8]), 2, "number").tolist()
    [0.0, 0.6, 1.0]
    """
    if by == "width":
        return np.linspace(0.0, 1.0, n_bins + 1)
    inner = np.sort(confidence)[np.arange(1, n_bins) * len(confidence) // n_bins]
    return np.unique(np.concatenate([[0.0], inner[inner < 1.0], [1.0]]))


def bin_places(confidence: Floats, edges: Floats) -> Integers:
    """(N,) the bin of each confidence: a bin holds its lower edge, the last one also 1.

    >>> bin_places(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.5, 1.0])).tolist()
    [0, 1, 1]
    """
    return np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)
