"""The figures of an evaluation as plain data: ``summary.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.confusable import ConfusablePair, confusable_pairs
from analysis.confusion import Counts, confusion_counts
from analysis.findings import FindingSources
from analysis.metrics import accuracy, per_class, top_k_accuracy
from analysis.plain_figures import plain
from analysis.rare_errors import RareError, rare_errors
from analysis.summary_findings import summary_findings

if TYPE_CHECKING:
    from models.predictions import Predictions

_PER_CLASS = ("class", "precision", "recall", "f1", "support", "errors", "recall_low", "recall_high")


def summary(
    predictions: Predictions,
    *,
    seconds: Mapping[str, float] | None = None,
    sources: FindingSources | None = None,
) -> dict[str, Any]:
    """All figures of an evaluation, as JSON can hold them: None where a figure is not defined.

    Args:
        predictions: what the network said.
        seconds: stage to seconds; None for those that the predictions took.
        sources: what the analyses found; None where none was made.

    Returns:
        ``n_images`` (read and predicted), ``n_unreadable``, ``unreadable`` (path, reason),
        ``n_missing_files`` (pictures of a table that are not there), ``class_names``, ``groups`` (class to
        group), ``accuracy``, ``accuracy_interval`` (95%),
        ``top_5_accuracy`` (absent without probabilities, and with five classes or fewer, where it is
        always 1), ``confusion`` (rows = labels), ``per_class``, ``confusable_pairs`` (most confused
        first), ``cross_group_errors`` (most surprising first; empty where there are no groups), the keys of
        ``analysis.summary_findings`` where analyses were made, and ``timing`` (seconds per stage).
    """
    labels, predicted, names = predictions.labels, predictions.predicted, predictions.class_names
    counts = confusion_counts(labels, predicted, len(names))
    overall = accuracy(labels, predicted)
    figures: dict[str, Any] = {
        "n_images": len(labels),
        "n_unreadable": len(predictions.unreadable),
        "unreadable": [{"path": each.path, "reason": each.reason} for each in predictions.unreadable],
        "n_missing_files": predictions.n_missing_files,
        "class_names": list(names),
        "groups": dict(predictions.groups),
        "accuracy": overall.rate,
        "accuracy_interval": [overall.low, overall.high],
    }
    if predictions.probabilities is not None and len(names) > 5:
        figures["top_5_accuracy"] = top_k_accuracy(predictions.probabilities, labels, 5).rate
    figures |= {
        "confusion": counts.tolist(),
        "per_class": _per_class(counts, names),
        "confusable_pairs": [_pair(pair) for pair in confusable_pairs(counts, names)],
        "cross_group_errors": [_error(each) for each in rare_errors(predictions) if each.crosses_group],
        **({} if sources is None else summary_findings(predictions, sources)),
        "timing": dict(predictions.seconds if seconds is None else seconds),
    }
    return {key: plain(value) for key, value in figures.items()}


def _per_class(counts: Counts, class_names: Sequence[str]) -> list[dict[str, Any]]:
    table = per_class(counts, class_names)[list(_PER_CLASS)]
    return [dict(zip(_PER_CLASS, row, strict=True)) for row in table.itertuples(index=False)]


def _pair(pair: ConfusablePair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "a_as_b": pair.a_as_b,
        "b_as_a": pair.b_as_a,
        "a_support": pair.a_support,
        "b_support": pair.b_support,
        "a_as_b_rate": pair.a_as_b_rate,
        "b_as_a_rate": pair.b_as_a_rate,
        "a_as_b_interval": pair.a_as_b_interval,
        "b_as_a_interval": pair.b_as_a_interval,
        "score": pair.score,
        "p_value": pair.p_value,
        "q_value": pair.q_value,
    }


def _error(error: RareError) -> dict[str, Any]:
    return {
        "path": error.path,
        "label": error.label,
        "predicted": error.predicted,
        "confidence": error.confidence,
        "surprise": error.surprise,
        "support": error.support,
        "counted": error.counted,
    }


def summary_text(figures: Mapping[str, Any]) -> str:
    """The summary as JSON that a person can read: one line for each row, pair, class or error.

    Args:
        figures: what ``summary`` gave.

    Returns:
        The text of ``summary.json``.

    >>> print(summary_text({"n_images": 3, "confusion": [[1, 0], [1, 1]]}))
    {
     "n_images": 3,
     "confusion": [
      [1, 0],
      [1, 1]
     ]
    }
    <BLANKLINE>
    """
    return (
        "{\n" + ",\n".join(f" {_json(key)}: {_value_text(each)}" for key, each in figures.items()) + "\n}\n"
    )


def _value_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n  " + ",\n  ".join(_json(row) for row in value) + "\n ]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
