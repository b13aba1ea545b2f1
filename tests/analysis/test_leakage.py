"""Copies of the open images in another set are found, and the accuracy without them is right."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.duplicates import DuplicateCluster, Duplicates
from analysis.leakage import Leakage, leakage_accuracy, leakage_between, split_leakage
from analysis.leakage_job import (
    leakage_spec,
    leakage_steps,
    likely_training_images,
    saved_leakage,
)
from models.errors import ImagesError
from models.evaluation import THUMBNAILS_PHASE, EvaluationSpec, evaluation_of, evaluation_steps
from models.image_facts import image_facts_steps
from models.images import open_image_set
from models.job_context import JobContext
from models.network import Network
from models.predictions import Predictions
from models.saved_predictions import kept_predictions
from models.store import Store
from tests.analysis.evaluated import driven, result
from tests.analysis.picture_copies import CHANGES, scene, write
from tests.analysis.planted_predictions import planted_predictions
from tests.models.prediction_samples import picture_folder

NAMES = ("ant", "bee", "cat")


def sample_facts(store: Store, sample: Path, split: str) -> tuple[list[Path], list[str], pd.DataFrame]:
    images = open_image_set(sample / "pets", split=split)
    paths = [images.absolute(path) for path in images.table["path"]]
    return paths, images.table["label"].tolist(), result(image_facts_steps(store, paths))


def test_the_planted_copies_of_the_sample_are_found_and_no_others(sample: Path, store: Store) -> None:
    planted = json.loads((sample / "planted.json").read_text())
    paths, labels, facts = sample_facts(store, sample, "val")
    others = sample_facts(store, sample, "train")
    names = tuple(planted["classes"])
    indices = np.array([names.index(label) for label in labels])
    predictions = planted_predictions(indices, names, predicted=indices)
    predictions = replace(predictions, images=predictions.images.assign(path=[str(path) for path in paths]))
    leakage = result(leakage_between(predictions, facts, *others))
    root = sample / "pets"
    for kind in ("exact", "near"):
        wanted = {(root / each["val"], root / each["train"]) for each in planted[f"{kind}_duplicates"]}
        found = {(paths[pair.row], Path(pair.path)) for pair in leakage.pairs if pair.kind == kind}
        assert found == wanted
    assert len(leakage.rows) == 12 and not leakage.conflicts
    assert leakage.n_others == len(others[0]) and leakage.n_images == len(paths)


def test_equal_files_share_their_near_copies_and_other_labels_conflict(tmp_path: Path, store: Store) -> None:
    one = write(scene(0), tmp_path / "val" / "0.jpg")
    twin = tmp_path / "val" / "1.jpg"
    shutil.copy(one, twin)
    alone = write(scene(1), tmp_path / "val" / "2.jpg")
    copy = write(CHANGES["darkened"](scene(0)), tmp_path / "train" / "x.jpg")
    planted = planted_predictions(np.array([0, 0, 1]), NAMES, predicted=np.array([0, 1, 1]), root=tmp_path)
    predictions = replace(planted, images=planted.images.assign(path=["val/0.jpg", "val/1.jpg", "val/2.jpg"]))
    facts, other_facts = (result(image_facts_steps(store, files)) for files in ([one, twin, alone], [copy]))
    leakage = result(leakage_between(predictions, facts, [copy], ["no class of the network"], other_facts))
    assert [(pair.row, pair.kind, pair.conflict) for pair in leakage.pairs] == [
        (0, "near", True),
        (1, "near", True),
    ]
    assert leakage.rows == (0, 1) and leakage.pairs[0].path == str(copy)
    plain, arrays = leakage.to_saved()
    assert Leakage.from_saved(json.loads(json.dumps(plain, allow_nan=False)), arrays) == leakage


def test_the_accuracy_without_the_leaked_is_that_of_the_rest() -> None:
    draws = np.random.default_rng(1)
    labels, predicted = draws.integers(0, 3, 100), draws.integers(0, 3, 100)
    predictions = planted_predictions(labels, NAMES, predicted=predicted)
    right = labels == predicted
    found = leakage_accuracy(predictions, (3, 50))
    assert found.of_all.rate == right.mean()
    assert found.without.rate == pytest.approx(np.delete(right, [3, 50]).mean())
    assert (found.on_leaked.right, found.on_leaked.n) == (right[[3, 50]].sum(), 2)
    assert f"{100 * found.without.rate:.1f}% without the 2 leaked images" in found.words
    assert "no image is leaked" in leakage_accuracy(predictions, ()).words
    assert "every image is leaked" in leakage_accuracy(predictions, range(100)).words
    assert "the one leaked image" in leakage_accuracy(predictions, (4,)).words


def test_copies_in_two_splits_of_one_set_leak() -> None:
    planted = planted_predictions(np.zeros(6, np.int64), NAMES, predicted=np.zeros(6, np.int64))
    clusters = tuple(DuplicateCluster("exact", rows, False, "", 1.0) for rows in ((0, 1), (2, 3), (4, 5)))
    duplicates = Duplicates(clusters, (), 6, 0, False)
    split = replace(planted, images=planted.images.assign(split=["train", "val", "val", "val", "", "val"]))
    assert split_leakage(split, duplicates) == clusters[:1]
    assert split_leakage(planted, duplicates) == ()


def planted_folders(tmp_path: Path) -> Path:
    """Ten pictures in val; in train six others, the first of val darkened, and one with a new label."""
    root = tmp_path / "pictures"
    val = sorted(picture_folder(root / "val", 10).rglob("*.jpg"))
    for seed in range(6):
        write(scene(seed), root / "train" / ("ant", "bee", "cat", "dog", "emu", "ant")[seed] / f"{seed}.jpg")
    from PIL import Image

    with Image.open(val[0]) as picture:
        write(CHANGES["darkened"](picture.convert("RGB")), root / "train" / val[0].parent.name / "c.jpg")
    shutil.copy(val[-1], root / "train" / "ant" / "copy.jpg")
    return root


@pytest.fixture
def opened(
    tmp_path: Path, store: Store, network: Network, context: JobContext
) -> tuple[EvaluationSpec, Predictions]:
    root = planted_folders(tmp_path)
    (tmp_path / "net.classes.txt").write_text("ant\nbee\ncat\ndog\nemu\n")
    spec = EvaluationSpec(str(tmp_path / "net.pth"), str(root / "val"))
    made = result(evaluation_steps(spec.to_json(), context))
    return spec, kept_predictions(store, made["fingerprint"])


def test_the_job_finds_the_copies_and_keeps_them_with_the_evaluation_it_needed(
    opened: tuple[EvaluationSpec, Predictions], store: Store, context: JobContext
) -> None:
    evaluation, predictions = opened
    (images, split), *_ = likely_training_images(evaluation, predictions)
    assert images.endswith("train") and split is None
    spec = leakage_spec(predictions.fingerprint, images, split, evaluation)
    assert saved_leakage(store, predictions.fingerprint) == []
    answer, seen = driven(leakage_steps(spec.to_json(), context))
    assert answer == {"n_leaked": 2}
    assert {each.phase for each in seen} >= {"Predicting", "Looking at the pixels"}
    assert THUMBNAILS_PHASE not in {each.phase for each in seen}
    (found,) = saved_leakage(store, predictions.fingerprint)
    names = {
        (Path(predictions.images["path"].iloc[pair.row]).name, Path(pair.path).name, pair.kind)
        for pair in found.pairs
    }
    assert names == {("000.jpg", "c.jpg", "near"), ("009.jpg", "copy.jpg", "exact")}
    assert [pair.label for pair in found.conflicts] == ["ant"]
    assert found.used_embeddings and found.note == "" and found.n_others == 8
    of_training = evaluation_of(replace(evaluation, images=images), store)
    assert of_training is not None and len(kept_predictions(store, of_training)) == 8


def test_a_stopped_job_goes_on(
    opened: tuple[EvaluationSpec, Predictions], store: Store, context: JobContext
) -> None:
    evaluation, predictions = opened
    images = likely_training_images(evaluation, predictions)[0][0]
    spec = leakage_spec(predictions.fingerprint, images, None, evaluation)
    steps = leakage_steps(spec.to_json(), context)
    for progress in steps:
        if progress.phase == "Predicting" and progress.done == progress.total:
            break
    steps.close()
    assert saved_leakage(store, predictions.fingerprint) == []
    assert result(leakage_steps(spec.to_json(), context)) == {"n_leaked": 2}


def test_labels_that_the_network_does_not_know_leave_the_hashes(
    opened: tuple[EvaluationSpec, Predictions], store: Store, context: JobContext
) -> None:
    evaluation, predictions = opened
    images = Path(likely_training_images(evaluation, predictions)[0][0])
    write(scene(9), images / "unicorn" / "9.jpg")
    spec = leakage_spec(predictions.fingerprint, str(images), None, evaluation)
    assert result(leakage_steps(spec.to_json(), context))["n_leaked"] >= 1
    (found,) = saved_leakage(store, predictions.fingerprint)
    assert not found.used_embeddings and "The network could not look at the other images" in found.note
    assert "exact" in {pair.kind for pair in found.pairs}


def test_the_open_images_are_not_their_own_training_images(
    opened: tuple[EvaluationSpec, Predictions], context: JobContext
) -> None:
    evaluation, predictions = opened
    spec = leakage_spec(predictions.fingerprint, evaluation.images, None, evaluation)
    with pytest.raises(ImagesError, match="All of the open images"):
        result(leakage_steps(spec.to_json(), context))
    with pytest.raises(ImagesError):
        result(leakage_steps({**spec.to_json(), "images": evaluation.images + " gone"}, context))


def test_the_training_images_are_guessed_beside_the_open_ones(tmp_path: Path) -> None:
    (tmp_path / "pets" / "train").mkdir(parents=True)
    (tmp_path / "pets" / "val").mkdir()
    nothing = planted_predictions(np.zeros(1, np.int64), NAMES, predicted=np.zeros(1, np.int64))
    pets = str(tmp_path / "pets")
    split = EvaluationSpec("net.pth", pets, split="val")
    assert likely_training_images(split, nothing) == [(pets, "train")]
    beside = EvaluationSpec("net.pth", f"{pets}/val")
    assert likely_training_images(beside, nothing) == [(f"{pets}/train", None)]
    assert likely_training_images(EvaluationSpec("net.pth", f"{pets}/train"), nothing) == []
    assert likely_training_images(replace(split, split="train"), nothing) == []
