"""Reading files of weights without ever running code from them."""

from __future__ import annotations

import argparse
import pickle
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from models.errors import CheckpointError, CheckpointNeedsCode
from models.weights_file import DOWNLOAD_AGAIN, SAVE_WEIGHTS, FileKind

# A Namespace is a bag of plain values (torchvision's own training scripts save one) and brings no code.
_PLAIN_CLASSES: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [argparse.Namespace]
_LOADING = threading.Lock()
_REFUSED = re.compile(r"GLOBAL ([\w.]+)")


def read_file(path: Path, kind: FileKind) -> Any:
    """What a file of weights holds.

    Args:
        path: the file.
        kind: "torch zip", "torch legacy" or "safetensors".

    Returns:
        Whatever ``torch.save`` was given; for safetensors one dictionary of its tensors and metadata texts.
        Tensors of zip files and safetensors are mapped from the disk: copy what is to be kept.

    Raises:
        CheckpointNeedsCode: the file holds objects of classes, which only running code could restore.
        CheckpointError: the file is damaged.
    """
    return _read_safetensors(path) if kind == "safetensors" else _read_torch(path, kind)


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors: dict[str, Any] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return {**(file.metadata() or {}), **tensors}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is a damaged safetensors file ({error}).", next_step=DOWNLOAD_AGAIN
        ) from error


def _read_torch(path: Path, kind: FileKind) -> Any:
    try:
        # which classes count as plain is one setting for all threads
        with _LOADING, torch.serialization.safe_globals(_PLAIN_CLASSES):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=kind == "torch zip")
    except pickle.UnpicklingError as error:
        raise _needs_code(path, str(error)) from error
    except Exception as error:  # a damaged pickle makes its reader raise anything
        reason = str(error).strip().splitlines()
        raise CheckpointError(
            f"{path.name} is damaged, or was written by another program "
            f"({reason[0][:120] if reason else type(error).__name__}).",
            next_step=DOWNLOAD_AGAIN,
        ) from error


def _needs_code(path: Path, reason: str) -> CheckpointError:
    refused = _REFUSED.search(reason)
    if refused is None:
        return CheckpointError(
            f"{path.name} is damaged, or holds something else than weights.", next_step=SAVE_WEIGHTS
        )
    name = refused.group(1)
    if name.startswith("numpy."):
        return CheckpointNeedsCode(
            f"{path.name} holds values of NumPy ({name}) beside the weights, which need code to be read.",
            next_step="Turn them into plain numbers with float() or .tolist() before saving. " + SAVE_WEIGHTS,
        )
    return CheckpointNeedsCode(
        f"{path.name} holds an object of the class {name}, which only code from the file's author can restore; "
        "Errorscope never runs it.",
        next_step=SAVE_WEIGHTS,
    )
