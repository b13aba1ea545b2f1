"""Decisions are found again by content: in copies, under other names, by the next version of a model."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import noted_images as module
from models.noted_images import ImageContents, noted_images
from models.notes import decide, write_image_note
from models.prediction_record import Predictions
from models.store import Store
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("Bengal", "pug")


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    """Six images; 4 and 5 hold the same bytes, 0 to 3 differ, 2 and 3 are of one size."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    made = planted_predictions(labels, NAMES, predicted=1 - labels, root=tmp_path / "v1")
    for path, content in zip(made.images["path"], ("a", "bb", "ccc", "ddd", "same", "same"), strict=True):
        made.absolute(path).parent.mkdir(parents=True, exist_ok=True)
        made.absolute(path).write_text(content)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


def _decide(store: Store, predictions: Predictions, row: int) -> None:
    path = predictions.absolute(predictions.images["path"].iloc[row])
    decide(store, path, label=NAMES[predictions.labels[row]], decision="model")


def test_nothing_is_read_where_nothing_was_noted(
    store: Store, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ImageContents", None)
    assert noted_images(store, predictions) == {}


def test_a_note_is_found_at_its_image_and_at_each_copy_of_it(store: Store, predictions: Predictions) -> None:
    _decide(store, predictions, 2)
    _decide(store, predictions, 5)
    assert set(noted_images(store, predictions)) == {2, 4, 5}


def test_the_next_model_finds_them_on_copies_in_another_folder(
    store: Store, predictions: Predictions
) -> None:
    """Another network, another folder, other names and another order: the pictures are the same."""
    _decide(store, predictions, 0)
    path = predictions.absolute(predictions.images["path"].iloc[3])
    write_image_note(store, path, label="pug", tags=["night"], text="too dark")
    root = predictions.root.with_name("v2")
    images = predictions.images.iloc[::-1].reset_index(drop=True)
    images["path"] = [f"copy of {i}.jpeg" for i in range(6)]
    root.mkdir()
    for old, new in zip(predictions.images["path"].iloc[::-1], images["path"], strict=True):
        shutil.copy(predictions.absolute(old), root / new)
    later = replace(predictions, root=root, images=images, fingerprint="1" * 32, network_fingerprint="f" * 32)
    shutil.rmtree(predictions.root)
    found = noted_images(store, later)
    assert set(found) == {5, 2}
    assert found[5].decision == "model" and (found[2].tags, found[2].text) == (("night",), "too dark")


def test_a_file_that_is_gone_keeps_its_note_and_another_in_its_place_does_not(
    store: Store, predictions: Predictions
) -> None:
    _decide(store, predictions, 1)
    path = predictions.absolute(predictions.images["path"].iloc[1])
    path.unlink()
    assert set(noted_images(store, predictions)) == {1}
    path.write_text("BB")
    assert noted_images(store, predictions) == {}


def test_what_is_kept_is_right_again_once_a_file_was_looked_at(
    store: Store, predictions: Predictions
) -> None:
    contents = ImageContents(predictions)
    path = predictions.absolute(predictions.images["path"].iloc[0])
    path.write_text("another picture")
    _decide(store, predictions, 0)
    assert noted_images(store, predictions, contents) == {}
    contents.look_again(0)
    assert set(noted_images(store, predictions, contents)) == {0}
    path.unlink()
    contents.look_again(0)
    assert set(noted_images(store, predictions, contents)) == {0}


def test_each_file_is_read_once_and_only_where_its_size_is_that_of_a_noted_one(
    store: Store, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _decide(store, predictions, 2)
    read: list[str] = []

    def counted(path: str) -> str:
        read.append(Path(path).read_text())
        return content_hash(path)

    content_hash = module.content_hash
    monkeypatch.setattr(module, "content_hash", counted)
    contents = ImageContents(predictions)
    for _ in range(3):
        assert set(noted_images(store, predictions, contents)) == {2}
    assert sorted(read) == ["ccc", "ddd"]
