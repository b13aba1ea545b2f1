"""What each kind of mistake costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.confusion import Floats


@dataclass(frozen=True)
class Costs:
    """What a decision costs; a right one costs nothing.

    Args:
        within: a mistake within a group (every mistake, where classes have no groups).
        across: a mistake across groups, such as a dog called a cat.
        person: handing an image to a person; None where that is no choice.
        pairs: (label, predicted, cost) of single cells, class indices; these win.
    """

    within: float = 1.0
    across: float = 1.0
    person: float | None = None
    pairs: tuple[tuple[int, int, float], ...] = ()


def cost_matrix(costs: Costs, class_names: Sequence[str], groups: Mapping[str, str]) -> Floats:
    """The cost of each cell.

    Args:
        costs: finite, 0 or more.
        class_names: C names.
        groups: class name to group; {} where there are none.

    Returns:
        (C, C), row = label, column = decision; the diagonal is 0 unless a pair says otherwise.

    Raises:
        ValueError: a cost is below 0 or not finite.

    >>> cost_matrix(Costs(across=5.0), ["Bengal", "pug"], {"Bengal": "cat", "pug": "dog"})
    array([[0., 5.],
           [5., 0.]])
    """
    given = [costs.within, costs.across, costs.person or 0.0, *(cost for *_, cost in costs.pairs)]
    if not all(math.isfinite(cost) and cost >= 0 for cost in given):
        raise ValueError("costs must be 0 or more, and finite")
    own = np.array([groups.get(name, "") for name in class_names])
    crossed = (own[:, None] != own) & (own[:, None] != "") & (own != "")
    matrix: Floats = np.where(crossed, float(costs.across), float(costs.within))
    np.fill_diagonal(matrix, 0.0)
    for label, predicted, cost in costs.pairs:
        matrix[label, predicted] = cost
    return matrix
