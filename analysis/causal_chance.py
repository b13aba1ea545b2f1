"""How much of what an edit did may be chance: exact p values, and intervals that count pieces, not pictures.

A piece that turns one picture into the class tends to turn the next one, too. Pictures that the same piece
is pasted on are therefore no trials of their own: eight that one odd piece turned say as much as one. So
what is dealt out anew, or drawn anew, is always a whole piece with all that it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, prod

import numpy as np
import numpy.typing as npt

from analysis.intervals import wilson_interval

Floats = npt.NDArray[np.float64]

_RESAMPLES = 2000


def exchange_p(strata: Sequence[Sequence[int]]) -> float:
    """One-sided exact p where each treated piece has controls of its own.

    If the treatment were just one more control, any of a stratum's counts could as well be the treated
    one. So the sum of the treated counts is a sum of independent draws. With one image and one control per
    stratum this is McNemar's exact test.

    Args:
        strata: for each, how many images its treatment changed, then how many each of its controls did.

    Returns:
        The chance of at least so many treated changes; 1 where there are no strata.

    Source:
        McNemar, Note on the sampling error of the difference between correlated proportions, 1947; for
        several controls Cochran and Mantel-Haenszel with one stratum per image.

    >>> exchange_p([[1, 0]] * 5) == 0.5**5
    True
    """
    distribution = np.ones(1)
    for counts in strata:
        distribution = np.convolve(distribution, np.bincount(counts) / len(counts))
    return _at_least(distribution, sum(counts[0] for counts in strata))


def pieces_p(own: Sequence[int], others: Sequence[int]) -> float:
    """One-sided exact p where the pieces in question are held against the same other pieces.

    If it did not matter where a piece comes from, any choice of so many of all pieces could as well be
    the pieces in question: their sum is held against the sums of all choices. Made for pieces that were
    tried equally often.

    Args:
        own: how many images each piece in question changed.
        others: the same for the pieces that they are held against.

    Returns:
        The share of choices with at least so many changes; 1 where there are no pieces in question.

    Source:
        Fisher, The Design of Experiments, 1935, section 21; Pitman, Significance tests which may be
        applied to samples from any populations, 1937.

    >>> pieces_p([2, 2], [0, 0]) == 1 / 6
    True
    """
    # [k, s]: in how many ways k pieces sum up to s
    ways = np.zeros((len(own) + 1, sum(own) + sum(others) + 1))
    ways[0, 0] = 1
    for count in (*own, *others):
        ways[1:, count:] += ways[:-1, : ways.shape[1] - count].copy()
    return _at_least(ways[-1] / ways[-1].sum(), sum(own))


def _at_least(distribution: Floats, observed: int) -> float:
    return float(min(1.0, distribution[observed:].sum()))


def smallest_exchange_p(strata: Sequence[Sequence[int]]) -> float:
    """The smallest p that so many strata and controls can reach, however strong the effect."""
    return 1 / prod(len(counts) for counts in strata)


def smallest_pieces_p(n_own: int, n_others: int) -> float:
    """The smallest p that so many pieces can reach, however strong the effect.

    >>> smallest_pieces_p(2, 6) == 1 / 28
    True
    """
    return 1 / comb(n_own + n_others, n_own)


def share_interval(
    changed: Sequence[bool], clusters: Sequence[int], weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """95 % interval of a share whose trials come in clusters that may act alike.

    Wilson's interval for as many independent trials as would make the share as uncertain as it is between
    clusters: as many as there are trials where the clusters do not differ, as many as there are clusters
    where each is all or nothing, and so too where all trials end alike, for then nothing is known of
    how clusters differ.

    Args:
        changed: how each trial ended.
        clusters: a number that names each trial's cluster.
        weights: of each trial, above 0; by default all weigh the same.

    Returns:
        Low and high, 0..1; nan for no trials.

    Source:
        Kish, Survey Sampling, 1965, section 8.2 (design effect); Korn and Graubard, Confidence intervals for
        proportions with small expected number of positive counts estimated from survey data, 1998.

    >>> share_interval([True, False], [0, 1]) == share_interval([True, True, False, False], [0, 0, 1, 1])
    True
    """
    if not changed:
        return float("nan"), float("nan")
    weight = np.ones(len(changed)) if weights is None else np.array(weights)
    total = weight.sum()
    share = float(min(1.0, (weight * changed).sum() / total))
    trials = float(total**2 / (weight**2).sum())
    _, place = np.unique(clusters, return_inverse=True)
    if all(changed) or not any(changed):
        trials = min(trials, float(place.max() + 1))
    else:
        between = float((np.bincount(place, weight * (np.array(changed) - share)) ** 2).sum() / total**2)
        trials = min(trials, share * (1 - share) / max(between, 1e-12))
    low, high = wilson_interval(share * trials, trials)
    return float(low), float(high)


def resampled_means(values: Sequence[float], clusters: Sequence[int], seed: int) -> Floats:
    """(2000,) means of values when whole clusters are drawn anew, always the same draws.

    Args:
        values: at least one.
        clusters: a number that names each value's cluster.
        seed: of the draws.
    """
    _, place = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(place, values), np.bincount(place)
    draws = np.random.default_rng(seed).integers(0, len(sums), (_RESAMPLES, len(sums)))
    means: Floats = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return means
