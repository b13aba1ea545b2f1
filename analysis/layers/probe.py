"""Where in a network two classes come apart: a new linear classifier on the vectors of each layer."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.intervals import Interval, wilson_interval
from analysis.layers.linear_probe import (
    SHUFFLES,
    Trial,
    corrected_p_values,
    label_blind_folds,
    linear_trial,
    shuffled,
)
from analysis.layers.scan_record import LayerScan, ScannedLayer
from analysis.pair_features import FEWEST, spaced
from models.errors import ErrorscopeError
from models.progress import Progress

CHANCE = 0.5
MAX_P = 0.05
PHASE = "Asking each layer"


@dataclass(frozen=True)
class PairChoice:
    """How often a choice between two classes is right.

    Args:
        right: right images of the first and of the second class; not whole where several tries were averaged.
        n: images of each.
    """

    right: tuple[float, float]
    n: tuple[int, int]

    @property
    def shares(self) -> tuple[float, float]:
        """The share of right images of each class, 0..1."""
        return self.right[0] / self.n[0], self.right[1] / self.n[1]

    @property
    def accuracy(self) -> float:
        """The mean of both classes' shares; guessing gives .5, however many images there are of each."""
        return sum(self.shares) / 2

    @property
    def interval(self) -> Interval:
        """The 95 % interval of ``accuracy``: how sure it is with so many images.

        Source:
            G. Y. Zou, A. Donner, Construction of confidence limits about effect measures: a general approach (2008),
            on Wilson's intervals of the two shares.
        """
        low, high = wilson_interval(self.right, self.n)
        shares = np.array(self.shares)
        return (
            max(0.0, self.accuracy - float(np.hypot(*(shares - low))) / 2),
            min(1.0, self.accuracy + float(np.hypot(*(high - shares))) / 2),
        )


@dataclass(frozen=True)
class ProbedLayer:
    """How well two classes are told apart by a linear classifier on one layer's vectors.

    Args:
        layer: its name.
        depth: its place among the network's layers, 0 for the first.
        choice: on images the classifier was not fitted on.
        p_value: how often any layer does as well with shuffled labels, 0..1: corrected for the number of layers.
    """

    layer: str
    depth: int
    choice: PairChoice
    p_value: float

    @property
    def is_beyond_chance(self) -> bool:
        """Whether it tells them apart better than chance would at any layer."""
        return self.p_value <= MAX_P


