from itertools import combinations

import numpy as np
import pytest

from analysis.confusable import ConfusablePair, confusable_pairs
from analysis.confusable_groups import confusable_groups
from analysis.pair_graph import LINE_LENGTH, GraphNode, GraphPart, graph_edges, name_lines, pair_graph

LONG = ("american_staffordshire_terrier", "Bengal", "x" * 60, "german short haired pointer dog")


def _pairs(n_classes: int, n_pairs: int, seed: int = 0) -> list[ConfusablePair]:
    rng = np.random.default_rng(seed)
    counts = np.diag(np.full(n_classes, 20))
    for _ in range(n_pairs):
        a, b = rng.choice(n_classes, 2, replace=False)
        counts[a, b] += rng.integers(1, 6)
    return confusable_pairs(counts, [f"{LONG[i % 4]} {i}" for i in range(n_classes)])


def _name_box(node: GraphNode) -> tuple[float, float, float, float]:
    """Where the name stands, by narrow letters of 6 pixels in lines of 15: left, top, right, bottom."""
    width, height = max(map(len, node.lines)) * 6.0, 15.0 * len(node.lines)
    top = node.y - 8 - height if node.is_above else node.y + 8
    return node.x - width / 2, top, node.x + width / 2, top + height


def _overlap(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _dot_box(node: GraphNode) -> tuple[float, float, float, float]:
    return node.x - 8, node.y - 8, node.x + 8, node.y + 8


@pytest.mark.parametrize(("n_classes", "n_pairs"), [(2, 1), (3, 3), (14, 8), (34, 14), (34, 60), (60, 120)])
def test_no_name_lies_on_another_name_or_dot(n_classes: int, n_pairs: int) -> None:
    for part in pair_graph(_pairs(n_classes, n_pairs)):
        for one, two in combinations(part.nodes, 2):
            assert not _overlap(_name_box(one), _name_box(two))
            assert not _overlap(_name_box(one), _dot_box(two))
            assert not _overlap(_dot_box(one), _dot_box(two))
        for node in part.nodes:
            left, top, right, bottom = _name_box(node)
            assert left >= 0 and top >= 0 and right <= part.width and bottom <= part.height


def _drawn(part: GraphPart) -> set[tuple[str, str]]:
    return {(part.nodes[edge.start].name, part.nodes[edge.end].name) for edge in part.edges}


def test_every_pair_is_a_line_between_its_classes() -> None:
    pairs = _pairs(34, 20)
    parts = pair_graph(pairs)
    assert set().union(*map(_drawn, parts)) == {(pair.a, pair.b) for pair in pairs}
    assert [len(part.nodes) for part in parts] == sorted((len(part.nodes) for part in parts), reverse=True)
    widest = max((edge for part in parts for edge in part.edges), key=lambda edge: edge.width)
    assert widest.pair.score == max(pair.score for pair in pairs)


def test_the_same_pairs_give_the_same_drawing() -> None:
    assert pair_graph(_pairs(34, 40)) == pair_graph(_pairs(34, 40))


def test_of_many_classes_the_most_confused_are_drawn() -> None:
    pairs = _pairs(1000, 900)
    parts = pair_graph(pairs, most_classes=60)
    drawn = set().union(*map(_drawn, parts))
    assert sum(len(part.nodes) for part in parts) == 60
    assert {(pair.a, pair.b) for pair in pairs[:20]} <= drawn


def test_a_star_of_sixty_classes_has_room() -> None:
    counts = np.diag(np.full(60, 20))
    counts[0, 1:] = 3
    (part,) = pair_graph(confusable_pairs(counts, [f"class {i}" for i in range(60)]))
    assert len(part.nodes) == 60 and len(part.edges) == 59


def test_nothing_is_drawn_of_nothing() -> None:
    assert pair_graph([]) == []


def test_the_lines_are_the_pairs_beyond_chance_and_those_of_groups() -> None:
    counts = np.diag(np.full(14, 36))
    counts[np.ix_((3, 4, 5), (3, 4, 5))] += 4
    counts[0, 1] = counts[1, 0] = 4
    counts[7, 8] = counts[9, 2] = 1
    names = [f"class {i}" for i in range(14)]
    pairs = confusable_pairs(counts, names)
    edges = graph_edges(pairs, confusable_groups(counts, names, pairs))
    assert {(pair.a_index, pair.b_index) for pair in edges} == {(0, 1), (3, 4), (3, 5), (4, 5)}


@pytest.mark.parametrize(
    "name", ["a", "_", "  ", "x" * 200, "one two three four five six seven eight nine ten"]
)
def test_names_stand_on_at_most_three_short_lines(name: str) -> None:
    lines = name_lines(name)
    assert 1 <= len(lines) <= 3 and all(len(line) <= LINE_LENGTH for line in lines)
