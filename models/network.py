"""The record of an opened network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from torch import nn

from models.class_names import check_count
from models.fingerprints import network_fingerprint
from models.preprocessing import Preprocessing

NetworkKind = Literal["state_dict", "torchscript", "export", "onnx"]


@dataclass(frozen=True)
class Network:
    """A network in evaluation mode, with all that is needed to feed and read it.

    Args:
        module: takes (B, 3, H, W) float32 (already normalised), gives (B, C) logits.
        class_names: C names, in the order of the logits.
        preprocessing: how an image becomes the module's input.
        architecture: torchvision's name ("mobilenet_v2"), or "torchscript" / "torch.export" / "onnx".
        fingerprint: 32 hex digits over weights, architecture, class names and preprocessing.
        path: the file it came from.
        kind: a plain module, or a program.
        head: the dotted name of the last linear layer ("classifier.1"); None for programs.
        weights: 32 hex digits over the bytes of the file alone.
        class_names_source: where the names came from, in words.
        placeholder_names: True where no names were found and they are "class_0", "class_1" ...
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
    weights: str = ""
    class_names_source: str = ""
    placeholder_names: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)

    def with_class_names(self, class_names: Sequence[str], source: str) -> Network:
        """The same module under other class names, with the fingerprint that goes with them.

        Args:
            class_names: C names in the order of the logits.
            source: where they came from, in words ("the image folder").

        Raises:
            ClassNamesError: the number is not that of the logits, or a name is empty or repeated.
        """
        names = check_count(class_names, len(self.class_names), source)
        fingerprint = network_fingerprint(
            self.weights or self.fingerprint, self.architecture, names, self.preprocessing.to_json()
        )
        return replace(
            self,
            class_names=names,
            fingerprint=fingerprint,
            class_names_source=source,
            placeholder_names=False,
        )

    def with_preprocessing(self, preprocessing: Preprocessing) -> Network:
        """The same module fed in another way, with the fingerprint that goes with it."""
        fingerprint = network_fingerprint(
            self.weights or self.fingerprint, self.architecture, self.class_names, preprocessing.to_json()
        )
        return replace(self, preprocessing=preprocessing, fingerprint=fingerprint)
