"""What a browser says was selected on the map is believed only where it makes sense."""

import base64
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.shared.scatter import ScatterEntry, scatter, selection_from

N = 19


def answer(rows: list[int], n: int = N, **changes: object) -> dict[str, object]:
    marks = np.zeros(n, dtype=bool)
    marks[rows] = True
    text = base64.b64encode(np.packbits(marks, bitorder="little").tobytes()).decode()
    return {"revision": "this", "kind": "region", "serial": 3, "selected": text, **changes}


@given(st.sets(st.integers(0, N - 1)))
def test_a_selection_comes_back_as_it_was(rows: set[int]) -> None:
    found = selection_from(answer(sorted(rows)), "this", N)
    assert found is not None
    assert (found.rows.tolist(), found.kind, found.serial) == (sorted(rows), "region", 3)


def test_a_point_is_one_point() -> None:
    found = selection_from(answer([4], kind="point"), "this", N)
    assert found is not None and found.kind == "point"
    found = selection_from(answer([4, 5], kind="point"), "this", N)
    assert found is not None and found.kind == "region"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "select",
        [1, 2],
        {},
        answer([1], revision="older"),
        answer([1], n=N + 8),
        answer([1], n=3),
        answer([1], selected="not base64!"),
        answer([1], selected="é"),
        answer([1], selected=[1]),
        answer([1], serial="3"),
        answer([1], serial=-1),
        answer([1], serial=math.nan),
        answer([1], serial=2**60),
    ],
)
def test_nonsense_and_older_maps_are_ignored(sent: object) -> None:
    assert selection_from(sent, "this", N) is None


def test_bits_beyond_the_last_point_are_no_points() -> None:
    sent = answer([], selected=base64.b64encode(b"\xff" * 3).decode())
    found = selection_from(sent, "this", N)
    assert found is not None and found.rows.tolist() == list(range(N))


def test_a_category_without_an_entry_is_refused() -> None:
    entries = [ScatterEntry("right", None)]
    with pytest.raises(ValueError, match="do not fit 1 entries"):
        scatter(
            revision="this", categories=np.array([0, 1], dtype=np.uint8), entries=entries, key="map",
            on_select=lambda _: None, on_open=lambda _: None,
        )  # fmt: skip
