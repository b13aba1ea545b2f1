"""What to evaluate, as plain data that can be kept, compared and found again. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from models.errors import JobError
from models.fingerprints import FileState, file_state
from models.images import ImageSet

COMPANIONS = (
    "{stem}.classes.txt",
    "{stem}.json",
    "classes.txt",
    "class_names.json",
    "{stem}.preprocessing.json",
)
"""Files beside a checkpoint that change how it is read."""


def checkpoint_states(checkpoint: Path) -> tuple[FileState, ...]:
    """The states of a checkpoint and of the files beside it that change how it is read."""
    beside = (checkpoint.parent / pattern.format(stem=checkpoint.stem) for pattern in COMPANIONS)
    return tuple(map(file_state, (checkpoint, *beside)))


@dataclass(frozen=True)
class EvaluationSpec:
    """What to evaluate, as plain data. Paths are made absolute.

    Args:
        checkpoint: the file of weights.
        images: the folder or table of images.
        architecture: torchvision's name; None recognises it.
        class_names: a file of class names; None takes those of the checkpoint, else those of the images.
        groups: a file of groups; None takes those the images bring along.
        preprocessing: ``Preprocessing.to_json()``; None takes the checkpoint's.
        trust_code: whether the person said that they trust a program.
        split: only this split; None takes all.
        limit: at most this many images, balanced over the classes; None takes all.

    Raises:
        JobError: a value is of the wrong type.
    """

    checkpoint: str
    images: str
    architecture: str | None = None
    class_names: str | None = None
    groups: str | None = None
    preprocessing: dict[str, Any] | None = None
    trust_code: bool = False
    split: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name, kinds in _TYPES.items():
            if not isinstance(getattr(self, name), kinds):
                raise JobError(f"The {name} of an evaluation cannot be {getattr(self, name)!r}.")
        for name in ("checkpoint", "images", "class_names", "groups"):
            path = getattr(self, name)
            if path is not None:  # a frozen dataclass is changed in this way only
                object.__setattr__(self, name, str(Path(path).expanduser().absolute()))

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> EvaluationSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing or unknown, or a value is of the wrong type.
        """
        unknown = sorted(set(value) - {field.name for field in fields(cls)})
        missing = [name for name in ("checkpoint", "images") if name not in value]
        if unknown or missing:
            problem = f"knows no {unknown[0]!r}" if unknown else f"needs the {missing[0]}"
            raise JobError(f"The spec of an evaluation {problem}.")
        return cls(**value)

    def title(self) -> str:
        """What a person calls this evaluation.

        >>> EvaluationSpec("cats.pt", "photos/val").title()
        'cats.pt on val'
        """
        return f"{Path(self.checkpoint).name} on {Path(self.images).name}"

    def key(self, images: ImageSet) -> str:
        """32 hex digits over the spec and the state of every file that it names.

        Args:
            images: the images, opened.
        """
        named = [] if self.class_names is None else [self.class_names]
        states = [*checkpoint_states(Path(self.checkpoint)), *map(file_state, named)]
        text = json.dumps([self.to_json(), states, images.fingerprint], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


_TEXT = (str, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "checkpoint": (str,),
    "images": (str,),
    "architecture": _TEXT,
    "class_names": _TEXT,
    "groups": _TEXT,
    "preprocessing": (dict, type(None)),
    "trust_code": (bool,),
    "split": _TEXT,
    "limit": (int, type(None)),
}
