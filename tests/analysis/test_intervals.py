import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from analysis.intervals import wilson_interval


@given(
    st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999)
)
@settings(deadline=None)
def test_the_interval_is_that_of_scipy(successes_of: tuple[int, int], confidence: float) -> None:
    successes, n = successes_of
    reference = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    low, high = wilson_interval(successes, n, confidence)
    assert float(low) == pytest.approx(reference.low, abs=1e-12)
    assert float(high) == pytest.approx(reference.high, abs=1e-12)


def test_it_takes_arrays_and_keeps_their_shape() -> None:
    low, high = wilson_interval(np.array([[0, 1], [5, 10]]), 10)
    assert low.shape == high.shape == (2, 2)
    assert low[0, 0] == 0 and high[1, 1] == 1
    assert (low <= high).all()


def test_of_no_images_nothing_is_known() -> None:
    low, high = wilson_interval([0, 3], [0, 4])
    assert np.isnan([low[0], high[0]]).all()
    assert not np.isnan([low[1], high[1]]).any()


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_impossible_confidences_are_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson_interval(1, 2, confidence)
