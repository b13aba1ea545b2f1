"""The download of a torchvision classifier's ImageNet weights, as a job that goes on where it was stopped."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from models.backbone_files import digest_of, own_folder, weights_file
from models.errors import BackboneError, WorkspaceError
from models.job_context import JobContext
from models.progress import Progress

_SECONDS_OF_SILENCE = 30
_CHUNK = 2**18
_MEGABYTE = 1e6
_PARTIAL, _NOT_SATISFIABLE = 206, 416


class _Answer(Protocol):
    status: int
    headers: Any

    def read(self, n: int, /) -> bytes: ...
    def close(self) -> None: ...


def backbone_download_steps(
    spec: dict[str, Any], context: JobContext
) -> Generator[Progress, None, dict[str, Any]]:
    """The job "backbone_download": bring the weights into the workspace, unless they are on this machine already.

    Args:
        spec: ``name`` of a classifier of torchvision.
        context: the job's.

    Yields:
        Progress in MB; what has come is kept when it is stopped.

    Raises:
        BackboneError: there is no such classifier, the server cannot be reached, or sends something else.
        WorkspaceError: there is no room for it.
    """
    from models.backbones import backbones

    yield Progress("Looking for the weights", 0, 0)
    backbone = backbones().get(spec["name"])
    if backbone is None:
        raise BackboneError(f'torchvision has no classifier called "{spec["name"]}".')
    file = weights_file(context.store, backbone.file_name)
    if file is None:
        folder = context.store.folder(own_folder(context.store).name)
        file = folder / backbone.file_name
        yield from downloaded(backbone.url, file)
    return {"file": str(file)}


def downloaded(url: str, file: Path) -> Generator[Progress, None, None]:
    """Bring a file here: what came before in vain is gone on with, and nothing takes its name before it is whole.

    Args:
        url: of the file; its name holds the first digits of its SHA-256 (`digest_of`).
        file: where it is to lie; its folder exists.

    Yields:
        Progress in MB.

    Raises:
        BackboneError: the server cannot be reached, ends before the file does, or sends something else.
        WorkspaceError: it cannot be written.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        yield from _fetched(url, part, file)
        if not hashed(part).startswith(digest_of(file.name)):
            part.unlink()
            raise BackboneError(
                f"What came from {url} is not {file.name}: its check sum is another.",
                next_step=by_hand(url, file),
            )
        part.replace(file)
    except urllib.error.HTTPError as error:
        error.close()
        raise BackboneError(
            f"{file.name} cannot be had from {_host(url)} (it answers {error.code} {error.reason}).",
            next_step=by_hand(url, file),
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise BackboneError(
            f"{file.name} cannot be fetched: {_host(url)} cannot be reached ({_reason(error)}).",
            next_step=by_hand(url, file),
        ) from error
    except OSError as error:
        raise WorkspaceError(
            f"{file} cannot be written ({error.strerror or error}).",
            next_step="Free some space and try again.",
        ) from error


def by_hand(url: str, file: Path) -> str:
    """How a person brings the file where it belongs."""
    return f"Download {url} elsewhere and put it into {file.parent} as {file.name}."


def hashed(file: Path) -> str:
    """The SHA-256 of a file, in hex digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _fetched(url: str, part: Path, file: Path) -> Generator[Progress, None, None]:
    have = part.stat().st_size if part.exists() else 0
    answer = _asked(url, have)
    try:
        if answer.status != _PARTIAL:
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        _check_room(part, total - have)
        with part.open("ab" if have else "wb") as opened:
            for came in _pieces(answer, opened):
                have += came
                yield _progress(file.name, have, total)
    finally:
        answer.close()
    if total and have < total:
        raise BackboneError(
            f"{file.name} ended after {have / _MEGABYTE:.1f} of {total / _MEGABYTE:.1f} MB.",
            next_step=f"Try again; it goes on from there. Or: {by_hand(url, file)}",
        )


def _asked(url: str, have: int) -> _Answer:
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        answer: _Answer = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_SECONDS_OF_SILENCE
        )
    except urllib.error.HTTPError as error:
        if error.code != _NOT_SATISFIABLE or not have:
            raise
        error.close()
        return _asked(url, 0)  # what is there already is not the beginning of it
    return answer


def _pieces(answer: _Answer, opened: BinaryIO) -> Generator[int, None, None]:
    with suppress(http.client.IncompleteRead):  # told by the number of bytes
        while piece := answer.read(_CHUNK):
            opened.write(piece)
            yield len(piece)


def _check_room(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < wanted:
        raise WorkspaceError(
            f"There are {free / _MEGABYTE:,.0f} MB free beside {part.parent}, and the weights take "
            f"{wanted / _MEGABYTE:,.0f} MB.",
            next_step="Free some space and try again.",
        )


def _progress(name: str, have: int, total: int) -> Progress:
    known = max(1, round(total / _MEGABYTE)) if total else 0
    return Progress(f"Downloading {name}", min(round(have / _MEGABYTE), known or have), known, "MB")


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or url


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)
