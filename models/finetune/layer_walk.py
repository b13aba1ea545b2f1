"""The parts of a network in the order in which they run, each with the spatial resolution it works at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.meta_modules import without_memory

SHRINKS = 0.75
"""A side of less than this share of the former is another resolution; convolutions without padding stay above."""
_SMALLEST = 128
_ALIKE = 1.35


@dataclass(frozen=True)
class Unit:
    """A part of a network that is trained or left as it is as a whole.

    Args:
        name: dotted.
        side: mean side in pixels of what it gives; None where that has no places (tokens, vectors).
        has_places: whether anything in it works on places.
        weighted: whether it has weights.
    """

    name: str
    side: float | None
    has_places: bool
    weighted: bool


class Walk:
    """One forward through a private copy without memory, and what it showed.

    Args:
        module: the network.
        input_size: (height, width) in pixels.
    """

    def __init__(self, module: nn.Module, input_size: tuple[int, int]) -> None:
        self._module = module
        self._order: dict[str, int] = {}
        self._sides: dict[str, float | None] = {}
        self._run(input_size)

    def units(self, head: str, *, opened: str = "") -> list[Unit]:
        """The parts before the head, in order; each goes through at most one change of resolution.

        Args:
            head: dotted name of the head.
            opened: dotted name of a container whose children are parts of their own, whatever they do.
        """
        self._side = (self._size[0] * self._size[1]) ** 0.5
        return list(self._parts("", (head, opened)))

    def place(self, name: str) -> int | None:
        """When a module, or the first one in it, was called; None where none was."""
        places = [place for other, place in self._order.items() if _within(other, name)]
        return min(places, default=None)

    def repeated(self) -> list[str]:
        """Names of the longest run of equal layers in one container, in order; [] where none has four."""
        runs = []
        for name, container in self._module.named_modules():
            children = [(f"{name}.{child}".lstrip("."), each) for child, each in container.named_children()]
            kinds = {type(each) for _, each in children}
            if len(children) >= 4 and len(kinds) == 1 and self.place(name) is not None:
                runs.append([child for child, each in children if _has_weights(each)])
        return max(runs, key=len, default=[])

    def _parts(self, name: str, opened: tuple[str, ...]) -> Iterator[Unit]:
        container = self._module.get_submodule(name)
        children = [f"{name}.{child}".lstrip(".") for child, _ in container.named_children()]
        called = {child: place for child in children if (place := self.place(child)) is not None}
        for child in sorted(called, key=called.__getitem__):
            if child == opened[0]:
                continue
            holds_opened = any(_within(each, child) for each in opened if each)
            if holds_opened or self._changes(child) > 1:
                yield from self._parts(child, opened)
            else:
                yield self._unit(child)

    def _unit(self, name: str) -> Unit:
        inside = [side for other, side in self._sides.items() if _within(other, name) and side is not None]
        side = self._sides.get(name) or min(inside, default=None)
        if side is not None:
            self._side = min(self._side, side)
        weighted = _has_weights(self._module.get_submodule(name))
        return Unit(name, side, bool(inside), weighted)

    def _changes(self, name: str) -> int:
        """How many resolutions below the present one a part works at."""
        if name not in self._order:  # a list of modules has no forward of its own
            return 2
        sides = [side for other, side in self._sides.items() if _within(other, name) and side is not None]
        level, changes = self._side, 0
        for side in sorted(set(sides), reverse=True):
            if side < SHRINKS * level:
                level, changes = side, changes + 1
        return changes if any(True for _ in self._module.get_submodule(name).children()) else 0

    def _run(self, input_size: tuple[int, int]) -> None:
        copied = without_memory(self._module)
        for name, each in copied.named_modules():
            each.register_forward_pre_hook(lambda _, __, name=name: self._entered(name))
            each.register_forward_hook(lambda _, __, output, name=name: self._left(name, output))
        for size in _sizes(input_size):
            self._order, self._sides, self._size = {}, {}, size
            try:
                with torch.no_grad():
                    copied(torch.empty(1, 3, *size, device="meta"))
                return
            except (RuntimeError, AssertionError, ValueError):  # transformers take one size only
                if size == input_size:
                    raise

    def _entered(self, name: str) -> None:
        self._order.setdefault(name, len(self._order))

    def _left(self, name: str, output: Any) -> None:
        self._sides.setdefault(name, _side(output, self._size))


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _within(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(f"{prefix}.")


def _sizes(input_size: tuple[int, int]) -> Iterable[tuple[int, int]]:
    """A multiple of a small input first: its last maps would have one place and look like vectors."""
    times = -(-_SMALLEST // min(input_size))
    larger = (input_size[0] * times, input_size[1] * times)
    return (larger, input_size) if times > 1 else (input_size,)


def _side(output: Any, size: tuple[int, int]) -> float | None:
    """Mean side of a map (B, C, H, W) or (B, H, W, C): of the two neighbouring axes shaped most like the image."""
    if not isinstance(output, Tensor) or output.ndim != 4:
        return None
    sides = {}
    for height, width in (output.shape[2:4], output.shape[1:3]):
        if 1 < height <= size[0] and 1 < width <= size[1]:
            scales = size[0] / height, size[1] / width
            sides[max(scales) / min(scales)] = math.sqrt(height * width)
    closest = min(sides, default=_ALIKE)
    return sides[closest] if closest < _ALIKE else None
