import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import softmax

from analysis.class_scores import ClassScores, class_scores, least_probability
from analysis.confident_joint import confident_disagreements
from analysis.label_noise import label_habits, label_noise, label_probabilities
from tests.analysis.planted_labels import calibrated_logits, drawn_labels, flipped, predictions_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cleanlab.count import num_label_issues


def test_under_chance_alone_the_test_keeps_its_level() -> None:
    """Half of the ratios are about 0, and few pass the 10 % point of half a chi-squared."""
    p_values = []
    for seed in range(30):
        logits = calibrated_logits(200, 5, seed)
        p_values.append(
            label_noise(ClassScores(logits), drawn_labels(logits, seed), logits.argmax(axis=1)).p_value
        )
    assert np.mean(np.array(p_values) < 0.1) <= 0.2
    assert np.mean(np.array(p_values) > 0.4) >= 0.4


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_the_share_of_random_labels_is_estimated(share: float) -> None:
    logits = calibrated_logits(2000, 10, 3, least=5.0, most=9.0)
    labels, is_flipped = flipped(drawn_labels(logits, 4), 10, int(2000 * share), 5)
    found = label_noise(ClassScores(logits), labels, logits.argmax(axis=1))
    low, high = found.n_wrong_interval
    assert found.is_beyond_chance and low < found.n_wrong < high
    assert low <= is_flipped.sum() <= high
    assert found.posterior[is_flipped].mean() > 10 * found.posterior[~is_flipped].mean()


@pytest.mark.parametrize("scale", [0.02, 3.0, 100.0, 5000.0])
def test_an_overconfident_model_is_not_taken_for_wrong_labels(scale: float) -> None:
    logits = calibrated_logits(2000, 10, 6)
    found = label_noise(ClassScores(scale * logits), drawn_labels(logits, 7), logits.argmax(axis=1))
    assert not found.is_beyond_chance
    assert found.temperature == pytest.approx(scale, rel=0.15)


def test_a_class_the_model_does_not_know_is_its_habit_and_not_wrong_labels() -> None:
    """All images of one class are surely called another: no single label of them is to blame."""
    logits = calibrated_logits(1500, 10, 8, least=4.0, most=8.0)
    labels = drawn_labels(logits, 9)
    unknown = labels == 3
    logits[unknown, 3] -= 12
    logits[unknown, 4] += 8
    found = label_noise(ClassScores(logits), labels, logits.argmax(axis=1))
    assert not found.is_beyond_chance
    assert found.habit_share > 0.02


def test_the_fit_is_the_greatest_likelihood() -> None:
    """The same likelihood written out, and optimised from several starts without slopes."""
    logits = calibrated_logits(400, 6, 10)
    labels, _ = flipped(drawn_labels(logits, 11), 6, 20, 12)
    predicted = logits.argmax(axis=1)
    habits = label_habits(labels, predicted, 6)

    def loss(parameters: np.ndarray) -> float:
        temperature, habit, noise = np.exp(parameters[0]), *parameters[1:]
        soft = softmax(logits / temperature, axis=1)[np.arange(400), labels]
        return -np.log((1 - noise) * ((1 - habit) * soft + habit * habits) + noise / 6).sum()

    bounds = [(-2.5, 2.5), (0, 1), (0, 0.5)]
    starts = ([0, 0.1, 0.01], [0.5, 0.5, 0.2], [-0.5, 0.01, 0.05])
    free = min(
        (minimize(loss, start, bounds=bounds, method="Nelder-Mead") for start in starts), key=lambda r: r.fun
    )
    without = minimize(loss, [0, 0.1, 0], bounds=[*bounds[:2], (0, 0)], method="Nelder-Mead")
    found = label_noise(ClassScores(logits), labels, predicted)
    assert found.noise_share == pytest.approx(free.x[2], abs=2e-3)
    assert found.statistic == pytest.approx(2 * (without.fun - free.fun), abs=0.05)