@dataclass(frozen=True)
class ProbeCurve:
    """The same for all layers.

    Args:
        class_names: of the two.
        n: images of each that were looked at.
        n_all: readable images of each.
        layers: in the order in which they are computed, at least one.
        n_layers: layers of the network; more than there are in ``layers`` where vectors of some only are kept.
        n_shuffles: how often the labels were shuffled.
        own: the network itself, asked to choose between the two only; None without its scores.
    """

    class_names: tuple[str, str]
    n: tuple[int, int]
    n_all: tuple[int, int]
    layers: tuple[ProbedLayer, ...]
    n_layers: int
    n_shuffles: int
    own: PairChoice | None

    @property
    def apart_from(self) -> ProbedLayer | None:
        """The first layer that tells the two apart beyond chance; None where none does.

        Of pairs of which no layer knows anything, at most 1 in 20 has such a layer, however many layers there are.
        """
        return next((each for each in self.layers if each.is_beyond_chance), None)

    @property
    def best(self) -> ProbedLayer:
        """The layer that tells them apart best; the earliest of equal ones."""
        return max(self.layers, key=lambda each: each.choice.accuracy)

    def to_plain(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ProbeCurve:
        """What ``to_plain`` gave, as it was.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        first, second = plain["class_names"]
        own = plain["own"]
        return cls(
            class_names=(str(first), str(second)),
            n=_two(plain["n"]),
            n_all=_two(plain["n_all"]),
            layers=tuple(
                ProbedLayer(
                    str(each["layer"]), int(each["depth"]), _choice(each["choice"]), float(each["p_value"])
                )
                for each in plain["layers"]
            ),
            n_layers=int(plain["n_layers"]),
            n_shuffles=int(plain["n_shuffles"]),
            own=None if own is None else _choice(own),
        )


def _choice(plain: Mapping[str, Any]) -> PairChoice:
    first, second = plain["right"]
    return PairChoice((float(first), float(second)), _two(plain["n"]))


def _two(values: Any) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)


def probe_steps(
    scan: LayerScan,
    labels: npt.NDArray[np.integer],
    pair: tuple[int, int],
    class_names: tuple[str, ...],
    *,
    scores: npt.NDArray[np.floating] | None = None,
    begun: list[Trial] | None = None,
) -> Generator[Progress, None, ProbeCurve]:
    """Fit a classifier for a pair on each layer, and try it on images it was not fitted on; see `linear_trial`.

    Args:
        scan: of all N images.
        labels: (N,) class indices.
        pair: two class indices.
        class_names: of all classes.
        scores: (N, C) logits or probabilities of the network; None where there are none.
        begun: what an earlier run found of the first layers; what is found is added to it.

    Yields:
        Progress in layers.

    Returns:
        The curve, on at most `pair_features.MOST` images of each class, evenly spaced through the list.

    Raises:
        ErrorscopeError: there are fewer than 10 readable images of one of the two, or no layer's vectors are kept.

    Source:
        G. Alain, Y. Bengio, Understanding Intermediate Layers Using Linear Classifier Probes (2016).
    """
    trials = [] if begun is None else begun
    layers = [(depth, each) for depth, each in enumerate(scan.layers) if each.numbers is not None]
    sides = _sides(scan, labels, pair, class_names)
    if not layers:
        raise ErrorscopeError(
            "No vectors of any layer are kept of so many images.",
            next_step="Open fewer images (a limit, or a split of the set).",
        )
    used = [spaced(rows) for rows in sides]
    rows = np.concatenate(used)
    is_second = np.repeat([False, True], [len(side) for side in used])
    folds, others = label_blind_folds(len(rows)), shuffled(is_second)
    for done, (_, layer) in enumerate(layers):
        yield Progress(PHASE, done, len(layers), "layers")
        if done >= len(trials):
            trials.append(linear_trial(_known(scan, layer, rows), is_second, folds, others))
    choices = [_choice_of(each.right, is_second) for each in trials]
    p_values = corrected_p_values(
        np.array([each.accuracy for each in choices]), np.array([each.by_chance for each in trials])
    )
    found = [
        ProbedLayer(layer.name, depth, choice, float(p_value))
        for (depth, layer), choice, p_value in zip(layers, choices, p_values, strict=True)
    ]
    own = None
    if scores is not None:
        own = _choice_of((scores[rows, pair[1]] > scores[rows, pair[0]]) == is_second, is_second)
    return ProbeCurve(
        class_names=(class_names[pair[0]], class_names[pair[1]]),
        n=(len(used[0]), len(used[1])),
        n_all=(len(sides[0]), len(sides[1])),
        layers=tuple(found),
        n_layers=len(scan.layers),
        n_shuffles=SHUFFLES,
        own=own,
    )


def _sides(
    scan: LayerScan, labels: npt.NDArray[np.integer], pair: tuple[int, int], class_names: tuple[str, ...]
) -> list[npt.NDArray[np.intp]]:
    """The rows of the readable images of each of the two."""
    unreadable = np.array([row for row, _ in scan.unreadable], dtype=np.intp)
    sides = [np.setdiff1d(np.flatnonzero(labels == each), unreadable) for each in pair]
    if min(map(len, sides)) < FEWEST:
        named = [f"{len(rows)} of {class_names[each]}" for rows, each in zip(sides, pair, strict=True)]
        raise ErrorscopeError(
            f"There are too few images to tell where the two come apart: {named[0]} and {named[1]}.",
            next_step=f"Choose a pair with {FEWEST} images or more of each.",
            title="Too few images of this pair",
        )
    return sides


def _known(scan: LayerScan, layer: ScannedLayer, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """(M, D) the vectors of one layer for some images, all that is read of the file at a time."""
    vectors = scan.vectors_of(layer)
    assert vectors is not None
    # a network may overflow on an image
    return np.asarray(np.nan_to_num(vectors[rows].astype(np.float64), nan=0, posinf=0, neginf=0))


def _choice_of(right: npt.NDArray[Any], is_second: npt.NDArray[np.bool_]) -> PairChoice:
    sides = [right[~is_second], right[is_second]]
    return PairChoice((float(sides[0].sum()), float(sides[1].sum())), (len(sides[0]), len(sides[1])))
