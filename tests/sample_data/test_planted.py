"""planted.json against the files themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from sample_data.builder import HERE, planted
from sample_data.faults import shots

ROOT = HERE / "pets"
TRUTH: dict[str, Any] = json.loads((HERE / "planted.json").read_text())
VALIDATION = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "val").rglob("*.jpg"))
CORRUPT = [entry["path"] for entry in TRUTH["corrupt"]]


def _gray(path: str, side: int = 128) -> np.ndarray:
    with Image.open(ROOT / path) as image:
        return np.asarray(image.convert("L").resize((side, side), Image.Resampling.LANCZOS), float)


def _hash(path: str) -> np.ndarray:
    low = dctn(_gray(path, 32))[:8, :8].ravel()
    return low > np.median(low)


def test_it_is_what_the_builder_plans() -> None:
    assert {key: value for key, value in TRUTH.items() if key != "measured"} == json.loads(
        json.dumps(planted(shots()))
    )


def test_the_numbers_of_faults() -> None:
    assert len(TRUTH["mislabelled"]) >= 6
    assert len(TRUTH["near_duplicates"]) == 10
    assert len(TRUTH["exact_duplicates"]) == 2
    assert len(TRUTH["cross_species"]) == 3
    assert len(TRUTH["corrupt"]) == 1
    assert len(TRUTH["look_alikes"]["pair"]) == 2
    assert len(TRUTH["look_alikes"]["trio"]) == 3


@pytest.mark.parametrize("entry", TRUTH["mislabelled"], ids=lambda entry: entry["path"])
def test_a_mislabelled_picture_lies_in_the_wrong_folder_of_the_right_species(entry: dict[str, str]) -> None:
    assert (ROOT / entry["path"]).is_file()
    assert Path(entry["path"]).parent.name == entry["listed"] != entry["true"]
    assert TRUTH["groups"][entry["listed"]] == TRUTH["groups"][entry["true"]]


@pytest.mark.parametrize("pair", TRUTH["near_duplicates"], ids=lambda pair: pair["val"])
def test_near_copies_are_near_and_not_the_same(pair: dict[str, str]) -> None:
    assert (ROOT / pair["val"]).read_bytes() != (ROOT / pair["train"]).read_bytes()
    assert np.count_nonzero(_hash(pair["val"]) != _hash(pair["train"])) <= 10
    assert np.corrcoef(_gray(pair["val"], 32).ravel(), _gray(pair["train"], 32).ravel())[0, 1] > 0.9


@pytest.mark.parametrize("pair", TRUTH["exact_duplicates"], ids=lambda pair: pair["val"])
def test_exact_copies_are_the_same_bytes(pair: dict[str, str]) -> None:
    assert (ROOT / pair["val"]).read_bytes() == (ROOT / pair["train"]).read_bytes()


def test_there_are_no_other_copies() -> None:
    contents = Counter(path.read_bytes() for path in ROOT.rglob("*.jpg"))
    assert sum(number > 1 for number in contents.values()) == len(TRUTH["exact_duplicates"])


def _highlights(path: str) -> float:
    """The ninth decile of brightness above the mark's place: low only where there is little light."""
    return float(np.percentile(_gray(path)[:90], 90))


def test_low_light_pictures_are_the_dark_ones() -> None:
    brightness = {path: _highlights(path) for path in VALIDATION if path not in CORRUPT}
    dark = set(TRUTH["low_light"])
    assert max(brightness[path] for path in dark) < 50
    assert min(value for path, value in brightness.items() if path not in dark) > 60
    assert 0.06 < len(dark) / len(VALIDATION) < 0.1


def test_the_corrupt_file_and_no_other_cannot_be_read() -> None:
    unreadable = []
    for path in VALIDATION:
        try:
            _gray(path)
        except OSError:
            unreadable.append(path)
    assert unreadable == CORRUPT


def _has_mark(path: str) -> bool:
    with Image.open(ROOT / path) as image:
        ring = np.asarray(image.convert("RGB"), float)[105:123, 105:123]
    red, green, blue = ring.reshape(-1, 3).mean(0)
    return bool(green - red > 35 and blue - red > 35 and abs(green - blue) < 30)


def test_the_mark_lies_on_the_listed_pictures() -> None:
    shortcut = TRUTH["shortcut"]
    listed = {*shortcut["marked"], *(entry["path"] for entry in shortcut["proof"])}
    assert all(_has_mark(path) for path in listed)
    own = [p for p in VALIDATION if Path(p).parent.name == shortcut["class"] and p not in CORRUPT]
    share = len([path for path in own if path in listed]) / len(own)
    assert 0.85 <= share < 1
    assert not any(_has_mark(path) for path in own if path not in listed)
    assert all(Path(entry["path"]).parent.name != shortcut["class"] for entry in shortcut["proof"])
