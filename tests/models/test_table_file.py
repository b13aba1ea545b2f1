"""Tables as people save them, and files that are none."""

from pathlib import Path

import pandas as pd
import pytest

from models.errors import TableError
from models.table_file import columns_of, read_table

WANTED = ("path", "label")


def refused(path: Path) -> TableError:
    with pytest.raises(TableError) as caught:
        read_table(path, WANTED, optional=("group",))
    assert caught.value.next_step.endswith(".")
    return caught.value


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.jpg,cat\nb.jpg,dog\n",
        "path;label\r\na.jpg;cat\r\nb.jpg;dog\r\n",
        "path\tlabel\na.jpg\tcat\nb.jpg\tdog",
        "path|label\na.jpg|cat\nb.jpg|dog\n",
        '"path","label"\n"a.jpg","cat"\nb.jpg,dog\n',
        "\n\n Path , LABEL \na.jpg,cat\n\nb.jpg,dog\n",
        "\ufeffpath,label\na.jpg,cat\nb.jpg,dog\n",
        'label,"a; b",path\ncat,1,a.jpg\ndog,2,b.jpg\n',
    ],
)
def test_separators_line_ends_and_spellings(tmp_path: Path, text: str) -> None:
    table = read_table(written(tmp_path / "t.csv", text), WANTED)
    assert table["path"].tolist() == ["a.jpg", "b.jpg"] and table["label"].tolist() == ["cat", "dog"]


def test_text_stays_text(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "path,label,note\nNA,007,\n1.0,null,x\n"), WANTED)
    assert table.to_numpy().tolist() == [["NA", "007", ""], ["1.0", "null", "x"]]


@pytest.mark.parametrize("index", [None, "path"])
def test_parquet_keeps_its_types(tmp_path: Path, index: str | None) -> None:
    table = pd.DataFrame({"path": ["a.jpg"], "label": [3], "score": [0.5]})
    (table if index is None else table.set_index(index)).to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", WANTED)
    assert read["label"].tolist() == [3] and read["score"].tolist() == [0.5]
    assert set(columns_of(tmp_path / "t.parquet")) == {"path", "label", "score"}


@pytest.mark.parametrize("name", ["labels.xlsx", "labels", "photo.jpg"])
def test_a_file_that_is_no_table(tmp_path: Path, name: str) -> None:
    error = refused(written(tmp_path / name, "path,label\n"))
    assert error.message.startswith(f"{name} is no table that can be read")
    assert "CSV (UTF-8) or Parquet" in error.next_step


def test_a_missing_table(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        assert refused(tmp_path / name).message.endswith("cannot be read: the file is missing.")


def test_a_folder_named_like_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    assert refused(tmp_path / "t.csv").message.endswith("cannot be read: a folder, not a file.")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_table(tmp_path: Path, text: str) -> None:
    assert refused(written(tmp_path / "t.csv", text)).message == "The table t.csv is empty."


def test_a_table_without_rows(tmp_path: Path) -> None:
    assert refused(written(tmp_path / "t.csv", "path,label\n")).message == "The table t.csv has no rows."
    pd.DataFrame({"path": [], "label": []}).to_parquet(tmp_path / "t.parquet")
    assert refused(tmp_path / "t.parquet").message == "The table t.parquet has no rows."


def test_missing_columns_name_those_found(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "t.csv", "file,class\na.jpg,cat\n"))
    assert error.message == (
        "The table t.csv has no column called path and none called label; its columns are: file, class."
    )
    assert error.next_step == "Its first line must name the columns path and label."
    one = refused(written(tmp_path / "t.csv", "path,class\na.jpg,cat\n"))
    assert one.message == "The table t.csv has no column called label; its columns are: path, class."


def test_a_table_without_a_line_of_names(tmp_path: Path) -> None:
    assert refused(written(tmp_path / "t.csv", "a.jpg,cat\nb.jpg,dog\n")).message.endswith(
        "its columns are: a.jpg, cat."
    )


def test_a_doubled_column(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "t.csv", "path,label,Label\na.jpg,cat,dog\n"))
    assert "label" in error.message and "columns called label" in error.message


def test_not_utf8(tmp_path: Path) -> None:
    error = refused(written(tmp_path / "t.csv", "path,label\ncafé.jpg,cat\n", "latin-1"))
    assert error.message == "The table t.csv is not UTF-8 (byte 0xe9)."
    assert "UTF-8" in error.next_step


@pytest.mark.parametrize(
    "text, words",
    [
        ("path,label\na.jpg,cat\nb,c.jpg,dog\n", "Expected 2 fields in line 3, saw 3"),
        ('path,label\na.jpg,"cat\n', "EOF inside string"),
        ("path,label\na,b.jpg,cat\n", "more values than its first line has names (2)"),
    ],
)
def test_a_damaged_text_table(tmp_path: Path, text: str, words: str) -> None:
    error = refused(written(tmp_path / "t.csv", text))
    assert words in error.message and "quot" in error.next_step


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"path,label\na.jpg,cat\n"])
def test_a_damaged_parquet_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    assert (
        refused(tmp_path / "t.parquet").message == "The table t.parquet is no Parquet file, or a damaged one."
    )
    assert columns_of(tmp_path / "t.parquet") == ()


def test_a_parquet_table_cut_short(tmp_path: Path) -> None:
    pd.DataFrame({"path": ["a"] * 999, "label": ["b"] * 999}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refused(tmp_path / "t.parquet").message
