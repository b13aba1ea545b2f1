"""The figures of a comparison as plain data: ``comparison.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.budget import Check
from analysis.comparison_record import Comparison, Half
from analysis.comparison_statistics import ComparisonStatistics
from analysis.confusion import Booleans
from analysis.paired_shares import PairedShare
from analysis.plain_figures import plain
from analysis.target_test import TargetResult


def comparison_figures(
    comparison: Comparison,
    statistics: ComparisonStatistics,
    paths: Sequence[str],
    *,
    half: Half,
    targets: Mapping[str, TargetResult | None],
) -> dict[str, Any]:
    """All figures of a comparison, as JSON can hold them: None where a figure is not defined.

    Args:
        comparison: M images.
        statistics: of those of ``half``.
        paths: of the first predictions' images.
        half: which images count.
        targets: key to what came of the declared target; those that are None are left out.

    Returns:
        ``n_images`` (that count), ``half``, ``matched_by``, ``n_only_before``, ``n_only_after``, ``n_copies``,
        ``class_names``; ``accuracy`` and each other paired share as ``n``, ``before``, ``after`` (shares), ``change``,
        ``interval`` (95 %), ``only_before``, ``only_after`` (images), ``p_value``; ``negative_flip_rate``, ``churn``,
        ``fixed``, ``broken``, ``both_wrong`` (paths), ``per_class``, ``cells``, ``matrix_change`` (row = label), and
        the keys of ``targets``.
    """
    rows = comparison.rows(half)
    figures: dict[str, Any] = {
        "n_images": statistics.n,
        "half": half,
        "matched_by": comparison.matched_by,
        "n_only_before": comparison.n_only_before,
        "n_only_after": comparison.n_only_after,
        "n_copies": int(comparison.is_copy.sum()),
        "class_names": list(comparison.class_names),
        "accuracy": _share(statistics.right),
        "negative_flip_rate": statistics.negative_flips.rate,
        "churn": statistics.churn.rate,
        "fixed": _paths(comparison, paths, rows & comparison.fixed),
        "broken": _paths(comparison, paths, rows & comparison.broken),
        "both_wrong": _paths(comparison, paths, rows & comparison.both_wrong),
        "per_class": _records(statistics.classes),
        "cells": _records(statistics.cells),
        "matrix_change": statistics.matrix.tolist(),
        **{key: _target(found) for key, found in targets.items() if found is not None},
    }
    return {key: plain(value) for key, value in figures.items()}


def budget_figures(checks: Sequence[Check]) -> dict[str, Any]:
    """Whether a budget is kept: ``budget`` (one entry a limit) and ``passed``."""
    kept = all(check.passed for check in checks)
    return {"budget": [plain(_check(check)) for check in checks], "passed": kept}


def _share(share: PairedShare) -> dict[str, Any]:
    return {
        "n": share.n,
        "before": share.rate_before,
        "after": share.rate_after,
        "change": share.change,
        "interval": share.interval,
        "only_before": share.only_before,
        "only_after": share.only_after,
        "p_value": share.p_value,
    }


def _target(found: TargetResult) -> dict[str, Any]:
    return {
        "name": found.name,
        "mistakes": _share(found.mistakes),
        "fixed": found.fixed,
        "moved": found.moved,
        "opposite": _share(found.opposite),
        "classes": _share(found.classes),
        "elsewhere": _share(found.elsewhere),
        "cells": _records(found.cells),
        "chosen_on_these": found.chosen_on_these,
        "can_only_fall": found.can_only_fall,
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "limit": check.limit.key,
        "allowed": check.allowed,
        "measured": check.measured.value,
        "where": check.measured.where,
        "passed": check.passed,
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]


def _paths(comparison: Comparison, paths: Sequence[str], chosen: Booleans) -> list[str]:
    return [paths[row] for row in comparison.before_rows[np.flatnonzero(chosen)]]
