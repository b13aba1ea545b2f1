"""The builder: the same bytes on every run, the committed pictures, the null version."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sample_data import builder, faults
from sample_data.breeds import BREEDS, BY_NAME
from sample_data.builder import HERE, shot_bytes
from sample_data.faults import PER_BREED, shots
from sample_data.pictures import Wish, generator, picture, stamped

ROOT = HERE / "pets"
PLANNED = shots()
MEGABYTE = 2**20


def _some() -> list[faults.Shot]:
    """Two classes' first pictures of each split, and one picture of every fault."""
    ordinary = [shot for shot in PLANNED if shot.folder in {"Bengal", "samoyed"} and shot.fault == ""]
    first = [shot for split in PER_BREED for shot in [s for s in ordinary if s.split == split][:4]]
    faulty = {shot.fault: shot for shot in PLANNED if shot.fault}
    return [*first, *faulty.values()]


SOME = _some()


@pytest.mark.parametrize("shot", SOME, ids=lambda shot: shot.path)
def test_committed_pictures_are_what_the_builder_draws(shot: faults.Shot) -> None:
    drawn, committed = shot_bytes(shot), (ROOT / shot.path).read_bytes()
    assert drawn == shot_bytes(shot)
    if drawn == committed or shot.fault == "corrupt":
        assert len(drawn) == pytest.approx(len(committed), rel=0.02)
        return
    # another processor's sines may differ in their last bit, which moves a few values by a shade
    pair = [np.asarray(Image.open(io.BytesIO(content)), float) for content in (drawn, committed)]
    assert np.abs(pair[0] - pair[1]).mean() < 0.5


def test_every_planned_file_lies_there_and_no_other() -> None:
    found = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.jpg"))
    assert found == sorted(shot.path for shot in PLANNED)


def test_all_of_the_sample_fits_into_eight_megabytes() -> None:
    files = [path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 8 * MEGABYTE


def test_at_least_twelve_breeds_of_two_species() -> None:
    assert len(BREEDS) >= 12
    assert set(Counter(breed.group for breed in BREEDS)) == {"cat", "dog"}
    rows = (ROOT / "groups.csv").read_text().splitlines()
    assert rows == ["class,group", *(f"{breed.name},{breed.group}" for breed in BREEDS)]
    assert [breed.name for breed in BREEDS] == sorted(BY_NAME)
    assert all(breed.name[0].isupper() == (breed.group == "cat") for breed in BREEDS)


def test_no_two_pictures_share_their_chance() -> None:
    seen = Counter((shot.split, shot.breed, shot.number) for shot in PLANNED if shot.copy_of is None)
    assert max(seen.values()) == 1


def test_a_file_name_does_not_tell_its_fault() -> None:
    places = [int(shot.path[-7:-4]) for shot in PLANNED if shot.fault == "low_light"]
    assert min(places) < 12 and max(places) > 24


def test_pictures_of_a_breed_vary() -> None:
    drawn = [np.asarray(picture(BY_NAME["beagle"], generator("test", "beagle", n)), float) for n in range(6)]
    apart = [np.abs(a - b).mean() for i, a in enumerate(drawn) for b in drawn[:i]]
    assert min(apart) > 12


def test_the_mark_changes_its_corner_only() -> None:
    plain = picture(BY_NAME["beagle"], generator("test", "beagle", 0), Wish(dark=True))
    changed = np.asarray(plain, int) != np.asarray(stamped(plain), int)
    rows, columns, _ = np.nonzero(changed)
    assert rows.min() > 95 and columns.min() > 95


def test_the_null_version_has_no_faults() -> None:
    planned = shots(with_faults=False)
    assert {shot.fault for shot in planned} == {""}
    assert not any(shot.marked or shot.wish != Wish() or shot.breed != shot.folder for shot in planned)
    kept = {(shot.split, shot.breed, shot.number) for shot in PLANNED if shot.fault in {"", "shortcut"}}
    assert {(shot.split, shot.breed, shot.number) for shot in planned} == kept


def test_the_command_builds_the_null_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in PER_BREED:
        monkeypatch.setitem(PER_BREED, split, 1)
    assert builder.main(["--output", str(tmp_path), "--without-faults", "--workers", "1"]) == 0
    truth = json.loads((tmp_path / "planted.json").read_text())
    kinds = (
        "mislabelled",
        "near_duplicates",
        "exact_duplicates",
        "cross_species",
        "shortcut",
        "low_light",
        "corrupt",
    )
    assert not any(truth[kind] for kind in kinds)
    assert len(list((tmp_path / "pets").rglob("*.jpg"))) == 3 * len(BREEDS)
    for path in (tmp_path / "pets").rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert image.size == (128, 128)


def test_another_seed_draws_another_picture() -> None:
    one, other = generator("val", "Bengal", 0), generator("val", "Bengal", 0, seed=1)
    assert picture(BY_NAME["Bengal"], one).tobytes() != picture(BY_NAME["Bengal"], other).tobytes()


def test_a_copy_without_its_change_is_its_source() -> None:
    copy = next(shot for shot in PLANNED if shot.fault == "near_duplicates")
    source = next(s for s in PLANNED if (s.split, s.breed, s.number) == ("train", copy.breed, copy.copy_of))
    assert shot_bytes(replace(copy, fault="exact_duplicates")) == shot_bytes(source)
