"""The breeds of the sample, each as numbers that the drawing understands.

Cats are capitalised and dogs are not, as in the Oxford-IIIT Pet set. Two breeds of cats (the
look-alike pair) and three of dogs (the look-alike trio) are drawn alike on purpose: what tells them
apart is a trait whose values overlap between them, so nobody can be right about all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sample_data.canvas import Colour


@dataclass(frozen=True)
class Look:
    """Everything that can be seen of an animal.

    Args:
        base: the coat's colour, 0..1.
        belly: its colour below.
        mark: the colour of its markings.
        white: the colour of its chest, blaze and socks.
        eye: the iris.
        nose: the tip of the nose.
        fur: length of hair, 0..1.
        saddle: how far the mark's colour reaches down from the back, 0..1.
        points: how dark face, ears, legs and tail are, 0..1 (the Siamese pattern).
        rosettes: strength of spots, 0..1.
        brindle: strength of streaks, 0..1.
        blaze: width of the white stripe on the face, 0..1.
        chest: size of the white chest, 0..1.
        socks: height of the white paws, 0..1.
        ears: "upright", "prick", "bat", "drop" or "rose".
        ear_size: 1 is usual.
        face: width of the skull, 1 is usual.
        muzzle: length of the muzzle, 0..1.
        tail: "thin", "plume", "curl" or "whip".
        build: stoutness, 1 is usual.
        legs: length of the legs, 1 is usual.
        stature: size in the picture, 1 is usual.
    """

    base: Colour
    belly: Colour
    mark: Colour
    eye: Colour
    nose: Colour = (0.12, 0.1, 0.1)
    white: Colour = (0.94, 0.92, 0.88)
    fur: float = 0.2
    saddle: float = 0.0
    points: float = 0.0
    rosettes: float = 0.0
    brindle: float = 0.0
    blaze: float = 0.0
    chest: float = 0.0
    socks: float = 0.0
    ears: str = "upright"
    ear_size: float = 1.0
    face: float = 1.0
    muzzle: float = 0.1
    tail: str = "thin"
    build: float = 1.0
    legs: float = 1.0
    stature: float = 1.0


@dataclass(frozen=True)
class Breed:
    """A class of the sample.

    Args:
        name: the class name, and the name of its folder.
        group: "cat" or "dog".
        look: the typical animal.
        coats: other coats of the breed, each as changes of the look; drawn with equal chance.
        likeness: the extremes of the trait by which look-alikes differ: traits at 0 and at 1 for each axis.
        place: where on those axes the breed lies.
        spread: standard deviation of its animals along each axis.
        scenes: places where it is met more often than others, with their share of its pictures.
    """

    name: str
    group: str
    look: Look
    coats: tuple[Mapping[str, Any], ...] = ({},)
    likeness: tuple[Mapping[str, tuple[Any, Any]], ...] = ()
    place: tuple[float, ...] = ()
    spread: float = 0.0
    scenes: Mapping[str, float] = field(default_factory=dict)


PINK: Colour = (0.78, 0.5, 0.48)
BROWN_EYE: Colour = (0.2, 0.12, 0.06)

_BLUE_CAT = Look(
    (0.44, 0.47, 0.53), (0.5, 0.52, 0.57), (0.36, 0.39, 0.45), (0.8, 0.6, 0.1), nose=(0.3, 0.3, 0.35)
)
_BLUE_AXES = (
    {
        "eye": ((0.9, 0.5, 0.05), (0.3, 0.75, 0.35)),
        "face": (1.25, 0.87),
        "ear_size": (0.7, 1.22),
        "build": (1.3, 0.82),
        "fur": (0.5, 0.1),
    },
)
_BULLY = Look(
    (0.5, 0.36, 0.25), (0.58, 0.44, 0.32), (0.24, 0.17, 0.13), BROWN_EYE,
    fur=0.05, brindle=0.5, ears="rose", face=1.15, muzzle=0.4, tail="whip", build=1.15, chest=0.3,
)  # fmt: skip
_BULLY_AXES = (
    {"base": ((0.62, 0.42, 0.26), (0.36, 0.31, 0.3)), "belly": ((0.7, 0.52, 0.36), (0.44, 0.4, 0.38)),
     "brindle": (0.15, 0.9)},
    {"chest": (0.05, 1.0), "blaze": (0.0, 0.85), "socks": (0.0, 0.8)},
)  # fmt: skip


BREEDS: tuple[Breed, ...] = (
    Breed("Bengal", "cat", Look((0.8, 0.58, 0.32), (0.9, 0.78, 0.58), (0.22, 0.13, 0.08), (0.45, 0.68, 0.3),
          nose=PINK, fur=0.1, rosettes=1.0, build=0.95)),
    Breed("Bombay", "cat", Look((0.1, 0.095, 0.1), (0.13, 0.12, 0.12), (0.06, 0.06, 0.06), (0.88, 0.62, 0.12),
          fur=0.08, face=0.98, build=0.9)),
    Breed("British_Shorthair", "cat", _BLUE_CAT, likeness=_BLUE_AXES, place=(0.0,), spread=0.33),
    Breed("Persian", "cat", Look((0.88, 0.7, 0.48), (0.94, 0.84, 0.68), (0.72, 0.5, 0.3), (0.85, 0.5, 0.1),
          nose=PINK, fur=1.0, face=1.3, ear_size=0.6, muzzle=0.0, tail="plume", build=1.3, legs=0.75),
          scenes={"sofa": 0.5}),
    Breed("Russian_Blue", "cat", _BLUE_CAT, likeness=_BLUE_AXES, place=(1.0,), spread=0.33),
    Breed("Siamese", "cat", Look((0.88, 0.8, 0.68), (0.92, 0.86, 0.76), (0.22, 0.15, 0.12), (0.25, 0.5, 0.9),
          fur=0.08, points=1.0, face=0.85, ear_size=1.12, muzzle=0.2, build=0.8, legs=1.1)),
    Breed("american_bulldog", "dog", _BULLY, likeness=_BULLY_AXES, place=(0.5, 1.0), spread=0.28),
    Breed("american_pit_bull_terrier", "dog", _BULLY, likeness=_BULLY_AXES, place=(0.0, 0.1), spread=0.28),
    Breed("beagle", "dog", Look((0.72, 0.45, 0.22), (0.93, 0.9, 0.85), (0.1, 0.08, 0.07), BROWN_EYE,
          fur=0.1, saddle=0.8, blaze=0.55, chest=1.0, socks=1.0, ears="drop", ear_size=1.1, muzzle=0.5, tail="whip")),
    Breed("chihuahua", "dog", Look((0.83, 0.66, 0.45), (0.93, 0.85, 0.72), (0.4, 0.25, 0.15), BROWN_EYE,
          fur=0.12, ears="bat", ear_size=0.95, face=1.1, muzzle=0.12, tail="whip", build=0.8, legs=0.95, stature=0.85),
          coats=({}, {"base": (0.35, 0.21, 0.13), "belly": (0.75, 0.5, 0.28), "chest": 0.4},
                 {"base": (0.9, 0.84, 0.72), "belly": (0.95, 0.92, 0.85)},
                 {"base": (0.82, 0.47, 0.2), "belly": (0.95, 0.88, 0.76), "chest": 0.8, "socks": 0.4},
                 {"base": (0.72, 0.45, 0.22), "belly": (0.93, 0.9, 0.85), "mark": (0.1, 0.08, 0.07), "saddle": 0.8,
                  "blaze": 0.55, "chest": 1.0, "socks": 1.0},
                 {"base": (0.36, 0.31, 0.3), "belly": (0.44, 0.4, 0.38), "brindle": 0.5, "blaze": 0.6, "chest": 0.7,
                  "socks": 0.6})),
    Breed("newfoundland", "dog", Look((0.11, 0.1, 0.1), (0.15, 0.13, 0.12), (0.07, 0.06, 0.06), BROWN_EYE,
          fur=0.85, ears="drop", ear_size=0.8, face=1.2, muzzle=0.5, tail="plume", build=1.35, stature=1.1),
          scenes={"meadow": 0.5}),
    Breed("samoyed", "dog", Look((0.95, 0.94, 0.91), (0.97, 0.96, 0.94), (0.85, 0.82, 0.76), BROWN_EYE,
          fur=0.95, ears="prick", ear_size=0.75, face=1.15, muzzle=0.45, tail="curl", build=1.2),
          scenes={"snow": 0.35}),
    Breed("shiba_inu", "dog", Look((0.82, 0.47, 0.2), (0.95, 0.88, 0.76), (0.6, 0.3, 0.12), BROWN_EYE,
          fur=0.35, ears="prick", ear_size=0.9, face=1.08, muzzle=0.35, tail="curl", chest=0.8, socks=0.4)),
    Breed("staffordshire_bull_terrier", "dog", _BULLY, likeness=_BULLY_AXES, place=(1.0, 0.1), spread=0.28),
)  # fmt: skip

BY_NAME = {breed.name: breed for breed in BREEDS}
LOOK_ALIKE_PAIR = ("British_Shorthair", "Russian_Blue")
LOOK_ALIKE_TRIO = ("american_bulldog", "american_pit_bull_terrier", "staffordshire_bull_terrier")

_JITTERED = ("ear_size", "face", "build", "legs", "stature", "saddle", "chest", "blaze", "socks", "muzzle")


def individual(breed: Breed, rng: np.random.Generator, changes: Mapping[str, Any] | None = None) -> Look:
    """One animal of a breed.

    Args:
        breed: its breed.
        rng: where its peculiarities come from.
        changes: traits that are fixed for this animal.
    """
    look = replace(breed.look, **breed.coats[rng.integers(len(breed.coats))])
    for axis, place in zip(breed.likeness, breed.place, strict=True):
        share = float(np.clip(rng.normal(place, breed.spread), -0.25, 1.25))
        look = replace(look, **{name: _between(low, high, share) for name, (low, high) in axis.items()})
    brightness, warmth = rng.normal(1, 0.06), rng.normal(0, 0.015)
    tones = {name: _toned(getattr(look, name), brightness, warmth) for name in ("base", "belly", "mark")}
    sizes = {name: float(getattr(look, name) * rng.normal(1, 0.06)) for name in _JITTERED}
    return replace(look, **{**tones, **sizes, **(changes or {})})


def _between(low: Any, high: Any, share: float) -> Any:
    if isinstance(low, tuple):
        return tuple(float(np.clip(a + (b - a) * share, 0, 1)) for a, b in zip(low, high, strict=True))
    return max(0.0, float(low + (high - low) * share))


def _toned(colour: Colour, brightness: float, warmth: float) -> Colour:
    red, green, blue = (float(np.clip(channel * brightness, 0, 1)) for channel in colour)
    return (min(1.0, red + warmth), green, max(0.0, blue - warmth))
