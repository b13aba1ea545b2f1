"""The record of an opened network."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import nn

from models.preprocessing import Preprocessing

NetworkKind = Literal["state_dict", "torchscript", "export"]


@dataclass(frozen=True)
class Network:
    """A network in evaluation mode, with all that is needed to feed and read it.

    Args:
        module: takes (B, 3, H, W) float32 (already normalised), gives (B, C) logits.
        class_names: C names, in the order of the logits.
        preprocessing: how an image becomes the module's input.
        architecture: torchvision's name ("mobilenet_v2"), or "torchscript" / "torch.export".
        fingerprint: 32 hex digits over weights, architecture, class names and preprocessing.
        path: the file it came from.
        kind: a plain module, or a program.
        head: the dotted name of the last linear layer ("classifier.1"); None for programs.
        lock: held by whoever hooks or changes the module.
    """

    module: nn.Module
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    architecture: str
    fingerprint: str
    path: Path
    kind: NetworkKind = "state_dict"
    head: str | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)
