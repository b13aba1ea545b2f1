"""What is said about confusable pairs and groups. Names are plain here: a page escapes them for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.confusable import ConfusablePair
from analysis.confusable_groups import ConfusableGroup
from analysis.intervals import Interval
from analysis.number_words import interval_words, p_words, percent
from pages.shared.state import escaped

MAX_Q = 0.05
BEYOND = "beyond chance"
IN_GROUP = "as part of a group"
CHANCE = "could be chance"
WINNERS_CURSE = "These were picked for being at the top, so on new images their rates will be somewhat lower."


def chance_words(pair: ConfusablePair, grouped: frozenset[tuple[int, int]]) -> str:
    """Whether a pair is confused more often than chance would have it.

    Args:
        pair: the pair.
        grouped: the indices of the pairs that hold groups together.
    """
    if pair.q_value <= MAX_Q:
        return BEYOND
    return IN_GROUP if (pair.a_index, pair.b_index) in grouped else CHANCE


def grouped_pairs(groups: Sequence[ConfusableGroup]) -> frozenset[tuple[int, int]]:
    """The indices of the pairs that hold groups together."""
    return frozenset((pair.a_index, pair.b_index) for group in groups for pair in group.edges)


def share_words(count: int, support: int, interval: Interval) -> str:
    """A count of its support with the interval of its rate; without support, that there are no images."""
    return f"{count} of {support} ({interval_words(interval)})" if support else "no images"


def directions_words(pair: ConfusablePair) -> str:
    """Both directions in one line."""
    return (
        f"{pair.a_as_b} of {pair.a_support} {pair.a} called {pair.b}, "
        f"{pair.b_as_a} of {pair.b_support} {pair.b} called {pair.a}"
    )


def answer_words(pairs: Sequence[ConfusablePair], groups: Sequence[ConfusableGroup], n_classes: int) -> str:
    """The page's answer in one or two sentences, in Markdown.

    Args:
        pairs: all pairs with errors, most confused first; at least one.
        groups: all groups.
        n_classes: C.
    """
    top = pairs[0]
    if n_classes <= 3:
        return (
            f"**Most confused are {escaped(top.a)} and {escaped(top.b)}**: {escaped(directions_words(top))}. With "
            f"{n_classes} classes nothing can be said about chance: how often each class errs settles which "
            "pairs are confused."
        )
    sure = [pair for pair in pairs if pair.q_value <= MAX_Q]
    found = []
    if sure:
        found.append("one pair of classes" if len(sure) == 1 else f"{len(sure):,} pairs of classes")
    if groups:
        found.append(
            "one group of three or more" if len(groups) == 1 else f"{len(groups):,} groups of three or more"
        )
    if not found:
        return (
            f"**No pair of classes is confused more often than chance would have it.** {len(pairs):,} "
            f"{'pair has' if len(pairs) == 1 else 'pairs have'} mistakes, most of all {escaped(top.a)} and "
            f"{escaped(top.b)} ({escaped(directions_words(top))}), but so few can come about by chance."
        )
    best = sure[0] if sure else groups[0].edges[0]
    verb = "is" if len(sure) + len(groups) == 1 else "are"
    words = " and ".join(found)
    return (
        f"**{words[0].upper()}{words[1:]} {verb} confused beyond chance.** "
        f"{'Most of all' if len(sure) > 1 else 'Among them' if len(sure) + len(groups) > 1 else 'It is'} "
        f"{escaped(best.a)} and {escaped(best.b)}: {escaped(directions_words(best))}."
    )


def group_words(group: ConfusableGroup) -> str:
    """What a group amounts to, in Markdown."""
    words = (
        f"**{group.errors:,} of {group.images:,}** images of these classes were called another of them "
        f"({percent(group.rate)}, 95% interval {interval_words(group.interval)}). That is {percent(group.share_of_errors)} of "
        "all mistakes."
    )
    if group.by_pairs:
        return f"{words} Each link is beyond chance by itself."
    return (
        f"{words} The group as a whole is beyond chance (corrected {p_words(group.q_value)}), even where a single "
        "pair is not."
    )


def pair_chance_words(pair: ConfusablePair, *, in_group: bool) -> str:
    """What chance has to do with a pair, in a sentence."""
    if pair.q_value <= MAX_Q:
        return f"That is beyond chance (corrected {p_words(pair.q_value)})."
    if in_group:
        return (
            "By itself that could be chance, but the pair is part of a group of classes that are confused beyond "
            "chance."
        )
    return f"That could be chance (corrected {p_words(pair.q_value)}): both classes err or attract errors anyway."
