"""What is gained by deciding only where the model is sure, and handing the rest to a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans, Floats, Integers
from analysis.metrics import Accuracy, accuracy_of
from models.halves import stratified_halves


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """The accuracy of what is kept, for every threshold there is.

    Args:
        thresholds: (K,) the confidences that occur, falling; images at or above one are kept.
        kept: (K,) how many images that are.
        right: (K,) how many of them are right.
        n: images in all.
        aurc: mean error of the kept images over all coverages (area under the risk-coverage curve), 0 to 1;
            of images with the same confidence any may come first, and their mean counts.
        aurc_random: the same if confidence said nothing: the error of all images.
        aurc_ideal: the same if every right image were surer than every wrong one.
        p_value: how likely right and wrong images would be told apart so well if confidence said nothing.
    """

    thresholds: Floats
    kept: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    n: int
    aurc: float
    aurc_random: float
    aurc_ideal: float
    p_value: float

    @property
    def coverage(self) -> Floats:
        """(K,) share of the images that are kept."""
        return self.kept / self.n

    @property
    def accuracy(self) -> Floats:
        """(K,) share of the kept images that are right."""
        return self.right / self.kept

    @property
    def gained(self) -> float:
        """How far the curve goes from random (0) to ideal (1); below 0 it misleads. NaN without mistakes."""
        room = self.aurc_random - self.aurc_ideal
        return (self.aurc_random - self.aurc) / room if room > 0 else float("nan")

    def thinned(self, at_most: int = 400) -> npt.NDArray[np.intp]:
        """Which of the K points to draw: all, or so many, evenly."""
        n_points = len(self.thresholds)
        return np.unique(np.linspace(0, n_points - 1, min(n_points, at_most)).round().astype(np.intp))


@dataclass(frozen=True)
class ThresholdReport:
    """What becomes of the images under a threshold.

    Args:
        threshold: images with this confidence or more are kept.
        n: images in all.
        kept: the kept ones: how many are right, of how many, with the 95 % Wilson interval.
        mistakes_avoided: wrong images that go to a person.
        right_handed_over: right images that go to a person.
    """

    threshold: float
    n: int
    kept: Accuracy
    mistakes_avoided: int
    right_handed_over: int

    @property
    def mistakes_kept(self) -> int:
        """Wrong images that stay."""
        return self.kept.n - self.kept.right

    @property
    def handed_over(self) -> int:
        """Images that go to a person."""
        return self.n - self.kept.n

    @property
    def coverage(self) -> float:
        """Share of the images that is kept; NaN without images."""
        return self.kept.n / self.n if self.n else float("nan")


@dataclass(frozen=True)
class HeldOut:
    """A threshold for a wanted accuracy, chosen on one half of the images and used on the other, both ways.

    Args:
        wanted: the accuracy that the kept images of the choosing half reach, 0 to 1.
        thresholds: what the two halves chose; above 1 where no threshold reaches it.
        n: images in all.
        kept: of all images, those kept by the other half's threshold.
    """

    wanted: float
    thresholds: tuple[float, float]
    n: int
    kept: Accuracy

    @property
    def coverage(self) -> float:
        """Share of the images that is kept."""
        return self.kept.n / self.n


def coverage_curve(confidence: Floats, right: Booleans) -> CoverageCurve:
    """The accuracy of the kept images as the threshold falls.

    Args:
        confidence: (N,) 0 to 1.
        right: (N,) whether the image is right.

    Raises:
        ValueError: there are no images.

    Source:
        Y. Geifman, R. El-Yaniv, Selective classification for deep neural networks, 2017; the areas:
        Y. Geifman, G. Uziel, R. El-Yaniv, Bias-reduced uncertainty estimation for deep classifiers, 2019.

    >>> coverage_curve(np.array([0.9, 0.8, 0.4]), np.array([True, True, False])).accuracy.round(2).tolist()
    [1.0, 1.0, 0.67]
    """
    if not len(confidence):
        raise ValueError("there are no images to keep")
    values, places = np.unique(-confidence, return_inverse=True)
    n_alike = np.bincount(places)
    kept, right_kept = np.cumsum(n_alike), np.cumsum(np.bincount(places, weights=right)).astype(np.int64)
    ranks, wrong = np.arange(1, len(right) + 1), int((~right).sum())
    # between two thresholds the mistakes are taken to come evenly: the mean over all orders
    mistakes = np.interp(ranks, np.append(0, kept), np.append(0, kept - right_kept))
    ideal = np.maximum(0, ranks - (len(right) - wrong)) / ranks
    return CoverageCurve(
        -values,
        kept,
        right_kept,
        len(right),
        float((mistakes / ranks).mean()),
        wrong / len(right),
        float(ideal.mean()),
        _separation_p_value(confidence, right),
    )


def _separation_p_value(confidence: Floats, right: Booleans) -> float:
    if right.all() or not right.any():
        return 1.0
    # scipy takes a third of a second to import: only who asks for significance pays
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(confidence[right], confidence[~right], alternative="greater", method="asymptotic")
    return float(test.pvalue)


def threshold_report(confidence: Floats, right: Booleans, threshold: float) -> ThresholdReport:
    """What becomes of the images under a threshold.

    >>> report = threshold_report(np.array([0.9, 0.8, 0.4]), np.array([True, False, False]), 0.5)
    >>> report.mistakes_kept, report.mistakes_avoided, report.handed_over
    (1, 1, 1)
    """
    kept = confidence >= threshold
    return ThresholdReport(
        threshold,
        len(right),
        accuracy_of(int(right[kept].sum()), int(kept.sum())),
        int((~right & ~kept).sum()),
        int((right & ~kept).sum()),
    )


def threshold_for(confidence: Floats, right: Booleans, wanted: float) -> float | None:
    """The lowest threshold whose kept images are right at least so often: it keeps most of the images.

    Args:
        confidence: (N,) 0 to 1.
        right: (N,) whether the image is right.
        wanted: 0 to 1.

    Returns:
        None where no threshold reaches it, or there are no images.

    >>> threshold_for(np.array([0.9, 0.8, 0.4]), np.array([True, True, False]), 0.95)
    0.8
    """
    if not len(confidence):
        return None
    curve = coverage_curve(confidence, right)
    enough = np.flatnonzero(curve.accuracy >= wanted - 1e-12)
    return float(curve.thresholds[enough[-1]]) if len(enough) else None


def threshold_step_for(
    confidence: Floats, right: Booleans, wanted: float, step: float = 0.001
) -> float | None:
    """The same among the multiples of a step: a round number, such as a slider has.

    Args:
        confidence: (N,) 0 to 1.
        right: (N,) whether the image is right.
        wanted: 0 to 1.
        step: 0 to 1.

    Returns:
        None where no such threshold reaches it.

    >>> threshold_step_for(np.array([0.92, 0.83, 0.41]), np.array([True, True, False]), 0.95, 0.1)
    0.5
    """
    steps = np.arange(round(1 / step) + 1) / round(1 / step)
    order = np.argsort(confidence, kind="stable")
    below = np.searchsorted(confidence[order], steps, side="left")
    n_kept = len(confidence) - below
    n_right = right.sum() - np.append(0, np.cumsum(right[order]))[below]
    enough = (n_kept > 0) & (n_right >= wanted * n_kept - 1e-9)
    return float(steps[enough.argmax()]) if enough.any() else None


def held_out(
    labels: Integers, confidence: Floats, right: Booleans, wanted: float, seed: int = 0
) -> HeldOut | None:
    """What a threshold for a wanted accuracy brings on images that it was not chosen on.

    Args:
        labels: (N,) class indices; each half has as many images of each class.
        confidence: (N,) 0 to 1.
        right: (N,) whether the image is right.
        wanted: accuracy of the kept images, 0 to 1.
        seed: of the halves.

    Returns:
        None where there are fewer than two images.
    """
    if len(labels) < 2:
        return None
    first = stratified_halves(labels, seed)
    chosen = [threshold_for(confidence[half], right[half], wanted) for half in (first, ~first)]
    # above every confidence: no image is kept
    of_first, of_second = (2.0 if threshold is None else threshold for threshold in chosen)
    kept = confidence >= np.where(first, of_second, of_first)
    return HeldOut(
        wanted, (of_first, of_second), len(labels), accuracy_of(int(right[kept].sum()), int(kept.sum()))
    )
