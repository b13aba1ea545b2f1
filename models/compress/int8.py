"""int8 by ONNX Runtime, made in a process of its own: writing a network as ONNX changes how those of all threads run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.errors import CompressionError
from models.network import Network
from models.own_networks import checkpoint_content, plan_of, trainable_copy
from models.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 1800
_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class QuantisedFiles:
    """What the process writes.

    Args:
        whole: the network as ONNX, in 32 bits; to see what ONNX Runtime alone does for the time.
        small: in 8 bits.
    """

    whole: Path
    small: Path


def int8_steps(
    network: Network, calibration: Path, n: int, folder: Path
) -> Generator[Progress, None, QuantisedFiles]:
    """Write a network as int8 ONNX.

    Args:
        network: opened from weights; left as it is.
        calibration: inputs that ranges are measured on (.npy).
        n: how many of them.
        folder: to write into; nobody else does.

    Yields:
        Progress without an end that is known; closed in between, the process has ended.

    Raises:
        CompressionError: the network cannot be written as ONNX or quantised.
    """
    yield Progress("Writing the network as ONNX", 0, 0)
    weights = folder / "start.pth"
    files = QuantisedFiles(folder / "float.onnx", folder / "int8.onnx")
    torch.save(_content(network), weights)
    command = [
        sys.executable, "-W", "ignore", "-m", "models.compress.int8_process",
        str(weights), str(calibration), str(n), str(files.whole), str(files.small),
    ]  # fmt: skip
    log = folder / "int8.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process,
    ):
        try:
            yield from _until_ended(process, files)
        finally:
            process.kill()
    if process.returncode or not files.small.is_file():
        raise _failed(network, log, process.returncode)
    return files


def _until_ended(process: subprocess.Popen[Any], files: QuantisedFiles) -> Generator[Progress, None, None]:
    began = time.monotonic()
    while process.poll() is None:
        phase = "Rounding to 8 bits" if files.whole.is_file() else "Writing the network as ONNX"
        yield Progress(phase, 0, 0)
        if time.monotonic() - began > _SECONDS:
            return
        time.sleep(_BETWEEN_LOOKS)


def _content(network: Network) -> dict[str, Any]:
    return checkpoint_content(
        trainable_copy(network), plan_of(network), network.class_names, network.preprocessing
    )


def _failed(network: Network, log: Path, status: int) -> CompressionError:
    lines = log.read_text(errors="replace").strip().splitlines()
    reason = lines[-1].strip()[:200] if lines else f"exit status {status}"
    if status < 0:
        reason = f"its process was ended by the system (signal {-status}), or took longer than {_SECONDS} s"
    return CompressionError(
        f"This {network.architecture} cannot be written as int8 ({reason}).",
        next_step="Choose another way to make it smaller.",
    )
