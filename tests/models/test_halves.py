from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.halves import stratified_halves


@given(st.lists(st.integers(0, 4), max_size=80), st.integers(0, 5))
def test_halves_share_every_stratum(strata: list[int], seed: int) -> None:
    values = np.array(strata, dtype=np.int64)
    first = stratified_halves(values, seed)
    assert abs(2 * int(first.sum()) - len(values)) <= 1
    for stratum in range(5):
        own = first[values == stratum]
        assert abs(2 * int(own.sum()) - len(own)) <= 1
    assert (first == stratified_halves(values, seed)).all()


def test_another_seed_draws_other_halves() -> None:
    strata = np.zeros(40, dtype=np.int64)
    assert (stratified_halves(strata, 0) != stratified_halves(strata, 1)).any()
