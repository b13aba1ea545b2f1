"""Which cell's maps are wanted, and with which method: plain data, and where the answer is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from analysis import map_revision
from models.errors import JobError
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import name_of
from models.store import Store

if TYPE_CHECKING:
    from analysis.attribution.records import OptionValue

REVISION = 2
"""Raise it when the choice of images or the pooling changes; what was kept is then computed again, as it is
when the maps change."""


@dataclass(frozen=True)
class MapMethod:
    """An attribution method that fits whole cells.

    Args:
        label: its name on the screen.
        options: its settings here; enough for a mean over many images.
        runs: about how many forward passes with a gradient an image costs.
    """

    label: str
    options: Mapping[str, OptionValue]
    runs: float


MAP_METHODS: Final = MappingProxyType(
    {
        "integrated_gradients": MapMethod("Integrated Gradients", {"steps": 16}, 16),
        "input_x_gradient": MapMethod("Gradient x input", {}, 1),
        "deep_lift": MapMethod("DeepLift", {}, 2.5),
        "lrp": MapMethod("LRP", {}, 3.5),
        "occlusion": MapMethod("Occlusion", {}, 58),
    }
)
"""Methods whose maps told a planted mark from the animal, the best first. Grad-CAM's are too coarse."""


@dataclass(frozen=True)
class CellSpec:
    """One cell and one method, as plain data.

    Args:
        evaluation: what was evaluated; it names the network's files.
        predictions: fingerprint of the saved evaluation.
        cell: ``label/predicted``, ``label/`` or ``/predicted``.
        method: a key of `MAP_METHODS`.
    """

    evaluation: EvaluationSpec
    predictions: str
    cell: str
    method: str = "integrated_gradients"

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**vars(self), "evaluation": self.evaluation.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CellSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing, or there is no such method.
        """
        try:
            spec = cls(
                EvaluationSpec.from_json(value["evaluation"]),
                str(value["predictions"]),
                str(value["cell"]),
                str(value["method"]),
            )
        except KeyError as error:
            raise JobError(f"The spec of a cell's maps needs {error}.") from error
        if spec.method not in MAP_METHODS:
            raise JobError(
                f'The maps of a cell cannot be made with "{spec.method}".',
                next_step=f"Choose {' or '.join(MAP_METHODS)}.",
            )
        return spec

    def folder(self, store: Store) -> Path:
        """Where what is known of this cell is kept."""
        revisions, options = (REVISION, map_revision.REVISION), dict(MAP_METHODS[self.method].options)
        return store.folder("cells", name_of(*revisions, self.predictions, self.cell, self.method, options))
