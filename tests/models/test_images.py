"""Image sets: ids, splits, limits, fingerprints, and the real photos."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ImagesError
from models.images import ImageSet, image_id, open_image_set
from tests.models.image_files import write_image, write_images


@pytest.fixture
def split_set(tmp_path: Path) -> Path:
    names = [
        f"{split}/{label}/{n}.png" for split in ("train", "val") for label in ("a", "b") for n in range(6)
    ]
    return write_images(tmp_path / "set", [*names, "train/c/1.png"])


def test_the_table(split_set: Path) -> None:
    images = open_image_set(split_set)
    assert list(images.table) == ["id", "path", "label", "group", "split"]
    assert len(images) == 25 and images.groups == {} and set(images.table["group"]) == {""}
    first = images.table.iloc[0]
    assert (first["path"], first["label"], first["split"]) == ("train/a/0.png", "a", "train")
    assert first["id"] == image_id("train/a/0.png") and images.table["id"].is_unique
    assert images.absolute(first["path"]) == split_set / "train" / "a" / "0.png"


def test_a_relative_path_becomes_absolute(split_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(split_set.parent)
    for spelling in ("set", "./set/", "set/../set"):
        images = open_image_set(spelling)
        assert images.root == split_set
        assert images.fingerprint == open_image_set(split_set).fingerprint


def test_a_home_folder_is_understood(split_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(split_set.parent))
    assert open_image_set("~/set").root == split_set


def test_a_split(split_set: Path) -> None:
    (split_set / "val" / "a" / "notes.txt").write_text("x")
    (split_set / "train" / "a" / "notes.txt").write_text("x")
    images = open_image_set(split_set)
    val = images.split("val")
    assert images.splits == ("train", "val") and val.splits == ("val",)
    assert len(val) == 12 and set(val.table["split"]) == {"val"} and val.table.index[0] == 0
    assert val.class_names == ("a", "b", "c")  # those of the whole set
    assert [file.path for file in val.unreadable] == ["val/a/notes.txt"]
    assert val.fingerprint == open_image_set(split_set, split="val").fingerprint
    assert len({images.fingerprint, val.fingerprint, images.split("train").fingerprint}) == 3


def test_an_unknown_split(split_set: Path) -> None:
    with pytest.raises(ImagesError, match="has no split called test: it has train, val"):
        open_image_set(split_set, split="test")
    with pytest.raises(ImagesError, match="has no split called val: it is not split"):
        open_image_set(split_set / "train", split="val")


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9, 13, 25, 99])
def test_a_limit_is_balanced_stable_and_in_order(split_set: Path, limit: int) -> None:
    images = open_image_set(split_set)
    some = open_image_set(split_set, limit=limit)
    assert len(some) == min(limit, 25)
    assert some.table.equals(open_image_set(split_set, limit=limit).table)
    paths = images.table["path"].tolist()
    assert [paths.index(path) for path in some.table["path"]] == sorted(
        paths.index(path) for path in some.table["path"]
    )
    counts, whole = Counter(some.table["label"]), Counter(images.table["label"])
    most = max(counts.values())
    # A class has fewer than the others only where it has no more images, or by the last turn.
    assert all(counts[name] >= min(whole[name], most - 1) for name in whole)
    assert set(open_image_set(split_set, limit=max(1, limit - 1)).table["path"]) <= set(some.table["path"])


def test_no_limit_below_one(split_set: Path) -> None:
    with pytest.raises(ImagesError, match="A limit of 0 images leaves none"):
        open_image_set(split_set, limit=0)


# Fingerprints


def test_the_fingerprint_is_that_of_what_is_there(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", ["a/1.png", "b/2.png"])
    first = open_image_set(root).fingerprint
    assert len(first) == 32 and int(first, 16) and open_image_set(root).fingerprint == first
    link = tmp_path / "link"
    link.symlink_to(root)
    assert open_image_set(link).fingerprint == first
    seen = {first}

    def changed() -> bool:
        fingerprint = open_image_set(root).fingerprint
        new = fingerprint not in seen
        seen.add(fingerprint)
        return new

    os.utime(root / "a" / "1.png", ns=(1, 1))
    assert changed(), "the time of a file"
    (root / "a" / "1.png").write_bytes(b"longer" * 99)
    os.utime(root / "a" / "1.png", ns=(1, 1))
    assert changed(), "the size of a file"
    (root / "a" / "1.png").rename(root / "b" / "1.png")
    assert changed(), "the label of a file"
    (root / "c").mkdir()
    assert changed(), "a class"
    (root / "groups.csv").write_text("class,group\na,x\nb,y\nc,y\n")
    assert changed(), "the groups"
    write_image(root / "c" / "3.png")
    assert changed(), "one more file"
    root.rename(tmp_path / "elsewhere")
    root = tmp_path / "elsewhere"
    assert changed(), "the place"


@pytest.mark.parametrize("column", ["label", "split", "note"])
def test_every_column_of_a_table_counts(tmp_path: Path, column: str) -> None:
    write_image(tmp_path / "a.png")
    row = {"path": "a.png", "label": "x", "split": "s", "note": "n"}
    fingerprints = set()
    for value in ("x", "y"):
        pd.DataFrame([row | {column: value}]).to_csv(tmp_path / "t.csv", index=False)
        fingerprints.add(open_image_set(tmp_path).fingerprint)
    assert len(fingerprints) == 2


# Refused


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match="nowhere cannot be opened: it is missing") as caught:
        open_image_set(tmp_path / "nowhere")
    assert "Check the path" in caught.value.next_step


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ImagesError, match="a link that leads back to itself"):
        open_image_set(tmp_path / "loop")


@pytest.mark.parametrize("path", ["", "  "])
def test_nothing_was_named(path: str) -> None:
    with pytest.raises(ImagesError, match="No folder and no table of images was named"):
        open_image_set(path)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ImagesError, match="no file can have this name"):
        open_image_set("a\0b")


def test_a_folder_that_cannot_be_read(split_set: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str | Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("models.image_folder.os.scandir", refuse)
    with pytest.raises(ImagesError, match="no permission to read it"):
        open_image_set(split_set)


# Names survive being saved


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & {0, 47}))
def test_any_bytes_of_a_name_are_listed_and_can_be_saved(
    tmp_path_factory: pytest.TempPathFactory, name: bytes
) -> None:
    folder = tmp_path_factory.mktemp("set")
    write_images(folder, ["cat/1.png", f"cat/x{os.fsdecode(name)}.png"])
    images = open_image_set(folder)
    assert len(images) + len(images.unreadable) == 2
    images.table.to_parquet(folder / "table.parquet")
    assert pd.read_parquet(folder / "table.parquet")["path"].tolist() == images.table["path"].tolist()
    "".join(file.path for file in images.unreadable).encode()
    assert all(images.absolute(path).is_file() for path in images.table["path"])


def test_a_root_that_is_not_utf8_works(tmp_path: Path) -> None:
    root = write_images(tmp_path / os.fsdecode(b"caf\xe9"), ["cat/1.png"])
    images = open_image_set(root)
    assert images.absolute("cat/1.png").is_file() and len(images.fingerprint) == 32
    with pytest.raises(ImagesError) as caught:
        images.split("val")
    caught.value.message.encode()  # can be shown


# Real photos


@pytest.mark.real
def test_the_real_pets(real: Path) -> None:
    images = open_image_set(real / "pets" / "val")
    assert (len(images), len(images.class_names), images.unreadable) == (476, 34, ())
    assert Counter(images.groups.values()) == {"dog": 22, "cat": 12}
    assert images.groups["Maine_Coon"] == "cat" and images.groups["american_staffordshire_terrier"] == "dog"
    assert (images.table["group"] == np.where(images.table["label"].str[0].str.isupper(), "cat", "dog")).all()


@pytest.mark.real
def test_the_splits_of_the_real_pets(real: Path) -> None:
    images = open_image_set(real / "pets")
    assert images.splits == ("train", "val") and len(images) == 816 + 476
    assert isinstance(images.split("val"), ImageSet) and len(images.split("val")) == 476
