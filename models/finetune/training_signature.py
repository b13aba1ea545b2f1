"""What tells one training from another, so that a kept state is never gone on from by the wrong one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from models.finetune.learning_weights import LearningWeights
from models.finetune.phase import Phase
from models.finetune.recipe import Recipe
from models.fingerprints import name_of


def training_signature(phases: Sequence[Phase], recipe: Recipe, learning: LearningWeights) -> str:
    """A name for all that decides what comes of a training, but for the images' pixels.

    Args:
        phases: of the training.
        recipe: how.
        learning: the weights that learn; the checksum of all others is part of the name.
    """
    return name_of(recipe.to_json(), [_described(phase) for phase in phases], learning.frozen_checksum())


def _described(phase: Phase) -> list[Any]:
    groups = [[group.name, group.factor, len(group.parameters)] for group in phase.groups]
    weights = None if phase.sampling_weights is None else _checksum(phase.sampling_weights)
    labels = [_checksum(phase.train.labels), _checksum(phase.validation.labels)]
    return [phase.name, phase.epochs, phase.views, groups, weights, labels]


def _checksum(values: Tensor) -> int:
    return zlib.crc32(repr(values.tolist()).encode())
