"""Short names for contents: the same bytes and settings always have the same one. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import CheckpointError

DIGITS = 32
FileState = tuple[int, int]
"""Size in bytes, modification time in nanoseconds; (-1, -1) where there is no such file."""


def file_state(path: Path | str) -> FileState:
    """What changes when another file takes the place of this one.

    >>> file_state("no such file")
    (-1, -1)
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: no file can have this name
        return -1, -1
    return status.st_size, status.st_mtime_ns


def content_key(path: Path) -> str:
    """Names a picture's present content, 32 hex digits: another size or time of change is another picture."""
    size, changed = file_state(path)
    identity = f"{path}\0{size}\0{changed}".encode(errors="surrogateescape")
    return hashlib.blake2b(identity, digest_size=DIGITS // 2).hexdigest()


def weights_fingerprint(path: Path | str) -> str:
    """The SHA-256 of a file's bytes, shortened.

    Reading takes about a second per gigabyte; callers keep the answer by path, size and modification
    time where they ask again and again.

    Args:
        path: the file of weights.

    Returns:
        32 hexadecimal digits.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror or error}).",
            next_step="Check the path and that you may read the file.",
        ) from error


def network_fingerprint(
    weights: str, architecture: str, class_names: Sequence[str], preprocessing_json: Mapping[str, Any]
) -> str:
    """One name for everything that decides what a network predicts.

    Args:
        weights: the fingerprint of the file of weights.
        architecture: torchvision's name, or the kind of program.
        class_names: C names in the order of the logits.
        preprocessing_json: ``Preprocessing.to_json()``.

    Returns:
        32 hexadecimal digits.

    >>> a = network_fingerprint("ab", "resnet18", ["cat", "dog"], {"resize": 256})
    >>> a == network_fingerprint("ab", "resnet18", ["dog", "cat"], {"resize": 256})
    False
    """
    parts = [weights, architecture, list(class_names), dict(preprocessing_json)]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def name_of(*asked: Any) -> str:
    """The name of the file that answers a question.

    Args:
        *asked: plain data; all that the answer depends on.

    Returns:
        32 hex digits.

    >>> name_of("a", {"b": 1, "c": 2}) == name_of("a", {"c": 2, "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:DIGITS]


def evaluation_fingerprint(network_fingerprint: str, images_fingerprint: str) -> str:
    """The name of what this network says about these images.

    Args:
        network_fingerprint: over weights, architecture, class names and preprocessing.
        images_fingerprint: over the images' list, labels, groups, sizes and times.

    Returns:
        32 hex digits.

    >>> evaluation_fingerprint("a", "b") == evaluation_fingerprint("b", "a")
    False
    """
    return hashlib.sha256(f"{network_fingerprint}\n{images_fingerprint}".encode()).hexdigest()[:32]
