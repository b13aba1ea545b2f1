"""Which images are still to be predicted, after any history of stops."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.prediction_parts
from models.images import Unreadable
from models.prediction_parts import PART_SIZE, Part, Parts, Stretch, merged

SMALL = 8


def part(start: int, stop: int, n_unreadable: int = 0) -> Part:
    n = stop - start - n_unreadable
    return Part(
        start=start,
        stop=stop,
        positions=np.arange(start, start + n),
        logits=np.full((n, 3), start, np.float32),
        embeddings=np.full((n, 2), start, np.float32),
        unreadable=tuple(Unreadable(f"{start}-{number}", "broken") for number in range(n_unreadable)),
        seconds={"forward": 1.0},
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.sets(st.integers(0, 40)), st.data())
def test_parts_and_what_is_missing_make_up_the_whole(n: int, cuts: set[int], data: st.DataObject) -> None:
    edges = sorted({0, n, *(cut for cut in cuts if cut < n)})
    spans = list(itertools.pairwise(edges))
    kept = [span for span in spans if data.draw(st.booleans())]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.prediction_parts, "PART_SIZE", SMALL)
        parts = Parts(Path(folder) / "parts", n)
        for span in kept:
            parts.write(part(*span))
        missing = parts.missing()
    assert sorted(at for span in [*kept, *missing] for at in range(*span)) == list(range(n))
    for start, stop in missing:
        assert start < stop and start // SMALL == (stop - 1) // SMALL


def test_a_part_comes_back_as_it_was(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", 20)
    parts.write(part(4, 9, n_unreadable=2))
    (found,) = parts.without_arrays()
    assert (found.start, found.stop, found.seconds) == (4, 9, {"forward": 1.0})
    assert [each.path for each in found.unreadable] == ["4-0", "4-1"]
    np.testing.assert_array_equal(found.positions, [4, 5, 6])
    (logits,) = parts.arrays("logits")
    np.testing.assert_array_equal(logits, np.full((3, 3), 4))


def test_parts_of_another_image_set_or_laid_over_others_are_discarded(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", 20)
    for span in ((0, 5), (3, 8), (18, 25)):
        parts.write(part(*span))
    assert parts.ranges() == [(0, 5)]
    assert len(list((tmp_path / "parts").iterdir())) == 1


def test_neighbours_merge_whatever_could_be_read() -> None:
    found = merged([part(0, 2), part(2, 4, n_unreadable=2), part(4, 6, n_unreadable=1)])
    assert (found.start, found.stop, found.seconds) == (0, 6, {"forward": 3.0})
    np.testing.assert_array_equal(found.positions, [0, 1, 4])
    np.testing.assert_array_equal(found.logits[:, 0], [0, 0, 4])
    assert len(found.unreadable) == 3
    nothing = merged([part(0, 2, n_unreadable=2)])
    assert nothing.logits.shape == (0, 0) and nothing.embeddings is None


def test_a_stretch_is_kept_when_it_is_long_or_old_or_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(models.prediction_parts.time, "monotonic", lambda: clock[0])
    parts = Parts(tmp_path / "parts", 10_000)
    stretch = Stretch(parts)
    for start in range(0, PART_SIZE, 64):
        assert parts.ranges() == []
        stretch.add(part(start, start + 64))
    assert parts.ranges() == [(0, PART_SIZE)]
    stretch.add(part(600, 610))
    clock[0] = 31.0
    stretch.add(part(610, 620))
    assert parts.ranges()[1:] == [(600, 620)]
    stretch.add(part(620, 630))
    stretch.add(part(700, 710))
    assert parts.ranges()[2:] == [(620, 630)]
    stretch.keep()
    assert parts.ranges()[3:] == [(700, 710)]
