"""What the search for slices found, as it is kept and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from analysis.confusion import Integers
from analysis.intervals import Interval
from analysis.number_words import percent
from analysis.slice_conditions import Condition


@dataclass(frozen=True)
class Spread:
    """How an amount is spread inside a slice and outside of it.

    Args:
        feature: its name.
        edges: B + 1 ends of the bins.
        inside: B shares of the slice's images, adding to at most 1.
        outside: B shares of the others.
        is_date: the amounts are seconds since 1970.
    """

    feature: str
    edges: tuple[float, ...]
    inside: tuple[float, ...]
    outside: tuple[float, ...]
    is_date: bool = False


@dataclass(frozen=True)
class SliceClass:
    """One class in a slice.

    Args:
        label: its name.
        n: its images in the slice.
        errors: wrong ones among them.
        taken_for: what the wrong ones were called most often, "" without errors.
    """

    label: str
    n: int
    errors: int
    taken_for: str


@dataclass(frozen=True, eq=False)
class Slice:
    """Images of one kind, and how often they are wrong.

    "Held out" are the images that had no part in finding the slice. Its rates are the honest ones: among all
    images, those that suggested the slice count for it.

    Args:
        kind: "rule" (conditions) or "embedding" (images the network sees alike).
        identity: 8 hex digits that follow from its images; the same in a link after a reload.
        name: what the images are, in words.
        also: what else is typical of them, in words.
        conditions: of a rule; () for an embedding slice.
        rows: (n,) the images, row numbers of the predictions; an embedding slice's most central first.
        n: images.
        errors: wrong ones among them.
        rate: errors / n.
        rate_outside: the share of wrong ones among all other images.
        held_out_n: images of the slice that are held out.
        held_out_errors: wrong ones among them.
        held_out_rate: held_out_errors / held_out_n.
        held_out_rate_outside: the share of wrong ones among the other held-out images.
        interval: 95 % Wilson interval of held_out_rate.
        p_value: how likely so many held-out errors are by chance, each class's errors being given.
        q_value: the same, corrected for all slices tried (Benjamini and Hochberg).
        confirmed: q_value <= .05.
        excess_errors: errors beyond those that as many other images of the same classes would have, among all
            images, at the held-out difference; negative where there were fewer.
        classes: the classes in it, most errors first.
        spreads: of the amounts in its conditions, or of the most typical quality.
        next_step: a hypothesis of what would help.
    """

    kind: Literal["rule", "embedding"]
    identity: str
    name: str
    also: tuple[str, ...]
    conditions: tuple[Condition, ...]
    rows: Integers
    n: int
    errors: int
    rate: float
    rate_outside: float
    held_out_n: int
    held_out_errors: int
    held_out_rate: float
    held_out_rate_outside: float
    interval: Interval
    p_value: float
    q_value: float
    confirmed: bool
    excess_errors: float
    classes: tuple[SliceClass, ...]
    spreads: tuple[Spread, ...]
    next_step: str

    @property
    def words(self) -> str:
        """The name with what else is typical."""
        return f"{self.name}, also {' and '.join(self.also)}" if self.also else self.name

    @property
    def sentence(self) -> str:
        """The slice in one line, with held-out rates."""
        fate = "confirmed on the held-out half" if self.confirmed else "not confirmed on the held-out half"
        rates = f"{percent(self.held_out_rate)} wrong against {percent(self.held_out_rate_outside)}"
        return f"{self.words}: {rates}, {self.n:,} images, {fate}"


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices tried.

    Args:
        slices: confirmed ones first, by falling excess errors; then the others by rising p-value.
        n_images: images looked at.
        n_errors: wrong ones among them.
        features: what was looked at, in words.
        n_searched: rules and groups looked at on the exploring halves.
        n_tested: those tested on the held-out halves.
        remarks: sentences on what could not be looked at.
        too_few: why nothing was tried; "" where something was.
    """

    slices: tuple[Slice, ...] = ()
    n_images: int = 0
    n_errors: int = 0
    features: tuple[str, ...] = ()
    n_searched: int = 0
    n_tested: int = 0
    remarks: tuple[str, ...] = ()
    too_few: str = ""

    @property
    def confirmed(self) -> tuple[Slice, ...]:
        """The findings."""
        return tuple(each for each in self.slices if each.confirmed)

    @property
    def candidates(self) -> tuple[Slice, ...]:
        """What the held-out half did not confirm."""
        return tuple(each for each in self.slices if not each.confirmed)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain data for JSON, and the rows of each slice as arrays."""
        plain = asdict(replace(self, slices=()))
        plain["slices"] = [_plain(each) for each in self.slices]
        return plain, {f"rows_{place}": each.rows for place, each in enumerate(self.slices)}

    @classmethod
    def from_saved(cls, plain: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave."""
        slices = [_slice(each, arrays[f"rows_{place}"]) for place, each in enumerate(plain["slices"])]
        lists = {name: tuple(plain[name]) for name in ("features", "remarks")}
        return cls(**{**plain, **lists, "slices": tuple(slices)})


def _plain(found: Slice) -> dict[str, Any]:
    # the rows are written as an array: they may be many
    return asdict(replace(found, rows=np.zeros(0, np.int64))) | {"rows": None}


def _slice(plain: dict[str, Any], rows: npt.NDArray[Any]) -> Slice:
    low, high = plain["interval"]
    return Slice(
        **plain
        | {
            "also": tuple(plain["also"]),
            "conditions": tuple(Condition(**each) for each in plain["conditions"]),
            "rows": rows.astype(np.int64),
            "interval": (low, high),
            "classes": tuple(SliceClass(**each) for each in plain["classes"]),
            "spreads": tuple(_spread(each) for each in plain["spreads"]),
        }
    )


def _spread(plain: dict[str, Any]) -> Spread:
    lists = {name: tuple(plain[name]) for name in ("edges", "inside", "outside")}
    return Spread(**plain | lists)
