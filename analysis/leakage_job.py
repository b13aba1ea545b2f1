"""Looking for the open images in another set, as a job: the training images, say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.leakage import Leakage, leakage_between
from analysis.survey import save_result, saved_result
from models.errors import ErrorscopeError, ImagesError
from models.evaluation import THUMBNAILS_PHASE, EvaluationSpec, evaluation_of, evaluation_steps
from models.image_facts import image_facts_steps
from models.images import ImageSet, open_image_set
from models.job_context import JobContext
from models.prediction_record import Predictions
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store

REVISION = 1
TRAINING_NAMES = ("train", "training", "Train", "trainval")


@dataclass(frozen=True)
class LeakageSpec:
    """Which images to look for, and where.

    Args:
        fingerprint: of the saved evaluation of the open images.
        images: the folder or table of the other set.
        split: only this split of it; None takes all.
        evaluation: ``EvaluationSpec.to_json()`` of the open images, by which the network can look at the
            other set too; None where there is no network.
    """

    fingerprint: str
    images: str
    split: str | None = None
    evaluation: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, the spec of the job."""
        return vars(self).copy()

    def file(self, store: Store) -> Path:
        """Where what was found lies."""
        text = json.dumps([self.images, self.split, REVISION])
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return _folder(store, self.fingerprint) / f"leakage-{key}.json"


def leakage_spec(
    fingerprint: str, images: str, split: str | None, evaluation: EvaluationSpec | None
) -> LeakageSpec:
    """The spec, its path made absolute.

    Args:
        fingerprint: of the open evaluation.
        images: the folder or table of the other set, as a person wrote it.
        split: of it, or None.
        evaluation: the spec of the open evaluation; None where there is no network.
    """
    path = str(Path(images.strip()).expanduser().absolute())
    return LeakageSpec(fingerprint, path, split, None if evaluation is None else evaluation.to_json())


