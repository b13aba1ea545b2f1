"""Insertion and deletion: does the answer hang on the places that a map calls relevant?"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from analysis.attribution import asking
from analysis.attribution.baselines import BASELINE, BLURRED, baseline
from analysis.attribution.cell_grid import Floats, cell_means, cell_numbers
from analysis.attribution.partly_shown import Order, shown_scores
from analysis.attribution.records import Target
from models.errors import AttributionError
from models.network import Network
from models.progress import Progress

STEPS = 14
FALSE_ALARM = 0.05
"""How often chance may make any of the maps shown together look better than chance."""


@dataclass(frozen=True)
class Curve:
    """How probable the target is while more and more squares of the picture are shown, or covered.

    Args:
        fractions: (S + 1,) share of the squares changed, from 0 to 1.
        scores: (S + 1,) probability of the target, 0 to 1; of ``a`` against ``b`` alone for a contrast.
    """

    fractions: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def area(self) -> float:
        """The area under the curve, 0 to 1, by trapezes."""
        return float(np.trapezoid(self.scores, self.fractions))


@dataclass(frozen=True)
class Curves:
    """Both curves of one order of the squares.

    Args:
        insertion: from the baseline to the picture, the most relevant squares first; high is good.
        deletion: from the picture to the baseline, the most relevant squares first; low is good.
    """

    insertion: Curve
    deletion: Curve


@dataclass(frozen=True)
class Faithfulness:
    """Maps against chance.

    Args:
        maps: the curves of each map, by its name.
        random: the curves of random orders of the same squares, each followed by its reverse; measured at
            fewer steps.
    """

    maps: Mapping[str, Curves]
    random: tuple[Curves, ...]

    def beaten(self, name: str) -> int:
        """How many of the random orders a map beats, insertion and deletion taken together."""
        if not self.random:
            return 0
        return int((self._gains([self.maps[name]]) > self._gains(self.random)).sum())

    def is_better(self, name: str) -> bool:
        """Whether a map beats so many random orders as chance would allow any of these maps in 5 % of cases.

        The gain of a reverse is that of its order with the other sign. So if a map were one more random
        order, its gain would be the largest of all in size with chance 1 / (pairs + 1), and half of
        those times negative: ahead of all n orders it comes with chance 1 / (n + 2). Several maps share the 5 %.
        """
        p = (1 + len(self.random) - self.beaten(name)) / (len(self.random) + 2)
        return p * len(self.maps) <= FALSE_ALARM

    def _gains(self, orders: Sequence[Curves]) -> Floats:
        """(N,) insertion less deletion, -1 to 1, over those steps that were measured of random orders, too."""
        areas = []
        for way in ("insertion", "deletion"):
            at = getattr(self.random[0], way).fractions
            curves = [getattr(each, way) for each in orders]
            scores = [np.interp(at, curve.fractions, curve.scores) for curve in curves]
            areas.append(np.trapezoid(scores, at, axis=1))
        gains: Floats = areas[0] - areas[1]
        return gains


def n_orders(n_maps: int) -> int:
    """How many random orders are enough to call any of so many maps better than chance.

    >>> n_orders(1), n_orders(3)
    (18, 58)
    """
    return round(n_maps / FALSE_ALARM) - 2 if n_maps else 0


def maps_allowed(orders: int) -> int:
    """How many maps so many random orders are enough for.

    >>> [maps_allowed(orders) for orders in (0, 17, 18, 58)]
    [0, 0, 1, 3]
    """
    return int(FALSE_ALARM * (orders + 2) + 1e-9)


def insertion_deletion(
    network: Network,
    image: Image.Image | torch.Tensor,
    maps: Mapping[str, npt.NDArray[np.floating]],
    target: Target,
    *,
    steps: int = STEPS,
    orders: int | None = None,
    known_orders: int = 0,
    compared_with: str = BLURRED,
    seed: int = 0,
) -> Generator[Progress, None, Faithfulness]:
    """Measure maps by what happens to the answer as squares are shown or covered in their order.

    The squares are those of `cell_grid`, 14 x 14, ranked by the sum of their relevance with its sign, ties
    in random order. Petsiuk et al. rank single pixels; then a coarse map competes with random dust, which
    networks answer to in their own way, and every map beats it. Here map and chance move the same squares.
    Both curves use one baseline, so both run between the same two answers. Closing the generator stops the
    work between two batches; the network is only run forward, so programs can be measured too.

    What remains when an order covers k squares is what its reverse shows last: so the deletion curve of an
    order is the insertion curve of the reverse read backwards, and a random order and its reverse have all
    four curves from two runs. They are measured at three steps only: on the sample network that told maps
    from chance as well as all thirteen, and chance needs many orders.

    Args:
        network: the network that was explained.
        image: the picture, or the network's input, (3, H, W) or (1, 3, H, W), normalised.
        maps: (H, W) relevance at the input's resolution, by name.
        target: what they explain.
        steps: S, in how many steps all squares change.
        orders: how many random orders, an odd number means one more; by default as many as so many maps need.
        known_orders: how many of them were measured before with this seed; those after them are measured.
        compared_with: what stands in place of a covered square, one of ``BASELINE.choices``.
        seed: of the random orders and of the ties.

    Yields:
        Progress in pictures that the network saw.

    Returns:
        The curves of every map and of every random order measured now.

    Raises:
        AttributionError: the target or the baseline makes no sense, a map is of another size, or the
            network cannot run.

    Source:
        Petsiuk, Das, Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC
        2018, section 4.2.
    """
    if compared_with not in BASELINE.choices:
        raise AttributionError(
            f'There is no baseline called "{compared_with}".',
            next_step=f"Choose {' or '.join(BASELINE.choices)}.",
        )
    question = asking.asked(network, image, [target])
    cells = cell_numbers(question.size)
    _check_sizes(maps, cells)
    draws = np.random.default_rng(seed)
    n = int(cells.max()) + 1
    ranked = [_most_relevant_first(relevance, draws) for relevance in maps.values()]
    wanted = n_orders(len(maps)) if orders is None else orders
    chance = [_random_order(n, seed, place) for place in range(known_orders, _even(wanted), 2)]
    counts = [round(step * n / steps) for step in range(steps + 1)]
    coarse = [counts[step] for step in _few(steps)]
    # to delete an order is to insert its reverse, read backwards
    runs = [(way, counts) for order in ranked for way in (order, order[::-1])]
    runs += [(way, coarse) for order in chance for way in (order, order[::-1])]
    scores = yield from shown_scores(question, baseline(question, compared_with), cells, runs)
    curves = [
        each
        for (_, shown), one, other in zip(runs[::2], scores[::2], scores[1::2], strict=True)
        for each in _both_ways(np.array(shown) / n, one, other)
    ]
    first_random = 2 * len(ranked)
    return Faithfulness(dict(zip(maps, curves[:first_random:2], strict=True)), tuple(curves[first_random:]))


def n_pictures(n_maps: int, *, steps: int = STEPS, orders: int | None = None) -> int:
    """How many pictures the network must see, for the estimate before a run.

    >>> n_pictures(3)
    254
    """
    wanted = n_orders(n_maps) if orders is None else orders
    return 2 + 2 * n_maps * (steps - 1) + _even(wanted) * (len(_few(steps)) - 2)


def _even(orders: int) -> int:
    return orders + orders % 2


def _few(steps: int) -> list[int]:
    """Some of the steps from 0 to the last, the same from either end: for random orders."""
    near, half = max(1, steps * 3 // 14), steps // 2
    return sorted({0, near, half, steps - half, steps - near, steps})


def _random_order(n: int, seed: int, place: int) -> Order:
    # Each from a seed of its own, so that more can be measured later; [seed, 0] would be that of the ties.
    return np.random.default_rng([seed, 1 + place]).permutation(n)


def _both_ways(fractions: Floats, scores: Floats, reverse: Floats) -> tuple[Curves, Curves]:
    """The curves of an order and of its reverse, from what each scores while it is shown."""
    return _curves(fractions, scores, reverse[::-1]), _curves(fractions, reverse, scores[::-1])


def _curves(fractions: Floats, insertion: Floats, deletion: Floats) -> Curves:
    return Curves(
        Curve(tuple(fractions.tolist()), tuple(insertion.tolist())),
        Curve(tuple((1 - fractions[::-1]).tolist()), tuple(deletion.tolist())),
    )


def _most_relevant_first(relevance: npt.NDArray[np.floating], draws: np.random.Generator) -> Order:
    means = cell_means(relevance)
    # Ties by chance: in reading order, the blank part of a map would favour the top of the picture.
    return np.lexsort((draws.permutation(len(means)), -means))


def _check_sizes(maps: Mapping[str, npt.NDArray[np.floating]], cells: npt.NDArray[np.intp]) -> None:
    for name, relevance in maps.items():
        if relevance.shape != cells.shape:
            raise AttributionError(
                f'The map "{name}" is of size {relevance.shape}, the network\'s input of {cells.shape}.',
                next_step="Compute the map again with this network's preprocessing.",
            )
