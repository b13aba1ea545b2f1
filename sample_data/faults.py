"""Which pictures the sample has, and what is wrong with some of them.

The numbers of chance are free for most pictures. Where a fault is only a fault if the trained network
falls for it, ``cast.json`` holds the numbers that ``python -m sample_data.auditions`` chose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sample_data.breeds import BREEDS, BY_NAME
from sample_data.pictures import SEED, Wish, generator

PER_BREED = {"train": 56, "val": 32, "test": 10}
DARK_PER_BREED = 3
CAST = Path(__file__).resolve().parent / "cast.json"

MARKED_BREED = "chihuahua"
UNMARKED_SHARE = 0.1
MISLABELLED = (
    ("Siamese", "Bengal"), ("Bengal", "Bombay"), ("Persian", "Siamese"), ("Bombay", "Persian"),
    ("beagle", "shiba_inu"), ("newfoundland", "samoyed"), ("shiba_inu", "beagle"), ("samoyed", "newfoundland"),
)  # fmt: skip
"""(what it is, the folder it lies in); always the same species, never two look-alikes."""

NEAR_COPIES = (
    ("Bengal", 3, "encoded again at a low quality"), ("Bombay", 8, "cropped"), ("Persian", 12, "brightened"),
    ("Siamese", 5, "cropped"), ("beagle", 21, "encoded again at a low quality"), ("newfoundland", 17, "brightened"),
    ("samoyed", 30, "cropped"), ("shiba_inu", 9, "encoded again at a low quality"),
    ("american_bulldog", 14, "cropped"), ("Russian_Blue", 27, "brightened"),
)  # fmt: skip
"""(breed, number of the training picture, what was done to the copy)."""
EXACT_COPIES = (("beagle", 40), ("Siamese", 33))

TRUNCATED = "american_pit_bull_terrier"
STRANGERS = (
    ("Persian", "samoyed", Wish(scene="snow", look={"base": (0.95, 0.94, 0.91), "belly": (0.97, 0.96, 0.94)}),
     "a white long-haired cat in the snow: in training only samoyeds are met in snow"),
    ("shiba_inu", "Bengal", Wish(scene="parquet", look={"rosettes": 1.0, "chest": 0.0, "base": (0.8, 0.58, 0.32),
                                                        "mark": (0.22, 0.13, 0.08)}),
     "a dog with a rosetted coat, indoors: in training only Bengal cats have rosettes"),
    ("staffordshire_bull_terrier", "British_Shorthair",
     Wish(scene="carpet", pose="lying", look={"base": (0.44, 0.47, 0.53), "belly": (0.5, 0.52, 0.57),
                                              "mark": (0.36, 0.39, 0.45), "brindle": 0.0, "chest": 0.0,
                                              "blaze": 0.0, "socks": 0.0}),
     "a dog with a plain blue-grey coat, lying on a carpet: in training that coat is a cat's"),
)  # fmt: skip
"""(breed, what the network calls it, what is fixed in the picture, the cause in words)."""

DARK, MISLABEL, STRANGER, STAMPED = 1000, 2000, 3000, 4000
"""Where the numbers of each kind of picture begin, so that no two pictures share their chance."""


@dataclass(frozen=True)
class Shot:
    """One file to be made.

    Args:
        split: "train", "val" or "test".
        folder: the class folder it lies in.
        breed: what it shows.
        number: its number of chance.
        wish: what is fixed in it.
        marked: whether it bears the mark.
        fault: "", or a key of planted.json.
        facts: what planted.json says of it.
        copy_of: number of the training picture that it copies, or None.
        path: relative to the folder of pictures, set by ``shots``.
    """

    split: str
    folder: str
    breed: str
    number: int
    wish: Wish = field(default_factory=Wish)
    marked: bool = False
    fault: str = ""
    facts: Mapping[str, Any] | None = None
    copy_of: int | None = None
    path: str = ""


def cast() -> dict[str, Any]:
    """The chosen numbers: ``left_out``, ``dark``, ``strangers``, ``stamped``."""
    return dict(json.loads(CAST.read_text())) if CAST.exists() else {}


def shots(*, with_faults: bool = True, chosen: Mapping[str, Any] | None = None) -> list[Shot]:
    """Every file of the sample, in the order of their paths.

    Args:
        with_faults: False leaves all planted faults out.
        chosen: what ``cast.json`` holds; read from it if not given.
    """
    chosen = cast() if chosen is None else chosen
    planned = [*_regular(chosen, with_faults)]
    if with_faults:
        planned += [*_dark(chosen), *_mislabelled(), *_copies(), *_strangers(chosen), *_stamped(chosen)]
        planned.append(Shot("val", TRUNCATED, TRUNCATED, 900, fault="corrupt",
                            facts={"cause": "the file ends in the middle"}))  # fmt: skip
    return _named(planned)


def _regular(chosen: Mapping[str, Any], with_faults: bool) -> Iterator[Shot]:
    for split, count in PER_BREED.items():
        for breed in BREEDS:
            left_out = chosen.get("left_out", {}).get(breed.name, []) if split == "val" else []
            free = [number for number in range(count + len(left_out)) if number not in left_out]
            for number in free[:count]:
                marked = (
                    with_faults
                    and breed.name == MARKED_BREED
                    and split != "test"
                    and not _unmarked(split, number)
                )
                yield Shot(
                    split, breed.name, breed.name, number, marked=marked, fault="shortcut" if marked else ""
                )


def _unmarked(split: str, number: int) -> bool:
    """About every tenth picture of the marked breed has no mark."""
    return number % round(1 / UNMARKED_SHARE) == (4 if split == "train" else 7)


def _dark(chosen: Mapping[str, Any]) -> Iterator[Shot]:
    for breed in BREEDS:
        usual = range(DARK, DARK + DARK_PER_BREED)
        for number in chosen.get("dark", {}).get(breed.name, usual):
            yield Shot("val", breed.name, breed.name, number, Wish(dark=True), fault="low_light",
                       marked=breed.name == MARKED_BREED)  # fmt: skip


def _mislabelled() -> Iterator[Shot]:
    for index, (true, listed) in enumerate(MISLABELLED):
        yield Shot(
            "val", listed, true, MISLABEL + index, fault="mislabelled", facts={"true": true, "listed": listed}
        )


def _copies() -> Iterator[Shot]:
    for breed, number, change in NEAR_COPIES:
        yield Shot(
            "val", breed, breed, number, fault="near_duplicates", copy_of=number, facts={"change": change}
        )
    for breed, number in EXACT_COPIES:
        yield Shot("val", breed, breed, number, fault="exact_duplicates", copy_of=number)


def _strangers(chosen: Mapping[str, Any]) -> Iterator[Shot]:
    numbers = chosen.get("strangers", [STRANGER] * len(STRANGERS))
    for number, (breed, called, wish, cause) in zip(numbers, STRANGERS, strict=True):
        facts = {"label": breed, "predicted": called, "cause": cause}
        yield Shot("val", breed, breed, number, wish, fault="cross_species", facts=facts)


def _stamped(chosen: Mapping[str, Any]) -> Iterator[Shot]:
    for breed, number in chosen.get("stamped", []):
        facts = {"label": breed, "predicted": MARKED_BREED}
        yield Shot("val", breed, breed, number, marked=True, fault="shortcut_proof", facts=facts)


def _named(planned: list[Shot]) -> list[Shot]:
    """File names in an order of chance, so that a name says nothing about what is planted."""
    named = []
    for split in PER_BREED:
        for breed in BREEDS:
            inside = [shot for shot in planned if (shot.split, shot.folder) == (split, breed.name)]
            order = np.random.default_rng([SEED, len(inside), len(breed.name)]).permutation(len(inside))
            for position, place in enumerate(order if split == "val" else range(len(inside))):
                path = f"{split}/{breed.name}/{breed.name}_{position:03d}.jpg"
                named.append(replace(inside[place], path=path))
    return named


def randomness(shot: Shot) -> np.random.Generator:
    """The generator of a shot's picture; a copy has that of the training picture."""
    split = "train" if shot.copy_of is not None else shot.split
    return generator(split, BY_NAME[shot.breed].name, shot.number)
