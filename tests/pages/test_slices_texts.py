"""What the page of slices says."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from analysis.slice_conditions import Condition
from analysis.slice_record import Slice, Slices, Spread
from pages.data.slice_chart import spread_chart
from pages.data.slice_shown import all_words, ordered_rows
from pages.data.slice_texts import caption_words, errors_words, headline_words, rates_words, tried_words
from tests.analysis.planted_predictions import planted_predictions

DARK = Slice(
    kind="rule",
    identity="0011aabb",
    name="dark (brightness below 0.2)",
    also=("low contrast",),
    conditions=(Condition("brightness", "quality", high=0.2),),
    rows=np.array([0, 1, 2, 3]),
    n=48,
    errors=15,
    rate=15 / 48,
    rate_outside=0.09,
    held_out_n=26,
    held_out_errors=8,
    held_out_rate=8 / 26,
    held_out_rate_outside=0.09,
    interval=(0.165, 0.5),
    p_value=0.001,
    q_value=0.01,
    confirmed=True,
    excess_errors=10.4,
    classes=(),
    spreads=(),
    next_step="",
)


def test_the_sentence_of_a_slice() -> None:
    assert DARK.sentence == (
        "dark (brightness below 0.2), also low contrast: 31% wrong against 9%, 48 images, confirmed on the held-out "
        "half"
    )
    chance = replace(DARK, confirmed=False, also=())
    assert chance.sentence.endswith("48 images, not confirmed on the held-out half")


def test_the_headline_counts_the_findings() -> None:
    assert headline_words(Slices((DARK,))).startswith("One kind of image fails")
    assert headline_words(Slices((DARK, DARK))).startswith("2 kinds of image fail")
    assert "beyond what chance does" in headline_words(Slices((replace(DARK, confirmed=False),)))


def test_the_figures_say_of_how_many() -> None:
    assert rates_words(DARK) == "31% wrong (8 of 26; 16% to 50%) against 9%"
    assert "15 of 48 are wrong (31%)" in all_words(DARK)
    assert errors_words(DARK) == "about 10 mistakes beyond the usual"
    assert errors_words(replace(DARK, excess_errors=-3.0)) == "no mistakes beyond the usual"


def test_what_was_tried_is_told() -> None:
    found = Slices((DARK,), 519, 58, ("brightness", "contrast", "the label"), 1600, 8)
    words = tried_words(found)
    assert "519 images with 58 mistakes" in words
    assert "brightness, contrast and the label" in words
    assert "1,600 rules and groups" in words
    assert "all 8 kinds" in caption_words(found)
    assert "corrected" not in caption_words(replace(found, n_tested=1))


def test_wrong_images_come_first_the_surest_of_them_at_the_top() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    predictions = planted_predictions(np.zeros(4, int), ("cat", "dog"), probabilities=probabilities)
    assert ordered_rows(predictions, DARK, "wrong").tolist() == [2, 1, 0, 3]
    assert ordered_rows(predictions, replace(DARK, rows=np.array([3, 0])), "typical").tolist() == [3, 0]
    assert ordered_rows(predictions, DARK, "path").tolist() == [0, 1, 2, 3]
    table = planted_predictions(np.zeros(4, int), ("cat", "dog"), predicted=np.array([0, 1, 0, 1]))
    assert ordered_rows(table, DARK, "wrong").tolist() == [1, 3, 0, 2]


def test_the_chart_marks_the_ends_of_the_rule() -> None:
    spread = Spread("brightness", (0.0, 0.5, 1.0), (0.9, 0.1), (0.2, 0.8))
    figure = spread_chart(spread, DARK.conditions)
    assert [list(bars.y) for bars in figure.data] == [[0.2, 0.8], [0.9, 0.1]]
    assert [shape.x0 for shape in figure.layout.shapes] == [0.2]


def test_the_chart_of_dates_has_dates() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    spread = Spread(
        "taken", (start, start + 86400.0, start + 2 * 86400.0), (1.0, 0.0), (0.5, 0.5), is_date=True
    )
    rule = (Condition("taken", "column", low=start + 86400.0, is_date=True),)
    figure = spread_chart(spread, rule)
    assert figure.data[0].x[0] == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert figure.layout.shapes[0].x0 == datetime(2026, 1, 2, tzinfo=UTC)
