"""The stages of a network, from its input to its head: what a recipe trains or leaves as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from models.finetune.heads import head_name
from models.finetune.layer_walk import SHRINKS, Unit, Walk

QUARTERS = 4


@dataclass(frozen=True)
class Stage:
    """Layers that work at one spatial resolution, or the head.

    Args:
        name: from the names of its first and last part ("layer4", "features.14 to features.18"); the last is "head".
        modules: those that own weights; leaves, but for attention and blocks with a weight of their own.
        names: their dotted names in the network.
        parameters: its weights: every weight of the network is in exactly one stage.
        training_modules: its modules of all kinds, dropout among them: what is in training mode when it learns.
    """

    name: str
    modules: tuple[nn.Module, ...]
    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]
    training_modules: tuple[nn.Module, ...]

    @property
    def n_weights(self) -> int:
        """How many numbers are learnt."""
        return sum(each.numel() for each in self.parameters)


def stages(module: nn.Module, head: str, input_size: tuple[int, int]) -> tuple[Stage, ...]:
    """The stages of a network, measured by one forward of a private copy that takes no memory.

    A stage begins with the part (block, layer) that lowers the resolution. Layers without places before the head
    belong to the last stage; so does dropout to what comes after it. A transformer with a constant number of tokens
    has a stage for each quarter of its layers.

    Args:
        module: the network, without extra heads; nobody else may have it hooked meanwhile.
        head: dotted name of its last layer (``Network.head``, or what ``with_new_head`` gave).
        input_size: (height, width) in pixels.

    Returns:
        From input to head.
    """
    whole = head_name(module, head)
    walk = Walk(module, input_size)
    groups, after = _groups(walk.units(whole))
    if len(groups) == 1:
        repeated = walk.repeated()
        container = repeated[0].rpartition(".")[0] if repeated else ""
        groups, after = _quarters(walk.units(whole, opened=container), repeated)
    names = [_name([unit.name for unit in group if unit.weighted]) for group in groups]
    members = [[unit.name for unit in group] for group in groups]
    return _made(module, walk, [*names, "head"], [*members, [*after, whole]])


def trained(found: tuple[Stage, ...], n_stages: int | None) -> tuple[Stage, ...]:
    """The stages that learn.

    Args:
        found: all of a network's, from input to head.
        n_stages: how many learn before the head; None for all. ``KINDS[recipe.kind].n_stages``.
    """
    return found if n_stages is None else found[-(n_stages + 1) :]


def _groups(units: Sequence[Unit]) -> tuple[list[list[Unit]], list[str]]:
    """Runs of parts at one resolution, and the parts without weights that are left for the head."""
    groups: list[list[Unit]] = []
    waiting: list[Unit] = []
    side, begins = float("inf"), True
    for unit in units:
        if unit.side is not None and unit.side < SHRINKS * side:
            side, begins = unit.side, True
        waiting.append(unit)
        if not unit.weighted:
            continue
        if not groups or (begins and unit.has_places):
            groups.append([])
            begins = False
        groups[-1] += waiting
        waiting = []
    return groups, [unit.name for unit in waiting]


def _quarters(units: Sequence[Unit], repeated: Sequence[str]) -> tuple[list[list[Unit]], list[str]]:
    """The same for a network of one resolution: quarters of its run of equal layers, and what is around it."""
    places = {name: place for place, name in enumerate(repeated)}
    groups: list[list[Unit]] = [[] for _ in range(QUARTERS if repeated else 1)]
    waiting: list[Unit] = []
    quarter = 0
    for unit in units:
        waiting.append(unit)
        if unit.name in places:
            quarter = places[unit.name] * QUARTERS // len(repeated)
        if unit.weighted:
            groups[quarter] += waiting
            waiting = []
    return groups, [unit.name for unit in waiting]


def _name(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _made(
    module: nn.Module, walk: Walk, names: Sequence[str], members: Sequence[Sequence[str]]
) -> tuple[Stage, ...]:
    stage_of = {part: place for place, parts in enumerate(members) for part in parts}
    owners: list[list[str]] = [[] for _ in names]
    learning: list[list[nn.Module]] = [[] for _ in names]
    for name, each in module.named_modules():
        part = _part(name, stage_of)
        if part is not None:
            learning[stage_of[part]].append(each)
        if any(True for _ in each.parameters(recurse=False)):
            place = stage_of[part] if part is not None else _first_stage(name, walk, stage_of)
            owners[place].append(name)
    taken: set[int] = set()
    made = []
    for name, own, modules in zip(names, owners, learning, strict=True):
        layers = [module.get_submodule(each) for each in own]
        weights = [weight for layer in layers for weight in layer.parameters(recurse=False)]
        fresh = {id(weight): weight for weight in weights if id(weight) not in taken}
        taken |= set(fresh)
        made.append(Stage(name, tuple(layers), tuple(own), tuple(fresh.values()), tuple(modules)))
    return tuple(made)


def _part(name: str, stage_of: dict[str, int]) -> str | None:
    """The part that a module is, or lies in."""
    while name:
        if name in stage_of:
            return name
        name = name.rpartition(".")[0]
    return None


def _first_stage(name: str, walk: Walk, stage_of: dict[str, int]) -> int:
    """Where a weight belongs that is no part's (a class token, positions): where the module around it begins."""
    inside = [part for part in stage_of if not name or part.startswith(f"{name}.")]
    places = {part: place for part in inside if (place := walk.place(part)) is not None}
    return stage_of[min(places, key=places.__getitem__)] if places else 0
