"""Steps of a job driven without a job, and images evaluated by the sample network."""

from collections.abc import Generator
from typing import TypeVar

from analysis.cell_maps import cell_maps_steps
from analysis.cell_record import CellMaps, saved_cell_maps
from analysis.cell_spec import CellSpec
from models.evaluation import EvaluationSpec, evaluation_steps
from models.job_context import JobContext
from models.job_database import JobDatabase
from models.predictions import Predictions, saved_predictions
from models.progress import Progress
from models.store import Store

Result = TypeVar("Result")


def driven(steps: Generator[Progress, None, Result]) -> tuple[Result, list[Progress]]:
    """What the steps return, and what they yielded before."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return end.value, seen


def result(steps: Generator[Progress, None, Result]) -> Result:
    """What the steps return."""
    return driven(steps)[0]


def context_of(store: Store) -> JobContext:
    """As a job that nobody cancels has it."""
    return JobContext("a-job", store.folder("jobs", "a-job"), JobDatabase(store), lambda: False)


class Evaluated:
    """Evaluated images, and the maps of their cells, by one method."""

    def __init__(self, store: Store, evaluation: EvaluationSpec, **method: str) -> None:
        self.store, self.evaluation, self._method = store, evaluation, method
        made = result(evaluation_steps(evaluation.to_json(), context_of(store)))
        self.fingerprint: str = made["fingerprint"]

    @property
    def predictions(self) -> Predictions:
        found = saved_predictions(self.store, self.fingerprint)
        assert found is not None
        return found

    def spec(self, cell: str) -> CellSpec:
        return CellSpec(self.evaluation, self.fingerprint, cell, **self._method)

    def found(self, cell: str) -> CellMaps:
        """The maps of a cell, made or opened."""
        spec = self.spec(cell)
        result(cell_maps_steps(spec.to_json(), context_of(self.store)))
        maps = saved_cell_maps(self.store, spec, self.predictions)
        assert maps is not None
        return maps
