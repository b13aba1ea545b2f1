"""The cheapest decisions, against all of them tried by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.costs import Costs, cost_matrix
from analysis.expected_cost import PERSON, compared_costs, decision_changes
from models.predictions import Predictions
from tests.analysis.planted_confidences import calibrated, softmax
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "Birman", "pug", "beagle")
GROUPS = {"Bengal": "cat", "Birman": "cat", "pug": "dog"}


def drawn(seed: int, n: int = 60) -> Predictions:
    """Random predictions of four classes, two cats, a dog, and one without a group."""
    draws = np.random.default_rng(seed)
    return planted_predictions(
        draws.integers(0, 4, n), NAMES, probabilities=softmax(draws.normal(0, 1, (n, 4))), groups=GROUPS
    )


def test_the_matrix_follows_groups_and_pairs() -> None:
    matrix = cost_matrix(Costs(1.0, 5.0, None, ((0, 1, 7.0), (3, 3, 0.5))), NAMES, GROUPS)
    assert matrix.tolist() == [[0, 7, 5, 1], [1, 0, 5, 1], [5, 5, 0, 1], [1, 1, 1, 0.5]]
    assert cost_matrix(Costs(2.0, 9.0), NAMES, {}).tolist() == (2 * (1 - np.eye(4))).tolist()
    for wrong in (Costs(-1.0), Costs(float("nan")), Costs(pairs=((0, 1, -2.0),)), Costs(person=-0.1)):
        with pytest.raises(ValueError, match="0 or more"):
            cost_matrix(wrong, NAMES, GROUPS)


def test_equal_costs_are_the_error_rate_and_change_nothing() -> None:
    predictions = calibrated(800, seed=1)
    compared = compared_costs(predictions, Costs())
    assert compared.usual.mean == pytest.approx(1 - predictions.accuracy)
    assert compared.cheapest == compared.usual and compared.usual.saving == 0
    assert (compared.decided == predictions.predicted).all()
    assert compared.with_person is None and decision_changes(predictions, compared, with_person=True) == []
    assert compared.usual.words == "No decision changes."


@settings(deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(0, 10),
    st.floats(0, 10),
    st.one_of(st.none(), st.floats(0, 3)),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 20)), max_size=4),
)
def test_the_decisions_are_those_of_trying_all(
    seed: int, within: float, across: float, person: float | None, pairs: list[tuple[int, int, float]]
) -> None:
    predictions = drawn(seed, 12)
    compared = compared_costs(predictions, Costs(within, across, person, tuple(pairs)))
    assert predictions.probabilities is not None
    shares = np.asarray(predictions.probabilities, np.float64)
    expected = [
        [sum(row[label] * compared.matrix[label, decided] for label in range(4)) for decided in range(4)]
        for row in shares
    ]
    for place, costs in enumerate(expected):
        assert costs[compared.decided[place]] == pytest.approx(min(costs), abs=1e-4)
        if compared.decided_with_person is not None and person is not None:
            to_person = compared.decided_with_person[place] == PERSON
            assert to_person == (min(costs) > person) or min(costs) == pytest.approx(person, abs=1e-4)
    # by the model's own probabilities the cheapest decision is never dearer
    assert compared.expected_cheapest <= compared.expected_usual + 1e-12
    for outcome in (compared.usual, compared.cheapest, compared.with_person):
        assert outcome is None or (outcome.mean >= -1e-12 and outcome.wrong + outcome.to_person <= 12)


def test_what_changes_adds_up() -> None:
    predictions = drawn(5, 400)
    compared = compared_costs(predictions, Costs(1.0, 6.0, 0.8))
    assert compared.with_person is not None and compared.decided_with_person is not None
    for with_person, outcome in ((False, compared.cheapest), (True, compared.with_person)):
        changes = decision_changes(predictions, compared, with_person=with_person)
        assert changes and sum(change.n for change in changes) == outcome.changed
        assert sum(change.saving for change in changes) == pytest.approx(outcome.saving * 400)
        assert outcome.mean == pytest.approx(compared.usual.mean - outcome.saving)
        decided = compared.decided_with_person if with_person else compared.decided
        for change in changes:
            rows = list(change.rows)
            assert len(rows) == change.n
            assert set(predictions.labels[rows]) == {change.label}
            assert set(predictions.predicted[rows]) == {change.predicted}
            assert set(decided[rows]) == {change.decided} != {change.predicted}
    paid = np.where(
        compared.decided_with_person == PERSON, 0.8, compared.matrix[predictions.labels, compared.decided]
    )
    assert compared.with_person.mean == pytest.approx(paid.mean())


def test_asking_a_person_follows_chow() -> None:
    """With equal costs of 1 an image goes to a person below a confidence of 1 - cost."""
    predictions = calibrated(500, seed=2)
    compared = compared_costs(predictions, Costs(person=0.3))
    assert compared.decided_with_person is not None
    shares = softmax(np.asarray(predictions.logits, np.float64)).max(axis=1)
    assert ((compared.decided_with_person == PERSON) == (shares < 0.7)).all()


def test_honest_probabilities_save_what_they_promise() -> None:
    predictions = replace(
        calibrated(4000, seed=3), groups={f"class_{i}": "low" if i < 5 else "high" for i in range(10)}
    )
    compared = compared_costs(predictions, Costs(1.0, 8.0))
    assert compared.cheapest.is_clear and compared.cheapest.saving > 0
    low, high = compared.cheapest.interval
    assert low < compared.expected_usual - compared.expected_cheapest < high
    assert compared.cheapest.words.startswith("It changes ") and " saves " in compared.cheapest.words


def test_honest_probabilities_are_worth_more_than_boastful_ones() -> None:
    boastful = calibrated(4000, factor=4.0, seed=3)
    costs = Costs(person=0.3)
    as_they_are, mended = (compared_costs(boastful, costs, t).with_person for t in (1.0, 4.0))
    assert as_they_are is not None and mended is not None
    assert mended.mean < as_they_are.mean


def test_few_changes_are_no_finding() -> None:
    labels = np.array([0] * 50 + [1] * 50)
    probabilities = np.where(np.eye(2)[labels] == 1, 0.9, 0.1)
    probabilities[:3] = [0.4, 0.6]
    predictions = planted_predictions(labels, ("a", "b"), probabilities=probabilities)
    compared = compared_costs(predictions, Costs(pairs=((0, 1, 3.0),)))
    assert compared.cheapest.changed == 3 and not compared.cheapest.is_clear
    assert compared.cheapest.words.endswith("; that may be chance.")
