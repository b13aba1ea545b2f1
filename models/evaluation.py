"""Evaluating a checkpoint on images, as a job: open both, predict, make thumbnails of the mistakes.

Needs no torch until it runs: finding a saved evaluation takes an instant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.class_names import check_class_names
from models.cores import background_threads
from models.errors import JobError
from models.images import ImageSet, open_image_set
from models.job_context import JobContext
from models.prediction_record import Predictions
from models.progress import Progress
from models.recent import remember, remembered
from models.store import Store
from models.thumbnails import thumbnails

if TYPE_CHECKING:
    from models.network import Network

KIND = "evaluate"
THUMBNAILS_PHASE = "Making thumbnails"
"""The predictions are saved when a job reaches this phase."""
MOST_THUMBNAILS = 5000
THUMBNAILS_AT_A_TIME = 32
COMPANIONS = (
    "{stem}.classes.txt",
    "{stem}.json",
    "classes.txt",
    "class_names.json",
    "{stem}.preprocessing.json",
)
"""Files beside a checkpoint that change how it is read."""


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
        checkpoint = Path(self.checkpoint)
        beside = [checkpoint.with_name(name.format(stem=checkpoint.stem)) for name in COMPANIONS]
        named = [Path(name) for name in (self.class_names,) if name is not None]
        states = [_state(path) for path in (checkpoint, *beside, *named)]
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


def evaluation_of(spec: EvaluationSpec, store: Store) -> str | None:
    """The fingerprint of the saved evaluation of a spec, or None. Reads no weights and imports no torch.

    Args:
        spec: what to evaluate.
        store: the workspace.

    Raises:
        ImagesError: the images cannot be opened.
        GroupsError: the groups do not fit the images.
    """
    return remembered(store, spec.key(_images(spec)))


def evaluation_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: predict the images of a spec and keep the predictions in the workspace.

    Args:
        spec: ``EvaluationSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``fingerprint``, ``accuracy``, ``n_images``, ``n_unreadable``.

    Raises:
        ErrorscopeError: the checkpoint or the images cannot be used, or do not belong together.
    """
    from models.prediction_run import prediction_steps  # imports torch

    wanted = EvaluationSpec.from_json(spec)
    yield Progress("Reading the list of images", 0, 0)
    images = _images(wanted)
    key = wanted.key(images)
    yield Progress("Opening the model", 0, 0, message=f"{len(images)} images")
    network = matched(opened_network(wanted), images)
    context.log(f"{network.architecture}, {len(network.class_names)} classes, {len(images)} images")
    predictions = yield from prediction_steps(
        network, images, store=context.store, threads=background_threads()
    )
    remember(context.store, key, wanted.to_json(), predictions)
    yield from thumbnail_steps(predictions, context.store)
    return {
        "fingerprint": predictions.fingerprint,
        "accuracy": predictions.accuracy,
        "n_images": len(predictions),
        "n_unreadable": len(predictions.unreadable),
    }


def matched(network: Network, images: ImageSet) -> Network:
    """The network, with the images' class names where it has none of its own.

    A network with names of its own may know more classes than the images show, but must know all their
    labels; where both have equally many classes, their order must be the same.

    Args:
        network: the opened network.
        images: the opened images.

    Raises:
        ClassNamesMismatch: the names do not fit; holds both lists.
    """
    if network.placeholder_names:
        return network.with_class_names(images.class_names, f"the images in {images.root.name}")
    unknown = set(images.table["label"]) - set(network.class_names)
    if unknown or len(images.class_names) == len(network.class_names):
        check_class_names(network.class_names, images.class_names)
    return network


def thumbnail_steps(predictions: Predictions, store: Store) -> Generator[Progress, None, None]:
    """Make thumbnails, those of the mistakes first, so that the gallery opens at once.

    Args:
        predictions: whose images to draw, at most 5,000.
        store: the workspace that keeps them.

    Yields:
        Progress in images.
    """
    mistakes_first = np.argsort(predictions.labels == predictions.predicted, kind="stable")[:MOST_THUMBNAILS]
    paths = [predictions.absolute(path) for path in predictions.images["path"].iloc[mistakes_first]]
    yield Progress(THUMBNAILS_PHASE, 0, len(paths))
    for start in range(0, len(paths), THUMBNAILS_AT_A_TIME):
        chunk = paths[start : start + THUMBNAILS_AT_A_TIME]
        thumbnails(store, chunk)
        yield Progress(THUMBNAILS_PHASE, start + len(chunk), len(paths))


def _images(spec: EvaluationSpec) -> ImageSet:
    groups = Path(spec.groups) if spec.groups is not None else None
    return open_image_set(spec.images, groups=groups, split=spec.split, limit=spec.limit)


def opened_network(spec: EvaluationSpec) -> Network:
    """The network of a spec, on the fastest device; ``matched`` then holds it against the images.

    Raises:
        ErrorscopeError: the checkpoint, its class names or its preprocessing cannot be used.
    """
    from models.checkpoint import load_checkpoint
    from models.preprocessing import Preprocessing

    return load_checkpoint(
        Path(spec.checkpoint),
        architecture=spec.architecture,
        class_names=Path(spec.class_names) if spec.class_names is not None else None,
        preprocessing=Preprocessing.from_json(spec.preprocessing) if spec.preprocessing is not None else None,
        trust_code=spec.trust_code,
        device=None,
    )


def _state(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in nanoseconds, or None where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
