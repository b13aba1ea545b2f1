"""Bringing a backbone's weights here, from a server of the test's own: whole or not at all, and on where it stopped."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models import backbone_download, backbones
from models.backbone_download import backbone_download_steps, downloaded
from models.backbone_files import digest_of, hub_folder, own_folder, weights_file
from models.errors import BackboneError, WorkspaceError
from models.store import Store
from tests.analysis.evaluated import context_of, driven

CONTENT = bytes(range(256)) * 8192  # 2 MiB, several pieces
DIGEST = hashlib.sha256(CONTENT).hexdigest()[:8]
NAME = f"net-{DIGEST}.pth"


class Site(http.server.BaseHTTPRequestHandler):
    """Gives one file; some addresses give it badly."""

    protocol_version = "HTTP/1.1"
    takes_ranges = True
    asked: list[str | None] = []  # noqa: RUF012 - the test's own, emptied by its fixture

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.asked.append(asked)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.takes_ranges else 0
        if begin >= len(CONTENT):
            self.send_error(416)
            return
        content = CONTENT[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        half = content[: len(content) // 2]
        with suppress(ConnectionError):  # some tests go before all has come
            self.wfile.write(half if self.path.startswith("/short") else content)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Site, "asked", [])
    monkeypatch.setattr(Site, "takes_ranges", True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = False  # so that its end waits for them
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def left_over(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_the_file_comes_whole_and_nothing_else_is_left(site: str, tmp_path: Path) -> None:
    _, seen = driven(downloaded(f"{site}/{NAME}", tmp_path / NAME))
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert left_over(tmp_path) == [NAME]
    assert seen[-1].total == 2 and seen[-1].done == 2 and seen[-1].unit == "MB"


def test_what_was_stopped_goes_on_where_it_stood(site: str, tmp_path: Path) -> None:
    steps = downloaded(f"{site}/{NAME}", tmp_path / NAME)
    next(steps), next(steps)
    steps.close()
    assert left_over(tmp_path) == [f".{NAME}.part"]
    have = (tmp_path / f".{NAME}.part").stat().st_size
    assert 0 < have < len(CONTENT)
    driven(downloaded(f"{site}/{NAME}", tmp_path / NAME))
    assert Site.asked == [None, f"bytes={have}-"]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_server_that_gives_no_parts_gives_all_of_it(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "takes_ranges", False)
    (tmp_path / f".{NAME}.part").write_bytes(b"other")
    driven(downloaded(f"{site}/{NAME}", tmp_path / NAME))
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_begins_anew(site: str, tmp_path: Path) -> None:
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT + b"more")
    driven(downloaded(f"{site}/{NAME}", tmp_path / NAME))
    assert (tmp_path / NAME).read_bytes() == CONTENT and len(Site.asked) == 2


def test_another_file_under_the_name_is_refused_and_dropped(site: str, tmp_path: Path) -> None:
    file = tmp_path / "net-00000000.pth"
    with pytest.raises(BackboneError, match="check sum") as caught:
        driven(downloaded(f"{site}/{file.name}", file))
    assert left_over(tmp_path) == []
    assert str(tmp_path) in caught.value.next_step and file.name in caught.value.next_step


def test_a_file_that_ends_too_early_is_kept_to_go_on_with(site: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"ended after 1\.0 of 2\.1 MB"):
        driven(downloaded(f"{site}/short/{NAME}", tmp_path / NAME))
    assert left_over(tmp_path) == [f".{NAME}.part"]


def test_a_file_that_is_not_there_says_where_to_put_it_by_hand(site: str, tmp_path: Path) -> None:
    url = f"{site}/missing/{NAME}"
    with pytest.raises(BackboneError, match="404") as caught:
        driven(downloaded(url, tmp_path / NAME))
    assert caught.value.next_step == f"Download {url} elsewhere and put it into {tmp_path} as {NAME}."
    assert left_over(tmp_path) == []


def test_without_a_connection_it_says_the_same(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="cannot be reached") as caught:
        driven(downloaded(f"http://127.0.0.1:9/{NAME}", tmp_path / NAME))
    assert "put it into" in caught.value.next_step


def test_a_full_disk_is_told_before(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(_: object) -> Any:
        return type("Usage", (), {"free": 1000})

    monkeypatch.setattr(backbone_download.shutil, "disk_usage", usage)
    with pytest.raises(WorkspaceError, match="the weights take 2 MB"):
        driven(downloaded(f"{site}/{NAME}", tmp_path / NAME))


def test_the_job_looks_on_this_machine_first(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    known = replace(backbones.backbones()["resnet18"], url=f"{site}/{NAME}")
    monkeypatch.setattr(backbones, "backbones", lambda: {"resnet18": known})
    context = context_of(Store(tmp_path / "workspace"))
    result, _ = driven(backbone_download_steps({"name": "resnet18"}, context))
    file = own_folder(context.store) / NAME
    assert result == {"file": str(file)} and file.read_bytes() == CONTENT
    file.unlink()
    hub_folder().mkdir(parents=True)
    (hub_folder() / NAME).write_bytes(CONTENT)
    result, _ = driven(backbone_download_steps({"name": "resnet18"}, context))
    assert result == {"file": str(hub_folder() / NAME)} and len(Site.asked) == 1
    with pytest.raises(BackboneError, match="no_such"):
        driven(backbone_download_steps({"name": "no_such"}, context))


def test_files_are_found_where_torch_hub_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    store = Store(tmp_path / "workspace")
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    assert weights_file(store, NAME) is None
    hub_folder().mkdir(parents=True)
    (hub_folder() / NAME).touch()  # empty: no weights
    assert weights_file(store, NAME) is None
    own_folder(store).mkdir(parents=True)
    (own_folder(store) / NAME).write_bytes(b"weights")
    assert weights_file(store, NAME) == own_folder(store) / NAME


def test_the_digest_is_read_from_names_of_any_length() -> None:
    assert digest_of("efficientnet_v2_s-dd5fe13b.pth") == "dd5fe13b"
    assert digest_of("swin_t-704ceda3.pth") == "704ceda3"
    assert digest_of("mobilenet_v2.pth") == ""
