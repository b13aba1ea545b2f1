"""Errors that nothing else in the data leads one to expect.

That a Bengal is called an Egyptian_Mau happens to every network. That one Bengal is called a chihuahua
says something about this one image: its label, its crop, what else stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from analysis.confusable import crosses_group
from analysis.confusion import Counts, Floats, Integers, confusion_counts

if TYPE_CHECKING:
    from models.predictions import Predictions

_PRIOR = 0.5


@dataclass(frozen=True)
class RareError:
    """One error, and how surprising it is.

    Args:
        index: the image's row in the predictions.
        id: the image's id.
        path: its path.
        label: the name of its label.
        predicted: the name of the prediction.
        confidence: the probability of the prediction, 0 to 1; nan without probabilities.
        surprise: in nats, from about 0 up; see ``surprises``.
        crosses_group: label and prediction belong to different groups.
        support: how often the like happened, in words.
        counted: what surprise was counted from: "soft" (the probabilities of all images) or "hard"
            (their predictions only).
    """

    index: int
    id: str
    path: str
    label: str
    predicted: str
    confidence: float
    surprise: float
    crosses_group: bool
    support: str
    counted: Literal["soft", "hard"]


def rare_errors(predictions: Predictions) -> list[RareError]:
    """All errors: those across groups first, then the most surprising.

    Args:
        predictions: what the network said; soft counts are used where it holds probabilities.

    Returns:
        One record an error; without groups none crosses one, and surprise alone decides.
    """
    labels, predicted = predictions.labels, predictions.predicted
    wrong = np.flatnonzero(labels != predicted)
    surprise = surprises(labels, predicted, len(predictions.class_names), predictions.probabilities)
    names, groups = predictions.class_names, predictions.groups
    support = _Support(confusion_counts(labels, predicted, len(names)), names, groups)
    table = predictions.images.iloc[wrong]
    records = [
        RareError(
            int(index),
            str(row_id),
            str(path),
            names[labels[index]],
            names[predicted[index]],
            float(confidence),
            float(surprise[place]),
            crosses_group(names[labels[index]], names[predicted[index]], groups),
            support.words(int(labels[index]), int(predicted[index])),
            "hard" if predictions.probabilities is None else "soft",
        )
        for place, (index, row_id, path, confidence) in enumerate(
            zip(wrong, table["id"], table["path"], table["confidence"], strict=True)
        )
    ]
    return sorted(records, key=lambda error: (not error.crosses_group, -error.surprise, error.index))


def surprises(
    labels: Integers,
    predicted: Integers,
    n_classes: int,
    probabilities: npt.NDArray[np.floating[Any]] | None = None,
) -> Floats:
    """How little the other images lead one to expect each error.

    With S_ab the sum of the probabilities of b over the images labelled a, n_a the number of these,
    K classes, and a prior of a = 1/2, the surprise of an image labelled y and called p is
    -log[(S_yp - P_p + a/K) / (n_y - 1 + a)] - log[(S_py + a/K) / (n_p + a)]: how rarely the *other*
    images of y go to p, and those of p to y. Without probabilities, a prediction counts as probability 1.

    Args:
        labels: (N,) class indices.
        predicted: (N,) class indices.
        n_classes: K.
        probabilities: (N, K), or None.

    Returns:
        (E,) in nats, for the E images with ``labels != predicted``, in their order.

    >>> y, p = np.array([0] * 9 + [1] * 9), np.array([1, 1, 2] + [0] * 6 + [1] * 9)
    >>> surprises(y, p, 3).round(1).tolist()
    [6.0, 6.0, 5.0]
    """
    wrong = np.flatnonzero(labels != predicted)
    y, p = labels[wrong], predicted[wrong]
    sums = _soft_counts(labels, predicted, n_classes, probabilities)
    own = np.ones(len(wrong)) if probabilities is None else probabilities[wrong, p].astype(float)
    n = np.bincount(labels, minlength=n_classes)
    # leaving the image out may leave a remainder below 0, by rounding
    others = np.maximum(sums[y, p] - own, 0.0)
    forward = (others + _PRIOR / n_classes) / (n[y] - 1 + _PRIOR)
    back = (sums[p, y] + _PRIOR / n_classes) / (n[p] + _PRIOR)
    surprise: Floats = -np.log(forward) - np.log(back)
    return surprise


def _soft_counts(
    labels: Integers,
    predicted: Integers,
    n_classes: int,
    probabilities: npt.NDArray[np.floating[Any]] | None,
) -> Floats:
    if probabilities is None:
        return confusion_counts(labels, predicted, n_classes).astype(float)
    sums = np.zeros((n_classes, n_classes))
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=n_classes))
    # class by class, so that memory-mapped probabilities are never copied as a whole
    for label, rows in enumerate(np.split(order, ends[:-1])):
        sums[label] = probabilities[rows].sum(axis=0, dtype=float)
    return sums


class _Support:
    """Says how often an error like this one happened.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names.
        groups: class name to group; {} where there are none.
    """

    def __init__(self, counts: Counts, class_names: Sequence[str], groups: Mapping[str, str]) -> None:
        self._counts = counts
        self._names = class_names
        self._groups = [groups.get(name, "") for name in class_names]
        members = {group: [i for i, g in enumerate(self._groups) if g == group] for group in self._groups}
        self._images = {g: int(counts[rows].sum()) for g, rows in members.items()}
        self._errors = {
            (g, h): int(counts[np.ix_(members[g], members[h])].sum()) for g in members for h in members
        }

    def words(self, label: int, predicted: int) -> str:
        """Such as "1 of 14 Abyssinian; no other cat called a dog"."""
        count, support = int(self._counts[label, predicted]), int(self._counts[label].sum())
        own, other = self._groups[label], self._groups[predicted]
        if not (own and other and own != other):
            back = int(self._counts[predicted, label])
            reverse = f"{back or 'no'} {self._names[predicted]} called {self._names[label]}"
            return f"{count} of {support} {self._names[label]}; {reverse}"
        errors = self._errors[own, other]
        like = f"no other {own}" if errors == 1 else f"{errors} of {self._images[own]} {own} images"
        return f"{count} of {support} {self._names[label]}; {like} called {_article(other)}"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in set('aeiou') else 'a'} {noun}"
