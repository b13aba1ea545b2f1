"""Folders of class folders: what is listed, what is left out and why, what is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ImagesError
from models.image_folder import CLASS_FOLDERS, SPLIT_FOLDERS, folder_listing
from models.image_listing import Listing
from tests.models.image_files import write_image, write_images


def paths(listing: Listing) -> list[str]:
    return [file.path for file in listing.files]


def reasons(listing: Listing) -> dict[str, str]:
    return {file.path: file.reason for file in listing.unreadable}


def test_class_folders(tmp_path: Path) -> None:
    names = ["dog/2.jpg", "dog/10.JPEG", "cat/1.png", "Zebra/z.webp"]
    listing = folder_listing(write_images(tmp_path, names))
    assert listing.layout == CLASS_FOLDERS
    assert listing.class_names == ("Zebra", "cat", "dog")  # as torchvision's ImageFolder sorts
    assert paths(listing) == ["Zebra/z.webp", "cat/1.png", "dog/10.JPEG", "dog/2.jpg"]
    assert [file.label for file in listing.files] == ["Zebra", "cat", "dog", "dog"]
    assert listing.unreadable == []
    status = (tmp_path / "cat" / "1.png").stat()
    assert listing.files[1][3:] == (status.st_size, status.st_mtime_ns)


def test_folders_inside_a_class_folder_belong_to_the_class(tmp_path: Path) -> None:
    listing = folder_listing(write_images(tmp_path, ["cat/a/b/1.png", "cat/2.png", "dog/x.jpg/3.png"]))
    assert [(file.path, file.label) for file in listing.files] == [
        ("cat/2.png", "cat"),
        ("cat/a/b/1.png", "cat"),
        ("dog/x.jpg/3.png", "dog"),
    ]


def test_a_single_class_with_nested_folders(tmp_path: Path) -> None:
    assert folder_listing(write_images(tmp_path, ["cat/a/b/1.png"])).class_names == ("cat",)


def test_an_empty_class_folder_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "bird").mkdir()
    assert folder_listing(write_images(tmp_path, ["cat/1.png"])).class_names == ("bird", "cat")


def test_litter_and_files_beside_the_class_folders_are_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path, ["cat/1.png", "cat/._1.png", ".hidden/2.png", "__MACOSX/3.png"])
    for name in ("cat/Thumbs.db", "cat/.DS_Store", "cat/desktop.ini", "README.md", "classes.txt"):
        (tmp_path / name).write_text("x")
    listing = folder_listing(tmp_path)
    assert paths(listing) == ["cat/1.png"] and listing.class_names == ("cat",) and not listing.unreadable


def test_what_is_no_image_is_listed_with_the_reason(tmp_path: Path) -> None:
    write_images(tmp_path, ["cat/1.png", "stray.png"])
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "cat" / "README").write_text("x")
    (tmp_path / "cat" / "empty.jpg").touch()
    (tmp_path / "cat" / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "cat" / "broken.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "cat" / "broken").symlink_to("nowhere")
    (tmp_path / "cat" / "loop.jpg").symlink_to("loop.jpg")
    listing = folder_listing(tmp_path)
    assert paths(listing) == ["cat/1.png"]
    assert reasons(listing) == {
        "cat/README": "not an image (no suffix)",
        "cat/notes.txt": "not an image (.txt)",
        "cat/empty.jpg": "the file is empty",
        "cat/folder.jpg": "a folder, not a file",
        "cat/pipe.jpg": "not a file but a device or a pipe",
        "cat/broken.jpg": "a broken link: the file it points to is missing",
        "cat/broken": "a broken link: the file it points to is missing",
        "cat/loop.jpg": "a link that leads back to itself",
        "stray.png": "it lies outside the class folders, so it has no label",
    }


def test_names_that_are_not_utf8_are_listed(tmp_path: Path) -> None:
    write_images(tmp_path, ["cat/1.png", os.fsdecode(b"cat/caf\xe9.png"), os.fsdecode(b"chi\xe9n/2.png")])
    listing = folder_listing(tmp_path)
    assert paths(listing) == ["cat/1.png"] and listing.class_names == ("cat",)
    reason = "the file name is not valid UTF-8: rename it"
    assert reasons(listing) == {"cat/caf\\xe9.png": reason, "chi\\xe9n": reason}


def test_links_are_followed(tmp_path: Path) -> None:
    elsewhere = write_images(tmp_path / "elsewhere", ["a.png", "deep/b.png"])
    root = write_images(tmp_path / "set", ["cat/1.png"])
    (root / "dog").symlink_to(elsewhere)
    (root / "cat" / "more").symlink_to(elsewhere / "deep")
    (root / "cat" / "2.png").symlink_to(root / "cat" / "1.png")
    listing = folder_listing(root)
    assert paths(listing) == ["cat/1.png", "cat/2.png", "cat/more/b.png", "dog/a.png", "dog/deep/b.png"]
    assert listing.unreadable == []


def test_links_that_lead_back_are_not_followed(tmp_path: Path) -> None:
    root = write_images(tmp_path / "set", ["cat/1.png", "dog/2.png"])
    for name, target in {"cat/self": ".", "cat/root": "..", "cat/above": "../..", "all": "."}.items():
        (root / name).symlink_to(target)
    listing = folder_listing(root)
    assert paths(listing) == ["cat/1.png", "dog/2.png"] and listing.class_names == ("cat", "dog")
    reason = "a link that leads back to a folder above it"
    assert reasons(listing) == dict.fromkeys(["all", "cat/above", "cat/root", "cat/self"], reason)


def test_two_links_to_one_folder_count_once(tmp_path: Path) -> None:
    elsewhere = write_images(tmp_path / "elsewhere", ["a.png"])
    root = write_images(tmp_path / "set", ["cat/1.png"])
    for name in ("x", "y"):
        (root / "cat" / name).symlink_to(elsewhere)
    listing = folder_listing(root)
    assert paths(listing) == ["cat/1.png", "cat/x/a.png"]
    assert reasons(listing) == {"cat/y": "a link to a folder that was already listed for this class"}


def test_a_folder_that_cannot_be_read_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path, ["cat/1.png", "cat/locked/2.png"])
    scandir = os.scandir

    def refuse(folder: str | Path) -> object:
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("models.class_folder.os.scandir", refuse)
    listing = folder_listing(tmp_path)
    assert paths(listing) == ["cat/1.png"]
    assert reasons(listing) == {"cat/locked": "the folder cannot be opened: no permission to read it"}


# Splits


def test_split_folders(tmp_path: Path) -> None:
    write_images(tmp_path, ["train/cat/1.png", "train/dog/2.png", "Val/cat/3.png", "Val/bird/4.png"])
    (tmp_path / "annotations").mkdir()
    listing = folder_listing(tmp_path)
    assert listing.layout == SPLIT_FOLDERS and listing.class_names == ("bird", "cat", "dog")
    assert [(file.path, file.label, file.split) for file in listing.files] == [
        ("Val/bird/4.png", "bird", "Val"),
        ("Val/cat/3.png", "cat", "Val"),
        ("train/cat/1.png", "cat", "train"),
        ("train/dog/2.png", "dog", "train"),
    ]


def test_a_folder_beside_the_splits_is_listed(tmp_path: Path) -> None:
    listing = folder_listing(
        write_images(tmp_path, ["train/cat/1.png", "test/cat/2.png", "backup/old/3.png"])
    )
    assert len(listing.files) == 2
    assert reasons(listing) == {"backup": "a folder beside the split folders test, train"}


def test_what_a_split_left_out_says_its_split(tmp_path: Path) -> None:
    write_images(tmp_path, ["train/cat/1.png", "val/cat/2.png"])
    (tmp_path / "val" / "cat" / "3.jpg").touch()
    (left_out,) = folder_listing(tmp_path).unreadable
    assert (left_out.path, left_out.split) == ("val/cat/3.jpg", "val")


@pytest.mark.parametrize("names", [["test/1.png", "cat/2.png"], ["test/sub/1.png", "cat/2.png"]])
def test_a_class_may_be_called_test(tmp_path: Path, names: list[str]) -> None:
    listing = folder_listing(write_images(tmp_path, names))
    assert listing.class_names == ("cat", "test") and listing.layout == CLASS_FOLDERS


# Refused


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match=r"nothing cannot be opened: the file is missing"):
        folder_listing(tmp_path / "nothing")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match="holds no images") as caught:
        folder_listing(tmp_path)
    assert "one folder per class" in caught.value.next_step


@pytest.mark.parametrize("names", [["1.png"], ["images/1.png"], ["train_images/1.png", "test/2.png"]])
def test_images_without_class_folders(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ImagesError, match="no class folders and no table that labels them") as caught:
        folder_listing(write_images(tmp_path, names))
    assert "columns path and label" in caught.value.next_step


def test_only_empty_class_folders(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.jpg").touch()
    with pytest.raises(ImagesError, match=r"2 class folders of .* hold no image; the first of 1 left out"):
        folder_listing(tmp_path)


def test_class_folders_one_level_too_deep(tmp_path: Path) -> None:
    write_images(tmp_path, ["pets/cat/1.png", "pets/dog/2.png"])
    with pytest.raises(
        ImagesError, match="holds one folder, pets, and the class folders lie inside"
    ) as caught:
        folder_listing(tmp_path)
    assert caught.value.next_step == f"Open {tmp_path / 'pets'}."


# Names

ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=ODD, stem=ODD)
def test_any_name_comes_back_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, label: str, stem: str
) -> None:
    root = tmp_path_factory.mktemp("set")
    label, stem = label.lstrip(".") or "x", stem.lstrip(".") or "x"
    write_image(root / label / f"{stem}.png")
    write_image(root / "another" / "1.png")
    listing = folder_listing(root)
    assert f"{label}/{stem}.png" in paths(listing)
    assert label in listing.class_names
    assert all((root / path).is_file() for path in paths(listing))
