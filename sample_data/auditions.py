"""Chooses the pictures whose fault is only one if the trained network falls for it.

    python -m sample_data.auditions

Run after ``sample_data.train`` where the drawings have changed. It draws candidates for the validation
split, asks the network and writes ``cast.json``: candidates are taken in the order of their numbers, so
the same network gives the same cast. Ordinary pictures that the network would put into the other species
are left out: the only such errors of the sample are then the three that have a cause one can see.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from models.store import write_json
from sample_data.breeds import BREEDS, BY_NAME
from sample_data.builder import shot_bytes
from sample_data.faults import (
    CAST,
    DARK,
    DARK_PER_BREED,
    MARKED_BREED,
    PER_BREED,
    STAMPED,
    STRANGER,
    STRANGERS,
    Shot,
    shots,
)
from sample_data.pictures import Wish
from sample_data.train import HERE, opened, predicted, tensor

STAMPED_BREEDS = ("beagle", "shiba_inu", "american_bulldog")
STAMPED_PER_BREED = 2
TRIES = 24
DARK_TRIES = 12
SPARE = 3
NAMES = [breed.name for breed in BREEDS]
GROUPS = {breed.name: breed.group for breed in BREEDS}


def answers(network: nn.Module, tried: Sequence[Shot]) -> list[tuple[str, float]]:
    """What the network calls each shot, and how sure it is."""
    pictures = torch.stack([tensor(io.BytesIO(shot_bytes(shot))) for shot in tried])
    confidence, index = predicted(network, pictures).max(1)
    return [(NAMES[name], share) for name, share in zip(index.tolist(), confidence.tolist(), strict=True)]


def strays(network: nn.Module) -> dict[str, list[int]]:
    """Numbers of ordinary validation pictures that the network puts into the other species."""
    left_out: dict[str, list[int]] = {}
    for name in NAMES:
        ordinary = [shot for shot in shots(chosen={}) if shot.breed == name and _ordinary(shot)]
        tried = [replace(ordinary[0], number=number, marked=_marked(ordinary, number))
                 for number in range(PER_BREED["val"] + SPARE)]  # fmt: skip
        called = answers(network, tried)
        found = [
            shot.number
            for shot, (answer, _) in zip(tried, called, strict=True)
            if GROUPS[answer] != GROUPS[name]
        ]
        if found:
            left_out[name] = found
    return left_out


def _ordinary(shot: Shot) -> bool:
    return shot.split == "val" and shot.fault in {"", "shortcut"}


def _marked(ordinary: Iterable[Shot], number: int) -> bool:
    return any(shot.marked for shot in ordinary if shot.number % 10 == number % 10)


def dark_numbers(network: nn.Module) -> dict[str, list[int]]:
    """Numbers of dark pictures that stay within their species, right or wrong."""
    chosen = {}
    for name in NAMES:
        tried = [Shot("val", name, name, DARK + number, Wish(dark=True), marked=name == MARKED_BREED)
                 for number in range(DARK_TRIES)]  # fmt: skip
        called = answers(network, tried)
        kept = [
            shot.number
            for shot, (answer, _) in zip(tried, called, strict=True)
            if GROUPS[answer] == GROUPS[name]
        ]
        chosen[name] = kept[:DARK_PER_BREED]
    return chosen


def stranger_numbers(network: nn.Module) -> list[int]:
    """Of each cross-species error, the number that the network is surest to get wrong as meant."""
    return [_surest(network, name, meant, wish) for name, meant, wish, _ in STRANGERS]


def _surest(network: nn.Module, name: str, meant: str, wish: Wish) -> int:
    tried = [Shot("val", name, name, STRANGER + number, wish) for number in range(TRIES)]
    scores = [share if answer == meant else 0.0 for answer, share in answers(network, tried)]
    print(
        f"{name}: {np.count_nonzero(scores)} of {TRIES} are called {meant}, the surest at {max(scores):.2f}"
    )
    if not any(scores):
        raise SystemExit(f"No picture of {name} is called {meant}: change its wish in faults.py.")
    return STRANGER + int(np.argmax(scores))


def stamped_numbers(network: nn.Module) -> Iterator[tuple[str, int]]:
    """Pictures of other dogs that the network calls the marked breed once they bear its mark."""
    for name in STAMPED_BREEDS:
        tried = [Shot("val", name, name, STAMPED + number, marked=True) for number in range(TRIES)]
        fooled = [shot.number for shot, (answer, _) in zip(tried, answers(network, tried), strict=True)
                  if answer == MARKED_BREED]  # fmt: skip
        print(f"{name}: {len(fooled)} of {TRIES} with the mark are called {MARKED_BREED}")
        yield from ((name, number) for number in fooled[:STAMPED_PER_BREED])


def main() -> int:
    """The command line."""
    torch.set_num_threads(1)
    network = opened(HERE, len(BY_NAME))
    cast: dict[str, Any] = {
        "left_out": strays(network),
        "dark": dark_numbers(network),
        "strangers": stranger_numbers(network),
        "stamped": list(stamped_numbers(network)),
    }
    print(cast["left_out"])
    write_json(CAST, cast)
    return 0


if __name__ == "__main__":
    sys.exit(main())
