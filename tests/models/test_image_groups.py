"""Groups from files, columns and breeds, and files of groups that do not fit."""

import json
from pathlib import Path

import pandas as pd
import pytest

from models.errors import GroupsError
from models.image_groups import column_groups, groups_from_file, image_groups
from models.images import open_image_set
from tests.models.image_files import write_images

NAMES = ("Manx", "Car", "pug")
GROUPS = {"Manx": "animal", "Car": "machine", "pug": "animal"}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "set", [f"{name}/1.png" for name in NAMES])


def with_file(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refused(path: Path) -> GroupsError:
    with pytest.raises(GroupsError) as caught:
        groups_from_file(path, NAMES)
    return caught.value


CSV = "class,group\nManx,animal\nCar,machine\npug,animal\n"


@pytest.mark.parametrize(
    "name, content",
    [
        ("g.csv", CSV),
        ("g.csv", CSV.replace(",", ";")),
        ("g.tsv", CSV.replace(",", "\t")),
        ("g.csv", "\ufeffGroup,Class\nanimal, Manx \nmachine,Car\nanimal,pug\nanimal,Manx\n"),
        ("g.csv", CSV + "a class that these images lack,animal\n"),
        ("g.json", GROUPS),
        ("g.JSON", {"animal": ["Manx", "pug"], "machine": ["Car"]}),
    ],
)
def test_files_of_groups(images: Path, tmp_path: Path, name: str, content: object) -> None:
    path = with_file(tmp_path / name, content)
    assert groups_from_file(path, NAMES) == GROUPS
    opened = open_image_set(images, groups=path)
    assert opened.groups == GROUPS
    assert opened.table["group"].tolist() == [GROUPS[label] for label in opened.table["label"]]


@pytest.mark.parametrize("name", ["groups.csv", "groups.json"])
@pytest.mark.parametrize("place", ["inside", "beside"])
def test_a_file_in_the_folder_or_beside_it_is_found(images: Path, name: str, place: str) -> None:
    folder = images if place == "inside" else images.parent
    with_file(folder / name, CSV if name.endswith("csv") else GROUPS)
    assert open_image_set(images).groups == GROUPS


@pytest.mark.parametrize("content", ["class,group\nother,x\n", "a,b\n1,2\n", ""])
def test_a_file_beside_the_folder_may_be_meant_for_something_else(images: Path, content: str) -> None:
    with_file(images.parent / "groups.csv", content)
    assert open_image_set(images).groups == {}


def test_a_named_file_goes_before_one_in_the_folder_and_that_before_the_column(images: Path) -> None:
    with_file(images / "groups.json", dict.fromkeys(NAMES, "found"))
    named = with_file(images.parent / "named.json", dict.fromkeys(NAMES, "named"))
    table = with_file(images / "t.csv", "path,label,group\npug/1.png,pug,column\n")
    assert set(open_image_set(images, groups=named).groups.values()) == {"named"}
    assert set(open_image_set(images).groups.values()) == {"found"}
    assert set(open_image_set(table).groups.values()) == {"column"}
    assert set(open_image_set(table, groups=named).groups.values()) == {"named"}


def test_empty_class_folders_need_a_group_too(images: Path) -> None:
    (images / "bird").mkdir()
    with_file(images / "groups.csv", CSV)
    with pytest.raises(GroupsError, match=r"The groups file groups\.csv gives no group to bird"):
        open_image_set(images)


# Refused


def test_no_such_file(tmp_path: Path) -> None:
    for name in ("g.csv", "g.json"):
        assert "the file is missing" in refused(tmp_path / name).message


@pytest.mark.parametrize("name", ["groups.yaml", "groups"])
def test_a_file_of_another_kind(tmp_path: Path, name: str) -> None:
    error = refused(with_file(tmp_path / name, "Manx: cat"))
    assert "is no file of groups" in error.message and "columns class and group" in error.next_step


@pytest.mark.parametrize(
    "content",
    [[], {}, ["Manx"], "3", {"Manx": 1}, {"cat": ["Manx"], "pug": "dog"}, {"cat": {"Manx": 1}}, {"cat": [1]}],
)
def test_json_of_another_shape(tmp_path: Path, content: object) -> None:
    error = refused(with_file(tmp_path / "g.json", content))
    assert error.message == "The groups file g.json has another shape than expected."
    assert '{"cat": ["Bengal"], "dog": ["pug"]}' in error.next_step


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "g.json").write_bytes(content)
    assert refused(tmp_path / "g.json").message == "The groups file g.json is not JSON."


def test_a_table_without_the_columns(tmp_path: Path) -> None:
    error = refused(with_file(tmp_path / "g.csv", "breed,species\nManx,cat\n"))
    assert "no column called class and none called group" in error.message
    assert "breed, species" in error.message and "columns class and group" in error.next_step


def test_missing_and_unknown_classes(tmp_path: Path) -> None:
    error = refused(with_file(tmp_path / "g.json", {"Manx": "cat", "Pug": "dog", "Car": ""}))
    assert error.message == (
        "The groups file g.json gives no group to Car, pug; it names Pug, which the images do not have."
    )
    assert "spelled as in the images" in error.next_step


def test_many_missing_classes_are_not_all_named(tmp_path: Path) -> None:
    path = with_file(tmp_path / "g.json", {"a": "b"})
    with pytest.raises(GroupsError, match="gives no group to c0, c1, c2, c3, c4 and 95 more"):
        groups_from_file(path, [f"c{n}" for n in range(100)])


@pytest.mark.parametrize(
    "name, content",
    [
        ("g.csv", CSV + "pug,machine\n"),
        ("g.json", '{"pug": "animal", "pug": "machine"}'),
        ("g.json", {"animal": ["pug"], "machine": ["pug"]}),
    ],
)
def test_a_class_in_two_groups(tmp_path: Path, name: str, content: object) -> None:
    error = refused(with_file(tmp_path / name, content))
    assert error.message == f"In the groups file {name}, the class pug is in two groups: animal and machine."
    assert error.next_step == "Put every class into one group."


# Columns and breeds


def test_groups_of_a_table_that_is_already_open() -> None:
    table = pd.DataFrame({"label": ["a", "b", "a"], "group": ["x", "y", ""]})
    assert image_groups(table, ["a", "b"]) == {"a": "x", "b": "y"}
    assert image_groups(table.assign(group=""), ["a", "b"]) == {}
    breeds = pd.DataFrame({"label": ["Bengal", "pug"]})
    assert image_groups(breeds, ["Bengal", "pug"]) == {"Bengal": "cat", "pug": "dog"}


def test_a_column_that_contradicts_itself() -> None:
    with pytest.raises(GroupsError, match="the class a is in two groups: x and y"):
        column_groups(["a", "a"], ["x", "y"], ["a"])
