"""Suspicious places: each mark is one place, and no two places share a square."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.causal_controls import overlap
from analysis.map_regions import SIDE, SuspiciousRegion, hot_rectangle, suspicious_regions
from tests.analysis.planted_maps import Maps, animal_maps

FULL = SIDE * 4


def mark(x: float, y: float, width: float) -> Maps:
    """(32, 32) one bright spot; the height makes up for the width."""
    down, across = np.mgrid[:FULL, :FULL] + 0.5
    spot: Maps = np.exp(-((down - y) ** 2 + (across - x) ** 2) / (2 * width**2))
    return spot * 100 / width**2


def covers(region: SuspiciousRegion, x: float, y: float) -> bool:
    left, top, right, bottom = (edge * FULL for edge in region.region)
    return left <= x <= right and top <= y <= bottom


@pytest.mark.parametrize("width", [1.0, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("seed", range(6))
def test_one_mark_is_one_place(width: float, seed: int) -> None:
    x, y = np.random.default_rng(seed).uniform(3, 29, 2)
    (found,) = suspicious_regions(animal_maps(30, seed) + mark(x, y, width), animal_maps(48, seed + 100))
    assert covers(found, x, y)


spots = st.tuples(st.floats(1, 31), st.floats(1, 31), st.floats(0.8, 4), st.floats(0, 1))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 1000), marks=st.lists(spots, max_size=4))
def test_places_never_overlap(seed: int, marks: list[tuple[float, float, float, float]]) -> None:
    draws = np.random.default_rng(seed)
    maps = animal_maps(24, seed)
    for x, y, width, share in marks:
        maps += (draws.random(24) < share)[:, None, None] * mark(x, y, width)
    found = suspicious_regions(maps, animal_maps(48, seed + 5000))
    assert len(found) <= 3
    assert not any(overlap(a.region, b.region) for a, b in combinations(found, 2))


@pytest.mark.parametrize("seed", range(5))
def test_two_marks_are_two_places(seed: int) -> None:
    maps = animal_maps(30, seed) + mark(28, 28, 2)
    maps[::2] += mark(4, 6, 2)
    found = suspicious_regions(maps, animal_maps(48, seed + 100))
    assert len(found) == 2 and covers(found[0], 28, 28) and covers(found[1], 4, 6)


@given(seed=st.integers(0, 10_000))
def test_a_rectangle_keeps_to_the_squares_that_are_free(seed: int) -> None:
    draws = np.random.default_rng(seed)
    excess, free = draws.normal(size=(SIDE, SIDE)), draws.random((SIDE, SIDE)) < 0.8
    row, column = map(int, draws.permutation(np.argwhere(free))[0])
    left, top, right, bottom = hot_rectangle(excess, (row, column), free)
    assert free[top:bottom, left:right].all()
    assert left <= column < right and top <= row < bottom
