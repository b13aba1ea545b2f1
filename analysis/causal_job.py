"""The causal test as a job: cover or paste a place, predict again, count.

Needs no torch until it runs.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from analysis.causal_begun import Begun
from analysis.causal_test import CausalTest, Edit
from analysis.cell_record import saved_cell_maps
from analysis.cell_spec import CellSpec
from analysis.map_regions import Region
from models.cores import use_background_threads
from models.errors import JobError
from models.fingerprints import name_of
from models.job_context import JobContext
from models.open_networks import shared_network
from models.progress import Progress, relayed
from models.saved_predictions import kept_predictions
from models.store import Store, write_json

REVISION = 3
"""Raise it when the edits or the choice of images change; results are then made again."""


@dataclass(frozen=True)
class CausalSpec:
    """One edit at one place, as plain data.

    Args:
        cell: the cell whose maps led to the place.
        region: the place, as shares of what the network sees.
        edit: "cover" or "paste".
    """

    cell: CellSpec
    region: Region
    edit: Edit

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {"cell": self.cell.to_json(), "region": list(self.region), "edit": self.edit}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CausalSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing, the place is empty or lies outside, or there is no such edit.
        """
        try:
            left, top, right, bottom = (round(float(each), 4) for each in value["region"])
            cell, edit = CellSpec.from_json(value["cell"]), value["edit"]
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"The spec of a causal test is incomplete ({error}).") from error
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1) or edit not in get_args(Edit):
            raise JobError(
                "The place to cover or paste is empty or lies outside of the picture.",
                next_step="Choose a place within the picture.",
            )
        return cls(cell, (left, top, right, bottom), edit)

    def file(self, store: Store) -> Path:
        """Where the result is kept."""
        name = name_of(REVISION, [round(float(each), 4) for each in self.region])[:16]
        return self.cell.folder(store) / f"{self.edit}-{name}.json"

    def begun_file(self, store: Store) -> Path:
        """Where the effects are kept while the test has not ended."""
        file = self.file(store)
        return file.with_name(f"begun-{file.name}")


def saved_causal_test(store: Store, spec: CausalSpec) -> CausalTest | None:
    """The result as it was kept; None where it was not, or is damaged."""
    try:
        return CausalTest.from_json(json.loads(spec.file(store).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def causal_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "causal_test": edit the images, predict, count, keep the result.

    Each image's effect is kept as it comes, so that a stopped job goes on from where it stood.

    Args:
        spec: ``CausalSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``verdict``, ``changed`` and ``n``.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, or the cell's maps are gone.
    """
    from analysis.causal_effects import causal_test

    wanted = CausalSpec.from_json(spec)
    predictions = kept_predictions(context.store, wanted.cell.predictions)
    maps = saved_cell_maps(context.store, wanted.cell, predictions)
    if maps is None:
        raise JobError("The maps of this cell are gone from the workspace.", next_step="Make them again.")
    yield Progress("Opening the model", 0, 0)
    network = shared_network(wanted.cell.evaluation, predictions)
    use_background_threads()
    file = wanted.begun_file(context.store)
    begun = Begun.kept(file)
    steps = causal_test(network, predictions, maps, wanted.region, wanted.edit, begun=begun)
    result = yield from relayed(steps, partial(_kept, begun, file))
    write_json(wanted.file(context.store), result.to_json())
    file.unlink(missing_ok=True)
    return {"verdict": result.verdict, "changed": result.changed, "n": result.n}


def _kept(begun: Begun, file: Path, progress: Progress) -> Progress:
    """The same; what has been found is written before it is reported."""
    if begun.done:
        begun.keep(file)
    return progress
