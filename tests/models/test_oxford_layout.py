"""The layout of Oxford-IIIT Pet, rebuilt small."""

from pathlib import Path

import pytest

from models.errors import ImagesError
from models.images import open_image_set
from models.oxford_layout import oxford_listing, oxford_root
from tests.models.image_files import write_images

LIST = """#Image CLASS-ID SPECIES BREED ID
#ID: 1:37 Class ids
Abyssinian_1 1 1 1
Abyssinian_10 1 1 1
american_bulldog_2 2 2 1
Bengal_3 3 1 2
Unheard_Of_4 4 2 2
"""
CLASSES = ("Abyssinian", "Bengal", "Unheard_Of", "american_bulldog")
NAMES = ["Abyssinian_1", "Abyssinian_10", "american_bulldog_2", "Bengal_3", "Unheard_Of_4"]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    root = write_images(tmp_path / "pets", [f"images/{name}.jpg" for name in NAMES])
    (root / "annotations").mkdir()
    (root / "annotations" / "list.txt").write_text(LIST)
    (root / "annotations" / "trainval.txt").write_text("Abyssinian_1 1 1 1\namerican_bulldog_2 2 2 1\n")
    (root / "annotations" / "test.txt").write_text("Abyssinian_10 1 1 1\nBengal_3 3 1 2\n")
    (root / "images" / "Abyssinian_100.mat").write_text("the archive has a few of these")
    return root


def test_classes_species_and_splits(pets: Path) -> None:
    images = open_image_set(pets)
    assert images.layout == "Oxford-IIIT Pet"
    assert images.class_names == CLASSES
    # The species of the list, whatever the capital says.
    assert images.groups == {
        "Abyssinian": "cat",
        "american_bulldog": "dog",
        "Bengal": "cat",
        "Unheard_Of": "dog",
    }
    assert images.splits == ("test", "trainval")
    rows = images.table[["path", "label", "group", "split"]].itertuples(index=False, name=None)
    assert list(rows) == [
        ("images/Abyssinian_1.jpg", "Abyssinian", "cat", "trainval"),
        ("images/Abyssinian_10.jpg", "Abyssinian", "cat", "test"),
        ("images/american_bulldog_2.jpg", "american_bulldog", "dog", "trainval"),
        ("images/Bengal_3.jpg", "Bengal", "cat", "test"),
        ("images/Unheard_Of_4.jpg", "Unheard_Of", "dog", ""),
    ]
    assert images.unreadable == ()


def test_images_or_annotations_may_be_named_instead(pets: Path) -> None:
    whole = open_image_set(pets)
    for inside in ("images", "annotations"):
        assert open_image_set(pets / inside).fingerprint == whole.fingerprint


def test_without_species_the_capital_decides(pets: Path) -> None:
    for name in ("trainval.txt", "test.txt"):
        (pets / "annotations" / name).unlink()
    (pets / "annotations" / "list.txt").write_text("".join(f"{name} 1\n" for name in NAMES))
    assert open_image_set(pets).groups["Unheard_Of"] == "cat"
    assert open_image_set(pets).groups["american_bulldog"] == "dog"


def test_the_split_files_are_enough(pets: Path) -> None:
    (pets / "annotations" / "list.txt").unlink()
    assert len(open_image_set(pets)) == 4


def test_a_groups_file_goes_before_the_species(pets: Path) -> None:
    (pets / "groups.csv").write_text("class,group\n" + "".join(f"{name},pet\n" for name in CLASSES))
    assert set(open_image_set(pets).groups.values()) == {"pet"}


def test_missing_and_broken_images_are_listed(pets: Path) -> None:
    (pets / "images" / "Bengal_3.jpg").unlink()
    (pets / "images" / "Abyssinian_1.jpg").write_bytes(b"")
    (pets / "images" / "Abyssinian_10.jpg").unlink()
    (pets / "images" / "Abyssinian_10.jpg").symlink_to("nowhere.jpg")
    images = open_image_set(pets)
    assert {file.path: (file.reason, file.split) for file in images.unreadable} == {
        "images/Abyssinian_1.jpg": ("the file is empty", "trainval"),
        "images/Abyssinian_10.jpg": ("a broken link: the file it points to is missing", "test"),
        "images/Bengal_3.jpg": ("the file is missing", "test"),
    }
    assert images.class_names == CLASSES


def test_other_suffixes_are_found(pets: Path) -> None:
    (pets / "images" / "Bengal_3.jpg").rename(pets / "images" / "Bengal_3.png")
    assert "images/Bengal_3.png" in set(open_image_set(pets).table["path"])


def test_other_folders_are_not_the_layout(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/1.png"])
    (tmp_path / "annotations").mkdir()
    assert oxford_root(tmp_path) is None


@pytest.mark.parametrize("line", ["Abyssinian 1 1 1", "Abyssinian_1", "Abyssinian_1 one 1 1", "_1 1 1 1"])
def test_a_line_of_another_form(pets: Path, line: str) -> None:
    (pets / "annotations" / "list.txt").write_text(f"#a comment\n{line}\n")
    with pytest.raises(ImagesError, match=r"Line 2 of .*list\.txt is not"):
        oxford_listing(pets)


def test_an_annotation_file_that_is_not_text(pets: Path) -> None:
    (pets / "annotations" / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImagesError, match=r"list\.txt is not UTF-8"):
        oxford_listing(pets)


def test_one_image_in_both_splits(pets: Path) -> None:
    (pets / "annotations" / "test.txt").write_text("Abyssinian_1 1 1 1\n")
    with pytest.raises(
        ImagesError, match=r"Abyssinian_1 stands in more than one of trainval\.txt, test\.txt"
    ):
        oxford_listing(pets)


def test_no_image_is_there(pets: Path) -> None:
    for image in (pets / "images").iterdir():
        image.unlink()
    with pytest.raises(ImagesError, match=r"None of the 5 images .* images/Abyssinian_1\.jpg") as caught:
        oxford_listing(pets)
    assert caught.value.next_step == "Unpack images.tar.gz beside annotations/."
