"""Class names: every file they come in, and every way two lists can disagree."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.class_names import check_class_names, check_count, check_labels, names_in, read_class_names
from models.errors import ClassNamesError, ClassNamesMismatch

ABC = ("ant", "bee", "cat")


@pytest.mark.parametrize(
    "value",
    [
        list(ABC),
        {"0": "ant", "2": "cat", "1": "bee"},
        {"cat": 2, "ant": 0, "bee": 1},
        {"class_names": list(ABC)},
        {"classes": {"bee": 1, "ant": 0, "cat": 2}},
        {"epoch": 3, "meta": {"idx_to_class": {"0": "ant", "1": "bee", "2": "cat"}}},
        {"id2label": {"0": "ant", "1": "bee", "2": "cat"}},
    ],
)
def test_json_in_every_form(value: object, tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text(json.dumps(value))
    assert read_class_names(tmp_path / "names.json") == ABC
    (tmp_path / "names.txt").write_text(json.dumps(value, indent=2))
    assert read_class_names(tmp_path / "names.txt") == ABC


@pytest.mark.parametrize(
    "text", ["ant\nbee\ncat\n", "\ufeffant\r\nbee\r\ncat\r\n\r\n", "  ant\nbee \ncat", "ant\nbee\ncat\n\n\n"]
)
def test_text_with_one_name_per_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(text.encode())
    assert read_class_names(tmp_path / "names.txt") == ABC


def test_ten_and_more_indices_are_sorted_as_numbers(tmp_path: Path) -> None:
    names = [f"name {i}" for i in range(12)]
    (tmp_path / "names.json").write_text(json.dumps({str(i): name for i, name in enumerate(names)}))
    assert read_class_names(tmp_path / "names.json") == tuple(names)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n ", "is empty"),
        (b"ant\n\ncat", "Class name 2 of 3"),
        (b"ant\nbee\nant\nbee\nant", '"ant" (3 times), "bee" (2 times)'),
        (b"[1, 2]", "is no text (1)"),
        (b'["ant", ""]', "Class name 2 of 2"),
        (b'{"lr": 0.1, "epochs": 5}', "holds no list of class names"),
        (b'{"0": "ant", "2": "bee"}', "holds no list of class names"),
        (b"[[", "no valid JSON"),
        (b"[]", "no class names"),
        (b"\xff\xfe\x00ant", "no UTF-8 text"),
    ],
)
def test_files_that_cannot_be_used(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(ClassNamesError) as caught:
        read_class_names(tmp_path / "names.txt")
    assert words in caught.value.message
    assert "names.txt" in caught.value.message
    assert caught.value.next_step


@pytest.mark.parametrize("value", ["just words", 7, None, {"nothing": "here"}])
def test_json_of_another_kind(value: object, tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text(json.dumps(value))
    with pytest.raises(ClassNamesError, match="holds no list of class names"):
        read_class_names(tmp_path / "names.json")


def test_no_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(ClassNamesError, match="cannot be read"):
            read_class_names(path)


def test_equal_lists_pass() -> None:
    check_class_names(list(ABC), ABC)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (("ant", "bee"), "The network has 3 classes, the images have 2; only in the network: cat."),
        (("ant", "bee", "cat", "dog"), "The network has 3 classes, the images have 4; only in the images: dog."),
        (("ant", "bee", "Cat"), "name different classes; only in the network: cat; only in the images: Cat."),
        (("ant", "cat", "bee"), "another order: number 2 is bee in the network and cat in the images."),
    ],
)  # fmt: skip
def test_a_mismatch_shows_both_lists(images: tuple[str, ...], words: str) -> None:
    with pytest.raises(ClassNamesMismatch) as caught:
        check_class_names(ABC, images)
    assert words in caught.value.message
    assert "The network's classes: ant, bee, cat." in caught.value.message
    assert f"The images' classes: {', '.join(images)}." in caught.value.message
    assert (caught.value.expected, caught.value.found) == (ABC, images)


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True),
    st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True),
)
def test_only_equal_lists_pass(one: list[str], other: list[str]) -> None:
    if one == other:
        check_class_names(one, other)
    else:
        with pytest.raises(ClassNamesMismatch):
            check_class_names(one, other)


def test_count_is_checked_and_long_lists_are_cut() -> None:
    names = [f"n{i}" for i in range(40)]
    with pytest.raises(ClassNamesMismatch, match=r"has 39 outputs, but names.txt holds 40 .* and 28 more"):
        check_count(names, 39, "names.txt")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"classes": '["ant", "bee", "cat"]'}, (ABC, "classes")),
        ({"classes": "ant,bee,cat"}, (ABC, "classes")),
        ({"labels": ABC}, (ABC, "labels")),
        ({"hyper_parameters": {"class_names": list(ABC)}}, (ABC, "hyper_parameters.class_names")),
        ({"idx_to_class": {0: "ant", 1: "bee", 2: "cat"}}, (ABC, "idx_to_class")),
        ({"classes": 3}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_names_in_metadata(metadata: object, found: object) -> None:
    assert names_in(metadata) == found


def test_images_may_lack_a_class_of_the_network() -> None:
    check_labels(ABC, ["ant", "cat"])


@pytest.mark.parametrize("labels", [["ant", "dog"], ["cat", "bee", "ant"], ["ant", "bee", "cat", "dog"]])
def test_unknown_labels_and_another_order_are_refused_with_both_lists(labels: list[str]) -> None:
    with pytest.raises(ClassNamesMismatch) as refused:
        check_labels(ABC, labels)
    assert refused.value.expected == ABC
    assert refused.value.found == tuple(labels)
