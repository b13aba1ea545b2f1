import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from analysis.comparison import compared
from analysis.comparison_statistics import change_words, comparison_statistics
from tests.analysis.compared_pairs import pair, random_answers


def test_the_figures_are_those_that_were_planted() -> None:
    labels = [0] * 100
    before = [0] * 80 + [1] * 20
    after = [0] * 76 + [1] * 4 + [0] * 12 + [2] * 3 + [1] * 5
    found = comparison_statistics(pair(labels, before, after), np.ones(100, bool))
    assert (found.fixed, found.broken, found.both_right, found.both_wrong) == (12, 4, 76, 8)
    assert found.changed == 19 and found.churn.rate == 0.19
    assert found.negative_flips.rate == 0.04
    assert (found.negative_flips.low, found.negative_flips.high) == pytest.approx(
        proportion_confint(4, 100, method="wilson")
    )
    assert (found.before.right, found.after.right, found.n) == (80, 88, 100)
    assert found.words == (
        "80.0% → 88.0% of 100 images right (+8.0 points, 95% interval 0.0 to +16.3): "
        "12 fixed, 4 broken, p = .049"
    )


def test_only_the_rows_that_count_are_counted() -> None:
    comparison = compared(*random_answers(np.random.default_rng(0), 200))
    half = np.arange(200) % 2 == 0
    one, other = (comparison_statistics(comparison, rows) for rows in (half, ~half))
    whole = comparison_statistics(comparison, comparison.rows("all"))
    for name in ("n", "fixed", "broken", "changed", "both_wrong"):
        assert getattr(one, name) + getattr(other, name) == getattr(whole, name)
    np.testing.assert_array_equal(one.matrix + other.matrix, whole.matrix)


def test_no_images_have_no_figures() -> None:
    found = comparison_statistics(pair([0], [0], [1]), np.zeros(1, bool))
    assert found.words == "no images" and change_words(found.right) == "no images"
    assert found.n == 0 and np.isnan(found.churn.rate) and found.cells.empty
