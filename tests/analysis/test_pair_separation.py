from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from statsmodels.stats.multitest import multipletests

from analysis.pair_features import FeatureSeparation, feature_separation, out_of_fold_scores
from analysis.pair_separation import auc_interval, pair_rows, quality_differences
from models.image_facts import QUALITY
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Egyptian_Mau", "pug")


def _images(n: int, confused: int) -> tuple[np.ndarray, np.ndarray]:
    """n labels of each class, of which the first ``confused`` of the first two are called the other."""
    labels = np.repeat([0, 1, 2], n)
    predicted = labels.copy()
    predicted[:confused], predicted[n : n + confused] = 1, 0
    return labels, predicted


def _facts(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame({quality: rng.normal(0.4, 0.1, n) for quality in QUALITY})


def test_the_rows_of_a_pair_are_its_four_cells() -> None:
    labels, predicted = _images(10, 3)
    predicted[9] = 2
    rows = pair_rows(labels, predicted, 0, 1)
    assert rows.a_as_b.tolist() == [0, 1, 2] and rows.b_as_a.tolist() == [10, 11, 12]
    assert rows.a_right.tolist() == [3, 4, 5, 6, 7, 8] and rows.b_right.tolist() == list(range(13, 20))
    turned = pair_rows(labels, predicted, 1, 0)
    assert turned.a_as_b.tolist() == rows.b_as_a.tolist()


def test_planted_darkness_is_said_in_words_and_nothing_else_is() -> None:
    labels, predicted = _images(40, 12)
    facts = _facts(np.random.default_rng(0), len(labels))
    facts.loc[:11, "brightness"] -= 0.25
    found = quality_differences(facts, pair_rows(labels, predicted, 0, 1), "Bengal", "Egyptian_Mau")
    confused = [
        each for each in found if each.is_clear and each.images.startswith("The images of Bengal called")
    ]
    (dark,) = confused
    assert (dark.quality, dark.n, dark.n_others) == ("brightness", 12, 28)
    assert dark.auc < 0.15 and dark.interval[1] < 0.4
    assert dark.words.startswith(
        "The images of Bengal called Egyptian_Mau (12) are darker than those rightly recognised (28): brightness 0."
    )
    assert found[0] is dark or found[0].p_value <= dark.p_value


def test_figures_are_those_of_scipy_scikit_learn_and_statsmodels() -> None:
    labels, predicted = _images(30, 9)
    facts = _facts(np.random.default_rng(1), len(labels))
    facts["sharpness"] = facts["sharpness"].round(1)  # ties
    found = quality_differences(facts, pair_rows(labels, predicted, 0, 1), "a", "b")
    assert len(found) == 3 * len(QUALITY)
    for each in (one for one in found if one.images == "The images of a called b"):
        first, second = facts[each.quality][:9], facts[each.quality][9:30]
        assert each.p_value == pytest.approx(mannwhitneyu(first, second).pvalue)
        is_first = np.repeat([1, 0], [9, 21])
        assert each.auc == pytest.approx(roc_auc_score(is_first, np.concatenate([first, second])))
    reference = multipletests([each.p_value for each in found], method="fdr_bh")[1]
    np.testing.assert_allclose([each.q_value for each in found], reference)


def test_pictures_that_do_not_differ_are_silent() -> None:
    clear = 0
    for seed in range(25):
        labels, predicted = _images(20, 6)
        facts = _facts(np.random.default_rng(seed), len(labels))
        found = quality_differences(facts, pair_rows(labels, predicted, 0, 1), "a", "b")
        clear += any(each.is_clear for each in found)
    assert clear <= 3


def test_few_unmeasured_or_equal_pictures_make_no_finding() -> None:
    labels, predicted = _images(20, 2)
    facts = _facts(np.random.default_rng(2), len(labels))
    rows = pair_rows(labels, predicted, 0, 1)
    assert {each.images for each in quality_differences(facts, rows, "a", "b")} == {"The images of a"}
    facts[list(QUALITY)] = np.nan
    assert quality_differences(facts, rows, "a", "b") == []
    facts[list(QUALITY)] = 1.0
    assert not any(each.is_clear for each in quality_differences(facts, rows, "a", "b"))


@given(st.integers(2, 60), st.integers(2, 60), st.floats(0, 1))
def test_the_interval_of_an_auc_holds_it_and_narrows_with_more_images(n: int, m: int, auc: float) -> None:
    low, high = auc_interval(auc, n, m)
    assert 0 <= low <= auc + 1e-3 and auc - 1e-3 <= high <= 1
    more_low, more_high = auc_interval(auc, 4 * n, 4 * m)
    assert more_high - more_low <= high - low + 1e-3


def test_the_interval_of_an_auc_holds_the_truth_as_often_as_it_says() -> None:
    rng, truth, held = np.random.default_rng(5), 0.7602, 0  # of two normal laws one apart
    for _ in range(400):
        first, second = rng.normal(1, 1, 25), rng.normal(0, 1, 30)
        low, high = auc_interval((first[:, None] > second).mean(), 25, 30)
        held += low <= truth <= high
    assert 0.92 <= held / 400 <= 0.99


def _with_features(
    labels: np.ndarray, embeddings: np.ndarray, own_scores: np.ndarray, names: tuple[str, ...] = NAMES
) -> Predictions:
    probabilities = np.full((len(labels), len(names)), 0.01)
    shares = 0.98 / (1 + np.exp(-own_scores))
    probabilities[:, 1], probabilities[:, 0] = shares, 0.98 - shares
    made = planted_predictions(labels, names, probabilities=probabilities)
    return replace(made, embeddings=embeddings.astype(np.float32))


def _separation(
    seed: int, *, feature: float, head: float, n: int = 60, width: int = 64
) -> FeatureSeparation | None:
    """Two classes whose features lie ``feature`` apart over a quarter of them, and a network that sees ``head`` of it."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n)
    side = 2.0 * labels - 1
    embeddings = rng.normal(size=(2 * n, width))
    embeddings[:, : width // 4] += feature * side[:, None] / np.sqrt(width // 4)
    return feature_separation(_with_features(labels, embeddings, head * side + rng.normal(size=2 * n)), 0, 1)


def test_features_that_know_more_than_the_head_are_found_out() -> None:
    found = _separation(0, feature=4.0, head=0.3)
    assert found is not None and found.verdict == "head"
    assert found.auc > 0.95 and found.accuracy > found.own_accuracy + 0.1
    assert found.difference_interval[0] > 0
    assert "retraining the last layer may be enough" in found.words


def test_features_that_know_no_more_are_not() -> None:
    found = _separation(1, feature=0.0, head=1.0)
    assert found is not None and found.verdict == "features"
    assert "retraining the last layer hardly" in found.words and "120 images only" in found.words
    assert 0.3 < found.auc < 0.7


def test_what_both_know_is_an_exception() -> None:
    found = _separation(2, feature=6.0, head=6.0)
    assert found is not None and found.verdict == "both"
    assert found.auc_interval[1] == 1.0 and found.auc_interval[0] < 1.0


def test_features_without_anything_in_them_are_never_said_to_be_enough() -> None:
    verdicts = [_separation(seed, feature=0.0, head=0.5, n=25, width=32) for seed in range(12)]
    assert sum(found is not None and found.verdict == "head" for found in verdicts) <= 1


def test_few_images_are_too_few() -> None:
    found = _separation(3, feature=3.0, head=1.0, n=9)
    assert found is not None and found.verdict == "few" and np.isnan(found.auc)
    assert "9 and 9" in found.words


def test_figures_of_the_features_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], [40, 25])
    embeddings = rng.normal(size=(65, 32))
    embeddings[:, 0] += labels
    own = rng.normal(size=65) + labels
    predictions = _with_features(labels, embeddings, own)
    found = feature_separation(predictions, 0, 1)
    scores = out_of_fold_scores(np.asarray(predictions.embeddings, float), labels == 1)
    assert found is not None
    assert found.auc == pytest.approx(roc_auc_score(labels, scores))
    assert found.accuracy == pytest.approx(balanced_accuracy_score(labels, scores > 0))
    assert found.own_accuracy == pytest.approx(balanced_accuracy_score(labels, own > 0))


def test_without_embeddings_or_probabilities_nothing_is_said() -> None:
    labels, predicted = _images(20, 4)
    made = planted_predictions(labels, NAMES, predicted=predicted)
    assert feature_separation(made, 0, 1) is None
    assert feature_separation(replace(made, embeddings=np.zeros((60, 4), np.float32)), 0, 1) is None


def test_of_many_images_a_part_is_looked_at() -> None:
    found = _separation(6, feature=1.0, head=1.0, n=500, width=4)
    assert found is not None and (found.n_a, found.n_b) == (300, 300)
