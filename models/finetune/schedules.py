"""How the learning rate moves through a phase, as a function of what is done and nothing else.

Nothing is counted along the way, so a training that goes on needs only its history to be at the same rate again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi

from models.finetune.recipe import Recipe

SMALLEST_CHANGE = 1e-4
"""A validation loss must fall by this share of itself to count as better (the default of torch's ReduceLROnPlateau)."""


@dataclass(frozen=True)
class Place:
    """A step of a phase.

    Args:
        epochs: of the phase.
        epoch: which one, from 0.
        batch: which one of the epoch, from 0.
        n_batches: in the epoch.
    """

    epochs: int
    epoch: int
    batch: int
    n_batches: int


def rate_factor(recipe: Recipe, place: Place, losses: Sequence[float]) -> float:
    """The share of the learning rate that one step takes.

    The rise over ``warmup_epochs`` multiplies the other schedules, and the cosine begins where it ends.

    Args:
        recipe: its schedule.
        place: the step.
        losses: validation losses of the phase's epochs so far, for "plateau".

    Returns:
        0..1.

    >>> rate_factor(Recipe(warmup_epochs=1, schedule="constant"), Place(5, 0, 1, 4), [])
    0.5
    """
    done = place.epoch * place.n_batches + place.batch
    rise = recipe.warmup_epochs * place.n_batches
    if recipe.schedule == "cosine":
        factor = half_cosine(done - rise, place.epochs * place.n_batches - rise)
    elif recipe.schedule == "step":
        factor = float(recipe.step_factor ** (place.epoch // recipe.step_epochs))
    elif recipe.schedule == "plateau":
        factor = plateau_factor(losses, recipe.step_epochs, recipe.step_factor)
    else:
        factor = 1.0
    return factor * min(1.0, (done + 1) / rise) if rise else factor


def half_cosine(done: float, total: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter 2017, without restarts).

    Args:
        done: steps so far; 1 is returned before the first.
        total: steps in all.
    """
    return 0.5 * (1 + cos(pi * min(done / total, 1.0))) if done > 0 and total > 0 else 1.0


def plateau_factor(losses: Sequence[float], patience: int, factor: float) -> float:
    """What torch's ReduceLROnPlateau has made of the rate after some epochs.

    Args:
        losses: of the epochs so far.
        patience: epochs without a better loss that are let pass; the next one lowers the rate.
        factor: by which it is lowered, 0..1.
    """
    best, waited, rate = float("inf"), 0, 1.0
    for loss in losses:
        if loss < best * (1 - SMALLEST_CHANGE):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            rate, waited = rate * factor, 0
    return rate
