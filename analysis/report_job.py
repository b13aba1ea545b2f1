"""Making the report of a saved evaluation, as a job; and finding it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.report_facts import circumstances
from models.errors import Cancelled
from models.fingerprints import name_of
from models.noted_images import noted_images
from models.notes import subject_notes
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store, write_bytes, write_json
from models.thumbnails import thumbnails

if TYPE_CHECKING:
    from analysis.survey import Surveyed
    from models.job_context import JobContext
    from models.prediction_record import Predictions

PICTURE_SIZE = 256
OF_THE_SURVEY = frozenset(["findings", "duplicates", "slices", "map"])
"""The sections that say what the survey found; a report without them does not wait for it."""
_PAGE, _RECORD = "report.html", "report.json"


@dataclass(frozen=True)
class SavedReport:
    """A report that was made before.

    Args:
        path: the HTML file.
        made: when, in seconds since 1970.
        size_bytes: of the file.
        sections: keys of ``REPORT_SECTIONS`` that were asked for.
        notes: ``notes_key`` at that time.
    """

    path: Path
    made: float
    size_bytes: int
    sections: tuple[str, ...]
    notes: str


def report_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: finish the survey where it is not, weigh the findings, and write the page.

    Args:
        spec: ``fingerprint`` of the saved evaluation, ``sections`` (keys of ``REPORT_SECTIONS``) and ``facts``
            (how it was evaluated: a word or two, and what there is to say).
        context: the job's.

    Yields:
        Progress.

    Returns:
        ``size_bytes`` of the page.

    Raises:
        PredictionsError: the evaluation is gone or damaged.
        WorkspaceError: the workspace cannot be written.
    """
    # all analyses at once: who only looks for a report does not wait for them
    from analysis.finding_sources import finding_sources
    from analysis.leakage_job import saved_leakage
    from analysis.report import report_html
    from analysis.report_content import report_parts
    from analysis.survey import survey

    store, sections = context.store, tuple(spec["sections"])
    predictions = kept_predictions(store, spec["fingerprint"])
    surveyed: dict[str, Surveyed] = {}
    if OF_THE_SURVEY.intersection(sections):
        surveyed = yield from survey(predictions, store)
    yield Progress("Weighing the findings", 0, 0)
    sources = finding_sources(predictions, surveyed, saved_leakage(store, predictions.fingerprint))
    notes = notes_key(store, predictions)
    parts = report_parts(predictions, sources, surveyed, store)
    yield Progress("Drawing the pictures", 0, 0)
    facts = {**spec["facts"], **circumstances()}
    page = report_html(predictions, facts=facts, pictures=_pictures(context), parts=parts, sections=sections)
    content = page.encode("utf-8", "backslashreplace")
    save_report(store, predictions.fingerprint, content, sections, notes)
    return {"size_bytes": len(content)}


def _pictures(context: JobContext) -> Callable[[Sequence[Path]], list[bytes | None]]:
    """Gives the pictures of a report, until the job is to stop; says how many there are."""
    drawn = 0

    def pictures(paths: Sequence[Path]) -> list[bytes | None]:
        nonlocal drawn
        if context.should_stop():
            raise Cancelled
        found = thumbnails(context.store, paths, size=PICTURE_SIZE)
        drawn += len(paths)
        context.report(Progress("Drawing the pictures", 0, 0, message=f"{drawn:,} pictures"))
        return found

    return pictures


def save_report(store: Store, fingerprint: str, content: bytes, sections: Sequence[str], notes: str) -> None:
    """Keep the report of an evaluation in place of the former one.

    Args:
        store: the workspace.
        fingerprint: of the evaluation.
        content: the page.
        sections: what was asked for.
        notes: ``notes_key`` when the report began.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    folder = _folder(store, fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / _PAGE, content)
    made = datetime.now().timestamp()
    record = SavedReport(folder / _PAGE, made, len(content), tuple(sections), notes)
    write_json(folder / _RECORD, asdict(record) | {"path": _PAGE})


def saved_report(store: Store, fingerprint: str) -> SavedReport | None:
    """The report of an evaluation; None where none was made, or it cannot be read."""
    folder = _folder(store, fingerprint)
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        found = SavedReport(**record | {"path": folder / _PAGE, "sections": tuple(record["sections"])})
        return found if found.path.stat().st_size == found.size_bytes else None
    except (OSError, ValueError, KeyError, TypeError):  # it is made again in seconds
        return None


def notes_key(store: Store, predictions: Predictions) -> str:
    """32 hex digits that change when anything noted or decided about these images and classes does.

    Args:
        store: the workspace.
        predictions: whose images and classes.
    """
    images = sorted((row, asdict(note)) for row, note in noted_images(store, predictions).items())
    subjects = [asdict(note) for note in subject_notes(store, predictions.class_names)]
    return name_of(images, subjects)


def _folder(store: Store, fingerprint: str) -> Path:
    return store.root / "evaluations" / fingerprint / "report"
