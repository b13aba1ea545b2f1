import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.mcnemar import mid_p_values
from analysis.power import change_power, fixing_power, share_needed, target_power
from models.finetune.spec import Target
from models.predictions import Predictions
from tests.analysis.compared_pairs import answers


@pytest.mark.parametrize(
    ("n_images", "fixed", "broken"),
    [(100, 0.10, 0.05), (400, 0.08, 0.03), (60, 0.2, 0.0), (3000, 0.02, 0.01)],
)
def test_the_power_is_how_often_the_test_finds_it(n_images: int, fixed: float, broken: float) -> None:
    tables = np.random.default_rng(0).multinomial(n_images, [fixed, broken, 1 - fixed - broken], 40_000)
    shown = (mid_p_values(tables[:, 0], tables[:, 1]) <= 0.05) & (tables[:, 0] > tables[:, 1])
    assert change_power(n_images, fixed, broken) == pytest.approx(shown.mean(), abs=0.01)


def test_one_class_of_a_hundred_cannot_show_five_points() -> None:
    """Power .25: three of four such gains would be missed."""
    assert change_power(100, 0.10, 0.05) == pytest.approx(0.25, abs=0.015)
    assert change_power(1000, 0.10, 0.05) > 0.95
    assert change_power(100, 0.0, 0.0) == 0


def test_a_change_is_shown_as_well_for_the_worse() -> None:
    assert change_power(200, 0.03, 0.1) == change_power(200, 0.1, 0.03)


@pytest.mark.parametrize(
    ("mistakes", "share", "others", "appearing"), [(12, 0.6, 80, 0.02), (30, 0.3, 0, 0.0), (7, 1.0, 40, 0.05)]
)
def test_the_power_of_fixing_mistakes_is_how_often_the_test_finds_it(
    mistakes: int, share: float, others: int, appearing: float
) -> None:
    rng = np.random.default_rng(1)
    left, entered = rng.binomial(mistakes, share, 40_000), rng.binomial(others, appearing, 40_000)
    shown = (mid_p_values(left, entered) <= 0.05) & (left > entered)
    assert fixing_power(mistakes, share, others, appearing) == pytest.approx(shown.mean(), abs=0.01)


def test_fewer_than_five_mistakes_can_never_show_anything() -> None:
    # all of n fixed and none new: p = 2^-n, and 2^-4 is more than .05
    assert [fixing_power(n, 1.0) for n in range(7)] == [0, 0, 0, 0, 0, 1, 1]
    assert share_needed(4) is None and share_needed(5) is not None


@given(st.integers(5, 60), st.integers(0, 60), st.floats(0, 0.1))
@settings(max_examples=20, deadline=None)
def test_the_share_needed_is_where_the_power_reaches_four_in_five(
    mistakes: int, others: int, appearing: float
) -> None:
    share = share_needed(mistakes, others, appearing)
    if share is None:
        assert fixing_power(mistakes, 1.0, others, appearing) < 0.8
        return
    assert fixing_power(mistakes, share, others, appearing) >= 0.8
    assert fixing_power(mistakes, share - 1e-4, others, appearing) < 0.8


def _predictions(mistakes: int) -> tuple[Predictions, np.ndarray]:
    labels = [0] * 80 + [1] * 40
    predicted = [1] * mistakes + [0] * (80 - mistakes) + [1] * 40
    return answers(labels, predicted), np.arange(120) % 2 == 0


def test_a_target_with_enough_mistakes_says_how_many_must_be_fixed() -> None:
    predictions, half = _predictions(40)
    found = target_power(predictions, Target("cell", "ant/bee", cells=(("ant", "bee"),)), half)
    assert (found.n_images, found.n_mistakes, found.n_mistakes_all) == (40, 20, 40)
    assert found.share_needed == share_needed(20, 20, 0.1)
    assert found.is_enough and found.power_if_all_fixed > 0.99
    assert found.words == (
        "Of the 40 mistakes of ant/bee, 20 are among the images held out for the comparison. At least 56% of these "
        "20 mistakes must be fixed for the test to show it four times in five."
    )
    hopeful = target_power(predictions, Target("cell", "x", cells=(("ant", "bee"),)), half, new_mistakes=0)
    assert hopeful.share_needed is not None and found.share_needed is not None
    assert hopeful.share_needed < found.share_needed


def test_a_target_with_few_mistakes_is_warned_of() -> None:
    predictions, half = _predictions(8)
    found = target_power(predictions, Target("cell", "ant/bee", cells=(("ant", "bee"),)), half)
    assert not found.is_enough and "too few to show an effect" in found.words
    nothing = target_power(predictions, Target("cell", "cow/dog", cells=(("cow", "dog"),)), half)
    assert nothing.n_mistakes == 0 and "can say nothing of this target" in nothing.words


def test_a_target_of_images_counts_those_that_are_wrong() -> None:
    predictions, half = _predictions(20)
    ids = tuple(predictions.images["id"][:30])
    found = target_power(predictions, Target("selection", "some", images=ids), half)
    assert (found.n_images, found.n_mistakes, found.n_mistakes_all) == (15, 10, 20)
