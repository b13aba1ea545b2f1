"""A version as a file for other programs. Needs no torch until one is made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import VersionError
from models.finetune.version_record import ONNX_WEIGHTS, WEIGHTS, Version
from models.store import write_atomically

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 600


@dataclass(frozen=True)
class ExportFormat:
    """A kind of file.

    Args:
        key: in ``EXPORTS``.
        label: on the page.
        sentence: what it is good for.
        file: its name in the folder of a version.
        is_program: whether it holds the network's code too; it then takes some seconds to make.
    """

    key: str
    label: str
    sentence: str
    file: str
    is_program: bool = False


EXPORTS: Mapping[str, ExportFormat] = {
    each.key: each
    for each in (
        ExportFormat(
            "weights", "PyTorch weights",
            'torch.load gives a dictionary: "state_dict", "class_names", "preprocessing", "architecture". Errorscope opens it.',
            WEIGHTS,
        ),
        ExportFormat(
            "safetensors", "safetensors", "The same weights in a file that can run no code, the rest as its metadata.",
            "weights.safetensors",
        ),
        ExportFormat(
            "torchscript", "TorchScript", "The network with its code: torch.jit.load, in Python or C++, without torchvision.",
            "torchscript.pt", is_program=True,
        ),
        ExportFormat(
            "export", "torch.export", "The network as a graph: torch.export.load, for compilers and newer runtimes.",
            "program.pt2", is_program=True,
        ),
    )
}  # fmt: skip
"""Key to kind of file, in the order of the page."""


ONNX = "onnx"
_ONNX_FORMAT = ExportFormat(
    ONNX, "ONNX (int8)",
    "The network in 8 bits, with class names and preprocessing as its metadata: for ONNX Runtime, in Python, C++, C#, Java or "
    "a browser. Errorscope opens it.",
    ONNX_WEIGHTS,
)  # fmt: skip


def exports_of(version: Version) -> Mapping[str, ExportFormat]:
    """The kinds of file that a version can be had as: a program of ONNX Runtime is nothing else.

    Args:
        version: the version.
    """
    return {ONNX: _ONNX_FORMAT} if version.architecture == ONNX else EXPORTS


def export_of(version: Version, key: str) -> Path | None:
    """The file, if it was made before.

    Args:
        version: the version.
        key: of ``exports_of``.
    """
    path = version.folder / _format(version, key).file
    return path if path.is_file() else None


def export_version(version: Version, key: str) -> Path:
    """Make the file, unless it was made before; it is kept with the version.

    Args:
        version: the version.
        key: of ``EXPORTS``.

    Returns:
        Where it lies.

    Raises:
        VersionError: the network cannot be written in this way.
        CheckpointError: the version's weights cannot be read.
        WorkspaceError: the workspace cannot be written.
    """
    made = export_of(version, key)
    if made is not None:
        return made
    path = version.folder / _format(version, key).file
    if EXPORTS[key].is_program:
        write_atomically(path, lambda temporary: _make_program(version, key, temporary))
    else:
        write_atomically(path, lambda temporary: _write_safetensors(version, temporary))
    return path


def export_name(version: Version, key: str) -> str:
    """What the file is called where it is downloaded: the version's name, in letters that every system takes."""
    return f"{file_stem(version.name)}{Path(_format(version, key).file).suffix}"


def _format(version: Version, key: str) -> ExportFormat:
    found = exports_of(version).get(key)
    if found is None:
        raise VersionError(
            f'"{version.name}" is an ONNX file, which cannot be written in another way.',
            next_step="Take the ONNX file, or export the version that it was made of.",
        )
    return found


def file_stem(name: str) -> str:
    """A name in letters that every system takes.

    >>> file_stem("Bengal / Egyptian Mau (control)"), file_stem("…")
    ('Bengal_Egyptian_Mau_control', 'version')
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("_.")[:80] or "version"


def _write_safetensors(version: Version, path: Path) -> None:
    from safetensors.torch import save_file

    from models.torch_files import read_file
    from models.weights_file import file_kind

    content = read_file(version.checkpoint, file_kind(version.checkpoint))
    rest = {key: value for key, value in content.items() if key != "state_dict"}
    metadata = {key: value if isinstance(value, str) else json.dumps(value) for key, value in rest.items()}
    # torch's own files keep one tensor where two names share it; a file of safetensors has each by itself
    tensors = {key: tensor.clone().contiguous() for key, tensor in content["state_dict"].items()}
    save_file(tensors, path, metadata)


def _make_program(version: Version, key: str, path: Path) -> None:
    """In a process of its own: tracing changes how networks run in all threads of the one it happens in."""
    command = [
        sys.executable,
        "-m",
        "models.finetune.export_program",
        key,
        str(version.checkpoint),
        str(path),
    ]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(version, key, f"it took longer than {_SECONDS} s") from error
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        raise _failed(version, key, lines[-1][:300] if lines else f"exit status {ended.returncode}")


def _failed(version: Version, key: str, reason: str) -> VersionError:
    return VersionError(
        f'"{version.name}" cannot be written as {EXPORTS[key].label} ({reason}).',
        next_step="Take its weights instead.",
    )
