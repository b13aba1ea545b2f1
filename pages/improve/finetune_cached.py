"""What the fine-tuning page needs to know and keeps between reruns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.target_choice import ConfusedCell, most_confused_cells
from models.evaluation_spec import EvaluationSpec, checkpoint_states
from models.finetune.cost import TrainingCost
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.training_images import suggested_training
from models.fingerprints import FileState, file_state
from models.image_hashes import choosing_rows
from models.images import open_image_set
from pages.shared import cached, state
from pages.shared.interruptible import interruptible

if TYPE_CHECKING:
    from models.preprocessing import Preprocessing

LISTED_SECONDS = 30
"""For how long a list of images is believed, unless its folder or table changes before."""


@dataclass(frozen=True)
class Listed:
    """A list of images in short.

    Args:
        n: images.
        class_names: their labels, as the images name them.
        per_class: label to its number of images.
        splits: names of its splits.
    """

    n: int
    class_names: tuple[str, ...]
    per_class: dict[str, int]
    splits: tuple[str, ...]


@st.cache_resource(max_entries=4, show_spinner="Dividing the images into two halves…")
def choosing(fingerprint: str) -> npt.NDArray[np.bool_]:
    """(N,) the half of the open images on which a target is chosen; the other half is held out."""
    return choosing_rows(state.store(), cached.predictions(fingerprint))


@st.cache_resource(max_entries=4, show_spinner=False)
def confused(fingerprint: str) -> list[ConfusedCell]:
    """The cells with most mistakes on the choosing half, the most first."""
    return most_confused_cells(cached.predictions(fingerprint), choosing(fingerprint))


@st.cache_resource(ttl=LISTED_SECONDS, max_entries=8, show_spinner="Looking for training images…")
def suggestion(fingerprint: str, _spec: EvaluationSpec) -> TrainingImages | None:
    """The training and test images that lie beside the open ones, or None."""
    return suggested_training(_spec)


def cost(spec: FinetuneSpec) -> TrainingCost:
    """What a training takes for each image; the first time, its network is opened and tried.

    Raises:
        ErrorscopeError: that network cannot be opened or trained.
    """
    known = _costs()
    key = _cost_key(spec)
    if key not in known:

        def measured() -> TrainingCost:
            # Imported here: torch takes seconds, and the page should be there before.
            from models.finetune.measured_cost import training_cost

            return training_cost(spec)

        with st.spinner("Trying the network…", show_time=False):
            known[key] = interruptible(measured)
    return known[key]


@st.cache_resource(show_spinner=False)
def _costs() -> dict[str, TrainingCost]:
    """What was measured so far, by what it depends on; not more than a person tries by hand."""
    return {}


def _cost_key(spec: FinetuneSpec) -> str:
    recipe = spec.recipe
    return repr((
        spec.start.to_json(), checkpoint_states(Path(spec.start.checkpoint)), spec.training.path, spec.training.split,
        *(recipe.kind, recipe.new_head, recipe.hidden, recipe.head_epochs, recipe.cache, recipe.mixing),
        *(recipe.views > 0, bool(spec.augmentation)),
    ))  # fmt: skip


@st.cache_resource(max_entries=4, show_spinner="Reading the checkpoint…")
def preprocessing(fingerprint: str, _spec: EvaluationSpec) -> Preprocessing:
    """How the open network is shown an image.

    Raises:
        CheckpointError: the checkpoint is gone or damaged.
    """
    # Imported here: torch takes seconds, and the page should be there before.
    from models.checkpoint import inspect_checkpoint
    from models.preprocessing import Preprocessing

    if _spec.preprocessing is not None:
        return Preprocessing.from_json(_spec.preprocessing)
    summary = inspect_checkpoint(
        Path(_spec.checkpoint), architecture=_spec.architecture, trust_code=_spec.trust_code
    )
    return summary.preprocessing


def listed(path: str, split: str | None) -> Listed:
    """What a folder or table of images holds.

    Raises:
        ErrorscopeError: it cannot be opened, or has no such split.
    """
    return _listed(path, split, file_state(path))


@st.cache_resource(ttl=LISTED_SECONDS, max_entries=16, show_spinner="Listing the images…")
def _listed(path: str, split: str | None, file: FileState) -> Listed:
    images = open_image_set(Path(path), split=split)
    counts = images.table["label"].value_counts()
    per_class = {str(name): int(n) for name, n in counts.items()}
    return Listed(len(images), images.class_names, per_class, images.splits)
