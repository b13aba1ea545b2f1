"""Kinds of images that fail more often than others of the same classes.

A search that knows the errors always finds such kinds, even where there are none. So the images are divided
into halves: what one half suggests counts only if the other confirms it. Each half explores once and confirms
once: with a few hundred images, one direction alone misses too much. All slices of both directions that reach
the test are corrected for together. Copies of a picture count once (``analysis.slice_copies``).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from analysis.confusion import Booleans, Integers
from analysis.embedding_slices import (
    EmbeddingSpace,
    central_first,
    embedding_components,
    embedding_space,
    shared_components,
)
from analysis.intervals import wilson_interval
from analysis.significance import false_discovery_rates
from analysis.slice_conditions import FEWEST_IMAGES, Rule, holds
from analysis.slice_copies import among_all, first_copies
from analysis.slice_features import Features, slice_features
from analysis.slice_inside import slice_classes, spreads
from analysis.slice_record import Slice, Slices
from analysis.slice_rules import ALIKE, FEWEST_EXPLORED, MOST_RULES, SCREEN, jaccard, proposed_rules
from analysis.slice_significance import (
    adjusted_excess,
    class_counts,
    slice_p_value,
)
from analysis.slice_words import embedding_words, next_step, rule_words, typical_words
from models.halves import stratified_halves
from models.prediction_selection import rows_of
from models.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from models.prediction_record import Predictions

__all__ = ["Slice", "Slices", "slice_steps", "slices_of"]

FEWEST_TO_TRY = 80
FEWEST_ERRORS = 10
CONFIRMED = 0.05
PHASE = "Looking for kinds of image that fail"
_SEED = 1
_STEPS = 5


def slice_steps(predictions: Predictions, facts: pd.DataFrame) -> Generator[Progress, None, Slices]:
    """Look for slices.

    Args:
        predictions: N images.
        facts: N rows, what was measured of the pictures (``models.image_facts``).

    Yields:
        Progress.

    Returns:
        The slices, confirmed or not; the same for the same predictions and facts.
    """
    rows = first_copies(facts)
    if len(rows) == len(facts):
        return (yield from _steps(predictions, facts))
    found = yield from _steps(rows_of(predictions, rows), facts.iloc[rows].reset_index(drop=True))
    return among_all(found, rows, len(facts))


def _steps(predictions: Predictions, facts: pd.DataFrame) -> Generator[Progress, None, Slices]:
    found = _Found(predictions, slice_features(predictions, facts))
    too_few = found.too_few()
    if too_few:
        return Slices(n_images=len(predictions), n_errors=int(found.wrong.sum()), too_few=too_few)
    yield Progress(PHASE, 0, _STEPS, "steps")
    found.space = embedding_space(predictions)
    shared = None if found.space is None else shared_components(found.space)
    strata = predictions.labels.astype(np.int64) * 2 + found.wrong
    first = stratified_halves(strata, _SEED)
    for direction, explored in enumerate((first, ~first)):
        yield Progress(PHASE, 1 + 2 * direction, _STEPS, "steps")
        found.explore_rules(explored)
        yield Progress(PHASE, 2 + 2 * direction, _STEPS, "steps")
        if found.space is not None and shared is not None:
            own = embedding_components(predictions, found.space, explored)
            found.explore_groups([*_members(own), *_members(shared)], explored)
    yield Progress(PHASE, _STEPS, _STEPS, "steps")
    return found.slices()


def slices_of(predictions: Predictions, facts: pd.DataFrame) -> Slices:
    """What ``slice_steps`` returns, without progress."""
    steps = slice_steps(predictions, facts)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Slices = end.value
            return found


@dataclass(frozen=True, eq=False)
class _Tested:
    """A slice of one direction: found on one half, tested on the other."""

    rule: Rule
    inside: Booleans
    held_out: Booleans
    p_value: float
    plainness: tuple[int, int, int]


class _Found:
    """What was found so far."""

    def __init__(self, predictions: Predictions, features: Features) -> None:
        self.predictions = predictions
        self.features = features
        self.labels = predictions.labels.astype(np.int64)
        self.wrong = self.labels != predictions.predicted
        self.space: EmbeddingSpace | None = None
        self.tested: list[_Tested] = []
        self.n_searched = 0

    def too_few(self) -> str:
        n, errors = len(self.wrong), int(self.wrong.sum())
        if n < FEWEST_TO_TRY:
            return f"{n:,} images are too few to tell a weak kind of image from chance; it takes {FEWEST_TO_TRY} or more."
        if errors < FEWEST_ERRORS:
            mistakes = "mistake is" if errors == 1 else "mistakes are"
            return f"{errors or 'No'} {mistakes} too few to tell a weak kind of image from chance; it takes {FEWEST_ERRORS} or more."
        if n - errors < FEWEST_ERRORS:
            return "Nearly every image is wrong, so no kind of image is worse than the others."
        return ""

    def explore_rules(self, explored: Booleans) -> None:
        """Test on the other half what rules this one suggests."""
        features = self.features.used
        proposals = proposed_rules(features, self.wrong, self.labels, explored)
        self.n_searched += proposals.n_searched
        places = {feature.name: place for place, feature in enumerate(features)}
        for rule in proposals.rules:
            first = min(places[condition.feature] for condition in rule)
            self._test(rule, holds(rule, features), explored, (0, len(rule), first))

    def explore_groups(self, groups: Sequence[Booleans], explored: Booleans) -> None:
        """Test on the other half those of the groups that fail on this one."""
        large = [
            inside
            for inside in groups
            if inside.sum() >= FEWEST_IMAGES
            and min((inside & explored).sum(), (inside & ~explored).sum()) >= FEWEST_EXPLORED
        ]
        self.n_searched += len(large)
        p_values = [
            slice_p_value(self.wrong[explored], inside[explored], self.labels[explored]) for inside in large
        ]
        for place in np.argsort(p_values, kind="stable")[:MOST_RULES]:
            if p_values[place] <= SCREEN:
                self._test((), large[place], explored, (1, 0, 0))

    def _test(
        self, rule: Rule, inside: Booleans, explored: Booleans, plainness: tuple[int, int, int]
    ) -> None:
        held_out = ~explored
        p_value = slice_p_value(self.wrong[held_out], inside[held_out], self.labels[held_out])
        self.tested.append(_Tested(rule, inside, held_out, p_value, plainness))

    def slices(self) -> Slices:
        """All that was tested, alike ones merged, the findings first."""
        q_values = false_discovery_rates(np.array([each.p_value for each in self.tested]))
        found = [self._slice(each, q_value) for each, q_value in self._merged(q_values.tolist())]
        found.sort(
            key=lambda each: (not each.confirmed, -each.excess_errors if each.confirmed else each.p_value)
        )
        words = tuple(
            f"the {each.name}" if each.kind == "class" else each.name for each in self.features.used
        )
        return Slices(
            slices=tuple(found), n_images=len(self.wrong), n_errors=int(self.wrong.sum()),
            features=words if self.space is None else (*words, "what the network sees alike"),
            n_searched=self.n_searched, n_tested=len(self.tested), remarks=self._remarks(),
        )  # fmt: skip

    def _remarks(self) -> tuple[str, ...]:
        if self.space is not None:
            return self.features.skipped
        return (
            *self.features.skipped,
            "There are no embeddings, so images that look alike to the network could not be grouped.",
        )

    def _merged(self, q_values: Sequence[float]) -> list[tuple[_Tested, float]]:
        """The confirmed, strongest first, each the plainest of its like and adding to those before; then others.

        This only ever takes slices away, so it makes none a finding that is not.
        """
        tried = sorted(zip(self.tested, q_values, strict=True), key=lambda each: (each[1], each[0].plainness))
        waiting = [each for each in tried if each[1] <= CONFIRMED]
        kept: list[tuple[_Tested, float]] = []
        while waiting:
            first = waiting[0][0].inside
            if self._adds(waiting[0][0], [tested for tested, _ in kept]):
                alike = [each for each in waiting if jaccard(each[0].inside, first) > ALIKE]
                kept.append(min(alike, key=lambda each: (each[0].plainness, each[1])))
            waiting = [each for each in waiting[1:] if jaccard(each[0].inside, first) <= ALIKE]
        for tested, q_value in sorted(tried, key=lambda each: (each[0].plainness, each[1])):
            if q_value > CONFIRMED and all(
                jaccard(tested.inside, other.inside) <= ALIKE for other, _ in kept
            ):
                kept.append((tested, q_value))
        return kept

    def _adds(self, tested: _Tested, before: Sequence[_Tested]) -> bool:
        """Whether its held-out images still fail when those of the slices before it are left out."""
        covered = np.logical_or.reduce([np.zeros_like(tested.inside), *(each.inside for each in before)])
        free = tested.held_out & ~covered
        return slice_p_value(self.wrong[free], tested.inside[free], self.labels[free]) <= CONFIRMED

    def _slice(self, tested: _Tested, q_value: float) -> Slice:
        inside, held_out, wrong = tested.inside, tested.held_out, self.wrong
        rows: Integers = np.flatnonzero(inside)
        if self.space is not None and not tested.rule:
            rows = central_first(self.space, rows)
        n, errors = _n_and_errors(wrong, inside)
        held_out_n, held_out_errors = _n_and_errors(wrong, inside & held_out)
        low, high = wilson_interval(held_out_errors, held_out_n)
        counts = class_counts(wrong[held_out], inside[held_out], self.labels[held_out])
        named = [condition.feature for condition in tested.rule]
        also, amounts = typical_words(self.features.used, inside, named)
        return Slice(
            kind="rule" if tested.rule else "embedding", identity=_identity(rows), name=self._name(tested.rule, rows),
            also=also, conditions=tested.rule, rows=rows, n=n, errors=errors, rate=errors / n,
            rate_outside=_rate(wrong, ~inside), held_out_n=held_out_n, held_out_errors=held_out_errors,
            held_out_rate=held_out_errors / held_out_n, held_out_rate_outside=_rate(wrong, ~inside & held_out),
            interval=(float(low), float(high)), p_value=tested.p_value, q_value=q_value, confirmed=q_value <= CONFIRMED,
            excess_errors=adjusted_excess(counts) / held_out_n * n, classes=slice_classes(self.predictions, rows),
            spreads=spreads(self.features.used, inside, named or [each.name for each in amounts]),
            next_step=next_step(tested.rule),
        )  # fmt: skip

    def _name(self, rule: Rule, rows: Integers) -> str:
        if rule:
            return rule_words(rule)
        predicted = self.predictions.predicted[rows]
        return embedding_words(self.labels[rows], self.wrong[rows], predicted, self.predictions.class_names)


def _members(components: Integers) -> list[Booleans]:
    return [components == component for component in np.unique(components)]


def _n_and_errors(wrong: Booleans, inside: Booleans) -> tuple[int, int]:
    return int(inside.sum()), int((wrong & inside).sum())


def _rate(wrong: Booleans, inside: Booleans) -> float:
    n, errors = _n_and_errors(wrong, inside)
    return errors / n if n else 0.0


def _identity(rows: Integers) -> str:
    return blake2b(np.sort(rows).astype("<i8").tobytes(), digest_size=4).hexdigest()
