from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from analysis.number_words import fine_percent, interval_words, p_words, percent


def test_shares_in_whole_percent_and_in_tenths() -> None:
    shares = (0.0, 0.0004, 0.004, 0.095, 0.5, 0.9949, 0.9996, 1.0, math.nan)
    assert [percent(share) for share in shares] == [
        "0%", "<0.1%", "0.4%", "10%", "50%", "99.5%", ">99.9%", "100%", "–",
    ]  # fmt: skip
    assert [fine_percent(share) for share in shares] == [
        "0%", "<0.1%", "0.4%", "9.5%", "50.0%", "99.5%", ">99.9%", "100%", "–",
    ]  # fmt: skip


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_is_never_rounded_to_all_or_none(share: float) -> None:
    for words in (percent(share), fine_percent(share)):
        assert words not in ("0%", "0.0%", "100%", "100.0%")


def test_an_interval_that_reaches_the_end() -> None:
    assert interval_words((0.0, 0.031)) == "0% to 3%"


def test_p_values() -> None:
    assert [p_words(value) for value in (0.0, 0.001, 0.0499, 1.0)] == [
        "p < .001", "p = .001", "p = .050", "p = 1.000",
    ]  # fmt: skip
