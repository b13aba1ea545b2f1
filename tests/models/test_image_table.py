"""Tables of images: what is listed, what is left out and why, what is refused."""

from pathlib import Path

import pandas as pd
import pytest

from models.errors import GroupsError, ImagesError, TableError
from models.images import ImageSet, open_image_set
from tests.models.image_files import write_image, write_images


def with_table(folder: Path, text: str, name: str = "labels.csv") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def labels(images: ImageSet) -> dict[str, str]:
    return dict(zip(images.table["path"], images.table["label"], strict=True))


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return write_images(tmp_path / "flat", ["a.png", "b.png", "c.png", "deep/d.png"])


def test_a_flat_folder_with_a_table(flat: Path) -> None:
    table = with_table(flat, "path,label,group,split,age\nc.png,pug,dog,val,3\na.png,Manx,cat,train,\n")
    for place in (flat, table):
        images = open_image_set(place)
        assert images.layout == "table" and images.root == flat
        assert labels(images) == {"c.png": "pug", "a.png": "Manx"}  # in the order of the table
        assert images.class_names == ("Manx", "pug")
        assert images.groups == {"Manx": "cat", "pug": "dog"}
        assert images.table["group"].tolist() == ["dog", "cat"]
        assert images.splits == ("train", "val")
        assert images.table["age"].tolist()[0] == 3 and list(images.table)[-1] == "age"
        assert images.absolute("c.png").is_file() and not images.unreadable


def test_a_parquet_table_with_whole_numbers(flat: Path) -> None:
    rows = pd.DataFrame(
        {"path": ["a.png", "b.png", "c.png"], "label": [10, 9, 9], "split": [None, "val", None]}
    )
    rows.to_parquet(flat / "t.parquet")
    images = open_image_set(flat)
    assert images.class_names == ("9", "10") and images.splits == ("val",)


def test_paths_in_many_spellings(tmp_path: Path, flat: Path) -> None:
    outside = write_image(tmp_path / "outside.png")
    decomposed = write_image(flat / "cafe\N{COMBINING ACUTE ACCENT}.png")
    table = with_table(
        flat,
        f"path,label\n./a.png,x\n{flat / 'b.png'},x\ndeep\\d.png,x\n../outside.png,x\n{outside},y\ncafé.png,x\n",
    )
    images = open_image_set(table)
    assert images.table["path"].tolist() == [
        "a.png",
        "b.png",
        "deep/d.png",
        "../outside.png",
        str(outside),
        decomposed.name,
    ]
    assert all(images.absolute(path).is_file() for path in images.table["path"])


def test_rows_that_cannot_be_used_are_listed(flat: Path) -> None:
    (flat / "empty.png").touch()
    (flat / "broken.png").symlink_to("nowhere.png")
    rows = ["a.png,cat", "gone.png,dog", "b.png,", ",cat", "deep,cat", "empty.png,cat", "broken.png,cat"]
    rows += ["labels.csv,cat", "a.png,cat", "zero\0byte.png,cat"]
    images = open_image_set(with_table(flat, "path,label\n" + "\n".join(rows)))
    assert labels(images) == {"a.png": "cat"}
    assert images.class_names == ("cat", "dog")  # a class whose images are missing is still a class
    assert [(file.path, file.reason) for file in images.unreadable] == [
        ("gone.png", "the file is missing"),
        ("b.png", "row 3 of the table has no label"),
        ("", "row 4 of the table has no path"),
        ("deep", "a folder, not a file"),
        ("empty.png", "the file is empty"),
        ("broken.png", "a broken link: the file it points to is missing"),
        ("labels.csv", "not an image (.csv)"),
        ("a.png", "row 9 of the table repeats row 1"),
        ("zero\0byte.png", "no file can have this name"),
    ]


def test_own_columns_follow_their_rows(flat: Path) -> None:
    images = open_image_set(with_table(flat, "path,label,age\na.png,x,1\ngone.png,x,2\nc.png,x,3\n"))
    assert images.table[["path", "age"]].to_numpy().tolist() == [["a.png", 1], ["c.png", 3]]


# Which of a folder's things is opened


