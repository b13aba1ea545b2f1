"""What a training will take: time, disk, memory. Rough figures, said before it begins. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.finetune.recipe import Recipe
from models.norm_statistics import NormStatistics

NUMBER = 4
"""Bytes of a float32."""
_STATES = {"sgd": 1, "adamw": 2}
"""Numbers that an optimiser keeps for each weight that learns."""


@dataclass(frozen=True)
class PhaseCost:
    """What a phase of a training takes, measured for one image.

    Args:
        name: of the phase.
        epochs: how many it has; of the last phase, the recipe decides.
        n_trained: weights that learn.
        stages: names of the stages that learn, from input to head.
        bytes_kept: of an image's features that are kept on disk; 0 where nothing is kept.
        seconds_kept: to compute those.
        seconds_step: to learn from an image, from its features where they are kept.
        seconds_look: to look at a validation image, likewise.
        bytes_step: of memory that an image of a batch takes while it is learnt from.
    """

    name: str
    epochs: int
    n_trained: int
    stages: tuple[str, ...]
    bytes_kept: int
    seconds_kept: float
    seconds_step: float
    seconds_look: float
    bytes_step: int


@dataclass(frozen=True)
class TrainingCost:
    """What a training takes for each image.

    Args:
        n_weights: of the network.
        phases: in their order; the last is what the recipe is named for.
        has_new_head: whether its head begins with random weights.
        norms: the batch norms among the layers that learn.
    """

    n_weights: int
    phases: tuple[PhaseCost, ...]
    has_new_head: bool
    norms: NormStatistics = field(default_factory=NormStatistics)

    @property
    def n_trained(self) -> int:
        """Weights that learn in the last phase."""
        return self.phases[-1].n_trained

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that learn in the last phase."""
        return self.phases[-1].stages


@dataclass(frozen=True)
class Estimate:
    """What a training will take in all, at most: it may stop early.

    Args:
        seconds: of time.
        bytes_kept: of disk, for features.
        bytes_memory: of memory, for weights and a batch.
    """

    seconds: float
    bytes_kept: int
    bytes_memory: int


def estimated(
    cost: TrainingCost,
    recipe: Recipe,
    *,
    n_train: int,
    n_validation: int,
    is_augmented: bool,
    seconds_to_decode: float,
) -> Estimate:
    """What a training will take.

    Args:
        cost: for each image.
        recipe: how to train.
        n_train: training images.
        n_validation: images that choose the best epoch.
        is_augmented: whether training images are augmented.
        seconds_to_decode: to read and prepare an image.
    """
    views = max(1, recipe.views) if is_augmented else 1
    shown = n_train * views + n_validation
    seconds, kept = 0.0, 0
    for phase, epochs in zip(cost.phases, _epochs(cost.phases, recipe), strict=True):
        is_kept = phase.bytes_kept > 0
        each = 0.0 if is_kept else seconds_to_decode
        seconds += epochs * (
            n_train * (phase.seconds_step + each) + n_validation * (phase.seconds_look + each)
        )
        if is_kept:
            seconds += shown * (phase.seconds_kept + seconds_to_decode)
            kept += shown * phase.bytes_kept // (2 if recipe.cache == "half" else 1)
    return Estimate(seconds, kept, _memory(cost, recipe))


def _epochs(phases: Sequence[PhaseCost], recipe: Recipe) -> list[int]:
    return [*(phase.epochs for phase in phases[:-1]), recipe.epochs]


def _memory(cost: TrainingCost, recipe: Recipe) -> int:
    """The weights, what the optimiser keeps of those that learn, their gradients and best values, and a batch."""
    copies = 2 + _STATES[recipe.optimiser]
    largest = max(
        NUMBER * copies * phase.n_trained + recipe.batch_size * phase.bytes_step for phase in cost.phases
    )
    return NUMBER * cost.n_weights + largest
