"""Who pays for a smaller network: the images that were right and are no more, their classes, the cells they went to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer[Any]]
MOST_NAMED = 5


def price(labels: Indices, before: Indices, after: Indices, class_names: Sequence[str]) -> dict[str, Any]:
    """What became of N images.

    Args:
        labels: (N,) index of each label.
        before: (N,) what the open model said.
        after: (N,) what the smaller one says.
        class_names: C names that all of them are indices of.

    Returns:
        ``n``, ``right_before``, ``right``, ``fixed``, ``broken``, ``agree`` (images with the same answer); ``classes``:
        ``name``, ``n``, ``before``, ``after`` (right images) of those that lost most; ``cells``: ``label``,
        ``predicted``, ``before``, ``after`` (mistakes) of those that grew most. At most five each, and none that lost
        nothing.

    >>> found = price(np.array([0, 0, 1]), np.array([0, 0, 0]), np.array([1, 0, 1]), ["cat", "dog"])
    >>> found["fixed"], found["broken"], found["cells"][0]["label"], found["cells"][0]["predicted"]
    (1, 1, 'cat', 'dog')
    """
    was, now = before == labels, after == labels
    return {
        "n": len(labels),
        "right_before": int(was.sum()),
        "right": int(now.sum()),
        "fixed": int((now & ~was).sum()),
        "broken": int((was & ~now).sum()),
        "agree": int((before == after).sum()),
        "classes": _classes(labels, was, now, class_names),
        "cells": _cells(labels, before, after, class_names),
    }


def _classes(
    labels: Indices, was: npt.NDArray[np.bool_], now: npt.NDArray[np.bool_], names: Sequence[str]
) -> list[dict[str, Any]]:
    totals, before, after = (
        np.bincount(labels[rows], minlength=len(names)) for rows in (np.ones(len(labels), bool), was, now)
    )
    lost = before - after
    worst = np.lexsort((np.arange(len(names)), -lost))[:MOST_NAMED]
    return [
        {
            "name": names[place],
            "n": int(totals[place]),
            "before": int(before[place]),
            "after": int(after[place]),
        }
        for place in worst
        if lost[place] > 0
    ]


def _cells(labels: Indices, before: Indices, after: Indices, names: Sequence[str]) -> list[dict[str, Any]]:
    counts = [_mistakes(labels, answers) for answers in (before, after)]
    grown = {cell: counts[1][cell] - counts[0][cell] for cell in counts[1]}
    worst = sorted((cell for cell in grown if grown[cell] > 0), key=lambda cell: (-grown[cell], cell))
    return [
        {
            "label": names[label],
            "predicted": names[predicted],
            "before": counts[0][label, predicted],
            "after": counts[1][label, predicted],
        }
        for label, predicted in worst[:MOST_NAMED]
    ]


def _mistakes(labels: Indices, answers: Indices) -> Counter[tuple[int, int]]:
    wrong = labels != answers
    return Counter(zip(labels[wrong].tolist(), answers[wrong].tolist(), strict=True))