def leakage_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: compare the open images with those of another set, and keep what is found.

    Where the network of the open images can look at the other set, it does; that evaluation is kept as well.

    Args:
        spec: ``LeakageSpec.to_json()``.
        context: the job's.

    Yields:
        Progress.

    Returns:
        ``n_leaked``: how many of the open images have a copy there.

    Raises:
        ImagesError: the other set cannot be opened, or is the open set.
        PredictionsError: the evaluation is gone or damaged.
    """
    wanted = LeakageSpec(**spec)
    predictions = kept_predictions(context.store, wanted.fingerprint)
    yield Progress("Reading the list of images", 0, 0)
    images = open_image_set(wanted.images, split=wanted.split)
    _check_other(predictions, images)
    others = yield from _others(wanted, predictions, images, context)
    facts = yield from image_facts_steps(
        context.store, [predictions.absolute(path) for path in predictions.images["path"]]
    )
    other_facts = yield from image_facts_steps(context.store, others.paths)
    leakage = yield from leakage_between(
        predictions, facts, others.paths, others.labels, other_facts, other_embeddings=others.embeddings,
        images=wanted.images, split=wanted.split, note=others.note,
    )  # fmt: skip
    leakage = replace(leakage, n_missing=leakage.n_missing + others.n_unreadable)
    save_result(wanted.file(context.store), leakage)
    return {"n_leaked": len(leakage.rows)}


def saved_leakage(store: Store, fingerprint: str) -> list[Leakage]:
    """All that was found of the leakage of an evaluation, the latest first.

    Raises:
        WorkspaceError: one of the results is damaged.
    """
    return [opened_leakage(file) for file in saved_leakage_files(store, fingerprint)]


def opened_leakage(file: Path) -> Leakage:
    """One result.

    Raises:
        WorkspaceError: it is damaged or gone.
    """
    found = saved_result(file, Leakage)
    assert isinstance(found, Leakage)
    return found


def saved_leakage_files(store: Store, fingerprint: str) -> list[Path]:
    """The files of `saved_leakage`, the latest first."""
    files = _folder(store, fingerprint).glob("leakage-*.json")
    return sorted(files, key=lambda file: (-file.stat().st_mtime_ns, file.name))


def likely_training_images(
    spec: EvaluationSpec | None, predictions: Predictions
) -> list[tuple[str, str | None]]:
    """Where the training images of the open set may lie: the likeliest first.

    Args:
        spec: of the open evaluation; None where there is none.
        predictions: of the open images.

    Returns:
        (folder or table, split): the split "train" of the same set, and folders beside it. Nothing that
        is not there; no image is opened.
    """
    place = Path(spec.images) if spec is not None else predictions.root
    open_split = spec.split if spec is not None else None
    found: list[tuple[str, str | None]] = []
    for name in TRAINING_NAMES:
        if open_split and open_split != name and (place / name).is_dir():
            found.append((str(place), name))
        beside = place.parent / name
        if not open_split and beside.is_dir() and beside != place:
            found.append((str(beside), None))
    if open_split and open_split not in TRAINING_NAMES and place.is_file():
        found.append((str(place), "train"))
    return found


@dataclass(frozen=True)
class _Others:
    """The other set as it is compared: what the network saw, or all that is listed."""

    paths: Sequence[Path]
    labels: Sequence[str]
    embeddings: npt.NDArray[np.float32] | None
    n_unreadable: int
    note: str


def _check_other(predictions: Predictions, images: ImageSet) -> None:
    own = {str(predictions.absolute(path)) for path in predictions.images["path"]}
    if own <= {str(images.absolute(path)) for path in images.table["path"]}:
        raise ImagesError(
            "All of the open images are among these images: every one of them would be its own copy.",
            next_step="Choose the training images: another folder or table, or one split of it.",
            title="These are the images that are open",
        )


def _others(
    wanted: LeakageSpec, predictions: Predictions, images: ImageSet, context: JobContext
) -> Generator[Progress, None, _Others]:
    looked_at, note = yield from _predicted(wanted, predictions, context)
    if looked_at is None:
        paths = [images.absolute(path) for path in images.table["path"]]
        return _Others(paths, images.table["label"].tolist(), None, len(images.unreadable), note)
    paths = [looked_at.absolute(path) for path in looked_at.images["path"]]
    labels = looked_at.images["label"].tolist()
    return _Others(paths, labels, looked_at.embeddings, len(looked_at.unreadable), "")


def _predicted(
    wanted: LeakageSpec, predictions: Predictions, context: JobContext
) -> Generator[Progress, None, tuple[Predictions | None, str]]:
    """What the network says about the other set, or why it says nothing."""
    if predictions.embeddings is None or wanted.evaluation is None:
        return (
            None,
            "The network's view of these images is not known, so only copies with nearly the same hash were found.",
        )
    own = EvaluationSpec.from_json(wanted.evaluation)
    spec = replace(own, images=wanted.images, split=wanted.split, limit=None, groups=None)
    try:
        fingerprint = evaluation_of(spec, context.store)
        if fingerprint is None:
            fingerprint = yield from _evaluated(spec, context)
        found = kept_predictions(context.store, fingerprint)
    except ErrorscopeError as error:
        context.log(f"{error}")
        return None, (
            f"The network could not look at the other images ({error.message.rstrip('.')}), so only copies "
            "with nearly the same hash were found."
        )
    if found.embeddings is None or found.network_fingerprint != predictions.network_fingerprint:
        return None, "The network has changed since, so only copies with nearly the same hash were found."
    return found, ""


def _evaluated(spec: EvaluationSpec, context: JobContext) -> Generator[Progress, None, str]:
    """Evaluate the other set, without the thumbnails that nobody is going to look at; its fingerprint."""
    steps = evaluation_steps(spec.to_json(), context)
    for progress in steps:
        if progress.phase == THUMBNAILS_PHASE:
            break
        yield progress
    steps.close()
    return evaluation_of(spec, context.store) or ""


def _folder(store: Store, fingerprint: str) -> Path:
    return store.folder("evaluations", fingerprint, "survey")
