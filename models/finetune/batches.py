"""The batches of an epoch, and what a feed gives for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.finetune.phase import Feed, Phase
from models.finetune.randomness import generator_of
from models.finetune.recipe import Recipe
from models.finetune.sampling import epoch_order


@dataclass(frozen=True)
class Batch:
    """One step's images, over all processes.

    Args:
        rows: B rows of the feed; may repeat.
        views: of each, which augmented version.
    """

    rows: tuple[int, ...]
    views: tuple[int, ...]

    def __len__(self) -> int:
        """B."""
        return len(self.rows)


def epoch_batches(phase: Phase, recipe: Recipe, epoch: int, seed: int) -> list[Batch]:
    """The batches of an epoch, in their order.

    Args:
        phase: its training images and how often each is drawn.
        recipe: batch size and balance.
        epoch: from 0.
        seed: of this epoch's order.

    Returns:
        Batches of ``recipe.batch_size`` images, the last one smaller; a last image that would stand alone joins the
        batch before it, since batch norm finds no variance in one.
    """
    draws = generator_of(seed, "order")
    rows = epoch_order(len(phase.train), phase.sampling_weights, phase.train.labels, recipe.balance, draws)
    views = row_views(rows, epoch, phase.epochs, phase.views)
    starts = list(range(0, len(rows), recipe.batch_size))
    if len(starts) > 1 and len(rows) - starts[-1] == 1:
        starts.pop()
    ends = [*starts[1:], len(rows)]
    return [
        Batch(tuple(rows[start:end]), tuple(views[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]


def row_views(rows: Sequence[int], epoch: int, epochs: int, views: int) -> list[int]:
    """Which augmented version of each image an epoch shows.

    Args:
        rows: of the epoch, in order; an image that is drawn several times shows another version each time.
        epoch: from 0.
        epochs: of the phase.
        views: as in ``Phase.views``.

    Returns:
        For each row a version.

    >>> row_views([3, 1, 3], epoch=2, epochs=10, views=0)
    [2, 2, 12]
    >>> row_views([3, 1, 3], epoch=2, epochs=10, views=4)
    [2, 2, 3]
    """
    seen: Counter[int] = Counter()
    result = []
    for row in rows:
        result.append((epoch + seen[row]) % views if views else epoch + seen[row] * epochs)
        seen[row] += 1
    return result


def batch_input(feed: Feed, rows: Sequence[int], views: Sequence[int]) -> Tensor:
    """What a feed gives for images of which each may have another version.

    Args:
        feed: the images.
        rows: B rows, at least one.
        views: B versions.

    Returns:
        (B, ...) float32, in the order of ``rows``.
    """
    distinct = sorted(set(views))
    if len(distinct) == 1:
        return feed.batch(rows, distinct[0])
    places = [[place for place, view in enumerate(views) if view == each] for each in distinct]
    parts = [
        feed.batch([rows[place] for place in group], view)
        for group, view in zip(places, distinct, strict=True)
    ]
    order = torch.tensor([place for group in places for place in group]).argsort()
    return torch.cat(parts)[order]
