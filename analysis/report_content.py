"""What the analyses found, as the report tells it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from analysis.calibration import Calibration
from analysis.decision_words import decision_words
from analysis.embedding_map import EmbeddingMap
from analysis.embedding_map_words import faithfulness_words
from analysis.findings import FindingSources, findings
from analysis.label_candidates import LabelCandidate
from analysis.leakage import LeakedPair, split_leakage
from analysis.report_parts import (
    CalibrationBin,
    CalibrationPart,
    CandidateLine,
    ClusterLine,
    FindingLine,
    GroupLine,
    ImageLine,
    MapPart,
    NoteLine,
    ReportParts,
    SliceLine,
    image_line,
)
from analysis.slice_record import Slice
from models.noted_images import noted_images
from models.notes import ImageNote, subject_notes

if TYPE_CHECKING:
    from analysis.survey import Surveyed
    from models.prediction_record import Predictions
    from models.store import Store

_CANDIDATES, _CLUSTERS, _PICTURES, _NOTES = 24, 40, 8, 500


def report_parts(
    predictions: Predictions, sources: FindingSources, surveyed: Mapping[str, Surveyed], store: Store
) -> ReportParts:
    """All parts of the report that there is something to say about.

    Args:
        predictions: what the network said.
        sources: what the analyses found.
        surveyed: the parts of the survey that are there, by name.
        store: the workspace with notes and decisions.
    """
    notes = noted_images(store, predictions)
    clusters = sources.duplicates.clusters if sources.duplicates else ()
    across = split_leakage(predictions, sources.duplicates) if sources.duplicates else ()
    return ReportParts(
        findings=tuple(FindingLine(each.sentence, each.support) for each in findings(predictions, sources)),
        groups=tuple(
            GroupLine(group.members, group.errors, group.images, *group.interval, group.q_value)
            for group in sources.groups
        ),
        candidates=tuple(_candidate(predictions, each, notes) for each in _shown_candidates(sources)),
        clusters=tuple(_cluster(predictions, each.kind, each.rows, each.conflict) for each in clusters[:_CLUSTERS]),
        leaked=(
            *(_cluster(predictions, each.kind, each.rows, each.conflict) for each in across[:_CLUSTERS]),
            *(_leaked(predictions, pair) for found in sources.leakages for pair in found.pairs[:_CLUSTERS]),
        ),
        slices=tuple(_slice(predictions, each) for each in (sources.slices.confirmed if sources.slices else ())),
        calibration=_calibration(sources.calibration) if sources.calibration else None,
        embedding_map=_map(predictions, cast("EmbeddingMap | None", surveyed.get("map"))),
        notes=_notes(predictions, notes, store),
    )  # fmt: skip


def _shown_candidates(sources: FindingSources) -> tuple[LabelCandidate, ...]:
    """Those beyond chance and some more, which the ranking puts behind them."""
    return () if sources.labels is None else sources.labels.candidates[:_CANDIDATES]


def _candidate(
    predictions: Predictions, each: LabelCandidate, notes: Mapping[int, ImageNote]
) -> CandidateLine:
    words = "beyond chance" if each.is_beyond_chance else ""
    return CandidateLine(
        image_line(predictions, each.index, words),
        each.suggested,
        each.score,
        decision_words(notes.get(each.index), each.label),
    )


def _cluster(predictions: Predictions, kind: str, rows: tuple[int, ...], conflict: bool) -> ClusterLine:
    return ClusterLine(kind, tuple(image_line(predictions, row) for row in rows[:_PICTURES]), conflict)


def _leaked(predictions: Predictions, pair: LeakedPair) -> ClusterLine:
    file = Path(pair.path)
    other = ImageLine(file, f"{file.parent.name}/{file.name}", pair.label, words="in the other set")
    return ClusterLine(pair.kind, (image_line(predictions, pair.row), other), pair.conflict)


def _slice(predictions: Predictions, each: Slice) -> SliceLine:
    wrong = each.rows[predictions.labels[each.rows] != predictions.predicted[each.rows]]
    return SliceLine(
        each.words,
        each.n,
        each.held_out_rate,
        each.held_out_rate_outside,
        f"on the {each.held_out_n:,} held-out images of it",
        tuple(image_line(predictions, int(row)) for row in wrong[:_PICTURES]),
    )


def _calibration(found: Calibration) -> CalibrationPart:
    bins = tuple(
        CalibrationBin(each.mean_confidence, each.accuracy, each.n, each.null_low, each.null_high)
        for each in found.bins
    )
    return CalibrationPart(bins, found.ece, (found.null_low, found.null_high), found.words)


def _map(predictions: Predictions, found: EmbeddingMap | None) -> MapPart | None:
    if found is None or not len(found.positions):
        return None
    right = np.asarray(predictions.labels == predictions.predicted)
    words = faithfulness_words(found.faithfulness, found.space) if found.faithfulness else ""
    return MapPart(found.positions, right, words)


def _notes(predictions: Predictions, notes: Mapping[int, ImageNote], store: Store) -> tuple[NoteLine, ...]:
    names = predictions.class_names
    about_images = [
        NoteLine(
            str(predictions.images["path"].iloc[row]),
            decision_words(note, names[predictions.labels[row]]),
            note.text,
            note.tags,
            image_line(predictions, row),
        )
        for row, note in sorted(notes.items(), key=lambda item: -item[1].changed)[:_NOTES]
    ]
    about_subjects = [
        NoteLine(note.name, text=note.text, tags=note.tags) for note in subject_notes(store, names)
    ]
    return (*about_subjects, *about_images)
