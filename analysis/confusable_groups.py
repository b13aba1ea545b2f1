"""Groups of three and more classes that are taken for each other, such as Birman, Ragdoll and Siamese."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.confusable import ConfusablePair, confusable_pairs
from analysis.confusion import Counts, Floats, rates, square
from analysis.group_significance import block_p_values, corrected_for_all_groups
from analysis.intervals import Interval, wilson_interval
from analysis.ordering import confusion_distances

Members = tuple[int, ...]
_MEMBER_P = 0.05


@dataclass(frozen=True)
class ConfusableGroup:
    """Three or more classes that are taken for each other.

    Args:
        members: the names of the classes, in the order of the class names.
        indices: their indices.
        edges: the pairs that hold the group together, most confused first.
        errors: images labelled one member and called another.
        share_of_errors: errors / all errors of all classes, 0 to 1.
        images: images labelled with a member.
        rate: errors / images, 0 to 1; nan without images.
        interval: its 95 % Wilson interval.
        p_value: how likely at least so many errors fall inside these classes by chance, given how many each class
            makes and attracts.
        q_value: the same, corrected for all groups that could have been found.
        by_pairs: the group is held together by pairs that are each beyond chance; else it is beyond chance
            as a whole only.
    """

    members: tuple[str, ...]
    indices: Members
    edges: tuple[ConfusablePair, ...]
    errors: int
    share_of_errors: float
    images: int
    rate: float
    interval: Interval
    p_value: float
    q_value: float
    by_pairs: bool


def confusable_groups(
    counts: Counts,
    class_names: Sequence[str],
    pairs: Sequence[ConfusablePair] | None = None,
    *,
    min_score: float = 0.05,
    max_q: float = 0.05,
    largest: int = 8,
) -> list[ConfusableGroup]:
    """The groups of three and more classes that are confused with each other beyond chance.

    Two classes hang together if their score is at least ``min_score`` and they are beyond chance: by themselves
    (the pair's q is at most ``max_q``), or as members of a set in which each has a mean score of
    ``min_score`` with the others and more errors with them than chance brings (p <= .05), and whose errors inside,
    corrected for all sets of its size, have a q of at most ``max_q``. Groups are the connected parts. One of
    more than ``largest`` classes is cut where the tree of the matrix's order (average linkage) parts, until none is
    larger; what then hangs together by less than three classes is dropped.

    Args:
        counts: (C, C), row = label, column = prediction.
        class_names: C names, each once.
        pairs: what ``confusable_pairs`` gives for these counts, if it is at hand.
        min_score: of an edge, 0 to 1.
        max_q: the share of findings that may be chance.
        largest: the most classes of a group, 3 or more.

    Returns:
        Groups without a class in common, the one with most errors first. The order of the classes plays no part.

    Raises:
        ValueError: counts are not square, the names are not as many, or ``largest`` is below 3.
    """
    square(counts)
    if largest < 3:
        raise ValueError(f"a group has three classes at least, so the largest cannot have {largest}")
    known = confusable_pairs(counts, class_names) if pairs is None else pairs
    # in the order of the names, so that ties fall alike however the classes are ordered
    order = sorted(range(len(counts)), key=lambda index: class_names[index])
    place = {index: position for position, index in enumerate(order)}
    strong = {
        (min(ends), max(ends)): pair
        for pair in known
        if pair.score >= min_score
        for ends in [(place[pair.a_index], place[pair.b_index])]
    }
    ordered = counts[np.ix_(order, order)]
    edges = {ends for ends, pair in strong.items() if pair.q_value <= max_q}
    for group in _significant_sets(ordered, sorted(strong), min_score, max_q, largest):
        edges |= {ends for ends in combinations(group, 2) if ends in strong}
    parts = [piece for part in connected_parts(edges) for piece in _cut(ordered, part, edges, largest)]
    chosen = {frozenset(order[i] for i in ends): strong[ends] for ends in edges}
    members = [tuple(sorted(order[i] for i in part)) for part in parts]
    return _records(counts, class_names, members, chosen, max_q)


def connected_parts(edges: Iterable[tuple[int, int]]) -> list[Members]:
    """The sets of numbers that edges connect, each sorted, by their smallest number.

    >>> connected_parts([(4, 1), (2, 3), (1, 7)])
    [(1, 4, 7), (2, 3)]
    """
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        while parent.setdefault(number, number) != number:
            parent[number] = number = parent[parent[number]]
        return number

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    parts: dict[int, list[int]] = {}
    for number in sorted(parent):
        parts.setdefault(root(number), []).append(number)
    return [tuple(part) for part in parts.values()]


def _significant_sets(
    counts: Counts, strong: Sequence[tuple[int, int]], min_score: float, max_q: float, largest: int
) -> list[Members]:
    """Sets without a class in common that are beyond chance as a whole, the surest first."""
    sets = _grown_sets(_pair_scores(counts), strong, min_score, largest)
    p_values = block_p_values(counts, [(group, group) for group in sets]).tolist()
    surest = sorted(
        (corrected_for_all_groups(p_value, len(counts), len(group)), p_value, group)
        for p_value, group in zip(p_values, sets, strict=True)
    )
    sure = _without_hangers_on(counts, [group for q_value, _, group in surest if q_value <= max_q])
    found: list[Members] = []
    taken: set[int] = set()
    for group in sure:
        if taken.isdisjoint(group):
            found.append(group)
            taken |= set(group)
    return found


def _grown_sets(
    scores: Floats, strong: Sequence[tuple[int, int]], min_score: float, largest: int
) -> list[Members]:
    """From each pair on, the class that is most confused with the set so far, as long as each member's mean score
    with the others stays at ``min_score``."""
    grown: set[Members] = set()
    for pair in strong:
        members = list(pair)
        while len(members) < min(largest, len(scores)):
            to_set = scores[members].sum(axis=0)
            to_set[members] = -1.0
            members.append(int(to_set.argmax()))
            within = scores[np.ix_(members, members)].sum(axis=1) / (len(members) - 1)
            if within.min() < min_score:
                break
            grown.add(tuple(sorted(members)))
    return sorted(grown)


def _without_hangers_on(counts: Counts, sets: Sequence[Members]) -> list[Members]:
    """The sets in which each member has more errors with the others than chance brings."""
    blocks = [
        ((member,), tuple(other for other in group if other != member)) for group in sets for member in group
    ]
    belongs = block_p_values(counts, blocks) <= _MEMBER_P
    parts = np.split(belongs, np.cumsum([len(group) for group in sets]))
    return [group for group, members in zip(sets, parts, strict=False) if members.all()]


def _pair_scores(counts: Counts) -> Floats:
    """(C, C), symmetric: the score of ``ConfusablePair``; 0 where it is not known, and on the diagonal."""
    shares = rates(counts)
    known = ~np.isnan(shares)
    shares = np.where(known, shares, 0.0)
    scores: Floats = (shares + shares.T) / np.maximum(known.astype(int) + known.T, 1)
    np.fill_diagonal(scores, 0.0)
    return scores


def _cut(counts: Counts, part: Members, edges: set[tuple[int, int]], largest: int) -> list[Members]:
    """The part itself, or its pieces of three to ``largest`` classes."""
    if len(part) <= largest:
        return [part] if len(part) >= 3 else []
    # scipy takes a third of a second to import
    from scipy.cluster.hierarchy import linkage, to_tree
    from scipy.spatial.distance import squareform

    distances = confusion_distances(counts)[np.ix_(part, part)]
    tree = to_tree(linkage(squareform(distances, checks=False), method="average"))
    pieces = []
    for side in (tree.get_left(), tree.get_right()):
        inside = {part[leaf] for leaf in side.pre_order()}
        for piece in connected_parts(ends for ends in sorted(edges) if inside.issuperset(ends)):
            pieces += _cut(counts, piece, edges, largest)
    return pieces


def _records(
    counts: Counts,
    class_names: Sequence[str],
    groups: Sequence[Members],
    edges: dict[frozenset[int], ConfusablePair],
    max_q: float,
) -> list[ConfusableGroup]:
    all_errors = int(counts.sum() - np.trace(counts))
    p_values = block_p_values(counts, [(group, group) for group in groups]).tolist()
    records = []
    for members, p_value in zip(groups, p_values, strict=True):
        inside = counts[np.ix_(members, members)]
        errors, images = int(inside.sum() - np.trace(inside)), int(counts[list(members)].sum())
        low, high = wilson_interval(errors, images)
        own = [edges[ends] for pair in combinations(members, 2) if (ends := frozenset(pair)) in edges]
        alone = connected_parts((pair.a_index, pair.b_index) for pair in own if pair.q_value <= max_q)
        records.append(
            ConfusableGroup(
                tuple(class_names[i] for i in members),
                members,
                tuple(sorted(own, key=lambda pair: (-pair.score, pair.a, pair.b))),
                errors,
                errors / all_errors,
                images,
                errors / images if images else float("nan"),
                (float(low), float(high)),
                p_value,
                corrected_for_all_groups(p_value, len(counts), len(members)),
                len(alone) == 1 and len(alone[0]) == len(members),
            )
        )
    return sorted(records, key=lambda group: (-group.errors, group.members))
