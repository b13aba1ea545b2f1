"""The confusable classes as a drawing of dots and lines: where each stands, as plain numbers.

Each connected part is a small drawing of its own, so a screen may set them side by side as it has room.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.confusable import ConfusablePair
from analysis.confusable_groups import ConfusableGroup, connected_parts
from analysis.confusion import Floats

MOST_CLASSES = 60
MOST_FIGURES = 24
"""Lines of a part, above which there is no room for a figure on each."""
LINE_LENGTH = 18
"""Characters of a name on one line."""
_MOST_LINES = 3
_CHARACTER = 7.2  # pixels: the widest that a letter of 12 pixels is on average
_LINE = 15.0
_DOT = 8.0
_GAP = 14.0
_MARGIN = 6.0
_THINNEST, _THICKEST = 1.5, 8.0
_SCORE = np.array([32.0, 18.0])  # pixels of the figure on a line
_ROOMIER = 12  # times that a drawing may grow to keep figures off the names
_ROUNDS = 150


@dataclass(frozen=True)
class GraphNode:
    """A class.

    Args:
        index: of the class.
        name: its name.
        lines: the name as it stands at the dot; a long one is cut, with an ellipsis.
        x: of the dot's centre, in pixels from the left.
        y: of the dot's centre, in pixels from the top.
        is_above: the name stands over the dot, because its lines lead down; else under it.
    """

    index: int
    name: str
    lines: tuple[str, ...]
    x: float
    y: float
    is_above: bool


@dataclass(frozen=True)
class GraphEdge:
    """A pair that is confused beyond chance.

    Args:
        start: the place of one end among the nodes of the part.
        end: the place of the other.
        width: of the line in pixels; its area follows the score.
        pair: the pair.
    """

    start: int
    end: int
    width: float
    pair: ConfusablePair


@dataclass(frozen=True)
class GraphPart:
    """Classes that are connected.

    Args:
        nodes: no dot and no name lies on another.
        edges: the lines between them.
        width: of the drawing in pixels; everything lies within.
        height: of the drawing in pixels.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    width: float
    height: float


def graph_edges(
    pairs: Sequence[ConfusablePair], groups: Sequence[ConfusableGroup], *, max_q: float = 0.05
) -> list[ConfusablePair]:
    """The pairs that are beyond chance, by themselves or as part of a group, most confused first.

    Args:
        pairs: from ``confusable_pairs``.
        groups: from ``confusable_groups``.
        max_q: the share of findings that may be chance.
    """
    grouped = {(pair.a_index, pair.b_index) for group in groups for pair in group.edges}
    return [pair for pair in pairs if pair.q_value <= max_q or (pair.a_index, pair.b_index) in grouped]


def pair_graph(edges: Sequence[ConfusablePair], *, most_classes: int = MOST_CLASSES) -> list[GraphPart]:
    """Place the classes of some pairs.

    Args:
        edges: the pairs, the most important first.
        most_classes: once so many classes are placed, pairs with further classes are left out.

    Returns:
        The connected parts, the one with most classes first. The same pairs give the same drawing.
    """
    shown: dict[int, str] = {}
    kept = []
    for pair in edges:
        ends = {pair.a_index: pair.a, pair.b_index: pair.b}
        if len(shown | ends) <= most_classes:
            shown |= ends
            kept.append(pair)
    strongest = max((pair.score for pair in kept), default=1.0) or 1.0
    parts = connected_parts((pair.a_index, pair.b_index) for pair in kept)
    order = {pair.a_index: place for place, pair in reversed(list(enumerate(kept)))}
    parts.sort(key=lambda part: (-len(part), min(order.get(index, len(kept)) for index in part)))
    return [_part([p for p in kept if p.a_index in part], part, shown, strongest) for part in parts]


def name_lines(name: str) -> tuple[str, ...]:
    """A name on lines of at most ``LINE_LENGTH`` characters, broken after blanks, underscores and the like.

    >>> name_lines("american_staffordshire_terrier")
    ('american_', 'staffordshire_', 'terrier')
    """
    lines = [""]
    for word in re.findall(r"[^\s_\-/,]*[\s_\-/,]*", name):
        if lines[-1] and len((lines[-1] + word).rstrip()) > LINE_LENGTH:
            lines.append("")
        lines[-1] += word
    shortened = [line if len(line) <= LINE_LENGTH else f"{line[: LINE_LENGTH - 1]}…" for line in lines]
    if len(shortened) > _MOST_LINES:
        shortened = [*shortened[: _MOST_LINES - 1], f"{shortened[_MOST_LINES - 1][: LINE_LENGTH - 1]}…"]
    return tuple(line.strip() for line in shortened if line.strip()) or (name[:LINE_LENGTH],)


