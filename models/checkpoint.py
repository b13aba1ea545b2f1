"""Opening a trained checkpoint: what kind of file, which architecture, which class names, which preprocessing.

Nothing here runs code from the file, but for programs (TorchScript, torch.export) that a person said
they trust. Weights that do not fit exactly are refused, never loaded in part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from models.class_names import check_count, placeholder_names, read_class_names
from models.companions import class_names_for
from models.devices import checked_device, moved
from models.errors import ClassNamesError
from models.fingerprints import network_fingerprint, weights_fingerprint
from models.network import Network, NetworkKind
from models.opened_checkpoint import OpenedCheckpoint, opened_checkpoint
from models.preprocessing import Preprocessing

PLACEHOLDERS = "class_0, class_1 ... (no names were found)"


@dataclass(frozen=True)
class CheckpointSummary:
    """What was recognised in a checkpoint, for a person to confirm before it is used.

    Args:
        path: the file.
        kind: weights, or a program.
        architectures: torchvision's names that fit exactly, best first; several mean that one must be chosen.
        n_classes: C, the number of logits.
        n_weights: numbers in the parameters.
        class_names: C names in the order of the logits; None where none were found or they do not fit.
        class_names_source: where they were found, or why there are none, in words.
        preprocessing: the file's own, or the architecture's default.
        wrapper: what was unwrapped, removed, set aside or filled in, in words; "" for a plain state dict.
        size_bytes: of the file.
    """

    path: Path
    kind: NetworkKind
    architectures: tuple[str, ...]
    n_classes: int
    n_weights: int
    class_names: tuple[str, ...] | None
    class_names_source: str
    preprocessing: Preprocessing
    wrapper: str
    size_bytes: int


def inspect_checkpoint(
    path: Path | str, *, architecture: str | None = None, trust_code: bool = False
) -> CheckpointSummary:
    """Look at a checkpoint without keeping its weights.

    Args:
        path: the file.
        architecture: torchvision's name, if the person chose one.
        trust_code: whether the person said that they trust a program.

    Raises:
        CheckpointError: the file cannot be used; its subclasses say why.
        PreprocessingError: the preprocessing saved with it makes no sense.
    """
    path = Path(path)
    opened = opened_checkpoint(
        path,
        architecture=architecture,
        preprocessing=None,
        trust_code=trust_code,
        device=torch.device("cpu"),
    )
    names, source = _previewed_names(path, opened)
    return CheckpointSummary(
        path=path,
        kind=opened.kind,
        architectures=opened.architectures,
        n_classes=opened.n_classes,
        n_weights=opened.n_weights,
        class_names=names,
        class_names_source=source,
        preprocessing=opened.preprocessing,
        wrapper="; ".join(opened.words),
        size_bytes=path.stat().st_size,
    )


def load_checkpoint(
    path: Path | str,
    *,
    architecture: str | None = None,
    class_names: Sequence[str] | Path | None = None,
    preprocessing: Preprocessing | None = None,
    trust_code: bool = False,
    device: str | None = "cpu",
) -> Network:
    """Open a checkpoint for use.

    Args:
        path: plain or wrapped state dict, safetensors, TorchScript or torch.export program.
        architecture: torchvision's name; None recognises it from names and shapes of the weights.
        class_names: C names in the order of the logits, or a file of them; None takes those in or beside
            the checkpoint, else "class_0", "class_1" ... (``Network.placeholder_names`` is then True).
        preprocessing: None takes the one saved with the checkpoint, else the architecture's default.
        trust_code: whether the person said that they trust a program, which runs its own code.
        device: "cpu", "cuda", "mps"; None for the fastest that can be used.

    Returns:
        The network in evaluation mode, weights in float32.

    Raises:
        CheckpointError: the file cannot be used; its subclasses say why.
        ClassNamesError: the class names cannot be used, or are not as many as the network's outputs.
        PreprocessingError: the preprocessing saved with the file makes no sense.
    """
    path, where = Path(path), checked_device(device)
    opened = opened_checkpoint(
        path,
        architecture=architecture,
        preprocessing=preprocessing,
        trust_code=trust_code,
        device=where,
    )
    names, source = _names(path, opened, class_names)
    built = opened.build()
    if opened.kind == "state_dict":
        moved(built.module.eval(), device)
    weights = weights_fingerprint(path)
    return Network(
        module=built.module,
        class_names=names,
        preprocessing=opened.preprocessing,
        architecture=built.architecture,
        fingerprint=network_fingerprint(weights, built.architecture, names, opened.preprocessing.to_json()),
        path=path,
        kind=opened.kind,
        head=built.head,
        weights=weights,
        class_names_source=source,
        placeholder_names=source == PLACEHOLDERS,
    )


def _names(
    path: Path, opened: OpenedCheckpoint, given: Sequence[str] | Path | None
) -> tuple[tuple[str, ...], str]:
    if isinstance(given, Path | str):
        names, source = read_class_names(given), Path(given).name
    elif given is not None:
        names, source = tuple(given), "the list given"
    else:
        found = class_names_for(path, opened.metadata)
        if found is None:
            return placeholder_names(opened.n_classes), PLACEHOLDERS
        names, source = found
    return check_count(names, opened.n_classes, source), source


def _previewed_names(path: Path, opened: OpenedCheckpoint) -> tuple[tuple[str, ...] | None, str]:
    """Names that cannot be used do not stop a preview: the person can still choose others."""
    try:
        names, source = _names(path, opened, None)
    except ClassNamesError as error:
        return None, error.message
    return (None if source == PLACEHOLDERS else names), source
