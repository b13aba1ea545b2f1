"""The findings of a large evaluation, kept: weighing them takes longer than a click."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

from analysis.finding_record import Findings
from analysis.finding_sources import finding_sources
from analysis.findings import findings
from analysis.survey import SURVEY_PARTS, Surveyed, save_result
from models.prediction_record import Predictions
from models.progress import Progress
from models.store import Store

REVISION = 1
LARGE = 5_000_000
"""Probabilities from which the findings are weighed by the survey's job, not while a page is drawn."""


def are_weighed_by_the_survey(predictions: Predictions) -> bool:
    """Whether the findings of so many images and classes take longer than a person waits for a page."""
    return len(predictions) * len(predictions.class_names) > LARGE


def findings_file(store: Store, fingerprint: str) -> Path:
    """Where the findings of an evaluation lie; the name changes when a part they are made from is made anew."""
    parts = "-".join(str(part.revision) for part in SURVEY_PARTS.values())
    return store.folder("evaluations", fingerprint, "survey") / f"findings-{REVISION}-{parts}.json"


def weighing_steps(
    predictions: Predictions, surveyed: Mapping[str, Surveyed], store: Store
) -> Generator[Progress, None, None]:
    """Weigh the findings and keep them, unless they are kept already; the last step of the survey.

    Args:
        predictions: what the network said.
        surveyed: all parts of the survey.
        store: the workspace.

    Yields:
        Progress.
    """
    file = findings_file(store, predictions.fingerprint)
    if not file.is_file():
        yield Progress("Weighing the findings", 0, 0)
        save_result(file, Findings(tuple(findings(predictions, finding_sources(predictions, surveyed)))))
