"""Repeated images are found, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import picture_matches
from analysis.duplicates import (
    DuplicateCluster,
    Duplicates,
    accuracy_on,
    accuracy_once,
    accuracy_without,
    duplicate_steps,
)
from models.image_facts import image_facts_steps
from models.predictions import Predictions
from models.store import Store
from tests.analysis.evaluated import result
from tests.analysis.picture_copies import CHANGES, scene, write
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("ant", "bee", "cat")


def facts_of(store: Store, predictions: Predictions) -> pd.DataFrame:
    return result(image_facts_steps(store, [predictions.absolute(p) for p in predictions.images["path"]]))


def found_in(store: Store, predictions: Predictions) -> Duplicates:
    return result(duplicate_steps(predictions, facts_of(store, predictions)))


def with_paths(root: Path, labels: list[int], files: list[str]) -> Predictions:
    planted = planted_predictions(
        np.array(labels, np.int64), NAMES, predicted=np.zeros(len(labels), np.int64), root=root
    )
    return replace(planted, images=planted.images.assign(path=files))


def embeddings_of(owners: list[int], seed: int = 0) -> np.ndarray:
    """Copies of one picture lie nearer each other than different pictures, though not strikingly so."""
    draws = np.random.default_rng(seed)
    centres = draws.normal(size=(max(owners) + 1, 16))
    return (centres[owners] + 0.1 * draws.normal(size=(len(owners), 16))).astype(np.float32)


def test_every_kind_of_copy_is_found_among_many_pictures(tmp_path: Path, store: Store) -> None:
    changes = list(CHANGES)
    files, owners = [], []
    for seed in range(16):
        files.append(write(scene(seed), tmp_path / f"{seed}.jpg").name)
        owners.append(seed)
    for seed, change in enumerate(changes):
        files.append(write(CHANGES[change](scene(seed)), tmp_path / f"{seed} copy.jpg").name)
        owners.append(seed)
    predictions = with_paths(tmp_path, [0] * len(files), files)
    predictions = replace(predictions, embeddings=embeddings_of(owners))
    found = found_in(store, predictions)
    assert {cluster.rows for cluster in found.clusters} == {(seed, 16 + seed) for seed in range(len(changes))}
    assert {cluster.kind for cluster in found.clusters} == {"near"}
    assert found.used_embeddings and not found.conflicts and not found.n_missing
    evidence = {cluster.rows[0]: cluster.evidence for cluster in found.clusters}
    assert "mirrored" in evidence[changes.index("mirrored")]
    assert "cropped to" in evidence[changes.index("cropped")]
    assert "resized" in evidence[changes.index("resized")]
    assert "brightened" in evidence[changes.index("brightened")]
    assert "saved anew" in evidence[changes.index("saved anew at a low quality")]


def test_without_embeddings_the_hashes_find_what_looks_the_same(tmp_path: Path, store: Store) -> None:
    files = [write(scene(seed), tmp_path / f"{seed}.jpg").name for seed in range(6)]
    files.append(write(CHANGES["saved anew at a low quality"](scene(2)), tmp_path / "again.jpg").name)
    found = found_in(store, with_paths(tmp_path, [0] * 7, files))
    assert [cluster.rows for cluster in found.clusters] == [(2, 6)]
    assert not found.used_embeddings


def test_equal_files_are_exact_and_other_labels_a_conflict_that_comes_first(
    tmp_path: Path, store: Store
) -> None:
    first, second = (write(scene(seed), tmp_path / f"{seed}.jpg") for seed in (0, 1))
    for name, source in (("a.jpg", first), ("b.jpg", first), ("c.jpg", second)):
        (tmp_path / name).write_bytes(source.read_bytes())
    files = ["0.jpg", "1.jpg", "a.jpg", "b.jpg", "c.jpg"]
    found = found_in(store, with_paths(tmp_path, [0, 0, 0, 0, 1], files))
    assert [(cluster.rows, cluster.kind, cluster.conflict) for cluster in found.clusters] == [
        ((1, 4), "exact", True),
        ((0, 2, 3), "exact", False),
    ]
    assert found.n_extra == 3 and found.repeated.tolist() == [2, 3, 4]
    assert found.conflicts == found.clusters[:1]


def test_a_cluster_of_equal_and_of_changed_files_is_near_and_whole(tmp_path: Path, store: Store) -> None:
    write(scene(0), tmp_path / "0.jpg")
    (tmp_path / "1.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    write(CHANGES["brightened"](scene(0)), tmp_path / "2.jpg")
    found = found_in(store, with_paths(tmp_path, [0, 0, 0], ["0.jpg", "1.jpg", "2.jpg"]))
    assert [(cluster.rows, cluster.kind) for cluster in found.clusters] == [((0, 1, 2), "near")]
    assert found.clusters[0].evidence.startswith("3 images of one picture, in 2 different files")


def test_pictures_of_one_colour_and_files_that_are_gone_join_nothing(tmp_path: Path, store: Store) -> None:
    from PIL import Image

    for shade in range(6):
        write(Image.new("RGB", (60, 40), (40 * shade,) * 3), tmp_path / f"{shade}.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "bad again.jpg").write_bytes(b"no picture")
    files = [*(f"{shade}.jpg" for shade in range(6)), "gone.jpg", "gone too.jpg", "bad.jpg", "bad again.jpg"]
    found = found_in(store, with_paths(tmp_path, [0] * 10, files))
    assert [(cluster.rows, cluster.kind) for cluster in found.clusters] == [((8, 9), "exact")]
    assert found.n_missing == 4 and found.n_images == 10


def test_what_only_the_network_finds_alike_is_no_duplicate(tmp_path: Path, store: Store) -> None:
    files = [write(scene(seed), tmp_path / f"{seed}.jpg").name for seed in range(8)]
    embeddings = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)
    embeddings[7] = embeddings[2]
    predictions = replace(with_paths(tmp_path, [0] * 8, files), embeddings=embeddings)
    found = found_in(store, predictions)
    assert not found.clusters
    assert [(pair.one, pair.other) for pair in found.alike] == [(2, 7)]
    assert "the network finds them alike" in found.alike[0].evidence


def test_pairs_too_many_to_look_at_are_counted(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_matches, "MOST_LOOKED_AT", 1)
    files = [write(scene(seed), tmp_path / f"{seed}.jpg").name for seed in (0, 1)]
    files += [write(CHANGES["darkened"](scene(seed)), tmp_path / f"{seed} copy.jpg").name for seed in (0, 1)]
    found = found_in(store, with_paths(tmp_path, [0] * 4, files))
    assert len(found.clusters) == 1 and found.n_not_looked_at == 1


@pytest.mark.parametrize("n", [0, 1])
def test_no_images_and_one_image_have_no_duplicates(tmp_path: Path, store: Store, n: int) -> None:
    files = [write(scene(0), tmp_path / "0.jpg").name][:n]
    predictions = replace(with_paths(tmp_path, [0] * n, files), embeddings=np.ones((n, 4), np.float32))
    found = found_in(store, predictions)
    assert not found.clusters and found.n_images == n
    assert accuracy_once(predictions, found).n == n


def test_accuracies_are_those_of_the_rows() -> None:
    draws = np.random.default_rng(0)
    labels, predicted = draws.integers(0, 3, 200), draws.integers(0, 3, 200)
    predictions = planted_predictions(labels, NAMES, predicted=predicted)
    rows = np.array([5, 3, 3, 190])
    right = labels == predicted
    assert accuracy_without(predictions, rows).rate == pytest.approx(np.delete(right, rows).mean())
    assert accuracy_without(predictions, rows).n == 197
    assert (accuracy_on(predictions, rows).right, accuracy_on(predictions, rows).n) == (
        right[[3, 5, 190]].sum(),
        3,
    )
    clusters = (
        DuplicateCluster("exact", (1, 7, 8), False, "", 1.0),
        DuplicateCluster("near", (2, 9), True, "", 0.9),
    )
    once = accuracy_once(predictions, Duplicates(clusters, (), 200, 0, True))
    assert (once.right, once.n) == (np.delete(right, [7, 8, 9]).sum(), 197)


def test_duplicates_come_back_as_they_were_saved(tmp_path: Path, store: Store) -> None:
    files = [write(scene(seed), tmp_path / f"{seed}.jpg").name for seed in range(5)]
    (tmp_path / "copy.jpg").write_bytes((tmp_path / "3.jpg").read_bytes())
    embeddings = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    embeddings[1] = embeddings[0]
    predictions = with_paths(tmp_path, [0, 0, 0, 1, 1, 2], [*files, "copy.jpg"])
    found = found_in(store, replace(predictions, embeddings=embeddings))
    assert found.clusters and found.alike
    plain, arrays = found.to_saved()
    assert Duplicates.from_saved(json.loads(json.dumps(plain, allow_nan=False)), arrays) == found
