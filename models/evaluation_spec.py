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
        predictions: a table of predictions made elsewhere, in place of a checkpoint, which is "" then;
            ``images`` is the folder that its paths are relative to.

    Raises:
        JobError: a value is of the wrong type, or there is not either a checkpoint or predictions.
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
    predictions: str | None = None

    def __post_init__(self) -> None:
        for name, kinds in _TYPES.items():
            if not isinstance(getattr(self, name), kinds):
                raise JobError(f"The {name} of an evaluation cannot be {getattr(self, name)!r}.")
        if bool(self.checkpoint) == bool(self.predictions):
            raise JobError("An evaluation has either a checkpoint or a table of predictions.")
        for name in ("checkpoint", "images", "class_names", "groups", "predictions"):
            path = getattr(self, name)
            if path or name == "images":  # a frozen dataclass is changed in this way only
                object.__setattr__(self, name, str(Path(path).expanduser().absolute()))

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back; that of a checkpoint says nothing of predictions."""
        plain = asdict(self)
        if self.predictions is None:
            del plain["predictions"]
        return plain

    @classmethod
    def of_predictions(
        cls,
        predictions: str | Path,
        images: str | Path | None = None,
        *,
        class_names: str | None = None,
        groups: str | None = None,
        split: str | None = None,
        limit: int | None = None,
    ) -> EvaluationSpec:
        """The spec of predictions that were made elsewhere.

        Args:
            predictions: the table.
            images: the folder that its paths are relative to; None takes the folder of the table.
            class_names: as above.
            groups: as above.
            split: as above.
            limit: at most this many images, evenly over the table.

        >>> EvaluationSpec.of_predictions("results/val.csv").title()
        'val.csv on results'
        """
        folder = Path(predictions).expanduser().absolute().parent if images is None else images
        return cls(
            checkpoint="",
            images=str(folder),
            class_names=class_names,
            groups=groups,
            split=split,
            limit=limit,
            predictions=str(predictions),
        )

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
        return f"{Path(self.model).name} on {Path(self.images).name}"

    @property
    def model(self) -> str:
        """The file that says what is predicted: the checkpoint, or the table of predictions."""
        return self.predictions or self.checkpoint

    def key(self, images: ImageSet | None = None) -> str:
        """32 hex digits over the spec and the state of every file that it names.

        Args:
            images: the images, opened; None for a table of predictions, which lists them itself.
        """
        named = [] if self.class_names is None else [self.class_names]
        if self.predictions is None:
            states = [*checkpoint_states(Path(self.checkpoint)), *map(file_state, named)]
        else:
            groups = [] if self.groups is None else [self.groups]
            states = [file_state(file) for file in (self.predictions, *named, *groups)]
        fingerprint = None if images is None else images.fingerprint
        text = json.dumps([self.to_json(), states, fingerprint], sort_keys=True)
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
    "predictions": _TEXT,
}
