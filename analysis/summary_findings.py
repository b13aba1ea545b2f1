"""What the analyses found, as plain data for ``summary.json``: a key for each part that was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.calibration_summary import calibration_summary
from analysis.confusable_groups import ConfusableGroup
from analysis.duplicates import Duplicates
from analysis.finding_record import Finding
from analysis.findings import FindingSources, findings
from analysis.label_candidates import LabelCandidate
from analysis.leakage import split_leakage
from analysis.slice_record import Slice

if TYPE_CHECKING:
    from models.prediction_record import Predictions

_MOST_CANDIDATES = 200


def summary_findings(predictions: Predictions, sources: FindingSources) -> dict[str, Any]:
    """The keys of all analyses that were made.

    Args:
        predictions: what the network said.
        sources: what the analyses found.

    Returns:
        ``findings`` (sentence, support, errors; the one that explains most mistakes first), ``confusable_groups``,
        and, where they were looked at: ``label_candidates`` (path, label, suggested, score; at most 200),
        ``duplicates`` (paths, labels, kind; absent where not one picture was there to compare), ``leakage`` (pairs across splits or with another set), ``slices``
        (also those not confirmed) and ``calibration``.
    """
    figures: dict[str, Any] = {
        "findings": [_finding(each) for each in findings(predictions, sources)],
        "confusable_groups": [_group(group) for group in sources.groups],
    }
    if sources.labels is not None:
        shown = sources.labels.candidates[:_MOST_CANDIDATES]
        figures["label_candidates"] = [_candidate(each) for each in shown]
    if sources.duplicates is not None and sources.duplicates.n_missing < sources.duplicates.n_images:
        figures["duplicates"] = _duplicates(predictions, sources.duplicates)
    leakage = _leakage(predictions, sources)
    if leakage is not None:
        figures["leakage"] = leakage
    if sources.calibration is not None:
        figures["calibration"] = calibration_summary(predictions, sources.calibration)
    if sources.slices is not None:
        figures["slices"] = [_slice(each) for each in sources.slices.slices]
    return figures


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "sentence": finding.sentence,
        "support": finding.support,
        "errors": finding.errors,
    }


def _group(group: ConfusableGroup) -> dict[str, Any]:
    return {
        "members": group.members,
        "errors": group.errors,
        "images": group.images,
        "rate": group.rate,
        "interval": group.interval,
        "share_of_errors": group.share_of_errors,
        "p_value": group.p_value,
        "q_value": group.q_value,
    }


def _candidate(each: LabelCandidate) -> dict[str, Any]:
    return {
        "path": each.path,
        "label": each.label,
        "suggested": each.suggested,
        "score": each.score,
        "posterior": each.posterior,
        "beyond_chance": each.is_beyond_chance,
    }


def _duplicates(predictions: Predictions, found: Duplicates) -> list[dict[str, Any]]:
    return [
        {
            "paths": _column(predictions, cluster.rows, "path"),
            "labels": _column(predictions, cluster.rows, "label"),
            "kind": cluster.kind,
            "conflict": cluster.conflict,
        }
        for cluster in found.clusters
    ]


def _leakage(predictions: Predictions, sources: FindingSources) -> list[dict[str, Any]] | None:
    """Pairs; None where there is neither a second set nor more than one split."""
    paths = predictions.images["path"].tolist()
    pairs = [
        {"path": paths[pair.row], "other": pair.path, "kind": pair.kind, "conflict": pair.conflict}
        for leakage in sources.leakages
        for pair in leakage.pairs
    ]
    splits = set(predictions.images["split"]) - {""}
    if sources.duplicates is not None and len(splits) > 1:
        pairs += [
            {"paths": _column(predictions, cluster.rows, "path"), "kind": cluster.kind, "conflict": cluster.conflict}
            for cluster in split_leakage(predictions, sources.duplicates)
        ]  # fmt: skip
    elif not sources.leakages:
        return None
    return pairs


def _slice(each: Slice) -> dict[str, Any]:
    return {
        "words": each.words,
        "kind": each.kind,
        "n": each.n,
        "errors": each.errors,
        "rate": each.rate,
        "rate_outside": each.rate_outside,
        "held_out_n": each.held_out_n,
        "held_out_rate": each.held_out_rate,
        "held_out_rate_outside": each.held_out_rate_outside,
        "held_out_interval": each.interval,
        "p_value": each.p_value,
        "q_value": each.q_value,
        "confirmed": each.confirmed,
    }


def _column(predictions: Predictions, rows: Sequence[int], name: str) -> list[str]:
    return [str(value) for value in predictions.images[name].iloc[list(rows)]]
