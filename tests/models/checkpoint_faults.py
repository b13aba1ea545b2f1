"""Bad checkpoints, each with the class of its error and the words that must stand in its message."""

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from models.errors import (
    ArchitectureUnknown,
    CheckpointError,
    CheckpointNeedsCode,
    WeightsMismatch,
)
from tests.models.families import CLASSES, small_weights


class Recipe:
    """An object that only code can restore."""


@dataclass(frozen=True)
class Fault:
    """One planted fault.

    Args:
        make: writes the file and returns its path.
        error: exactly this class must be raised.
        words: must stand in the message.
        step: must stand in the next step.
    """

    make: Callable[[Path], Path]
    error: type[CheckpointError]
    words: str
    step: str


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def saved(make: Callable[[], Any]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(make(), folder / "weights.pth")
        return folder / "weights.pth"

    return write


def changed(**changes: torch.Tensor | None) -> Callable[[Path], Path]:
    """The small network's weights with keys replaced, added, or (None) removed."""
    keyed = {key.replace("__", "."): value for key, value in changes.items()}

    def make() -> dict[str, torch.Tensor]:
        state = {**small_weights(), **{key: value for key, value in keyed.items() if value is not None}}
        return {key: value for key, value in state.items() if keyed.get(key, value) is not None}

    return saved(make)


def truncated(folder: Path) -> Path:
    path = saved(small_weights)(folder)
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def overwritten(folder: Path) -> Path:
    """The table of contents is whole, but the pickle inside is nonsense."""
    path = folder / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", b"\x80\x02}q\x00(nonsense")
        archive.writestr("weights/version", b"3\n")
    return path


def cut_legacy(folder: Path) -> Path:
    path = folder / "weights.pth"
    torch.save(small_weights(), path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def cut_safetensors(folder: Path) -> Path:
    path = folder / "weights.safetensors"
    save_file(small_weights(), path)
    path.write_bytes(path.read_bytes()[:5000])
    return path


def zipped(*names: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "weights.zip", "w") as archive:
            for name in names:
                archive.writestr(name, b"content")
        return folder / "weights.zip"

    return write


def folder_of_checkpoints(folder: Path) -> Path:
    saved(small_weights)(folder)
    return folder


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "weights.pth")
    return folder / "weights.pth"


def pruned() -> dict[str, torch.Tensor]:
    state = OrderedDict(small_weights())
    weight = state.pop("fc.weight")
    return {**state, "fc.weight_orig": weight, "fc.weight_mask": torch.ones_like(weight)}


def quantised() -> dict[str, torch.Tensor]:
    weight = torch.quantize_per_tensor(small_weights()["fc.weight"], 0.1, 0, torch.qint8)
    return {**small_weights(), "fc.weight": weight}


def custom_head() -> dict[str, torch.Tensor]:
    state = {key: value for key, value in small_weights().items() if not key.startswith("fc.")}
    layers = {"fc.0": (64, 1024), "fc.3": (CLASSES, 64)}
    for name, shape in layers.items():
        state |= {f"{name}.weight": torch.zeros(shape), f"{name}.bias": torch.zeros(shape[0])}
    return state


def optimizer_only() -> dict[str, Any]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(2, 2))], lr=0.1, momentum=0.9)
    return optimizer.state_dict()


def side_by_side() -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value for name in ("student", "teacher") for key, value in small_weights().items()
    }


