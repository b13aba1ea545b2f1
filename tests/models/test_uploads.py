import io
import zipfile
from pathlib import Path

import pytest

from models.errors import ImagesError
from models.store import Store
from models.uploads import kept_file, unpacked_images


def archive(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return content.getvalue()


def test_a_file_is_kept_once_under_its_own_name(tmp_path: Path) -> None:
    first = kept_file(Store(tmp_path), "C:\\models\\net.pth", b"weights")
    assert first.name == "net.pth"
    assert first.read_bytes() == b"weights"
    assert kept_file(Store(tmp_path), "net.pth", b"weights") == first


def test_class_folders_inside_one_folder_are_found(tmp_path: Path) -> None:
    content = archive(**{"val/cat/a.jpg": b"a", "val/dog/b.jpg": b"b"})
    folder = unpacked_images(Store(tmp_path), "val.zip", content)
    assert sorted(path.name for path in folder.iterdir()) == ["cat", "dog"]
    assert unpacked_images(Store(tmp_path), "val.zip", content) == folder


def test_one_class_folder_alone_stays_a_class_folder(tmp_path: Path) -> None:
    folder = unpacked_images(Store(tmp_path), "cats.zip", archive(**{"cat/a.jpg": b"a"}))
    assert [path.name for path in folder.iterdir()] == ["cat"]


@pytest.mark.parametrize("name", ["../out.jpg", "/etc/x.jpg", "a/../../x.jpg", "..\\x.jpg"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImagesError, match="leads out of its own folder"):
        unpacked_images(Store(tmp_path), "bad.zip", archive(**{name: b"x"}))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_damaged_archive_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match=r"broken\.zip is not a ZIP archive"):
        unpacked_images(Store(tmp_path), "broken.zip", b"PK not really")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.uploads.LARGEST_UNPACKED", 10)
    with pytest.raises(ImagesError, match="too much to upload"):
        unpacked_images(Store(tmp_path), "bomb.zip", archive(**{"cat/a.jpg": b"0" * 11}))
