"""Planted kinds of image are found, and where there are none, none is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.slice_record import Slices
from analysis.slices import slices_of
from analysis.survey import save_result, saved_result
from models.image_facts import QUALITY
from models.predictions import Predictions
from tests.analysis.planted_slices import N, failing, found_share, plain_facts, with_embeddings


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_quality_is_found_and_named(seed: int) -> None:
    facts = plain_facts(N, seed)
    dark = (facts["brightness"] < 0.1).to_numpy()
    found = slices_of(failing(seed, dark), facts)
    best = found.confirmed[0]
    recall, precision = found_share(best.rows, dark)
    assert (best.kind, best.conditions[0].feature) == ("rule", "brightness")
    assert best.name.startswith("dark (brightness below 0.")
    assert recall > 0.7
    assert precision > 0.7
    assert "brightness" in best.next_step
    assert "hypothesis" in best.next_step


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_kind_of_the_users_is_found(seed: int) -> None:
    camera = np.random.default_rng(seed + 50).choice(["phone", "studio", "drone"], N, p=[0.15, 0.6, 0.25])
    found = slices_of(failing(seed, camera == "phone", camera=camera), plain_facts(N, seed))
    assert found.confirmed[0].name == "camera is phone"
    assert found_share(found.confirmed[0].rows, camera == "phone") == (1.0, 1.0)


def test_a_planted_pair_of_conditions_is_found() -> None:
    random = np.random.default_rng(5)
    facts = plain_facts(N * 2, 5)
    camera = random.choice(["phone", "studio"], N * 2)
    weak = (facts["contrast"] < 0.25).to_numpy() & (camera == "phone")
    found = slices_of(failing(5, weak, camera=camera, weak_rate=0.5), facts)
    recall, precision = found_share(found.confirmed[0].rows, weak)
    assert {each.feature for each in found.confirmed[0].conditions} == {"contrast", "camera"}
    assert recall > 0.7
    assert precision > 0.7


def test_missing_values_can_be_what_fails() -> None:
    random = np.random.default_rng(2)
    weak = random.random(N) < 0.1
    age = np.where(weak, np.nan, random.random(N))
    found = slices_of(failing(2, weak, age=age), plain_facts(N, 2))
    assert found.confirmed[0].name == "age is missing"


@pytest.mark.parametrize("seed", range(3))
def test_a_group_that_only_the_network_sees_is_found(seed: int) -> None:
    weak = np.random.default_rng(seed + 10).random(N) < 0.1
    found = slices_of(with_embeddings(failing(seed, weak), seed, weak), plain_facts(N, seed))
    groups = [each for each in found.confirmed if each.kind == "embedding"]
    rows = np.unique(np.concatenate([each.rows for each in groups]))
    recall, precision = found_share(rows, weak)
    assert recall > 0.6
    assert precision > 0.8


def test_by_chance_hardly_anything_is_confirmed() -> None:
    n = 400
    confirmed = 0
    for seed in range(24):
        nothing = np.zeros(n, bool)
        made = failing(seed, nothing, camera=np.arange(n) % 5, rate=0.15)
        # the groups take most of the time, so only some runs have them
        made = with_embeddings(made, seed, nothing) if seed % 3 == 0 else made
        confirmed += bool(slices_of(made, plain_facts(n, seed)).confirmed)
    assert confirmed <= 4  # P(Binomial(24, .05) > 4) = .006


def doubled(predictions: Predictions, facts: pd.DataFrame) -> tuple[Predictions, pd.DataFrame]:
    """Every picture twice, the copies behind all others."""
    rows = np.tile(np.arange(len(predictions)), 2)
    assert predictions.probabilities is not None and predictions.embeddings is not None
    made = replace(
        predictions,
        images=predictions.images.iloc[rows].reset_index(drop=True),
        probabilities=predictions.probabilities[rows],
        embeddings=predictions.embeddings[rows],
    )
    return made, facts.iloc[rows].assign(content=[f"{row}" for row in rows]).reset_index(drop=True)


def test_copies_in_both_halves_do_not_confirm_each_other() -> None:
    none = np.zeros(N // 2, bool)
    confirmed = 0
    for seed in range(5):
        made = with_embeddings(failing(seed, none, rate=0.15), seed, none)
        found = slices_of(*doubled(made, plain_facts(N // 2, seed)))
        confirmed += bool(found.confirmed)
        assert (found.n_images, len(found.remarks)) == (N // 2, 1)
        assert found.remarks[0].startswith("450 images repeat another;")
    assert confirmed <= 1


def test_among_copies_a_slice_holds_the_first_of_each_by_its_own_row() -> None:
    facts = plain_facts(N, 0)
    weak = (facts["brightness"] < 0.12).to_numpy()
    alone = with_embeddings(failing(0, weak), 0, np.zeros(N, bool))
    facts = facts.assign(content=[f"{row}" for row in range(N)])
    copies = np.concatenate([np.arange(50), np.arange(N)])  # row 50 and later: 50 copies, then the others
    assert alone.probabilities is not None and alone.embeddings is not None
    made = replace(
        alone,
        images=alone.images.iloc[copies].reset_index(drop=True),
        probabilities=alone.probabilities[copies],
        embeddings=alone.embeddings[copies],
    )
    found = slices_of(made, facts.iloc[copies].reset_index(drop=True))
    first = found.confirmed[0]
    assert set(first.rows) <= {*range(50), *range(100, N + 50)}
    assert first.errors == (made.labels != made.predicted)[first.rows].sum()
    assert found_share(copies[first.rows], weak)[0] > 0.8


def test_a_hard_class_is_no_slice() -> None:
    weak = np.arange(N) % 9 == 4
    found = slices_of(failing(1, weak, kind=np.where(weak, "hard", "easy")), plain_facts(N, 1))
    assert not found.confirmed


def test_held_out_figures_are_those_of_images_that_had_no_part_in_the_search() -> None:
    facts = plain_facts(N, 0)
    predictions = failing(0, (facts["brightness"] < 0.1).to_numpy())
    for each in slices_of(predictions, facts).slices:
        wrong = predictions.labels[each.rows] != predictions.predicted[each.rows]
        assert (each.n, each.errors) == (len(each.rows), wrong.sum())
        assert 0 < each.held_out_n < each.n
        assert each.held_out_errors <= each.errors
        assert each.interval[0] <= each.held_out_rate <= each.interval[1]
        assert each.confirmed == (each.q_value <= 0.05)
        assert each.q_value >= each.p_value
        assert sum(one.n for one in each.classes) == each.n


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    facts = plain_facts(N, 0)
    weak = (facts["brightness"] < 0.1).to_numpy()
    found = slices_of(with_embeddings(failing(0, weak), 0, weak), facts)
    save_result(tmp_path / "slices.json", found)
    json.loads((tmp_path / "slices.json").read_text(), parse_constant=pytest.fail)
    again = saved_result(tmp_path / "slices.json", Slices)
    assert isinstance(again, Slices)
    assert vars(again) | {"slices": ()} == vars(found) | {"slices": ()}
    assert len(again.slices) == len(found.slices) > 0
    for old, new in zip(found.slices, again.slices, strict=True):
        assert np.array_equal(old.rows, new.rows)
        nothing = np.zeros(0)
        assert vars(replace(old, rows=nothing)) | {"rows": 0} == vars(replace(new, rows=nothing)) | {
            "rows": 0
        }


def test_the_same_images_give_the_same_slices() -> None:
    facts = plain_facts(N, 3)
    made = with_embeddings(failing(3, np.zeros(N, bool)), 3, np.zeros(N, bool))
    first, second = slices_of(made, facts), slices_of(made, facts)
    assert [each.identity for each in first.slices] == [each.identity for each in second.slices]
    assert [each.q_value for each in first.slices] == [each.q_value for each in second.slices]


def test_too_few_images_or_errors_are_said() -> None:
    few = failing(0, np.zeros(40, bool))
    assert "40 images are too few" in slices_of(few, plain_facts(40, 0)).too_few
    right = failing(0, np.zeros(N, bool), rate=0.0)
    assert "No mistakes are too few" in slices_of(right, plain_facts(N, 0)).too_few
    wrong = failing(0, np.ones(N, bool), weak_rate=1.0)
    assert "Nearly every image is wrong" in slices_of(wrong, plain_facts(N, 0)).too_few


def test_without_facts_and_embeddings_the_columns_are_tried_and_it_is_said() -> None:
    camera = np.where(np.arange(N) % 7 == 0, "phone", "studio")
    nothing = pd.DataFrame({name: np.full(N, np.nan) for name in QUALITY})
    found = slices_of(failing(0, camera == "phone", camera=camera), nothing)
    assert found.confirmed[0].name == "camera is phone"
    assert len(found.remarks) == 2


def test_two_classes_and_one_image_a_class_do_not_break_it() -> None:
    facts = plain_facts(N, 0)
    made = with_embeddings(failing(0, np.zeros(N, bool)), 0, np.zeros(N, bool))
    names = tuple(f"class_{place}" for place in range(N))
    labels = np.arange(N)
    alone = made.images.assign(label_index=labels.astype(np.int32), label=list(names))
    alone["predicted_index"] = np.where(labels % 5 == 0, (labels + 1) % N, labels).astype(np.int32)
    single = replace(made, images=alone, class_names=names, probabilities=None)
    assert not slices_of(single, facts).confirmed
