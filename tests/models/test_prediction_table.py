"""Tables of predictions: what is read is what was written, and what is wrong is said with its row."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ClassNamesMismatch, GroupsError, ImagesError, PredictionsError, TableError
from models.prediction_selection import table_splits
from models.predictions import predictions_from_table, save_predictions, saved_predictions
from models.store import Store
from tests.models.prediction_samples import picture

GOOD = {
    "path": ["a.jpg", "b.jpg", "c.jpg"],
    "label": ["cat", "dog", "cat"],
    "cat": [0.7, 0.4, 0.2],
    "dog": [0.3, 0.6, 0.8],
}


def written(folder: Path, columns: dict[str, list[object]], name: str = "predictions.csv") -> Path:
    table = pd.DataFrame(columns)
    path = folder / name
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_a_table_of_probabilities(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "a.jpg", 0)
    found = predictions_from_table(written(tmp_path, {**GOOD, "camera": ["x", "y", "z"]}, name))
    assert found.class_names == ("cat", "dog") and found.has_probabilities and found.logits is None
    assert list(found.labels) == [0, 1, 0] and list(found.predicted) == [0, 1, 1]
    np.testing.assert_allclose(found.images["confidence"], [0.7, 0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(found.images["margin"], [0.4, 0.2, -0.6], rtol=1e-6)
    np.testing.assert_allclose(found.images["loss"], -np.log([0.7, 0.6, 0.2]), rtol=1e-6)
    assert list(found.images["label_rank"]) == [0, 0, 1]
    assert list(found.images["camera"]) == ["x", "y", "z"]
    assert found.n_missing_files == 2 and found.accuracy == pytest.approx(2 / 3)
    assert found.absolute("a.jpg") == tmp_path / "a.jpg"


def test_a_table_of_predicted_classes_alone(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": ["cat", "dog"], "predicted": ["cat", "emu"]}
    found = predictions_from_table(written(tmp_path, columns))
    assert found.class_names == ("cat", "dog", "emu") and not found.has_probabilities
    assert list(found.predicted) == [0, 2]
    assert found.images[["confidence", "margin", "loss"]].isna().all(axis=None)
    assert list(found.images["label_rank"]) == [0, 3]  # C: not known


@pytest.mark.parametrize("prefix", ["probability_", "prob_", "p_"])
def test_probability_columns_may_have_a_prefix(tmp_path: Path, prefix: str) -> None:
    columns = {
        GOOD_name if GOOD_name in ("path", "label") else prefix + GOOD_name: v
        for GOOD_name, v in GOOD.items()
    }
    found = predictions_from_table(written(tmp_path, {**columns, "brightness": [0.1, 0.2, 0.3]}))
    assert found.class_names == ("cat", "dog") and list(found.predicted) == [0, 1, 1]
    assert "brightness" in found.images and f"{prefix}cat" not in found.images


def test_numbers_beside_the_probabilities_are_no_classes(tmp_path: Path) -> None:
    found = predictions_from_table(written(tmp_path, {**GOOD, "brightness": [0.1, 0.2, 0.3]}))
    assert found.class_names == ("cat", "dog") and list(found.images["brightness"]) == [0.1, 0.2, 0.3]


def test_a_class_without_images_is_still_a_class(tmp_path: Path) -> None:
    columns = {"path": ["a"], "label": ["cat"], "emu": [0.1], "cat": [0.5], "dog": [0.4]}
    assert predictions_from_table(written(tmp_path, columns)).class_names == ("emu", "cat", "dog")


def test_the_order_of_classes_may_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    found = predictions_from_table(path, class_names=["dog", "cat"])
    assert found.class_names == ("dog", "cat") and list(found.predicted) == [1, 0, 0]
    assert found.fingerprint != predictions_from_table(path).fingerprint


def test_rounded_probabilities_are_made_to_sum_to_one(tmp_path: Path) -> None:
    columns = {"path": ["a"], "label": ["cat"], "cat": [0.333], "dog": [0.333], "emu": [0.333]}
    found = predictions_from_table(written(tmp_path, columns))
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, 1 / 3, rtol=1e-6)


def test_the_tables_choice_counts_among_equal_probabilities(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": ["dog", "cat"], "predicted": ["dog", "dog"], "cat": [0.5, 0.5]}
    found = predictions_from_table(written(tmp_path, {**columns, "dog": [0.5, 0.5]}))
    assert list(found.predicted) == [1, 1] and list(found.images["label_rank"]) == [0, 1]


def test_a_class_may_be_called_like_nothing(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": ["NA", "null"], "predicted": ["null", "null"]}
    assert predictions_from_table(written(tmp_path, columns)).class_names == ("NA", "null")


def test_numbers_are_names_too(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": [10, 9], "predicted": [9, 9]}
    for name in ("p.csv", "p.parquet"):
        assert predictions_from_table(written(tmp_path, columns, name)).class_names == ("9", "10")


def test_a_class_may_be_called_like_a_score(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": ["loss", "LOSS"], "loss": [0.8, 0.1], "LOSS": [0.2, 0.9]}
    found = predictions_from_table(written(tmp_path, {**columns, "margin": [0.6, 0.8]}))
    assert found.class_names == ("loss", "LOSS") and found.accuracy == 1.0
    np.testing.assert_allclose(found.images["margin"], [0.6, 0.8], rtol=1e-6)


def test_paths_within_the_folder_become_relative(tmp_path: Path) -> None:
    inside = picture(tmp_path / "x" / "a.jpg", 0)
    columns = {"path": [str(inside), "/elsewhere/b.jpg"], "label": ["c", "c"], "predicted": ["c", "c"]}
    found = predictions_from_table(written(tmp_path, columns))
    assert list(found.images["path"]) == ["x/a.jpg", "/elsewhere/b.jpg"]
    assert found.n_missing_files == 1


def test_groups_come_from_the_column_or_from_a_file(tmp_path: Path) -> None:
    columns = {**GOOD, "group": ["feline", "canine", "feline"]}
    path = written(tmp_path, columns)
    assert predictions_from_table(path).groups == {"cat": "feline", "dog": "canine"}
    mapping = tmp_path / "groups.csv"
    mapping.write_text("class,group\ncat,small\ndog,large\n")
    assert predictions_from_table(path, groups=mapping).groups == {"cat": "small", "dog": "large"}
    mapping.write_text("class,group\ncat,small\n")
    with pytest.raises(GroupsError, match="dog"):
        predictions_from_table(path, groups=mapping)


def test_what_was_read_can_be_kept_in_the_workspace(tmp_path: Path) -> None:
    found = predictions_from_table(written(tmp_path, {**GOOD, "camera": ["x", "", "z"], "iso": [1, 2, 3]}))
    store = Store(tmp_path / "workspace")
    save_predictions(store, found)
    opened = saved_predictions(store, found.fingerprint)
    assert opened is not None and opened.images.equals(found.images)
    assert opened.probabilities is not None and opened.embeddings is None
    np.testing.assert_array_equal(opened.probabilities, found.probabilities)


def changed(**columns: list[object]) -> dict[str, list[object]]:
    return {name: values for name, values in {**GOOD, **columns}.items() if values}


WRONG = {
    "no path": (changed(path=[]), TableError, "no column called path"),
    "no label": (changed(label=[]), TableError, "no column called label"),
    "neither": (changed(cat=[], dog=[]), TableError, "neither what was predicted"),
    "one class missing": (changed(dog=[]), TableError, "no probability column for the class dog"),
    "empty label": (changed(label=["cat", "", "dog"]), TableError, "no label in row 2"),
    "empty path": (changed(path=["a", "b", ""]), TableError, "no path in row 3"),
    "twice": (changed(path=["a", "b", "a"]), TableError, r"names the image a more than once \(rows 1, 3\)"),
    "nothing": (changed(cat=[0.7, None, 0.2]), TableError, "Row 2 has nothing in the column cat"),
    "infinite": (changed(cat=[0.7, float("inf"), 0.2]), TableError, "Row 2 has inf in the column cat"),
    "negative": (changed(dog=[0.3, 0.6, -0.8]), TableError, "Row 3 has -0.8 in the column dog"),
    "logits": (changed(cat=[0.7, 4.5, 1.0]), TableError, "Row 2 has 4.5 in the column cat"),
    "sum": (changed(cat=[0.7, 0.2, 0.2]), TableError, "The probabilities of row 2 sum to 0.8, not to 1"),
    "contradiction": (
        changed(predicted=["cat", "dog", "cat"]),
        TableError,
        'Row 3 says predicted "cat", but its highest probability is that of "dog"',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: str) -> None:
    columns, kind, message = WRONG[case]
    with pytest.raises(kind, match=message) as caught:
        predictions_from_table(written(tmp_path, columns))
    assert caught.value.next_step


def test_labels_outside_the_given_classes_are_refused(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "label": ["cat", "fox"], "predicted": ["cat", "cat"]}
    with pytest.raises(ClassNamesMismatch, match='Row 2 has the label "fox"') as caught:
        predictions_from_table(written(tmp_path, columns), class_names=["cat", "dog"])
    assert (caught.value.expected, caught.value.found) == (("cat", "dog"), ("cat", "fox"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", b""),
        ("p.csv", b"path,label,predicted\n"),
        ("p.csv", b"\xff\xfe\x00path"),
        ("p.parquet", b"PAR1 no"),
        ("p.xlsx", b"PK"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError):
        predictions_from_table(tmp_path / name)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="missing"):
        predictions_from_table(tmp_path / "none.csv")


NAMES = st.text(string.ascii_letters + " _äé,;\"'", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    classes = draw(st.lists(NAMES, min_size=2, max_size=5, unique_by=str.lower))
    reserved = {"path", "label", "predicted", "group", "split", "id"}
    classes = [
        f"x{name}" if name.lower() in reserved or "p_" in name or "prob" in name else name for name in classes
    ]
    n = draw(st.integers(1, 6))
    labels = draw(st.lists(st.sampled_from(classes), min_size=n, max_size=n))
    seed = draw(st.integers(0, 2**31))
    return classes, labels, np.random.default_rng(seed).dirichlet(np.ones(len(classes)), n)


@settings(max_examples=40, deadline=None)
@given(tables(), st.sampled_from(["p.csv", "p.parquet"]))
def test_what_was_written_is_read(
    table: tuple[list[str], list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]], name: str
) -> None:
    classes, labels, probabilities = table
    columns: dict[str, list[object]] = {
        "path": [f"{row}.jpg" for row in range(len(labels))],
        "label": list(labels),
        **{each: probabilities[:, index].tolist() for index, each in enumerate(classes)},
    }
    with tempfile.TemporaryDirectory() as folder:
        found = predictions_from_table(written(Path(folder), columns, name))
    assert found.class_names == tuple(classes)
    assert [classes[index] for index in found.labels] == labels
    np.testing.assert_array_equal(found.predicted, probabilities.argmax(1))
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-6)


class TestRoot:
    """The folder that the paths are relative to."""

    def test_pictures_are_looked_for_there(self, tmp_path: Path) -> None:
        picture(tmp_path / "photos" / "a.jpg", 0)
        inside = str(tmp_path / "photos" / "b.jpg")
        table = written(tmp_path, {**GOOD, "path": ["a.jpg", inside, "/elsewhere/c.jpg"]})
        found = predictions_from_table(table, root=tmp_path / "photos")
        assert (found.root, found.n_missing_files) == (tmp_path / "photos", 2)
        assert list(found.images["path"]) == ["a.jpg", "b.jpg", "/elsewhere/c.jpg"]
        assert found.fingerprint != predictions_from_table(table).fingerprint

    def test_it_must_be_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ImagesError, match="no folder"):
            predictions_from_table(written(tmp_path, GOOD), root=tmp_path / "none")

    def test_a_picture_that_comes_or_changes_gives_another_fingerprint(self, tmp_path: Path) -> None:
        table = written(tmp_path, GOOD)
        names = [predictions_from_table(table).fingerprint]
        assert predictions_from_table(table).fingerprint == names[0]
        for seed in (0, 1):
            picture(tmp_path / "a.jpg", seed)
            names.append(predictions_from_table(table).fingerprint)
        assert len(set(names)) == 3


class TestSelection:
    """Part of a table."""

    COLUMNS: ClassVar[dict[str, list[object]]] = {
        "path": ["a", "b", "c", "d"],
        "label": ["cat", "dog", "emu", "cat"],
        "split": ["val", "val", "train", "val"],
        "cat": [0.7, 0.2, 0.1, 0.5],
        "dog": [0.2, 0.7, 0.1, 0.4],
        "emu": [0.1, 0.1, 0.8, 0.1],
    }

    def test_a_split_keeps_all_classes(self, tmp_path: Path) -> None:
        table = written(tmp_path, self.COLUMNS)
        found = predictions_from_table(table, split="val")
        assert list(found.images["path"]) == ["a", "b", "d"] and found.class_names == ("cat", "dog", "emu")
        assert found.probabilities is not None
        np.testing.assert_allclose(found.probabilities[:, 0], [0.7, 0.2, 0.5], rtol=1e-6)
        assert found.fingerprint != predictions_from_table(table).fingerprint
        assert table_splits(table) == ("train", "val")

    def test_a_limit_spreads_over_the_table(self, tmp_path: Path) -> None:
        table = written(tmp_path, self.COLUMNS)
        assert list(predictions_from_table(table, limit=2).images["path"]) == ["a", "d"]
        assert len(predictions_from_table(table, limit=9)) == 4
        with pytest.raises(PredictionsError, match="leaves none"):
            predictions_from_table(table, limit=0)

    def test_an_unknown_split_names_those_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(
            PredictionsError, match=r"no image of the split \"test\" \(their splits: train, val\)"
        ):
            predictions_from_table(written(tmp_path, self.COLUMNS), split="test")
        assert table_splits(written(tmp_path, GOOD)) == ()


def test_rows_of_a_parquet_file_stay_whole_whatever_its_index(tmp_path: Path) -> None:
    pd.DataFrame(GOOD).iloc[[2, 0, 1]].to_parquet(tmp_path / "p.parquet")
    found = predictions_from_table(tmp_path / "p.parquet")
    assert list(found.images["path"]) == ["c.jpg", "a.jpg", "b.jpg"]
    assert list(found.labels) == [0, 0, 1] and list(found.predicted) == [1, 0, 1]
    np.testing.assert_allclose(found.images["confidence"], [0.8, 0.7, 0.6], rtol=1e-6)


def test_a_column_of_categories_is_kept(tmp_path: Path) -> None:
    cameras = pd.Categorical(["x", None, "y"])
    pd.DataFrame({**GOOD, "camera": cameras}).to_parquet(tmp_path / "p.parquet")
    assert list(predictions_from_table(tmp_path / "p.parquet").images["camera"]) == ["x", "", "y"]


def test_one_image_under_two_spellings_is_named_twice(tmp_path: Path) -> None:
    for other in ("./a.jpg", str(tmp_path / "a.jpg")):
        path = written(tmp_path, {**GOOD, "path": ["a.jpg", "b.jpg", other]})
        with pytest.raises(TableError, match=r"a\.jpg more than once \(rows 1, 3\)"):
            predictions_from_table(path)
