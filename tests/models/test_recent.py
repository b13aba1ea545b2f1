"""What was opened last comes first, and once."""

from dataclasses import replace
from pathlib import Path

import pytest

import models.recent
from models.recent import recent, remember, remembered
from models.saved_predictions import discard_evaluation, save_predictions
from models.store import Store
from tests.models.test_saved_predictions import NAME, predictions

OTHER = NAME[::-1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    clock = iter(range(1_000, 2_000))
    monkeypatch.setattr(models.recent.time, "time", lambda: float(next(clock)))
    return Store(tmp_path)


def test_the_last_opened_comes_first(store: Store) -> None:
    save_predictions(store, predictions())
    remember(store, "k1", {"checkpoint": "a.pt"}, predictions())
    remember(store, "k2", {"checkpoint": "b.pt"}, replace(predictions(), fingerprint=OTHER))
    first, second = recent(store)
    assert (first.spec, first.fingerprint, first.is_saved) == ({"checkpoint": "b.pt"}, OTHER, False)
    assert (second.spec, second.fingerprint, second.is_saved) == ({"checkpoint": "a.pt"}, NAME, True)
    assert (second.n_images, second.n_classes, second.architecture) == (6, 3, "resnet18")
    assert second.accuracy == predictions().accuracy and first.opened > second.opened
    assert remembered(store, "k1") == NAME  # opens it
    assert [each.fingerprint for each in recent(store)] == [NAME, OTHER]
    assert [each.fingerprint for each in recent(store, limit=1)] == [NAME]


def test_of_changed_files_only_the_last_state_is_listed(store: Store) -> None:
    remember(store, "k1", {"checkpoint": "a.pt"}, predictions())
    remember(store, "k2", {"checkpoint": "a.pt"}, replace(predictions(), fingerprint=OTHER))
    assert [each.fingerprint for each in recent(store)] == [OTHER]


def test_what_is_no_longer_saved_is_not_remembered(store: Store) -> None:
    save_predictions(store, predictions())
    remember(store, "k", {}, predictions())
    assert remembered(store, "k") == NAME and remembered(store, "other") is None
    discard_evaluation(store, NAME)
    assert remembered(store, "k") is None
