"""What share of labels each of three explanations accounts for."""

from __future__ import annotations

import numpy as np

from analysis.confusion import Floats

MOST_NOISE = 0.5
TINY = 1e-300
_MOST_STEPS = 60
_LEAST_GAIN = 1e-8


def label_shares(
    soft: Floats, habits: Floats, uniform: float, *, has_noise: bool
) -> tuple[float, float, float]:
    """The habit's and the noise's share of greatest likelihood, and its logarithm.

    The likelihood is concave in the weights of a mixture: Newton's steps, kept inside of the bounds, find its
    only maximum. Written out for two weights, since a solver that calls BLAS is slowed by its idle threads.

    Args:
        soft: (N,) what the calibrated model gives each label.
        habits: (N,) what the model's habits give it.
        uniform: what drawing at random gives it.
        has_noise: whether labels may be drawn at random at all.

    Returns:
        h and e of (1 - e) [(1 - h) soft + h habits] + e uniform, and the log-likelihood.
    """
    to_habit, to_noise = habits - soft, uniform - soft
    weights = (0.1, 0.02 if has_noise else 0.0)
    mixture = soft + weights[0] * to_habit + weights[1] * to_noise + TINY
    likelihood = float(np.log(mixture).sum())
    for _ in range(_MOST_STEPS):
        slopes = to_habit / mixture, to_noise / mixture
        step, scale, gain = _newton_step(slopes, weights, has_noise=has_noise), 1.0, 0.0
        while scale > 1e-7:
            tried = _within_bounds(weights, step, scale)
            mixture_there = soft + tried[0] * to_habit + tried[1] * to_noise + TINY
            gain = float(np.log(mixture_there).sum()) - likelihood
            if gain > 0:
                weights, mixture, likelihood = tried, mixture_there, likelihood + gain
                break
            scale /= 2
        if gain < _LEAST_GAIN:
            break
    habit, noise = weights
    return habit / (1 - noise), noise, likelihood


def _newton_step(
    slopes: tuple[Floats, Floats], weights: tuple[float, float], *, has_noise: bool
) -> tuple[float, float]:
    """Newton's step among the weights that are free: not at 0 with the likelihood falling beyond it."""
    (up_habit, up_noise), (habit, noise) = (float(slope.sum()) for slope in slopes), weights
    habits, noises, both = (
        float((one * other).sum()) for one, other in ((slopes[0], slopes[0]), (slopes[1], slopes[1]), slopes)
    )
    habit_is_free, noise_is_free = habit > 0 or up_habit > 0, has_noise and (noise > 0 or up_noise > 0)
    determinant = habits * noises - both * both
    if habit_is_free and noise_is_free and determinant > 1e-12 * habits * noises:
        step = (
            (noises * up_habit - both * up_noise) / determinant,
            (habits * up_noise - both * up_habit) / determinant,
        )
        # a weight that would leave its bound stays, or the other's step would count on it
        if not (habit == 0 > step[0] or noise == 0 > step[1]):
            return step
    return (
        up_habit / (habits + TINY) if habit_is_free else 0.0,
        up_noise / (noises + TINY) if noise_is_free else 0.0,
    )


def _within_bounds(
    weights: tuple[float, float], step: tuple[float, float], scale: float
) -> tuple[float, float]:
    noise = min(MOST_NOISE, max(0.0, weights[1] + scale * step[1]))
    return min(1 - noise, max(0.0, weights[0] + scale * step[0])), noise
