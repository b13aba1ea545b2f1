"""What was measured about the maps of one image, kept in the workspace so that a second look is instant."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from analysis import map_revision
from analysis.asked_target import plain
from analysis.attribution import OptionValue, Target, settings_of
from analysis.attribution.faithfulness import Curve, Curves, maps_allowed
from analysis.attribution.randomisation import Randomisation
from models.errors import WorkspaceError
from models.fingerprints import name_of
from models.store import Store, write_json

REVISION = 2
"""Raise it when the measurements change; what was kept before is then measured again, as it is when the maps
change."""
Check = Literal["curves", "randomisation"]
_Found = TypeVar("_Found")
CHANCE = "chance"
"""In place of a method's key: the random orders that all methods of an image are held against."""


@dataclass(frozen=True)
class Question:
    """Whose maps are checked.

    Args:
        store: the workspace.
        network_fingerprint: of the network that was explained.
        image_key: what tells the image and its content from all others.
        target: what was explained.
    """

    store: Store
    network_fingerprint: str
    image_key: str
    target: Target


@dataclass(frozen=True)
class Trust:
    """What has been measured so far about the maps of one image and target.

    Args:
        curves: insertion and deletion, by method.
        chance: the same for random orders; empty before the first measurement.
        randomisations: the check with random weights, by method.
        refusals: why a method's map could not be checked with random weights, one sentence by method.
    """

    curves: Mapping[str, Curves] = field(default_factory=dict)
    chance: tuple[Curves, ...] = ()
    randomisations: Mapping[str, Randomisation] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)


def saved_trust(question: Question, methods: Mapping[str, Mapping[str, OptionValue]]) -> Trust:
    """What is kept about these methods' maps.

    Curves count as far as the random orders that are kept go: more maps need more of them, so the last maps
    count as not measured where each was measured on its own.

    Args:
        question: whose maps.
        methods: options by key of `METHODS`; left out options have their defaults.

    Raises:
        AttributionError: there is no such method or option.
        WorkspaceError: a file is there but cannot be read.
    """
    curves = {key: _read(question, "curves", key, options) for key, options in methods.items()}
    checks = {key: _read(question, "randomisation", key, options) for key, options in methods.items()}
    found = {key: _sound(_curves, each) for key, each in curves.items()}
    measured = {key: _sound(_randomisation, each) for key, each in checks.items()}
    chance = _sound(_orders, _read(question, "curves", CHANCE, {})) or ()
    known = [(key, each) for key, each in found.items() if each is not None]
    return Trust(
        dict(known[: maps_allowed(len(chance))]),
        chance,
        {key: each for key, each in measured.items() if each is not None},
        {key: str(each["refusal"]) for key, each in checks.items() if each and "refusal" in each},
    )


def save_curves(question: Question, method: str, options: Mapping[str, OptionValue], curves: Curves) -> None:
    """Keep a map's insertion and deletion curves."""
    _write(question, "curves", method, options, asdict(curves))


def save_chance(question: Question, orders: tuple[Curves, ...]) -> None:
    """Keep the curves of all random orders of an image."""
    _write(question, "curves", CHANCE, {}, {"orders": [asdict(each) for each in orders]})


def save_randomisation(
    question: Question, method: str, options: Mapping[str, OptionValue], found: Randomisation | str
) -> None:
    """Keep the result of the check with random weights, or the sentence that says why there is none."""
    value = {"refusal": found} if isinstance(found, str) else asdict(found)
    _write(question, "randomisation", method, options, value)


def _write(
    question: Question, check: Check, method: str, options: Mapping[str, OptionValue], value: dict[str, Any]
) -> None:
    path = _path(question, check, method, options)
    question.store.folder("trust", question.network_fingerprint)
    write_json(path, value)


def _read(
    question: Question, check: Check, method: str, options: Mapping[str, OptionValue]
) -> dict[str, Any] | None:
    path = _path(question, check, method, options)
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error.strerror or error}).",
            next_step="Check the rights of the workspace folder.",
        ) from error
    except ValueError:
        return None  # cut off or overwritten: it is measured again
    return value if isinstance(value, dict) else None


def _path(question: Question, check: Check, method: str, options: Mapping[str, OptionValue]) -> Path:
    chosen = {} if method == CHANCE else settings_of(method, options)
    revisions = REVISION, map_revision.REVISION
    name = name_of(*revisions, question.image_key, check, method, plain(question.target), chosen)
    return question.store.root / "trust" / question.network_fingerprint / f"{name}.json"


def _sound(build: Callable[[dict[str, Any]], _Found], value: dict[str, Any] | None) -> _Found | None:
    """What a file holds; None where it is missing or damaged, so that it is measured again."""
    try:
        return None if value is None else build(value)
    except (KeyError, TypeError, ValueError):
        return None


def _orders(value: dict[str, Any]) -> tuple[Curves, ...]:
    return tuple(map(_curves, value["orders"]))


def _curves(value: dict[str, Any]) -> Curves:
    return Curves(_curve(value["insertion"]), _curve(value["deletion"]))


def _curve(value: dict[str, Any]) -> Curve:
    points = [(float(share), float(score)) for share, score in _pairs(value["fractions"], value["scores"])]
    return Curve(tuple(share for share, _ in points), tuple(score for _, score in points))


def _randomisation(value: dict[str, Any]) -> Randomisation:
    stages = [
        (float(share), tuple(map(float, draws)))
        for share, draws in _pairs(value["shares"], value["similarities"])
    ]
    return Randomisation(tuple(share for share, _ in stages), tuple(draws for _, draws in stages))


def _pairs(one: Sequence[Any], other: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Raises ValueError if the two are of different lengths, or empty."""
    if not one:
        raise ValueError
    return list(zip(one, other, strict=True))
