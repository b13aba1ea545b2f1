"""The Oxford-IIIT Pet set: its layout, and what is said without a connection."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
from PIL import Image

from models.errors import ImagesError
from models.torchvision_import import torchvision
from sample_data.oxford_pets import lay_out, main

LISTS = {
    "trainval.txt": ["Abyssinian_100 1 1 1", "great_pyrenees_7 2 2 1"],
    "test.txt": ["Abyssinian_2 1 1 1", "great_pyrenees_11 2 2 1"],
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tiny tree like the one torchvision unpacks."""
    folder = tmp_path / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    for name, lines in LISTS.items():
        (folder / "annotations" / name).write_text("\n".join(lines) + "\n")
        for line in lines:
            Image.new("RGB", (8, 8), "red").save(folder / "images" / f"{line.split()[0]}.jpg")
    return folder


def test_layout(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "pets"
    assert lay_out(source, output) == 4
    found = sorted(path.relative_to(output).as_posix() for path in output.rglob("*.jpg"))
    assert found == [
        "train/Abyssinian/Abyssinian_100.jpg",
        "train/great_pyrenees/great_pyrenees_7.jpg",
        "val/Abyssinian/Abyssinian_2.jpg",
        "val/great_pyrenees/great_pyrenees_11.jpg",
    ]
    assert (output / "groups.csv").read_text() == "class,group\nAbyssinian,cat\ngreat_pyrenees,dog\n"


def test_laying_out_twice_changes_nothing(source: Path, tmp_path: Path) -> None:
    assert lay_out(source, tmp_path / "pets") == lay_out(source, tmp_path / "pets") == 4


def test_copies_where_files_cannot_be_linked(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    lay_out(source, tmp_path / "pets")
    copy = tmp_path / "pets" / "val" / "Abyssinian" / "Abyssinian_2.jpg"
    assert copy.read_bytes() == (source / "images" / "Abyssinian_2.jpg").read_bytes()


def test_a_missing_picture_is_named(source: Path, tmp_path: Path) -> None:
    (source / "images" / "Abyssinian_2.jpg").unlink()
    with pytest.raises(ImagesError, match=r"Abyssinian_2\.jpg is missing"):
        lay_out(source, tmp_path / "pets")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (URLError("Name or service not known"), "Name or service not known"),
        (ConnectionResetError("Connection reset by peer"), "Connection reset by peer"),
        (TimeoutError("timed out"), "timed out"),
        (RuntimeError("File not found or corrupted."), "damaged"),
    ],
)
def test_without_a_connection_it_says_so_in_one_sentence(
    error: Exception,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torchvision.datasets, "OxfordIIITPet", fail)
    assert main(["--output", str(tmp_path / "pets")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err and "Traceback" not in said.err
    assert said.err.count("\n") == 1


def test_the_command_lays_out_what_was_fetched(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pets"

    def fetch(root: Path, *, split: str, download: bool) -> None:
        assert download and split == "trainval"
        root.mkdir(parents=True)
        source.rename(root / "oxford-iiit-pet")

    monkeypatch.setattr(torchvision.datasets, "OxfordIIITPet", fetch)
    assert main(["--output", str(output)]) == 0
    assert "4 pictures" in capsys.readouterr().out
    assert (output / "val" / "Abyssinian" / "Abyssinian_2.jpg").is_file()
