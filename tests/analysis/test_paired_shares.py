import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from analysis.mcnemar import mid_p_values
from analysis.paired_shares import change_interval, paired_share


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe 1998, Table II: 36, 12, 2, 0
        ((36, 2, 12, 50), 0.0569, 0.3404),
        # Bentur et al. 2009 in Fagerland, Lydersen, Laake 2014: 1, 1, 7, 12
        ((1, 7, 1, 21), -0.507, -0.026),
    ],
)
def test_the_interval_is_the_published_one(table: tuple[int, ...], low: float, high: float) -> None:
    found = change_interval(*table)
    places = 4 if table[-1] == 50 else 3
    assert (round(float(found[0]), places), round(float(found[1]), places)) == (low, high)


def _step_by_step(both: int, only_before: int, only_after: int, n: int) -> tuple[float, float]:
    """Newcombe's method 10 as his paper writes it, of share after less share before."""
    e, f, g, h = both, only_after, only_before, n - both - only_before - only_after
    p1, p2 = (e + f) / n, (e + g) / n
    l1, u1 = proportion_confint(e + f, n, method="wilson")
    l2, u2 = proportion_confint(e + g, n, method="wilson")
    margins = (e + f) * (g + h) * (e + g) * (f + h)
    top = e * h - f * g
    if top > n / 2:
        top -= n / 2
    elif top >= 0:
        top = 0
    phi = top / math.sqrt(margins) if margins else 0.0
    delta = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    epsilon = math.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return p1 - p2 - delta, p1 - p2 + epsilon


@given(st.tuples(*(st.integers(0, 60) for _ in range(4))).filter(any))
def test_the_interval_is_that_of_the_paper_with_the_wilson_intervals_of_statsmodels(
    table: tuple[int, int, int, int],
) -> None:
    both, only_before, only_after, _ = table
    n = sum(table)
    low, high = change_interval(both, only_before, only_after, n)
    assert (float(low), float(high)) == pytest.approx(
        _step_by_step(both, only_before, only_after, n), abs=1e-6
    )
    change = (only_after - only_before) / n
    assert -1 <= low <= change + 1e-12 and change - 1e-12 <= high <= 1
    mirrored = change_interval(both, only_after, only_before, n)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("n", "shares"),
    [
        (20, (0.7, 0.1, 0.1, 0.1)),
        (40, (0.85, 0.05, 0.05, 0.05)),
        (100, (0.8, 0.02, 0.08, 0.1)),
        (400, (0.9, 0.01, 0.02, 0.07)),
    ],
)
def test_the_interval_holds_the_true_change_as_often_as_it_says(n: int, shares: tuple[float, ...]) -> None:
    tables = np.random.default_rng(0).multinomial(n, shares, 20_000)
    low, high = change_interval(tables[:, 0], tables[:, 1], tables[:, 2], n)
    true = shares[2] - shares[1]
    assert 0.94 < ((low <= true) & (true <= high)).mean() < 0.985


def test_the_interval_of_many_images_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(1)
    before = rng.random(2000) < 0.85
    after = np.where(rng.random(2000) < 0.1, rng.random(2000) < 0.9, before)
    ours = paired_share(before, after)
    rows = rng.integers(0, 2000, (1500, 2000))
    drawn = (after.astype(np.int8) - before.astype(np.int8))[rows].mean(axis=1)
    assert ours.interval == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.002)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50))
def test_a_share_counts_every_image_once(pairs: list[tuple[bool, bool]]) -> None:
    before, after = (np.array([each[side] for each in pairs], bool) for side in (0, 1))
    found = paired_share(before, after)
    assert found.both + found.only_before + found.only_after + found.neither == found.n == len(pairs)
    assert (found.before, found.after) == (before.sum(), after.sum())
    assert found.p_value == float(mid_p_values(found.only_before, found.only_after))
    if pairs:
        assert found.rate_after - found.rate_before == pytest.approx(found.change)
    else:
        assert math.isnan(found.change) and math.isnan(found.low) and found.p_value == 1
