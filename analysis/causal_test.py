"""Does a place cause the prediction? Counts of what changed when it was covered or pasted, and a verdict.

An attribution map is a hint. Only changing the picture shows a cause: cover the place, or paste it on
other images, predict again, and hold what happens against the same done at a control place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any, Literal, get_args

import numpy as np

from analysis.causal_chance import (
    exchange_p,
    pieces_p,
    resampled_means,
    share_interval,
    smallest_exchange_p,
    smallest_pieces_p,
)
from analysis.causal_words import probability_words, verdict_words
from analysis.map_regions import Region

Edit = Literal["cover", "paste"]
Control = Literal["other places", "other images"]
Verdict = Literal["confirmed", "unclear", "not confirmed", "too few images", "cannot be tested"]

FEWEST_EDITED = 6
SIGNIFICANT, SUGGESTIVE = 0.01, 0.05
SMALLEST_EFFECT = 0.1


@dataclass(frozen=True)
class ControlEffect:
    """What one control did to an image.

    Args:
        piece: row number of the image that it was taken from, or covered on.
        changed: whether the prediction changed in the way that counts.
        probability: of the class in question, 0..1.
    """

    piece: int
    changed: bool
    probability: float


@dataclass(frozen=True)
class ImageEffect:
    """What an edit did to one image.

    Args:
        image: its row number in the predictions.
        source: row number of the image that the place was taken from; -1 where nothing was pasted.
        before: index of the class it was called.
        after: index of the class it is called with the edit.
        probability_before: of the class in question, 0..1.
        probability_after: of it with the edit.
        controls: what its controls did, at least one. Where they are other places of the source, they are
            the same ones in the same order on all images that it was pasted on.

    Raises:
        ValueError: there are no controls.
    """

    image: int
    source: int
    before: int
    after: int
    probability_before: float
    probability_after: float
    controls: tuple[ControlEffect, ...]

    def __post_init__(self) -> None:
        if not self.controls:
            raise ValueError("an edit without controls shows nothing")

    @property
    def piece(self) -> int:
        """Row number of the image that the place was taken from, or covered on."""
        return self.image if self.source < 0 else self.source

    @property
    def control_share(self) -> float:
        """The share of its controls that changed the prediction."""
        return sum(each.changed for each in self.controls) / len(self.controls)

    @property
    def control_probability(self) -> float:
        """Mean probability of the class in question over its controls."""
        return sum(each.probability for each in self.controls) / len(self.controls)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ImageEffect:
        """The effect that ``asdict`` made plain.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        return cls(**{**value, "controls": tuple(ControlEffect(**each) for each in value["controls"])})


