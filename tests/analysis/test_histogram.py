import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.histogram import confidence_histogram


@given(arrays(np.float32, 50, elements=st.floats(0, 1, width=32)), st.sampled_from([1, 4, 8, 32]))
@settings(deadline=None)
def test_the_bins_are_those_of_numpy(confidence: np.ndarray, bins: int) -> None:
    right = np.arange(50) % 3 > 0
    found = confidence_histogram(confidence, right, bins)
    for ours, chosen in ((found.right, right), (found.wrong, ~right)):
        reference, edges = np.histogram(confidence[chosen].astype(float), bins, (0.0, 1.0))
        np.testing.assert_array_equal(ours, reference)
    np.testing.assert_allclose(found.edges, edges)
    assert found.unknown == 0


def test_certainty_belongs_to_the_last_bin_also_when_rounded_up() -> None:
    found = confidence_histogram(np.array([1.0, 1.0000001, 0.0]), np.array([True, True, False]))
    assert found.right[-1] == 2 and found.wrong[0] == 1
    assert len(found.right) == 20


def test_images_without_a_confidence_are_counted_apart() -> None:
    found = confidence_histogram(np.array([np.nan, 0.5, np.nan]), np.array([True, False, False]), 2)
    assert found.unknown == 2 and found.right.sum() == 0 and found.wrong.tolist() == [0, 1]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="2 confidences, but 3 images"):
        confidence_histogram(np.zeros(2), np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match="a bin at least"):
        confidence_histogram(np.zeros(2), np.zeros(2, dtype=bool), bins=0)
