"""The user's columns take part, whatever is in them, or it is said why not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.slice_conditions import Condition, conditions, cuts, holds, short_number_between
from analysis.slice_features import Feature, slice_features
from analysis.slice_words import rule_words
from models.image_facts import QUALITY
from tests.analysis.planted_slices import failing, plain_facts

N = 240


def features_of(facts: pd.DataFrame | None = None, **columns: object) -> tuple[dict[str, Feature], list[str]]:
    predictions = failing(0, np.zeros(N, bool), **columns)
    found = slice_features(predictions, plain_facts(N, 0) if facts is None else facts)
    return {feature.name: feature for feature in found.used}, list(found.skipped)


def test_quality_and_class_are_used_without_columns_of_the_users() -> None:
    used, skipped = features_of()
    assert list(used) == [*QUALITY, "label"]
    assert used["label"].kind == "class"
    assert not skipped


def test_every_type_of_column() -> None:
    days = pd.date_range("2026-01-01", periods=N, freq="h")
    used, skipped = features_of(
        amount=np.linspace(0, 1, N),
        rating=np.arange(N) % 4,
        flash=np.arange(N) % 2 == 0,
        camera=np.where(np.arange(N) % 3 == 0, "phone", "studio"),
        taken=days,
        written=days.strftime("%Y-%m-%d %H:%M:%S"),
        typed=[f"{value:.2f}" for value in np.linspace(5, 9, N)],
        photographer=[f"person {place}" for place in range(N)],
        source="archive",
        nothing=[None] * N,
        row=np.arange(N),
    )
    assert used["amount"].values is not None
    assert used["rating"].levels == ("0", "1", "2", "3")
    assert used["flash"].levels == ("False", "True")
    assert used["camera"].levels == ("phone", "studio")
    assert used["taken"].is_date
    assert used["written"].is_date
    written, taken = used["written"].values, used["taken"].values
    assert written is not None
    assert taken is not None
    assert np.allclose(written, taken)
    assert used["typed"].values is not None
    told = " ".join(skipped)
    for name in ("photographer", "source", "nothing", "row"):
        assert name not in used
        assert f"column {name} " in told


def test_missing_values_are_a_kind_of_their_own() -> None:
    camera = pd.Series(np.where(np.arange(N) % 2 == 0, "phone", "studio"), dtype=object)
    camera[:40] = None
    age = np.linspace(0, 9, N)
    age[100:130] = np.nan
    used, _ = features_of(camera=camera, age=age, maybe=pd.array([True, False, None] * (N // 3), "boolean"))
    assert used["camera"].missing.sum() == 40
    assert used["age"].missing.sum() == 30
    assert used["maybe"].missing.sum() == N // 3
    for name in ("camera", "age", "maybe"):
        asked = [each for each in conditions(used[name]) if each.is_missing]
        assert len(asked) == 1
        assert np.array_equal(asked[0].holds(used[name]), used[name].missing)
        assert rule_words((asked[0],)) == f"{name} is missing"
    below = Condition("age", "column", high=100.0)
    assert below.holds(used["age"]).sum() == N - 30


def test_without_files_the_columns_are_what_is_left() -> None:
    facts = pd.DataFrame({name: np.full(N, np.nan) for name in QUALITY})
    used, skipped = features_of(facts, age=np.linspace(0, 1, N))
    assert list(used) == ["label", "age"]
    assert any("files are not there" in words for words in skipped)


def test_cuts_lie_in_gaps_and_are_short() -> None:
    dark = np.linspace(0.04, 0.127, 42)
    others = np.linspace(0.228, 0.9, 477)
    assert 0.2 in cuts(np.r_[dark, others])


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1e-9), (-3.2, -3.1), (1e6, 1e6 + 1), (0.1, np.nextafter(0.1, 1))]
)
def test_a_short_number_keeps_the_images_apart(low: float, high: float) -> None:
    number = short_number_between(low, high)
    assert low < number <= high


def test_a_rule_is_what_all_its_conditions_hold() -> None:
    used, _ = features_of(camera=np.where(np.arange(N) % 3 == 0, "phone", "studio"))
    rule = (Condition("brightness", "quality", high=0.5), Condition("camera", "column", level="phone"))
    dark = used["brightness"].values
    assert dark is not None
    expected = (dark < 0.5) & (np.arange(N) % 3 == 0)
    assert np.array_equal(holds(rule, list(used.values())), expected)


def test_columns_named_like_quality_do_not_hide_each_other() -> None:
    predictions = failing(0, np.zeros(N, bool))
    predictions = replace(predictions, images=predictions.images.assign(brightness=np.linspace(3, 9, N)))
    names = [feature.name for feature in slice_features(predictions, plain_facts(N, 0)).used]
    assert len(set(names)) == len(names)