NAN = small_weights()["fc.weight"].clone()
NAN[2, 5] = float("nan")
INDEX = {"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}  # fmt: skip
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xb2\x01" + bytes(range(200))

SAVE = "torch.save(model.state_dict()"

FAULTS: dict[str, Fault] = {
    "no such file": Fault(lambda folder: folder / "none.pth", CheckpointError, "There is no file", "path"),
    "folder": Fault(folder_of_checkpoints, CheckpointError, "is a folder", "weights.pth"),
    "a name too long": Fault(lambda folder: folder / ("x" * 300), CheckpointError, "cannot be read", "path"),
    "a path with a zero byte": Fault(lambda folder: folder / "a\0b", CheckpointError, "cannot be read", "path"),
    "a pipe": Fault(pipe, CheckpointError, "is no ordinary file", SAVE),
    "empty file": Fault(file("a.pth", b""), CheckpointError, "is empty (0 bytes)", "again"),
    "text": Fault(file("a.pth", b"epoch 1: loss 0.3\n" * 40), CheckpointError, "is a text file", SAVE),
    "web page": Fault(file("a.pth", b"\n<!DOCTYPE html><html>"), CheckpointError, "is a web page", "file itself"),
    "git-LFS pointer": Fault(
        file("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        CheckpointError, "git-LFS pointer of 63 bytes", "git lfs pull",
    ),
    "noise": Fault(file("a.pth", bytes(range(255, 128, -1)) * 9), CheckpointError, "is no checkpoint of PyTorch", SAVE),
    "truncated zip": Fault(truncated, CheckpointError, "cut short", "again"),
    "damaged zip": Fault(overwritten, CheckpointError, "damaged", ""),
    "truncated old file": Fault(cut_legacy, CheckpointError, "damaged", "again"),
    "zip of other things": Fault(zipped("readme.md", "a/b.txt"), CheckpointError, "not one that torch.save wrote (it holds readme.md, a/b.txt)", SAVE),
    "zip around a checkpoint": Fault(zipped("out/best.pth"), CheckpointError, "is a zip archive", "Unpack it and choose out/best.pth"),
    "Keras zip": Fault(zipped("config.json", "model.weights.h5"), CheckpointError, "Keras or TensorFlow", SAVE),
    "Keras HDF5": Fault(file("a.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 90), CheckpointError, "Keras or TensorFlow", SAVE),
    "ONNX": Fault(file("a.onnx", ONNX), CheckpointError, "is a damaged ONNX file", "again"),
    "ONNX under another name": Fault(file("a.pth", ONNX), CheckpointError, "is a damaged ONNX file", "again"),
    "TensorFlow Lite": Fault(file("a.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 40), CheckpointError, "TensorFlow Lite", SAVE),
    "packed": Fault(file("a.pth.gz", b"\x1f\x8b\x08" + b"\0" * 40), CheckpointError, "packed archive", "Unpack"),
    "torch.package": Fault(zipped("net/.data/extern_modules", "net/model.pkl"), CheckpointNeedsCode, "torch.package", SAVE),
    "compiled by AOTInductor": Fault(zipped("net/data/aotinductor/model/a.so"), CheckpointNeedsCode, "machine code", SAVE),
    "safetensors cut": Fault(cut_safetensors, CheckpointError, "damaged safetensors", "again"),
    "safetensors index": Fault(file("model.safetensors.index.json", json.dumps(INDEX).encode()), CheckpointError, "weights cut into 2 files", "Merge"),
    "plain pickle": Fault(file("a.pkl", pickle.dumps({"w": [1.0]}, protocol=4)), CheckpointNeedsCode, "plain pickle", SAVE),
    "custom class": Fault(saved(lambda: {"state_dict": small_weights(), "recipe": Recipe()}), CheckpointNeedsCode, "class tests.models.checkpoint_faults.Recipe", SAVE),
    "whole module": Fault(saved(lambda: nn.Linear(3, 2)), CheckpointNeedsCode, "torch.nn.modules.linear.Linear", SAVE),
    "path object": Fault(saved(lambda: {"model": small_weights(), "from": Path("x")}), CheckpointNeedsCode, "pathlib", SAVE),
    "NumPy number": Fault(saved(lambda: {"model": small_weights(), "best": np.float64(0.9)}), CheckpointNeedsCode, "values of NumPy", "float()"),
    "one tensor": Fault(saved(lambda: torch.zeros(3, 4)), CheckpointError, "one tensor of shape (3, 4)", SAVE),
    "list": Fault(saved(lambda: [torch.zeros(3)]), CheckpointError, "a list", SAVE),
    "nothing": Fault(saved(lambda: None), CheckpointError, "holds nothing", SAVE),
    "empty": Fault(saved(dict), CheckpointError, "an empty dictionary", SAVE),
    "nested nothing": Fault(saved(lambda: {"state_dict": {}, "epoch": 4}), CheckpointError, "no weights, only state_dict, epoch", SAVE),
    "optimiser alone": Fault(saved(optimizer_only), CheckpointError, "state of an optimiser", "network's weights"),
    "optimiser and schedule": Fault(saved(lambda: {"optimizer": optimizer_only(), "epoch": 1}), CheckpointError, "state of an optimiser", "network's weights"),
    "two networks": Fault(saved(lambda: {"generator": small_weights(), "critic": small_weights()}), CheckpointError, "several networks: critic, generator", 'checkpoint["critic"]'),
    "two networks by prefix": Fault(saved(side_by_side), CheckpointError, "several networks: student, teacher", "alone"),
    "keys beside the wrapped network": Fault(saved(lambda: {**{f"net.{key}": value for key, value in small_weights().items()}, "decoder.weight": torch.zeros(2, 2)}), WeightsMismatch, "decoder.weight", SAVE),
    "missing key": Fault(changed(fc__bias=None, conv5__0__weight=None), WeightsMismatch, "nearest is shufflenet_v2_x0_5 (1 missing: conv5.0.weight)", "torch.jit.trace"),
    "extra key": Fault(changed(attention__weight=torch.zeros(3, 3)), WeightsMismatch, "1 extra: attention.weight", "torch.jit.trace"),
    "misshaped key": Fault(changed(conv1__0__weight=torch.zeros(24, 1, 3, 3)), WeightsMismatch, "1 of another shape: conv1.0.weight: (24, 1, 3, 3) in the file, (24, 3, 3, 3) in shufflenet_v2_x0_5", "torch.jit.trace"),
    "custom head": Fault(saved(custom_head), WeightsMismatch, "body is that of shufflenet_v2_x0_5, but its head is fc.0.weight (64, 1024)", "torch.jit.trace"),
    "one output": Fault(changed(fc__weight=torch.zeros(1, 1024), fc__bias=torch.zeros(1)), CheckpointError, "has 1 output", "softmax"),
    "unknown network": Fault(saved(lambda: {f"stack.{i}.kernel": torch.zeros(3, 3) for i in range(30)}), ArchitectureUnknown, "fit none of torchvision's 80 classifiers", "torch.jit.trace"),
    "whole numbers": Fault(changed(fc__weight=torch.ones(CLASSES, 1024, dtype=torch.int8)), CheckpointError, "1 weights are whole numbers (int8): fc.weight", "float32"),
    "quantised": Fault(saved(quantised), CheckpointError, "1 weights are quantised (qint8): fc.weight", "float32"),
    "sparse": Fault(changed(fc__weight=torch.ones(CLASSES, 1024).to_sparse()), CheckpointError, "1 weights are sparse (float32): fc.weight", "float32"),
    "pruned": Fault(saved(pruned), ArchitectureUnknown, "masks of pruning", "prune.remove"),
    "NaN": Fault(changed(fc__weight=NAN), CheckpointError, "1 of 282 weights hold NaN or infinite values: fc.weight", "earlier checkpoint"),
    "infinite": Fault(changed(fc__bias=torch.full((CLASSES,), float("inf"))), CheckpointError, "fc.bias", "earlier checkpoint"),
}  # fmt: skip
