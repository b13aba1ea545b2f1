"""Who learns from which images: no file may play two roles, wherever it lies."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.content import content_hash
from models.errors import TrainingError
from models.finetune.role_images import RoleImages, epoch_choosing
from models.finetune.spec import TrainingImages
from models.finetune.training_images import Roles, roles_steps
from models.image_hashes import choosing_rows
from models.images import ImageSet, open_image_set
from models.prediction_record import Predictions
from models.progress import finished
from models.store import Store
from tests.models.image_files import write_image

NONE = TrainingImages()


def _found(root: Path, validation: ImageSet, training: TrainingImages, names: Sequence[str] = ()) -> Roles:
    steps = roles_steps(Store(root / "workspace"), validation, training, names or validation.class_names)
    return finished(steps, lambda _: None)


def _folder(root: Path, contents: dict[str, Sequence[int]]) -> str:
    """Class folders with one picture for each number; equal numbers are equal files."""
    for label, numbers in contents.items():
        for place, number in enumerate(numbers):
            write_image(root / label / f"{place:02d}.png", (number % 256, number // 256, 7))
    return str(root)


@pytest.fixture(scope="module")
def pets(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Roles:
    training = TrainingImages(str(sample / "pets/train"), None, str(sample / "pets/test"))
    return _found(tmp_path_factory.mktemp("roles"), open_image_set(sample / "pets/val"), training)


def test_planted_copies_are_left_out_of_training(pets: Roles, sample: Path) -> None:
    planted = json.loads((sample / "planted.json").read_text())
    found = {(Path(each.path).name, Path(each.twin).name) for each in pets.excluded}
    wanted = {(Path(each["train"]).name, Path(each["val"]).name) for each in planted["exact_duplicates"]}
    assert found == wanted and len(wanted) == 2
    assert {each.role for each in pets.excluded} == {"train"}
    assert len(pets.train) == 784 - 2


def test_planted_broken_file_is_listed(pets: Roles, sample: Path) -> None:
    planted = json.loads((sample / "planted.json").read_text())["corrupt"]
    assert [each.path for each in pets.unreadable] == [
        str(sample / "pets" / each["path"]) for each in planted
    ]
    assert "truncated" in pets.unreadable[0].reason
    assert (len(pets.select) + len(pets.report), len(pets.test)) == (519, 140)


def test_what_a_version_keeps_is_plain(pets: Roles) -> None:
    kept = json.loads(json.dumps(pets.to_json()))
    assert kept["train"]["n"] == 782 and len(kept["train"]["fingerprint"]) == 32
    assert not kept["held_out"] and len(kept["excluded"]) == 2 and not kept["empty_classes"]


def test_halves_are_those_of_the_pages(tmp_path: Path) -> None:
    """The pages halve the rows of predictions, which lack what cannot be read; a training must halve the same."""
    root = Path(_folder(tmp_path / "val", {"cat": range(21), "dog": range(100, 121)}))
    broken = root / "cat" / "05.png"
    broken.write_bytes(broken.read_bytes()[:40])
    images = open_image_set(root)
    readable = images.table[images.table["path"] != "cat/05.png"].reset_index(drop=True)
    predictions = Predictions("0" * 32, images.class_names, {}, readable, root, None, None, None)
    chosen = choosing_rows(Store(tmp_path / "pages"), predictions)
    training = TrainingImages(_folder(tmp_path / "train", {"cat": [300], "dog": [301]}))
    roles = _found(tmp_path, images, training)
    assert set(roles.select.ids) == set(readable["id"][chosen])
    assert set(roles.report.ids) == set(readable["id"][~chosen])
    steps = roles_steps(
        Store(tmp_path / "workspace"), images, training, images.class_names,
        choosing_ids=readable["id"][chosen].tolist(),
    )  # fmt: skip
    again = finished(steps, lambda _: None)
    assert (again.select.ids, again.report.ids) == (roles.select.ids, roles.report.ids)


def test_without_training_images_the_choosing_half_is_trained_on(tmp_path: Path) -> None:
    images = open_image_set(_folder(tmp_path / "val", {"cat": range(40), "dog": range(100, 120)}))
    roles = _found(tmp_path, images, NONE)
    counts = [
        np.bincount(each.labels, minlength=2).tolist() for each in (roles.train, roles.select, roles.report)
    ]
    assert counts == [[16, 8], [4, 2], [20, 10]] and roles.held_out


def test_the_report_half_is_the_same_with_and_without_training_images(tmp_path: Path) -> None:
    images = open_image_set(_folder(tmp_path / "val", {"cat": range(20), "dog": range(100, 120)}))
    others = TrainingImages(_folder(tmp_path / "train", {"cat": [300], "dog": [301]}))
    assert _found(tmp_path, images, NONE).report.ids == _found(tmp_path, images, others).report.ids


def test_a_test_image_that_is_a_validation_image_judges_nothing(tmp_path: Path) -> None:
    images = open_image_set(_folder(tmp_path / "val", {"cat": range(10), "dog": range(100, 110)}))
    test = _folder(tmp_path / "test", {"cat": [3, 50], "dog": [105, 150]})
    train = _folder(tmp_path / "train", {"cat": [50, 60], "dog": [160]})
    roles = _found(tmp_path, images, TrainingImages(train, None, test))
    assert (len(roles.train), len(roles.test)) == (2, 2)
    assert {(each.role, each.twin_role == "test") for each in roles.excluded} == {
        ("test", False),
        ("train", True),
    }
    with pytest.raises(TrainingError, match="All test images"):
        _found(tmp_path, images, TrainingImages(train, None, str(tmp_path / "val")))


def test_classes_without_training_images_are_named(tmp_path: Path) -> None:
    images = open_image_set(
        _folder(tmp_path / "val", {name: range(k * 9, k * 9 + 9) for k, name in enumerate("abc")})
    )
    training = TrainingImages(_folder(tmp_path / "train", {"a": [300], "c": [301]}))
    roles = _found(tmp_path, images, training, ("c", "x", "b", "a"))
    assert roles.empty_classes == ("x", "b")
    assert roles.train.labels.tolist() == [3, 0]  # in the order of the network's names


def test_what_cannot_be_trained_on_is_said_in_a_sentence(tmp_path: Path) -> None:
    images = open_image_set(_folder(tmp_path / "val", {"cat": range(10), "dog": range(100, 110)}))
    other = TrainingImages(_folder(tmp_path / "train", {"cat": [300], "fox": [301], "gnu": [302]}))
    with pytest.raises(TrainingError, match=r"none of the network's 2 classes: fox, gnu"):
        _found(tmp_path, images, other)
    with pytest.raises(TrainingError, match="20 of them are validation or test images"):
        _found(tmp_path, images, TrainingImages(str(tmp_path / "val")))
    few = open_image_set(_folder(tmp_path / "few", {"cat": [1, 2], "dog": [3, 4]}))
    with pytest.raises(TrainingError, match="too few validation images"):
        _found(tmp_path, few, NONE)


def test_a_split_of_the_same_folder_is_taken_by_its_name(tmp_path: Path) -> None:
    _folder(tmp_path / "pets/val", {"cat": range(10), "dog": range(100, 110)})
    _folder(tmp_path / "pets/train", {"cat": [1, 200], "dog": [201]})
    root = str(tmp_path / "pets")
    roles = _found(tmp_path, open_image_set(root, split="val"), TrainingImages(root, "train"))
    assert len(roles.train) == 2 and len(roles.excluded) == 1


def test_two_roles_for_one_file_are_a_bug(tmp_path: Path) -> None:
    one = RoleImages((tmp_path / "a",), np.zeros(1, np.int64), ("a",), ("00",))
    with pytest.raises(AssertionError, match="two roles"):
        Roles(one, RoleImages(), one, RoleImages(), ("cat",), False)


numbers = st.lists(st.integers(0, 14), min_size=3, max_size=9)
folders = st.fixed_dictionaries({"cat": numbers, "dog": numbers})


@settings(max_examples=15, deadline=None)
@given(validation=folders, training=folders, test=folders, alone=st.booleans())
def test_no_file_ever_plays_two_roles(
    validation: dict[str, list[int]], training: dict[str, list[int]], test: dict[str, list[int]], alone: bool
) -> None:
    """Copies lie anywhere, some under another label."""
    with TemporaryDirectory() as name:
        root = Path(name)
        images = open_image_set(_folder(root / "val", validation))
        places = TrainingImages(
            None if alone else _folder(root / "train", training), None, _folder(root / "test", test)
        )
        try:
            roles = _found(root, images, places)
        except TrainingError:  # nothing is left for some role
            return
        of_role = [
            {content_hash(path) for path in each.paths}
            for each in (roles.train, roles.select, roles.report, roles.test)
        ]
        assert sum(map(len, of_role)) == len(set().union(*of_role))
        assert roles.forbidden == set().union(*of_role[1:])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), min_size=1, max_size=60))
def test_a_fifth_of_the_different_files_chooses_the_epoch(files: list[tuple[int, int]]) -> None:
    labels, hashes = [label for label, _ in files], [f"{label}{number:02d}" for label, number in files]
    chosen = epoch_choosing(labels, hashes)
    for label in set(labels):
        of_class = {digest for digest, its_label in zip(hashes, labels, strict=True) if its_label == label}
        of_fifth = {digest for digest, is_chosen in zip(hashes, chosen, strict=True) if is_chosen} & of_class
        assert len(of_fifth) == (len(of_class) + 2) // 5
    assert all(chosen[row] == chosen[hashes.index(digest)] for row, digest in enumerate(hashes))
