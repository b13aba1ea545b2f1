"""What the training loop works on: a network's part that learns, and images (or their features) to feed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn


class Feed(Protocol):
    """Images, or what frozen layers made of them, in any order and as often as one likes.

    Attributes:
        labels: (N,) int64, class indices.
    """

    labels: Tensor

    def __len__(self) -> int:
        """N."""
        ...

    def batch(self, rows: Sequence[int], view: int) -> Tensor:
        """The input of some images.

        Args:
            rows: B numbers from 0 to N - 1; may repeat.
            view: which augmented version; the same one is always the same tensor, whatever else was drawn. Feeds
                that augment nothing ignore it.

        Returns:
            (B, ...) float32, on the processor: what ``Phase.forward`` takes.
        """
        ...


@dataclass(frozen=True)
class Group:
    """Weights that learn at one rate.

    Args:
        name: of the stage ("head", "layer4").
        parameters: its weights.
        factor: of the recipe's learning rate; more than 1 where a new head learns alone.
    """

    name: str
    parameters: tuple[nn.Parameter, ...]
    factor: float


@dataclass(frozen=True)
class Phase:
    """A part of a training in which the same weights learn throughout.

    Args:
        name: in words ("Head on bottleneck features", "Last block").
        module: the whole network, whose state is saved.
        forward: takes a feed's batch and gives logits (B, C); shares its weights with ``module``. The whole network,
            or what comes after the layers whose features are kept.
        groups: the weights that learn; all others are frozen.
        training_modules: what is put into training mode (batch norm, dropout); all else stays in evaluation mode.
        fixed_modules: what stays in evaluation mode even within those: batch norm whose statistics are fixed.
        epochs: how many.
        train: training images; augmented.
        validation: images that choose the best epoch; never augmented.
        sampling_weights: (N,) how often each training image is drawn, relative to the others; None draws each once
            an epoch.
        views: 0 draws new augmentations in every epoch (view = epoch), else view = epoch % views.
    """

    name: str
    module: nn.Module
    forward: nn.Module
    groups: tuple[Group, ...]
    training_modules: tuple[nn.Module, ...]
    epochs: int
    train: Feed
    validation: Feed
    sampling_weights: Tensor | None = None
    views: int = 0
    fixed_modules: tuple[nn.Module, ...] = ()
