"""Errors that nothing else in the data leads one to expect.

That a Bengal is called an Egyptian_Mau happens to every network. That one Bengal is called a chihuahua
says something about this one image: its label, its crop, what else stands in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from analysis.confusable import crosses_group
from analysis.confusion import Counts, Floats, Integers, confusion_counts
from analysis.soft_counts import soft_counts
from analysis.visual_blocks import BlockName

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


def rare_errors(predictions: Predictions, groups: Mapping[str, str] | None = None) -> list[RareError]:
    """All errors: those across groups first, then the most surprising.

    Args:
        predictions: what the network said; soft counts are used where it holds probabilities.
        groups: class name to group; None takes the user's own. Where there are none,
            ``visual_blocks(predictions).groups`` may stand for them.

    Returns:
        One record an error; without groups none crosses one, and surprise alone decides.
    """
    labels, predicted = predictions.labels, predictions.predicted
    wrong = np.flatnonzero(labels != predicted)
    surprise = surprises(labels, predicted, len(predictions.class_names), predictions.probabilities)
    names = predictions.class_names
    groups = predictions.groups if groups is None else groups
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
    sums = soft_counts(labels, predicted, n_classes, probabilities)
    own = np.ones(len(wrong)) if probabilities is None else probabilities[wrong, p].astype(float)
    n = np.bincount(labels, minlength=n_classes)
    # leaving the image out may leave a remainder below 0, by rounding
    others = np.maximum(sums[y, p] - own, 0.0)
    forward = (others + _PRIOR / n_classes) / (n[y] - 1 + _PRIOR)
    back = (sums[p, y] + _PRIOR / n_classes) / (n[p] + _PRIOR)
    surprise: Floats = -np.log(forward) - np.log(back)
    return surprise


def surprise_words(error: RareError) -> str:
    """What a surprise means, such as "about 1 in 640".

    Half of it is the mean log of both shares, so that exp(surprise / 2) images of the two classes are looked
    at for one that is taken for the other.

    >>> error = RareError(0, "", "", "Bengal", "pug", 0.9, 12.9, True, "", "soft")
    >>> print(surprise_words(error))
    Going by all other images, about 1 in 630 Bengal and pug would be taken for the other.
    """
    one_in = float(np.exp(error.surprise / 2))
    shown = round(one_in, 2 - len(str(int(one_in)))) if one_in >= 100 else round(one_in)
    classes = f"{error.label} and {error.predicted}"
    if shown < 2:
        return f"Going by all other images, {classes} are taken for each other more often than not."
    return f"Going by all other images, about 1 in {shown:,.0f} {classes} would be taken for the other."


def crossing_words(errors: Sequence[RareError], groups: Mapping[str, str]) -> str:
    """How many errors cross a group, such as "4 of 60 mistakes cross a group (3 times a cat called a dog)".

    Args:
        errors: all errors.
        groups: class name to group, those by which the errors were ranked.
    """
    crossing = [(groups[error.label], groups[error.predicted]) for error in errors if error.crosses_group]
    mistakes = "1 mistake" if len(errors) == 1 else f"{len(errors):,} mistakes"
    inferred = any(isinstance(group, BlockName) for group in groups.values())
    what = "a visual block (inferred)" if inferred else "a group"
    if not crossing:
        no = f"no {what.split(maxsplit=1)[1]}"
        return f"The one mistake crosses {no}" if len(errors) == 1 else f"None of {mistakes} crosses {what}"
    words = f"{len(crossing):,} of {mistakes} {'crosses' if len(crossing) == 1 else 'cross'} {what}"
    if inferred:
        return words
    kinds = Counter(crossing).most_common()
    parts = [f"{_article(own)} called {_article(other)}: {count:,}" for (own, other), count in kinds[:2]]
    more = [f"others: {len(crossing) - sum(n for _, n in kinds[:2]):,}"] if len(kinds) > 2 else []
    return f"{words} ({'; '.join(parts + more)})"


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
        if isinstance(own, BlockName):
            like = "no other image" if errors == 1 else f"{errors} of {self._images[own]} images"
            of_block = f"{like} of {own} (inferred) called a class of {other}"
            return f"{count} of {support} {self._names[label]}; {of_block}"
        like = f"no other {own}" if errors == 1 else f"{errors} of {self._images[own]} {own} images"
        return f"{count} of {support} {self._names[label]}; {like} called {_article(other)}"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in set('aeiou') else 'a'} {noun}"
