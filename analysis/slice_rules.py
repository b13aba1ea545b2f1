"""Rules of one or two (from a decision tree, more) conditions under which more images are wrong.

Everything here looks at the errors of the exploring half only. What it proposes is not a finding: the other
half decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, log

import numpy as np

from analysis.confusion import Booleans, Floats, Integers
from analysis.slice_conditions import FEWEST_IMAGES, Rule, conditions, holds
from analysis.slice_features import Feature
from analysis.slice_significance import slice_p_value, z_scores
from analysis.slice_tree import tree_rules

FEWEST_EXPLORED = 8
MOST_RULES = 8
SCREEN = 0.05
ALIKE = 0.6
"""Two slices that share more than this of the images of either are one."""
_NEARLY = 3.0
"""In nats: rules whose strength differs by less are as good as each other on so few images."""
_MOST_SINGLES = 400
_MOST_PAIRS = 60


@dataclass(frozen=True)
class Proposals:
    """Rules worth asking the other half about.

    Args:
        rules: the best, at most ``MOST_RULES``, the strongest first.
        n_searched: how many rules were looked at.
    """

    rules: tuple[Rule, ...]
    n_searched: int


def proposed_rules(
    features: Sequence[Feature], wrong: Booleans, labels: Integers, explored: Booleans
) -> Proposals:
    """Look for rules on one half of the images.

    Args:
        features: of N images.
        wrong: (N,) whether the prediction is wrong; looked at where ``explored`` only.
        labels: (N,) class indices.
        explored: (N,) the half to look at.

    Returns:
        Rules by falling strength, each saying something that those before it don't.
    """
    search = _Search(tuple(features), wrong, labels, explored)
    singles = search.single_rules()
    if not singles:
        return Proposals((), 0)
    pairs, n_pairs = search.pairs(singles)
    grown = [rule for rule in tree_rules(features, search.residuals, explored) if search.is_large(rule)]
    grown = [search.simplified(rule, len(singles)) for rule in grown]
    rules = list(dict.fromkeys([*(rule for rule in singles if search.z(rule) > 1), *pairs, *grown]))
    return Proposals(search.strongest(rules, len(singles)), len(singles) + n_pairs + len(grown))


class _Search:
    """What the search needs at every step, for the exploring half."""

    def __init__(
        self, features: tuple[Feature, ...], wrong: Booleans, labels: Integers, explored: Booleans
    ) -> None:
        self.features = features
        self.explored = explored
        self.wrong, self.labels = wrong[explored], labels[explored]
        self.residuals, self.variances = class_residuals(self.wrong, self.labels)
        self._masks: dict[Rule, Booleans] = {}
        self._p_values: dict[Rule, float] = {}

    def mask(self, rule: Rule) -> Booleans:
        """(N,) kept, because each is asked for several times."""
        if rule not in self._masks:
            self._masks[rule] = holds(rule, self.features)
        return self._masks[rule]

    def is_large(self, rule: Rule) -> bool:
        mask = self.mask(rule)
        n, n_explored = int(mask.sum()), int(mask[self.explored].sum())
        return (
            n >= FEWEST_IMAGES
            and n_explored >= FEWEST_EXPLORED
            and n <= len(mask) / 2 + 1
            and n - n_explored >= FEWEST_EXPLORED
        )

    def z(self, rule: Rule) -> float:
        masks = self.mask(rule)[self.explored][None].astype(float)
        return float(z_scores(self.residuals, self.variances, masks)[0])

    def single_rules(self) -> list[Rule]:
        rules: list[Rule] = [(each,) for feature in self.features for each in conditions(feature)]
        large = [rule for rule in rules if self.is_large(rule)]
        if len(large) <= _MOST_SINGLES:
            return large
        order = np.argsort([-self.z(rule) for rule in large], kind="stable")
        return [large[place] for place in order[:_MOST_SINGLES]]

    def pairs(self, singles: Sequence[Rule]) -> tuple[list[Rule], int]:
        """The best pairs that are stronger than either of their conditions, and how many there were."""
        masks = np.stack([self.mask(rule)[self.explored] for rule in singles]).astype(np.float32)
        excess = (masks * self.residuals.astype(np.float32)) @ masks.T
        spread = np.sqrt(np.maximum((masks * self.variances.astype(np.float32)) @ masks.T, 1e-9))
        z = excess / spread
        alone = np.diag(z)
        names = np.array([rule[0].feature for rule in singles])
        other = (names[:, None] != names) & (masks @ masks.T >= FEWEST_EXPLORED)
        a, b = np.nonzero(np.triu(other & (z > np.maximum(alone[:, None], alone) + 0.3) & (z > 1.6), 1))
        order = np.argsort(-z[a, b], kind="stable")[: _MOST_PAIRS * 2]
        found: list[Rule] = [(singles[a[place]][0], singles[b[place]][0]) for place in order]
        return [rule for rule in found if self.is_large(rule)][:_MOST_PAIRS], int(np.triu(other, 1).sum())

    def simplified(self, rule: Rule, n_conditions: int) -> Rule:
        """The rule without the conditions that it does as well without."""
        while len(rule) > 1:
            shorter = [rule[:place] + rule[place + 1 :] for place in range(len(rule))]
            shorter = [each for each in shorter if self.is_large(each)]
            best = min(shorter, key=lambda each: self.cost(each, n_conditions), default=None)
            if best is None or self.cost(best, n_conditions) > self.cost(rule, n_conditions):
                break
            rule = best
        return rule

    def p_value(self, rule: Rule) -> float:
        """On the exploring half, so it says what to ask, not what is so; kept, because it takes a while."""
        if rule not in self._p_values:
            inside = self.mask(rule)[self.explored]
            self._p_values[rule] = slice_p_value(self.wrong, inside, self.labels)
        return self._p_values[rule]

    def cost(self, rule: Rule, n_conditions: int) -> float:
        """How unlikely it is by chance, among as many rules of its length as there are; smaller is stronger."""
        ways = comb(max(n_conditions, len(rule)), len(rule))
        return log(max(self.p_value(rule), 1e-300)) + log(ways)

    def strongest(self, rules: Sequence[Rule], n_conditions: int) -> tuple[Rule, ...]:
        """The strongest rules, each still telling something of the images that those before it don't hold."""
        promising = [rule for rule in rules if self.p_value(rule) <= SCREEN]
        waiting = sorted(promising, key=lambda rule: (self.cost(rule, n_conditions), len(rule)))
        chosen: list[Rule] = []
        covered = np.zeros(len(self.explored), bool)
        while waiting and len(chosen) < MOST_RULES:
            if self._adds(self.mask(waiting[0]), covered):
                best = self._plainest(waiting, n_conditions)
                chosen.append(best)
                covered |= self.mask(best)
                waiting = [rule for rule in waiting[1:] if jaccard(self.mask(rule), self.mask(best)) <= ALIKE]
            else:
                waiting = waiting[1:]
        return tuple(chosen)

    def _plainest(self, ordered: Sequence[Rule], n_conditions: int) -> Rule:
        """Of the strongest and what is nearly as strong and holds about the same images, the plainest."""
        first = ordered[0]
        limit = self.cost(first, n_conditions) + _NEARLY
        alike = [
            rule
            for rule in ordered
            if self.cost(rule, n_conditions) <= limit and jaccard(self.mask(rule), self.mask(first)) > ALIKE
        ]
        return min(alike, key=self.plainness)

    def plainness(self, rule: Rule) -> tuple[int, int]:
        """Fewer conditions are plainer, then the feature that comes first: brightness before sharpness."""
        places = {feature.name: place for place, feature in enumerate(self.features)}
        return len(rule), min(places[condition.feature] for condition in rule)

    def _adds(self, mask: Booleans, covered: Booleans) -> bool:
        if not covered.any():
            return True
        free = ~covered[self.explored]
        return slice_p_value(self.wrong[free], mask[self.explored][free], self.labels[free]) <= SCREEN


def class_residuals(wrong: Booleans, labels: Integers) -> tuple[Floats, Floats]:
    """Wrongness less the error rate of its class, and that rate times one less it; both (N,)."""
    n = int(labels.max(initial=-1)) + 1
    images = np.maximum(np.bincount(labels, minlength=n), 1)
    rates = (np.bincount(labels, weights=wrong, minlength=n) / images)[labels]
    return wrong - rates, rates * (1 - rates)


def jaccard(a: Booleans, b: Booleans) -> float:
    """Images in both of two sets over those in either, 0 to 1."""
    either = int((a | b).sum())
    return int((a & b).sum()) / either if either else 0.0