def _part(
    pairs: Sequence[ConfusablePair], indices: Sequence[int], names: dict[int, str], strongest: float
) -> GraphPart:
    place = {index: i for i, index in enumerate(indices)}
    ends = [(place[pair.a_index], place[pair.b_index]) for pair in pairs]
    lines = [name_lines(names[index]) for index in indices]
    sizes = np.array([_box(each) for each in lines])
    sizes[:, 1] = sizes[:, 1].max()  # so that dots side by side stand at one height
    boxes = _roomy(_apart(_springs(len(indices), ends, sizes), sizes), sizes, ends)
    boxes += _MARGIN - (boxes - sizes / 2).min(axis=0)
    width, height = (boxes + sizes / 2).max(axis=0) + _MARGIN
    above = _lead_down(boxes, ends)
    # the dot stands at one end of its box, the name fills the rest
    dots = boxes + np.stack([0 * sizes[:, 0], (sizes[:, 1] / 2 - _DOT) * np.where(above, 1, -1)], axis=1)
    return GraphPart(
        tuple(
            GraphNode(index, names[index], lines[i], float(dots[i, 0]), float(dots[i, 1]), bool(above[i]))
            for i, index in enumerate(indices)
        ),
        tuple(
            GraphEdge(a, b, max(_THINNEST, _THICKEST * pair.score / strongest), pair)
            for (a, b), pair in zip(ends, pairs, strict=True)
        ),
        float(width),
        float(height),
    )


def _box(lines: Sequence[str]) -> tuple[float, float]:
    """Width and height of a dot with its name, in pixels."""
    return max(len(line) for line in lines) * _CHARACTER + _GAP, 2 * _DOT + len(lines) * _LINE + _GAP


def _lead_down(places: Floats, ends: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    down = np.zeros(len(places))
    for a, b in ends:
        fall = places[b, 1] - places[a, 1]
        down[a] += fall
        down[b] -= fall
    return down > 1.0


def _roomy(places: Floats, sizes: Floats, ends: Sequence[tuple[int, int]]) -> Floats:
    """Widen the drawing until the figures in the middle of its lines lie off the names, or it is large enough."""
    a, b = np.array(ends).T
    for _ in range(_ROOMIER if len(ends) <= MOST_FIGURES else 0):
        middles = (places[a] + places[b]) / 2
        over = (sizes[None] + _SCORE) / 2 - np.abs(middles[:, None] - places[None])
        if not (over > 0).all(axis=2).any():
            break
        places = places * 1.1
    return places


def _springs(n: int, ends: Sequence[tuple[int, int]], sizes: Floats) -> Floats:
    """(n, 2) centres after Fruchterman and Reingold, from a circle on; the circle breaks every tie."""
    angles = 2 * np.pi * np.arange(n) / n
    places: Floats = np.stack([np.cos(angles + np.pi), np.sin(angles + np.pi)], axis=1)
    places[:, 1] += 1e-3 * np.arange(n) * (n > 2)
    tied: npt.NDArray[np.bool_] = np.zeros((n, n), dtype=bool)
    for a, b in ends:
        tied[a, b] = tied[b, a] = True
    wanted = 1.5 / np.sqrt(n)
    for step in np.linspace(0.1, 0.001, _ROUNDS):
        apart = places[:, None] - places[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-3)
        push = wanted**2 / distance**2 - tied * distance / wanted
        move = (apart * push[:, :, None]).sum(axis=1) - 0.3 * places
        length = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        places = places + move / length * np.minimum(length, step)
    spread: Floats = places * sizes.mean(axis=0) * np.array([1.0, 1.6]) / wanted
    return spread


def _apart(places: Floats, sizes: Floats) -> Floats:
    """Push boxes apart, each along the shorter way, until none lies on another."""
    while True:
        for _ in range(_ROUNDS):
            apart = places[:, None] - places[None]
            over = (sizes[:, None] + sizes[None]) / 2 - np.abs(apart)
            over[np.diag_indices(len(places))] = 0.0
            lies_on = (over > 1e-6).all(axis=2)
            if not lies_on.any():
                return places
            across = over[..., 0] <= over[..., 1]
            before = np.triu(np.ones_like(lies_on), 1)
            sign = np.where(apart == 0, np.where(before, -1.0, 1.0)[..., None], np.sign(apart))
            chosen = np.stack([lies_on & across, lies_on & ~across], axis=2)
            places = places + (chosen * sign * (over + 1e-3)).sum(axis=1) / 2
        places = places * 1.2  # so that it comes to an end
