"""The survey: everything about an evaluation that takes longer than a click, made once and kept.

Each part is made from the predictions and from what was measured of the pictures, and lies under
``evaluations/<fingerprint>/survey/``. The job makes the parts one after another, the quickest first; a page
shows its part as soon as it is there.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import WorkspaceError
from models.image_facts import image_facts_steps
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store, write_atomically, write_json

if TYPE_CHECKING:
    from analysis.duplicates import Duplicates
    from models.job_context import JobContext
    from models.prediction_record import Predictions

Plain = dict[str, Any]
Arrays = dict[str, npt.NDArray[Any]]


class Surveyed(Protocol):
    """What a part of the survey found."""

    def to_saved(self) -> tuple[Plain, Arrays]:
        """Plain data that JSON can hold (no NaN), and arrays."""

    @classmethod
    def from_saved(cls, plain: Plain, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave, as it was."""


Found = TypeVar("Found", bound=Surveyed)
Steps = Generator[Progress, None, Surveyed]
PartFunction = Callable[["Predictions", pd.DataFrame], Steps]


@dataclass(frozen=True)
class SurveyPart:
    """One part of the survey.

    Args:
        label: what a person calls it.
        module: dotted name of the module that makes it; imported when it is first made.
        function: the generator function in it, of the predictions and the facts of their pictures
            (``models.image_facts``; once the duplicates are known also ``repeats``, whether a picture repeats an
            earlier one), that yields progress and returns ``result``.
        result: the class in it that `Surveyed` describes.
        revision: raised when the same predictions give something else.
    """

    label: str
    module: str
    function: str
    result: str
    revision: int

    def steps(self, predictions: Predictions, facts: pd.DataFrame) -> Steps:
        """Make the part."""
        function: PartFunction = getattr(importlib.import_module(self.module), self.function)
        return (yield from function(predictions, facts))

    @property
    def result_class(self) -> type[Surveyed]:
        """The class of its result."""
        found: type[Surveyed] = getattr(importlib.import_module(self.module), self.result)
        return found


SURVEY_PARTS: dict[str, SurveyPart] = {
    "duplicates": SurveyPart("duplicates", "analysis.duplicates", "duplicate_steps", "Duplicates", 1),
    "slices": SurveyPart("slices", "analysis.slices", "slice_steps", "Slices", 2),
    "map": SurveyPart("embedding map", "analysis.embedding_map", "map_steps", "EmbeddingMap", 1),
}
"""The parts by name, in the order in which they are made."""


def survey_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: make the parts that are not there yet.

    Args:
        spec: ``fingerprint`` of the saved evaluation; what else it holds tells one survey from another.
        context: the job's.

    Yields:
        Progress.

    Returns:
        ``parts``: the names of the parts there are.

    Raises:
        PredictionsError: the evaluation is gone or damaged.
    """
    # a layer of its own over the survey: the findings are made from its parts
    from analysis.saved_findings import are_weighed_by_the_survey, weighing_steps

    predictions = kept_predictions(context.store, spec["fingerprint"])
    found = yield from survey(predictions, context.store)
    if are_weighed_by_the_survey(predictions):
        yield from weighing_steps(predictions, found, context.store)
    return {"parts": list(SURVEY_PARTS)}


def survey(predictions: Predictions, store: Store) -> Generator[Progress, None, dict[str, Surveyed]]:
    """Make or open all parts.

    Args:
        predictions: saved or not; parts of predictions that are not saved are kept all the same.
        store: the workspace.

    Yields:
        Progress; closed in between, the parts that are done are kept.

    Returns:
        Name of a part to what it found.
    """
    found = {name: saved_part(store, predictions.fingerprint, name) for name in SURVEY_PARTS}
    if None in found.values():
        paths = [predictions.absolute(path) for path in predictions.images["path"]]
        facts = yield from image_facts_steps(store, paths)
        for name, part in SURVEY_PARTS.items():
            if found[name] is None:
                found[name] = made = yield from part.steps(predictions, facts)
                save_result(part_file(store, predictions.fingerprint, name), made)
            if name == "duplicates":
                facts = _with_copies(facts, found[name])
    return {name: each for name, each in found.items() if each is not None}


def _with_copies(facts: pd.DataFrame, duplicates: Surveyed | None) -> pd.DataFrame:
    """The facts, and whether a picture repeats an earlier one: later parts count each once."""
    repeated = cast("Duplicates", duplicates).repeated
    return facts.assign(repeats=np.isin(np.arange(len(facts)), repeated))


def part_file(store: Store, fingerprint: str, name: str) -> Path:
    """Where a part of the survey lies (its arrays beside it)."""
    return store.folder("evaluations", fingerprint, "survey") / f"{name}-{SURVEY_PARTS[name].revision}.json"


def saved_part(store: Store, fingerprint: str, name: str) -> Surveyed | None:
    """A part as it was found before; None where it was not.

    Raises:
        WorkspaceError: it is damaged.
    """
    file = part_file(store, fingerprint, name)
    return saved_result(file, SURVEY_PARTS[name].result_class) if file.is_file() else None


def save_result(file: Path, result: Surveyed) -> None:
    """Write a result: its arrays beside the file, the file last.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    plain, arrays = result.to_saved()
    # given an open file, NumPy cannot add a suffix of its own to a temporary name
    write_atomically(file.with_suffix(".npz"), lambda temporary: _save_arrays(temporary, arrays))
    write_json(file, plain)


def saved_result(file: Path, result: type[Found]) -> Found:
    """What `save_result` wrote.

    Raises:
        WorkspaceError: it is damaged or gone.
    """
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        # opened here, because NumPy leaves a damaged file open
        with file.with_suffix(".npz").open("rb") as content, np.load(content, allow_pickle=False) as arrays:
            return result.from_saved(plain, dict(arrays))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise WorkspaceError(
            f"The result in {file} is damaged ({error}).",
            next_step="Delete this file and look again; nothing but computing time is lost.",
        ) from error


def _save_arrays(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
