"""Rules from a decision tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.confusion import Booleans, Floats
from analysis.slice_conditions import FEWEST_IMAGES, Condition, Rule, short_number_between
from analysis.slice_features import Feature

MOST_LEAVES = 21
_MOST_LEVELS = 20


@dataclass(frozen=True)
class _Column:
    """One column of the tree's table: an amount, or whether it is a kind (or missing)."""

    values: npt.NDArray[np.float32]
    condition: Condition
    amounts: npt.NDArray[np.float64] | None = None


def tree_rules(features: Sequence[Feature], residuals: Floats, explored: Booleans) -> list[Rule]:
    """The rules of all nodes of a tree grown on what the classes don't explain of the errors.

    Args:
        features: of N images.
        residuals: (M,) wrongness less the class's error rate, of the explored images.
        explored: (N,) which those are, M of them.

    Returns:
        One rule for each node but the root in which the mean residual is above 0; what a tree says by
        "is not" (not this camera) is left out of it.

    Source:
        L. Breiman et al., Classification and regression trees, 1984.
    """
    from sklearn.tree import DecisionTreeRegressor

    columns = [column for feature in features for column in _columns(feature)]
    if not columns or len(residuals) < 2 * FEWEST_IMAGES:
        return []
    tree = DecisionTreeRegressor(max_leaf_nodes=MOST_LEAVES, min_samples_leaf=FEWEST_IMAGES, random_state=0)
    tree.fit(np.stack([column.values[explored] for column in columns], axis=1), residuals)
    found = _paths(tree.tree_, columns)
    return list(dict.fromkeys(rule for rule in found if rule))


def _columns(feature: Feature) -> list[_Column]:
    missing, columns = feature.missing, []
    asked = Condition(feature.name, feature.kind, is_date=feature.is_date)
    if feature.values is not None:
        middle = float(np.median(feature.values[~missing]))
        filled = np.where(missing, middle, feature.values)
        columns.append(_Column(filled.astype(np.float32), asked, np.unique(feature.values[~missing])))
    else:
        assert feature.codes is not None
        n = np.bincount(feature.codes[feature.codes >= 0], minlength=len(feature.levels))
        for code in np.argsort(-n, kind="stable")[:_MOST_LEVELS].tolist():
            is_level = (feature.codes == code).astype(np.float32)
            columns.append(_Column(is_level, replace(asked, level=feature.levels[code])))
    if missing.any():
        columns.append(_Column(missing.astype(np.float32), asked))
    return columns


def _paths(tree: Any, columns: Sequence[_Column]) -> list[Rule]:
    """The conditions on the way to each node whose images are wrong more often than their classes."""
    left, right = tree.children_left, tree.children_right
    cut, asked, means = tree.threshold, tree.feature, tree.value[:, 0, 0]
    rules: list[Rule] = []
    waiting: list[tuple[int, Rule]] = [(0, ())]
    while waiting:
        node, rule = waiting.pop()
        if node and means[node] > 0:
            rules.append(rule)
        if left[node] >= 0:
            column = columns[asked[node]]
            for child, below in ((left[node], True), (right[node], False)):
                waiting.append((child, _narrowed(rule, column, float(cut[node]), below)))
    return rules


def _narrowed(rule: Rule, column: _Column, cut: float, below: bool) -> Rule:
    if column.amounts is None:
        return rule if below else (*rule, column.condition)
    place = int(np.searchsorted(column.amounts.astype(np.float32), np.float32(cut), side="right"))
    if not 0 < place < len(column.amounts):
        return rule
    end = short_number_between(float(column.amounts[place - 1]), float(column.amounts[place]))
    old = next((each for each in rule if _same_amount(each, column.condition)), column.condition)
    new = (
        replace(old, high=end if old.high is None else min(old.high, end))
        if below
        else replace(old, low=end if old.low is None else max(old.low, end))
    )
    return (*(each for each in rule if each is not old), new)


def _same_amount(a: Condition, b: Condition) -> bool:
    return a.feature == b.feature and a.level is None and not a.is_missing
