"""What channels know of the labels: planted knowledge is found, and chance is none."""

import numpy as np
import pytest

from analysis.layers.channel_selectivity import selectivity

N, CLASSES = 300, 30
LABELS = np.arange(N) % CLASSES
DRAWS = np.random.default_rng(0)


def test_a_planted_detector_is_named_and_noise_explains_nothing() -> None:
    noise = DRAWS.normal(size=(N, 40))
    detector = 10.0 * (LABELS == 7) + DRAWS.normal(size=N) * 0.1
    found = selectivity(np.column_stack([noise, detector]), LABELS, CLASSES)
    assert found.best[-1] == 7 and found.explained[-1] > 0.95
    # thirty classes of ten images explain a tenth of any noise, were it not corrected for
    assert abs(np.mean(found.explained[:-1])) < 0.02 and found.explained[:-1].max() < 0.2
    assert found.lead[-1] == pytest.approx(np.sqrt((1 - 1 / CLASSES) * CLASSES), rel=0.05)


def test_it_agrees_with_statsmodels() -> None:
    import pandas as pd
    from statsmodels.formula.api import ols

    values = DRAWS.normal(size=N) + 0.5 * (LABELS % 3)
    table = pd.DataFrame({"values": values, "labels": LABELS.astype(str)})
    expected = ols("values ~ C(labels)", table).fit().rsquared_adj
    assert selectivity(values[:, None], LABELS, CLASSES).explained[0] == pytest.approx(expected)


def test_a_still_channel_belongs_to_nobody_and_missing_rows_are_left_out() -> None:
    vectors = np.column_stack([np.full(N, 3.0), 1.0 * (LABELS == 2)]).astype(np.float16)
    vectors[5] = np.nan
    found = selectivity(vectors, LABELS, CLASSES)
    assert found.best.tolist() == [-1, 2] and np.isnan(found.explained[0])
    assert found.explained[1] == pytest.approx(1)


def test_as_many_classes_as_images_and_no_image_at_all() -> None:
    alone = selectivity(DRAWS.normal(size=(3, 2)), np.array([0, 4, 2]), 5)
    assert np.isnan(alone.explained).all() and set(alone.best.tolist()) <= {0, 2, 4}
    nobody = selectivity(np.full((3, 2), np.nan), np.array([0, 1, 2]), 3)
    assert nobody.best.tolist() == [-1, -1] and np.isnan(nobody.explained).all()
