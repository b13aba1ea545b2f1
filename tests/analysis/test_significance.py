import numpy as np
import pytest
from scipy.stats import false_discovery_control, poisson

from analysis.confusable import confusable_pairs
from analysis.significance import expected_errors, false_discovery_rates, pair_p_values


def _null_counts(rng: np.random.Generator, n_classes: int, per_class: int) -> np.ndarray:
    """Errors that only depend on how many each class makes and attracts."""
    made, drawn = rng.gamma(2, size=n_classes), rng.gamma(2, size=n_classes)
    rates = np.outer(made, drawn)
    np.fill_diagonal(rates, 0)
    errors = rng.poisson(rates * 0.2 * per_class * n_classes / rates.sum())
    return errors + np.diag(np.maximum(per_class - errors.sum(axis=1), 0))


def test_expected_errors_have_the_margins_of_the_errors_and_a_zero_diagonal() -> None:
    counts = _null_counts(np.random.default_rng(0), 30, 100)
    errors = counts - np.diag(np.diagonal(counts))
    expected = expected_errors(counts)
    np.testing.assert_allclose(expected.sum(axis=1), errors.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(expected.sum(axis=0), errors.sum(axis=0), rtol=1e-6)
    assert (np.diagonal(expected) == 0).all()
    made_by_drawn = expected[0, 2:] / expected[1, 2:]
    np.testing.assert_allclose(made_by_drawn, made_by_drawn[0])


def test_expected_errors_agree_with_fitting_the_whole_table() -> None:
    counts = _null_counts(np.random.default_rng(1), 12, 60)
    errors = (counts - np.diag(np.diagonal(counts))).astype(float)
    table = 1 - np.eye(12)
    for _ in range(3000):
        table *= np.nan_to_num(errors.sum(axis=1) / table.sum(axis=1))[:, None]
        table *= np.nan_to_num(errors.sum(axis=0) / table.sum(axis=0))[None, :]
    np.testing.assert_allclose(expected_errors(counts), table, atol=1e-6)


@pytest.mark.parametrize(
    "counts",
    [np.diag([3, 4, 5]), np.zeros((3, 3), dtype=np.int64), np.array([[5, 3], [0, 5]]), np.array([[4]])],
)
def test_tables_almost_without_errors_have_finite_figures(counts: np.ndarray) -> None:
    errors = counts - np.diag(np.diagonal(counts))
    expected = expected_errors(counts)
    assert np.isfinite(expected).all()
    assert expected.sum() == pytest.approx(errors.sum())
    assert (pair_p_values(counts) <= 1).all()


def test_p_values_are_the_tail_of_scipys_poisson() -> None:
    counts = _null_counts(np.random.default_rng(2), 10, 50)
    expected = expected_errors(counts)
    p_values = pair_p_values(counts)
    for a, b in ((0, 1), (2, 7), (4, 9)):
        both = counts[a, b] + counts[b, a]
        tail = poisson.sf(both - 1, expected[a, b] + expected[b, a])
        assert p_values[a, b] == p_values[b, a] == pytest.approx(tail)
    assert (np.diagonal(p_values) == 1).all()


def test_adjusted_p_values_are_those_of_scipy() -> None:
    p_values = np.random.default_rng(3).random(500) ** 3
    np.testing.assert_allclose(false_discovery_rates(p_values), false_discovery_control(p_values))
    assert false_discovery_rates(np.array([])).tolist() == []


def test_null_data_has_no_findings_where_plain_p_values_have_hundreds() -> None:
    rng = np.random.default_rng(4)
    plain, corrected = 0, 0
    for _ in range(20):
        counts = _null_counts(rng, 60, 60)
        p_values = pair_p_values(counts)[np.triu_indices(60, k=1)]
        plain += int((p_values <= 0.05).sum())
        corrected += int((false_discovery_rates(p_values) <= 0.05).sum())
    assert plain > 300
    assert corrected <= 1


def test_planted_pairs_are_found_and_no_others() -> None:
    rng = np.random.default_rng(5)
    counts = _null_counts(rng, 60, 60)
    planted = {("10", "20"), ("30", "40"), ("50", "55")}
    for a, b in planted:
        counts[int(a), int(b)] += 6
        counts[int(b), int(a)] += 5
    pairs = confusable_pairs(counts, [str(i) for i in range(60)])
    assert {(pair.a, pair.b) for pair in pairs if pair.q_value <= 0.05} == planted
