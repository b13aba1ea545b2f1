import numpy as np
import pytest

from analysis.budget import LIMITS, Budget, budget_checks, parsed_budget
from analysis.comparison_statistics import ComparisonStatistics, comparison_statistics
from models.errors import ComparisonError
from tests.analysis.compared_pairs import pair
from tests.conftest import ROOT


def _statistics() -> ComparisonStatistics:
    """200 images: 6 broken (5 ants now bees, 1 dog), 2 fixed, 1 otherwise wrong; 4 dogs only."""
    labels = [0] * 100 + [1] * 96 + [3] * 4
    before = [0] * 100 + [1] * 93 + [2] * 3 + [3] * 4
    after = [1] * 5 + [0] * 95 + [1] * 95 + [0] + [3] * 3 + [2]
    comparison = pair(labels, before, after)
    return comparison_statistics(comparison, comparison.rows("all"))


@pytest.mark.parametrize(
    ("limit", "measured", "where"),
    [
        ("max-negative-flips", 0.03, "6 of 200 images"),
        ("min-accuracy-change", -0.02, ""),
        ("min-accuracy", 193 / 200, ""),
        ("class-recall-drop", 0.05, "ant, 100 images"),  # not the 4 dogs, of which one is a quarter
        ("cell-increase", 5, "ant/bee"),
        ("max-churn", 9 / 200, "9 of 200 images"),
    ],
)
def test_each_limit_is_held_against_its_figure_and_exactly_it_is_kept(
    limit: str, measured: float, where: str
) -> None:
    at_most = LIMITS[limit].bound == "at most"
    for slack, passed in ((0.0, True), (0.001, True), (-0.001, False)):
        budget = Budget({limit: measured + (slack if at_most else -slack)})
        (check,) = budget_checks(budget, _statistics())
        assert check.measured.value == pytest.approx(measured) and check.measured.where == where
        assert check.passed == passed
        assert check.limit.label in check.words and where in check.words


def test_every_limit_is_tried_and_has_a_value_to_begin_with() -> None:
    whole = Budget({key: limit.suggested for key, limit in LIMITS.items()})
    checks = budget_checks(whole, _statistics())
    assert [check.limit.key for check in checks] == list(LIMITS)
    assert budget_checks(Budget({}), _statistics()) == ()


def test_what_cannot_be_judged_is_not_kept() -> None:
    comparison = pair([0, 1], [0, 1], [1, 1])
    budget = Budget({"class-recall-drop": 1.0, "max-negative-flips": 1.0})
    flips, drop = budget_checks(budget, comparison_statistics(comparison, comparison.rows("all")))
    assert flips.passed and not drop.passed
    assert drop.words == "Recall lost by a class: not known, no class has 10 images (at most 100%)"
    nothing = budget_checks(budget, comparison_statistics(comparison, np.zeros(2, bool)))
    assert not any(check.passed for check in nothing) and "not known" in nothing[0].words


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["max-negative-flip=2%"], 'no "max-negative-flip"'),
        (["max-churn"], "is no limit"),
        (["max-churn=much"], "is no limit"),
        (["max-churn=2", ], "cannot be 2"),
        (["max-churn=nan"], "cannot be nan"),
        (["cell-increase=-1"], "cannot be -1"),
        (["max-churn=1%", "max-churn=2%"], "twice"),
    ],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_refused_with_what_to_write(texts: list[str], reason: str) -> None:
    with pytest.raises(ComparisonError, match=reason) as error:
        parsed_budget(texts)
    assert error.value.next_step


def test_limits_are_read_as_shares_percentages_points_and_counts() -> None:
    texts = ["max-negative-flips=2%", "min-accuracy-change=-1%", " cell-increase = 4", "max-churn=0.125"]
    assert parsed_budget(texts).limits == {
        "max-negative-flips": 0.02,
        "min-accuracy-change": -0.01,
        "cell-increase": 4,
        "max-churn": 0.125,
    }


def test_every_limit_is_in_the_documents() -> None:
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{limit.key}` | {limit.sentence} |" for limit in LIMITS.values()]
