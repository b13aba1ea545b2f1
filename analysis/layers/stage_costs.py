"""Where a network's weights, multiply-adds and time lie, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.layers.module_tree import ModuleTree

BETWEEN = "between the stages"


@dataclass(frozen=True)
class StageCost:
    """What one stage costs; its shares are of the whole network.

    Args:
        name: of the stage; `BETWEEN` for what belongs to none.
        n_weights: numbers in its parameters.
        multiply_adds: for one image.
        seconds: for one image, with the profiler; None where that was not measured.
        share_of_weights: 0..1.
        share_of_multiply_adds: 0..1.
        share_of_time: 0..1; None where that was not measured.
    """

    name: str
    n_weights: int
    multiply_adds: int
    seconds: float | None
    share_of_weights: float
    share_of_multiply_adds: float
    share_of_time: float | None


def stage_costs(tree: ModuleTree, seconds: Mapping[str, float] | None) -> tuple[StageCost, ...]:
    """The stages of a network, from input to head, and what lies between them if that costs anything.

    What a module computes or takes beyond the modules in it counts for its own stage, so all is counted once.

    Args:
        tree: of a plain network; one without stages gives ().
        seconds: dotted name to seconds of the module with all in it; None where they were not measured.
    """
    counted = _own({row.name: float(row.multiply_adds or 0) for row in tree.rows})
    times = None if seconds is None else _own({row.name: seconds.get(row.name, 0.0) for row in tree.rows})
    names = list(tree.stages)
    sums = {name: [0.0, 0.0] for name in (*names, BETWEEN)}
    for row in tree.rows:
        held = sums[row.stage or BETWEEN]
        held[0] += counted[row.name]
        held[1] += 0.0 if times is None else times[row.name]
    whole_weights = max(1, sum(tree.stages.values()))
    whole = [max(sum(each[at] for each in sums.values()), 1e-12) for at in (0, 1)]
    costs = [
        StageCost(
            name=name,
            n_weights=tree.stages.get(name, 0),
            multiply_adds=round(sums[name][0]),
            seconds=None if times is None else sums[name][1],
            share_of_weights=tree.stages.get(name, 0) / whole_weights,
            share_of_multiply_adds=sums[name][0] / whole[0],
            share_of_time=None if times is None else sums[name][1] / whole[1],
        )
        for name in sums
    ]
    between = costs[-1]
    return tuple(costs if names and (between.multiply_adds or between.seconds) else costs[: len(names)])


def _own(inclusive: Mapping[str, float]) -> dict[str, float]:
    """Of each module what is its own, without the modules in it; never less than nothing, as times are medians."""
    own = dict(inclusive)
    for name, value in inclusive.items():
        if name:
            own[name.rpartition(".")[0]] -= value
    return {name: max(0.0, value) for name, value in own.items()}
