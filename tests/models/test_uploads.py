import errno
import io
import os
import zipfile
from pathlib import Path

import pytest

from models.errors import ImagesError, WorkspaceError
from models.store import Store
from models.uploads import keep_newest, kept_file, unpacked_archive


def archive(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return content.getvalue()


def unpacked_images(store: Store, name: str, content: bytes) -> Path:
    """Unpack an archive of this content, which lies beside the workspace, not in it."""
    path = store.root.with_name(f"{store.root.name}-archives") / name
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(content)
    return unpacked_archive(store, path)


def test_a_file_is_kept_once_under_its_own_name(tmp_path: Path) -> None:
    first = kept_file(Store(tmp_path), "C:\\models\\net.pth", b"weights")
    assert first.name == "net.pth"
    assert first.read_bytes() == b"weights"
    assert kept_file(Store(tmp_path), "net.pth", b"weights") == first


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("..", "file"),
        (".", "file"),
        ("a/..", "file"),
        ("", "file"),
        ("tab\there\0.jpg", "tab_here_.jpg"),
        ("k" * 400 + ".jpg", "k" * 96 + ".jpg"),
        ("ä" * 200 + ".png", "ä" * 48 + ".png"),
        ("a." + "b" * 300, "a." + "b" * 98),
        ("half \ud800.jpg", "half _.jpg"),
    ],
)
def test_a_name_that_no_folder_takes_is_made_to_fit(tmp_path: Path, name: str, kept: str) -> None:
    path = kept_file(Store(tmp_path), name, b"content")
    assert path.name == kept and path.read_bytes() == b"content"
    assert path.parent.parent == tmp_path / "uploads"


def test_only_the_newest_files_are_kept(tmp_path: Path) -> None:
    for number in (3, 1, 4, 2):
        (tmp_path / f"{number}.png").touch()
        os.utime(tmp_path / f"{number}.png", (number, number))
    keep_newest(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.png", "4.png"]


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


def damaged(how: int) -> bytes:
    """An archive whose list is sound and whose only member's stream is not."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", how) as made:
        made.writestr("cat/a.jpg", bytes(range(256)) * 40)
    start = 30 + len("cat/a.jpg")
    whole = bytearray(content.getvalue())
    whole[start : start + 12] = b"\xff" * 12
    return bytes(whole)


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_stream_is_said_and_leaves_nothing(tmp_path: Path, how: int) -> None:
    with pytest.raises(ImagesError, match=r"val\.zip is not a ZIP archive that can be unpacked \(.+\)"):
        unpacked_images(Store(tmp_path), "val.zip", damaged(how))
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_stream_that_ends_too_early_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise EOFError

    monkeypatch.setattr(zipfile.ZipFile, "extract", cut)
    with pytest.raises(ImagesError, match="it ends too early"):
        unpacked_images(Store(tmp_path), "val.zip", archive(**{"cat/a.jpg": b"a"}))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extract", full)
    with pytest.raises(WorkspaceError, match="No space left on device") as caught:
        unpacked_images(Store(tmp_path), "val.zip", archive(**{"cat/a.jpg": b"a"}))
    assert "Free some space" in caught.value.next_step
    assert list((tmp_path / "uploads").iterdir()) == []


def test_names_that_no_file_can_have_are_the_archives_fault(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match="not a ZIP archive that can be unpacked"):
        unpacked_images(Store(tmp_path), "val.zip", archive(**{"cat/" + "x" * 300: b"a"}))


def test_two_sessions_that_unpack_the_same_do_not_collide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, store = archive(**{"cat/a.jpg": b"a", "dog/b.jpg": b"b"}), Store(tmp_path)
    extract, others = zipfile.ZipFile.extract, []

    def slow(self: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str:
        if not others:  # the other session begins and finishes while this one is at its first file
            others.append(folder)
            others.append(unpacked_images(store, "val.zip", content))
            (others[1] / "mark").touch()
        return extract(self, member, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extract", slow)
    folder = unpacked_images(store, "val.zip", content)
    assert folder == others[1]
    assert sorted(path.name for path in folder.iterdir()) == ["cat", "dog", "mark"]
    assert list((tmp_path / "uploads").iterdir()) == [folder]


def test_a_session_that_fails_takes_nothing_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, store = archive(**{"cat/a.jpg": b"a", "dog/b.jpg": b"b"}), Store(tmp_path)
    extract, calls = zipfile.ZipFile.extract, []

    def interrupted(self: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> str:
        calls.append(member.filename)
        if len(calls) == 2:  # this session has its first file; the other one fails at its own first
            with pytest.raises(WorkspaceError):
                unpacked_images(store, "val.zip", content)
        elif len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return extract(self, member, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extract", interrupted)
    folder = unpacked_images(store, "val.zip", content)
    assert sorted(path.name for path in folder.iterdir()) == ["cat", "dog"]


def test_a_path_is_unpacked_once_until_it_changes(tmp_path: Path) -> None:
    path, store = tmp_path / "val.zip", Store(tmp_path / "workspace")
    path.write_bytes(archive(**{"val/cat/a.jpg": b"a", "val/dog/b.jpg": b"b"}))
    folder = unpacked_archive(store, path)
    assert sorted(each.name for each in folder.iterdir()) == ["cat", "dog"]
    (folder / "mark").touch()
    assert unpacked_archive(store, path) == folder and (folder / "mark").exists()
    os.utime(path, ns=(1, 1))
    again = unpacked_archive(store, path)
    assert again != folder and not (again / "mark").exists()


def test_a_path_that_cannot_be_unpacked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, path = Store(tmp_path / "workspace"), tmp_path / "val.zip"
    with pytest.raises(ImagesError, match=r"^There is no file .*val\.zip\."):
        unpacked_archive(store, path)
    with pytest.raises(ImagesError, match="is no file"):
        unpacked_archive(store, tmp_path)
    path.write_bytes(archive(**{"cat/a.jpg": b"a"}))
    monkeypatch.setattr("models.uploads.LARGEST_ARCHIVE", 10)
    with pytest.raises(ImagesError, match="too much to unpack"):
        unpacked_archive(store, path)
    assert not (tmp_path / "workspace").exists()
