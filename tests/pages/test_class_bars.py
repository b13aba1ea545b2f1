"""The bars say the names as they are, the label as such, and the change in points."""

import re

import numpy as np
import pytest

from pages.explain.downloads import file_name
from pages.shared.class_bars import TOP, change_bars, class_bars

NAMES = [f"breed_{index}" for index in range(8)]
BEFORE = np.array([0.5, 0.2, 0.1, 0.08, 0.06, 0.03, 0.02, 0.01])
AFTER = np.array([0.1, 0.2, 0.1, 0.08, 0.06, 0.03, 0.02, 0.41])


def shown(bars: str) -> list[str]:
    return re.findall(r'title="([^"]*)"', bars)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_best_classes_and_the_label_are_shown(narrow: bool) -> None:
    assert shown(class_bars(NAMES, BEFORE, None, narrow=narrow)) == NAMES[:TOP]
    bars = class_bars(NAMES, BEFORE, 7, narrow=narrow)
    assert shown(bars) == [*NAMES[:TOP], "breed_7"]
    assert bars.count("✓ label") == 1 and "50.0%" in bars


def test_a_change_shows_what_rose_and_what_fell() -> None:
    bars = change_bars(NAMES, BEFORE, AFTER, 0)
    assert shown(bars) == [*NAMES[:TOP], "breed_7"]
    assert "−40.0 pp" in bars and "+40.0 pp" in bars and "1.0% → 41.0%" in bars


def test_a_name_is_text_never_markup() -> None:
    names = ["<b>cat</b>", *NAMES[1:]]
    for bars in (class_bars(names, BEFORE, 0), change_bars(names, BEFORE, AFTER, 0)):
        assert "<b>cat" not in bars and "&lt;b&gt;cat" in bars


def test_a_download_has_a_plain_name() -> None:
    assert file_name("a/b c", "lrp", "A<B rather than C") == "a_b_c_lrp_for_A_B_rather_than_C"
