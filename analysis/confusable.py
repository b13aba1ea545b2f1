"""The classes that are taken for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.confusion import Counts, Floats, Integers, rates, square
from analysis.intervals import Interval, wilson_interval
from analysis.significance import false_discovery_rates, pair_p_values


@dataclass(frozen=True)
class ConfusablePair:
    """Two classes and how often each is called the other.

    Args:
        a: the name of the class that comes first in the class names.
        b: the other's name.
        a_index: the index of ``a``.
        b_index: the index of ``b``.
        a_as_b: images labelled a and called b.
        b_as_a: images labelled b and called a.
        a_support: images labelled a.
        b_support: images labelled b.
        a_as_b_rate: a_as_b / a_support; nan without images.
        b_as_a_rate: b_as_a / b_support; nan without images.
        a_as_b_interval: its 95 % Wilson interval.
        b_as_a_interval: its 95 % Wilson interval.
        score: the mean of both rates (of the one that is known, where a class has no images), 0 to 1.
        p_value: how likely so many errors between the two are by chance.
        q_value: the same, corrected for having looked at all pairs (Benjamini and Hochberg).
    """

    a: str
    b: str
    a_index: int
    b_index: int
    a_as_b: int
    b_as_a: int
    a_support: int
    b_support: int
    a_as_b_rate: float
    b_as_a_rate: float
    a_as_b_interval: Interval
    b_as_a_interval: Interval
    score: float
    p_value: float
    q_value: float


@dataclass(frozen=True)
class ConfusedCell:
    """One cell off the diagonal.

    Args:
        label: the name of the label.
        predicted: the name of the prediction.
        label_index: its row.
        predicted_index: its column.
        count: images in the cell.
        support: images of the label.
        rate: count / support.
        interval: the rate's 95 % Wilson interval.
        crosses_group: label and prediction belong to different groups.
    """

    label: str
    predicted: str
    label_index: int
    predicted_index: int
    count: int
    support: int
    rate: float
    interval: Interval
    crosses_group: bool


def confusable_pairs(
    counts: Counts, class_names: Sequence[str], *, min_errors: int = 1
) -> list[ConfusablePair]:
    """The pairs of classes with errors between them, most confused first.

    The pairs at the top were picked for being at the top: on new images their rates will be lower.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names.
        min_errors: the fewest errors (both directions together) of a pair, at least 1.

    Returns:
        One record a pair, by falling score; at equal scores the one with more errors first.

    Raises:
        ValueError: counts are not square, or the names are not as many.

    >>> pair = confusable_pairs(np.array([[8, 2], [1, 9]]), ["Bengal", "Egyptian_Mau"])[0]
    >>> pair.a, pair.b, pair.a_as_b, pair.b_as_a, round(pair.score, 3)
    ('Bengal', 'Egyptian_Mau', 2, 1, 0.15)
    """
    _check_names(counts, class_names)
    upper = np.triu_indices(len(counts), k=1)
    both = (counts + counts.T)[upper]
    found = both >= max(1, min_errors)
    a, b = upper[0][found], upper[1][found]
    shares = rates(counts)
    directed = np.stack([shares[a, b], shares[b, a]])
    known = ~np.isnan(directed)
    scores = np.where(known, directed, 0).sum(axis=0) / known.sum(axis=0)
    p_values = pair_p_values(counts)[upper]
    order = np.lexsort((b, a, -both[found], -scores))
    return _pairs(
        counts,
        class_names,
        (a[order], b[order]),
        (scores[order], p_values[found][order], false_discovery_rates(p_values)[found][order]),
    )


def _pairs(
    counts: Counts,
    class_names: Sequence[str],
    places: tuple[Integers, Integers],
    figures: tuple[Floats, Floats, Floats],
) -> list[ConfusablePair]:
    a, b = places
    supports = counts.sum(axis=1)
    forward, back = _directed(counts, supports, a, b), _directed(counts, supports, b, a)
    return [
        ConfusablePair(
            class_names[a[i]],
            class_names[b[i]],
            int(a[i]),
            int(b[i]),
            forward[i].count,
            back[i].count,
            forward[i].support,
            back[i].support,
            forward[i].rate,
            back[i].rate,
            forward[i].interval,
            back[i].interval,
            *(float(figure[i]) for figure in figures),
        )
        for i in range(len(a))
    ]


@dataclass(frozen=True)
class _Directed:
    count: int
    support: int
    rate: float
    interval: Interval


def _directed(counts: Counts, supports: Counts, row: Integers, column: Integers) -> list[_Directed]:
    n, support = counts[row, column], supports[row]
    low, high = wilson_interval(n, support)
    shares = np.divide(n, support, out=np.full(len(n), np.nan), where=support > 0)
    return [
        _Directed(int(n[i]), int(support[i]), float(shares[i]), (float(low[i]), float(high[i])))
        for i in range(len(n))
    ]


def worst_cells(
    counts: Counts, class_names: Sequence[str], groups: Mapping[str, str], n: int = 10
) -> list[ConfusedCell]:
    """The cells off the diagonal with the most errors.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names.
        groups: class name to group; {} where there are none.
        n: how many cells at most; cells without errors never count.

    Returns:
        By falling count; at equal counts the higher rate first, then in the order of the classes.

    Raises:
        ValueError: counts are not square, or the names are not as many.

    >>> [cell.count for cell in worst_cells(np.array([[8, 2], [1, 9]]), ["cat", "dog"], {})]
    [2, 1]
    """
    _check_names(counts, class_names)
    errors = counts.copy()
    np.fill_diagonal(errors, 0)
    row, column = np.nonzero(errors)
    supports = counts.sum(axis=1)
    found = errors[row, column]
    order = np.lexsort((column, row, -found / supports[row], -found))[:n]
    row, column = row[order], column[order]
    return [
        ConfusedCell(
            class_names[r],
            class_names[c],
            r,
            c,
            cell.count,
            cell.support,
            cell.rate,
            cell.interval,
            crosses_group(class_names[r], class_names[c], groups),
        )
        for r, c, cell in zip(
            row.tolist(), column.tolist(), _directed(counts, supports, row, column), strict=True
        )
    ]


def crosses_group(label: str, predicted: str, groups: Mapping[str, str]) -> bool:
    """Whether two classes belong to different groups; without a group for both, no.

    >>> crosses_group("Bengal", "pug", {"Bengal": "cat", "pug": "dog"})
    True
    """
    own, other = groups.get(label, ""), groups.get(predicted, "")
    return bool(own and other and own != other)


def _check_names(counts: Counts, class_names: Sequence[str]) -> None:
    square(counts)
    if len(class_names) != len(counts):
        raise ValueError(f"{len(class_names)} class names for {len(counts)} classes")