@dataclass(frozen=True)
class CausalTest:
    """The result of covering or pasting one place.

    Args:
        edit: "cover": a change is a prediction that leaves the class. "paste": one that becomes the class.
        region: the place, as shares of what the network sees.
        target: index of the class.
        target_name: its name.
        control: what each image's edit is held against. "other places": covering other places of the same
            size, or pasting other places of the same source. "other images": pasting the same place of
            images of other classes.
        effects: one per image; all were called the class before ("cover"), or none was ("paste").
    """

    edit: Edit
    region: Region
    target: int
    target_name: str
    control: Control
    effects: tuple[ImageEffect, ...]

    @property
    def n(self) -> int:
        """How many images were edited."""
        return len(self.effects)

    @property
    def n_pieces(self) -> int:
        """How many pieces tell of the place: images that it was taken from, or covered on."""
        return len({each.piece for each in self.effects})

    @property
    def changed(self) -> int:
        """How many predictions changed."""
        return sum(self._changes)

    @property
    def control_changed(self) -> float:
        """How many changed with a control, on average over each image's controls."""
        return sum(each.control_share for each in self.effects)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share that changed, with pieces as what was drawn."""
        return share_interval(self._changes, [each.piece for each in self.effects])

    @property
    def control_interval(self) -> tuple[float, float]:
        """The same for the controls."""
        weights = [1 / len(each.controls) for each in self.effects for _ in each.controls]
        return share_interval(
            [each.changed for each in self._controls], [each.piece for each in self._controls], weights
        )

    @property
    def p(self) -> float:
        """How likely so many changes are if the place mattered no more than its controls; exact."""
        if self.control == "other images":
            return pieces_p(*self._counts_of_pieces)
        return exchange_p(self._strata)

    @property
    def smallest_p(self) -> float:
        """The smallest p that so many pieces and controls could have shown."""
        if self.control == "other images":
            return smallest_pieces_p(*map(len, self._counts_of_pieces))
        return smallest_exchange_p(self._strata)

    @property
    def probability_change(self) -> tuple[float, float, float]:
        """How much more the class's probability changed than with a control: mean and 95 % interval."""
        if not self.n:
            return float("nan"), float("nan"), float("nan")
        own = [each.piece for each in self.effects]
        differences = [each.probability_after - each.control_probability for each in self.effects]
        if self.control == "other images":
            drawn = resampled_means([each.probability_after for each in self.effects], own, 0)
            of_controls = [each.probability for each in self._controls]
            drawn -= resampled_means(of_controls, [each.piece for each in self._controls], 1)
        else:
            drawn = resampled_means(differences, own, 0)
        low, high = np.percentile(drawn, [2.5, 97.5])
        return float(np.mean(differences)), float(low), float(high)

    @property
    def verdict(self) -> Verdict:
        """What follows: a cause needs p < .01 and at least a tenth more changes than the controls."""
        if not self.n:
            return "cannot be tested"
        if self.n < FEWEST_EDITED or self.smallest_p >= SIGNIFICANT:
            return "too few images"
        is_large = self.changed - self.control_changed >= SMALLEST_EFFECT * self.n
        if is_large and self.p < SIGNIFICANT:
            return "confirmed"
        return "unclear" if is_large and self.p < SUGGESTIVE else "not confirmed"

    @property
    def words(self) -> str:
        """The verdict with its counts, as a person says it."""
        return verdict_words(self)

    @property
    def probability_words(self) -> str:
        """How the class's probability changed, as a person says it."""
        return probability_words(self)

    def is_change(self, effect: ImageEffect) -> bool:
        """Whether an image's prediction changed in the way that counts."""
        return (effect.after == self.target) == (self.edit == "paste")

    @property
    def _changes(self) -> list[bool]:
        return [self.is_change(each) for each in self.effects]

    @property
    def _controls(self) -> list[ControlEffect]:
        return [control for each in self.effects for control in each.controls]

    @property
    def _counts_of_pieces(self) -> tuple[list[int], list[int]]:
        """How many images each piece in question changed, and each of those it is held against."""
        own, others = Counter[int](), Counter[int]()
        for each in self.effects:
            own[each.piece] += self.is_change(each)
            for control in each.controls:
                others[control.piece] += control.changed
        return list(own.values()), list(others.values())

    @property
    def _strata(self) -> list[list[int]]:
        """For each piece, how many images it changed, then how many each of its own controls did."""
        counts: dict[int, list[int]] = {}
        for each in self.effects:
            row = [self.is_change(each), *(control.changed for control in each.controls)]
            known = counts.get(each.piece, [])
            counts[each.piece] = [sum(pair) for pair in zip_longest(known, row, fillvalue=0)]
        return list(counts.values())

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CausalTest:
        """The result that ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        edit, (left, top, right, bottom) = value["edit"], value["region"]
        if edit not in get_args(Edit):
            raise ValueError(f"there is no edit {edit!r}")
        if value["control"] not in get_args(Control):
            raise ValueError(f"there is no control {value['control']!r}")
        return cls(
            edit,
            (float(left), float(top), float(right), float(bottom)),
            int(value["target"]),
            str(value["target_name"]),
            value["control"],
            tuple(map(ImageEffect.from_json, value["effects"])),
        )
