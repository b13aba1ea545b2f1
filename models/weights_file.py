"""Which kind of file a checkpoint is, told from its first bytes, without loading anything from it."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from models.errors import CheckpointError, CheckpointNeedsCode

FileKind = Literal["torch zip", "torch legacy", "safetensors", "torchscript", "export", "onnx"]

SAVE_WEIGHTS = (
    'Open it where it was trained and save its weights alone: torch.save(model.state_dict(), "weights.pth").'
)
CHOOSE_WEIGHTS = (
    "Choose a checkpoint saved with torch.save(model.state_dict(), ...), a .safetensors file, "
    "a TorchScript or torch.export program, or an ONNX file."
)
DOWNLOAD_AGAIN = "Copy or download it again and compare the sizes."

DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError)
"""What ``zipfile`` raises for damaged archives: names that are no text, versions that do not exist ..."""

_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_HEAD_BYTES = 512


def file_kind(path: Path | str) -> FileKind:
    """What kind of checkpoint a file is.

    Args:
        path: the file.

    Returns:
        The kind; nothing of the file was loaded or run.

    Raises:
        CheckpointNeedsCode: it is a plain pickle or a torch.package: only running code opens it.
        CheckpointError: it is missing, unreadable, empty, cut short, or no checkpoint of PyTorch.
    """
    path = Path(path)
    head = _first_bytes(path)
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head.startswith(_LEGACY_TORCH):
        return "torch legacy"
    for recognised, explain in _FOREIGN:
        if recognised(head, path):
            raise explain(path)
    if path.suffix.lower() == ".onnx" or head[2:20].find(b"pytorch") > 0:
        return "onnx"
    for recognised, explain in _UNKNOWN:
        if recognised(head, path):
            raise explain(path)
    if _is_safetensors(head):
        return "safetensors"
    raise CheckpointError(
        f"{path.name} is no checkpoint of PyTorch (it begins with {head[:8]!r}).", next_step=CHOOSE_WEIGHTS
    )


def _first_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CheckpointError(f"{path} is a folder, not a checkpoint.", next_step=_folder_step(path))
        if path.exists() and not path.is_file():  # reading a pipe would wait for ever
            raise CheckpointError(f"{path} is no ordinary file.", next_step=CHOOSE_WEIGHTS)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}.", next_step="Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise CheckpointError(
            f"{str(path)[:200]!r} cannot be read ({getattr(error, 'strerror', None) or error}).",
            next_step="Check the path, and that you may read the file.",
        ) from error
    if not head:
        raise CheckpointError(f"{path.name} is empty (0 bytes).", next_step=DOWNLOAD_AGAIN)
    return head


def _folder_step(path: Path) -> str:
    suffixes = {".pth", ".pt", ".ckpt", ".safetensors", ".pt2", ".bin"}
    inside = sorted(each.name for each in path.iterdir() if each.suffix.lower() in suffixes)
    return f"Choose a file in it: {', '.join(inside[:5])}." if inside else "Choose the file itself."


def _zip_kind(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except DAMAGED_ZIP as error:
        raise CheckpointError(
            f"{path.name} is damaged: its table of contents is missing, as in a file that was cut short.",
            next_step=DOWNLOAD_AGAIN,
        ) from error
    inner = {name.split("/", 1)[-1] for name in names}
    if any(name.startswith("data/aotinductor") for name in inner):
        raise CheckpointNeedsCode(
            f"{path.name} holds machine code compiled by AOTInductor.", next_step=SAVE_WEIGHTS
        )
    if (
        "archive_format" in inner
        or "models/model.json" in inner
        or "serialized_exported_program.json" in names
    ):
        return "export"
    if ".data/extern_modules" in inner:
        raise CheckpointNeedsCode(
            f"{path.name} is a torch.package, which brings Python code along.", next_step=SAVE_WEIGHTS
        )
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "torchscript"
    if "data.pkl" in inner:
        return "torch zip"
    raise _foreign_zip(path, names)


def _foreign_zip(path: Path, names: list[str]) -> CheckpointError:
    if "model.weights.h5" in names:
        return _keras(path)
    wanted = [name for name in names if Path(name).suffix in {".pth", ".pt", ".ckpt", ".safetensors"}]
    first = ", ".join(names[:3])
    step = f"Unpack it and choose {wanted[0]}." if wanted else CHOOSE_WEIGHTS
    return CheckpointError(
        f"{path.name} is a zip archive, but not one that torch.save wrote (it holds {first or 'nothing'}).",
        next_step=step,
    )


def _is_safetensors(head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")
    return 0 < length < 100_000_000 and head[8:9] == b"{"


def _keras(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} holds a network of Keras or TensorFlow, not of PyTorch.", next_step=CHOOSE_WEIGHTS
    )


def _git_lfs(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a git-LFS pointer of {path.stat().st_size} bytes that stands for the real file.",
        next_step='Fetch the real file with "git lfs pull".',
    )


def _web_page(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a web page (HTML), saved in place of the checkpoint.",
        next_step="Download the file itself, not the page that shows it.",
    )


def _sharded(path: Path) -> CheckpointError:
    try:
        files = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError):
        files = []
    return CheckpointError(
        f"{path.name} is the index of weights cut into {len(files) or 'several'} files, not the weights.",
        next_step="Merge the pieces into one .safetensors file, and choose that.",
    )


def _text(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a text file, not a checkpoint.",
        next_step=CHOOSE_WEIGHTS,
    )


def _plain_pickle(path: Path) -> CheckpointError:
    return CheckpointNeedsCode(
        f"{path.name} is a plain pickle (not of torch.save); opening one runs code from it.",
        next_step=SAVE_WEIGHTS,
    )


def _archive(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a packed archive (tar, gzip, xz, 7z or rar).",
        next_step="Unpack it and choose the checkpoint inside.",
    )


def _other_tool(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a network for another engine (TensorFlow Lite or GGUF), not for PyTorch.",
        next_step=CHOOSE_WEIGHTS,
    )


def _looks_like_text(head: bytes, path: Path) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character may be cut at the end of what was read
            return False
    return not any(byte < 9 for byte in head)


_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")

_FOREIGN: tuple[tuple[Callable[[bytes, Path], bool], Callable[[Path], CheckpointError]], ...] = (
    (lambda head, path: head.startswith(b"\x89HDF"), _keras),
    (lambda head, path: head.startswith(b"version https://git-lfs"), _git_lfs),
    (lambda head, path: head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")), _web_page),
    (lambda head, path: head.startswith(_PACKED) or head[257:262] == b"ustar", _archive),
    (lambda head, path: head[4:8] == b"TFL3" or head.startswith(b"GGUF"), _other_tool),
)
"""What each foreign kind of file begins with."""

_UNKNOWN: tuple[tuple[Callable[[bytes, Path], bool], Callable[[Path], CheckpointError]], ...] = (
    (lambda head, path: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05", _plain_pickle),
    (lambda head, path: path.name.endswith(".index.json") or b'"weight_map"' in head, _sharded),
    (_looks_like_text, _text),
)