def test_habits_leave_the_image_itself_out() -> None:
    rng = np.random.default_rng(13)
    labels, predicted = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    for image, found in enumerate(label_habits(labels, predicted, 4)):
        others = [i for i in range(60) if i != image and predicted[i] == predicted[image]]
        same = sum(labels[i] == labels[image] for i in others)
        assert found == pytest.approx((same + 0.1 / 4) / (len(others) + 0.1))


def test_probabilities_of_labels_are_those_of_a_softmax() -> None:
    logits = calibrated_logits(300, 7, 14)
    labels = drawn_labels(logits, 15)
    expected = softmax(logits / 1.7, axis=1)[np.arange(300), labels]
    np.testing.assert_allclose(label_probabilities(ClassScores(logits), labels, 1.7), expected, rtol=1e-5)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
@example(125)
def test_the_order_of_the_classes_does_not_matter(seed: int) -> None:
    logits = calibrated_logits(150, 5, seed)
    labels, _ = flipped(drawn_labels(logits, seed), 5, 12, seed)
    order = np.random.default_rng(seed).permutation(5)
    place = np.argsort(order)
    first = label_noise(ClassScores(logits), labels, logits.argmax(axis=1))
    other = label_noise(ClassScores(logits[:, order]), place[labels], place[logits.argmax(axis=1)])
    np.testing.assert_allclose(first.posterior, other.posterior, atol=1e-3)
    assert first.statistic == pytest.approx(other.statistic, abs=1e-2)


def test_a_table_gives_what_the_logits_give() -> None:
    logits = calibrated_logits(400, 6, 16)
    labels, _ = flipped(drawn_labels(logits, 17), 6, 20, 18)
    found = [
        label_noise(scores, labels, logits.argmax(axis=1))
        for has_logits in (True, False)
        if (scores := class_scores(predictions_of(logits, labels, has_logits=has_logits)))
    ]
    assert found[0].noise_share == pytest.approx(found[1].noise_share, abs=1e-4)


def test_rounding_to_0_is_not_certainty() -> None:
    """Two decimals in a table: a label that got 0.00 may have had 0.004, which is no proof against it."""
    logits = calibrated_logits(800, 10, 19)
    labels = drawn_labels(logits, 20)
    rounded = softmax(logits, axis=1).round(2)
    assert (rounded[np.arange(800), labels] == 0).any()
    assert least_probability(rounded) == 1e-3
    scores = ClassScores(rounded, least_probability(rounded))
    assert not label_noise(scores, labels, logits.argmax(axis=1)).is_beyond_chance


@pytest.mark.parametrize(("n", "n_classes"), [(0, 3), (1, 3), (1, 2), (3, 3), (4, 1)])
def test_almost_nothing_is_no_noise(n: int, n_classes: int) -> None:
    labels = np.arange(n) % n_classes
    found = label_noise(ClassScores(np.zeros((n, n_classes))), labels, labels)
    assert not found.is_beyond_chance and found.posterior.shape == (n,)


@pytest.mark.parametrize("seed", range(5))
def test_the_count_of_confident_disagreements_is_cleanlabs(seed: int) -> None:
    logits = calibrated_logits(300, 6, seed, most=3.0)
    labels, _ = flipped(drawn_labels(logits, seed), 6, 30, seed)
    probabilities = softmax(logits, axis=1)
    found = confident_disagreements(labels, probabilities).sum()
    assert found == num_label_issues(labels, probabilities, estimation_method="off_diagonal") > 0


def test_the_count_is_cleanlabs_with_ties_and_a_class_without_images() -> None:
    rng = np.random.default_rng(21)
    probabilities = rng.integers(0, 4, (200, 5)) + 1e-3
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 4, 200)
    found = confident_disagreements(labels, probabilities).sum()
    assert found == num_label_issues(labels, probabilities, estimation_method="off_diagonal") > 0