def test_class_folders_go_before_a_table(tmp_path: Path) -> None:
    write_images(tmp_path, ["cat/1.png", "dog/2.png"])
    with_table(tmp_path, "path,label\ncat/1.png,x\n")
    assert open_image_set(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize("names", [["images/1.png"], ["train_images/1.png"], ["dogs/1.png"]])
def test_a_table_goes_before_a_single_folder(tmp_path: Path, names: list[str]) -> None:
    write_images(tmp_path, names)
    with_table(tmp_path, f"path,label\n{names[0]},x\n")
    assert open_image_set(tmp_path).class_names == ("x",)


def test_a_groups_file_is_not_the_table(flat: Path) -> None:
    with_table(flat, "class,group\nx,animal\n", "groups.csv")
    with_table(flat, "path,label\na.png,x\n")
    assert open_image_set(flat).groups == {"x": "animal"}


def test_two_tables_in_a_folder(flat: Path) -> None:
    for name in ("one.csv", "two.csv"):
        with_table(flat, "path,label\na.png,x\n", name)
    with pytest.raises(TableError, match=r"several tables of images: one\.csv, two\.csv") as caught:
        open_image_set(flat)
    assert caught.value.next_step == "Open one of the tables instead of the folder."
    assert len(open_image_set(flat / "two.csv")) == 1


def test_a_folder_whose_only_table_lacks_columns(flat: Path) -> None:
    with_table(flat, "file,kind\na.png,x\n")
    with pytest.raises(TableError, match="its columns are: file, kind"):
        open_image_set(flat)


# Refused


def test_two_labels_for_one_image(flat: Path) -> None:
    table = with_table(flat, "path,label\na.png,cat\nb.png,cat\n./a.png,dog\n")
    with pytest.raises(TableError, match=r"a\.png is in the table twice.*: cat \(row 1\) and dog \(row 3\)"):
        open_image_set(table)


def test_two_splits_for_one_image(flat: Path) -> None:
    table = with_table(flat, "path,label,split\na.png,cat,train\na.png,cat,val\n")
    with pytest.raises(TableError, match=r"cat, train \(row 1\) and cat, val \(row 2\)"):
        open_image_set(table)


def test_all_files_missing(flat: Path) -> None:
    table = with_table(flat, "path,label\nx.png,cat\ny.png,dog\n")
    with pytest.raises(TableError, match=r"Not one of the 2 images in labels\.csv is there") as caught:
        open_image_set(table)
    assert str(flat / "x.png") in caught.value.message
    assert caught.value.next_step == (
        "Paths in a table are relative to the folder of the table, or absolute."
    )


def test_all_files_lie_one_folder_deeper(flat: Path) -> None:
    with pytest.raises(TableError) as caught:
        open_image_set(with_table(flat, "path,label\nd.png,cat\n"))
    assert caught.value.next_step.endswith("write deep/ before each of them.")


@pytest.mark.parametrize(
    "rows, words",
    [
        ("a.png,\nb.png,\n", r"None of the 2 rows .*a\.png: row 1 of the table has no label"),
        (",cat\n", r"None of the 1 rows .*row 1: row 1 of the table has no path"),
        ("deep,cat\n", "deep: a folder, not a file"),
    ],
)
def test_no_row_can_be_used(flat: Path, rows: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        open_image_set(with_table(flat, "path,label\n" + rows))


def test_a_class_in_two_groups(flat: Path) -> None:
    table = with_table(flat, "path,label,group\na.png,pug,dog\nb.png,pug,cat\n")
    with pytest.raises(GroupsError, match="In the column group, the class pug is in two groups: cat and dog"):
        open_image_set(table)


def test_a_class_without_a_group(flat: Path) -> None:
    table = with_table(flat, "path,label,group\na.png,pug,dog\nb.png,Manx,\n")
    with pytest.raises(GroupsError, match="The column group gives no group to Manx"):
        open_image_set(table)


def test_a_group_said_once_is_enough(flat: Path) -> None:
    images = open_image_set(with_table(flat, "path,label,group\na.png,x,g\nb.png,x,\nc.png,y,h\n"))
    assert images.table["group"].tolist() == ["g", "g", "h"]


def test_an_empty_group_column_is_none(flat: Path) -> None:
    assert open_image_set(with_table(flat, "path,label,group\na.png,x,\n")).groups == {}


def test_a_single_image_is_no_table(flat: Path) -> None:
    with pytest.raises(ImagesError, match=r"a\.png is a single image"):
        open_image_set(flat / "a.png")
