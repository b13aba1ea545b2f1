"""Evaluating a checkpoint on images, as a job: open both, predict, make thumbnails of the mistakes.

A table of predictions that were made elsewhere takes the same way: it is read, kept, and its mistakes drawn.

Needs no torch until it runs: finding a saved evaluation takes an instant.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.class_names import check_labels, placeholder_names, read_class_names
from models.cores import background_threads
from models.errors import ClassNamesMismatch, TableError
from models.evaluation_spec import EvaluationSpec
from models.image_listing import shown
from models.images import ImageSet, open_image_set
from models.job_context import JobContext
from models.prediction_record import Predictions
from models.prediction_table import image_states, predictions_from_table
from models.progress import Progress
from models.recent import remember, remembered
from models.saved_predictions import is_saved, save_predictions, saved_predictions
from models.store import Store
from models.thumbnails import thumbnails

if TYPE_CHECKING:
    from models.network import Network

__all__ = [
    "THUMBNAILS_PHASE",
    "EvaluationSpec",
    "evaluated",
    "evaluation_of",
    "evaluation_steps",
    "images_of",
    "matched",
    "opened_network",
    "table_predictions",
    "thumbnail_steps",
]

THUMBNAILS_PHASE = "Making thumbnails"
"""The predictions are saved when a job reaches this phase."""
MOST_THUMBNAILS = 5000
THUMBNAILS_AT_A_TIME = 32


def evaluation_of(spec: EvaluationSpec, store: Store) -> str | None:
    """The fingerprint of the saved evaluation of a spec, or None. Reads no weights and imports no torch.

    Args:
        spec: what to evaluate.
        store: the workspace.

    Raises:
        ImagesError: the images cannot be opened.
        GroupsError: the groups do not fit the images.
        TableError: the table of predictions is not there.
    """
    if spec.predictions is not None:
        return _evaluation_of_table(spec, store)
    return remembered(store, spec.key(images_of(spec)))


def _evaluation_of_table(spec: EvaluationSpec, store: Store) -> str | None:
    """The saved evaluation of a table; None where pictures that were missing have come since, or gone."""
    table = Path(spec.model)
    if not table.is_file():
        raise TableError(
            f"The table of predictions {shown(spec.model)} is not there.",
            next_step="Check the path; a relative one starts at the folder that Errorscope was started in.",
        )
    fingerprint = remembered(store, spec.key())
    found = None if fingerprint is None else saved_predictions(store, fingerprint)
    if fingerprint is None or found is None or not found.n_missing_files:
        return fingerprint
    now_missing = int((image_states(found)[:, 0] < 0).sum())
    return fingerprint if now_missing == found.n_missing_files else None


def evaluation_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: predict the images of a spec and keep the predictions in the workspace.

    Args:
        spec: ``EvaluationSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in images; at ``THUMBNAILS_PHASE`` the predictions are saved.

    Returns:
        ``fingerprint``, ``accuracy``, ``n_images``, ``n_unreadable``.

    Raises:
        ErrorscopeError: the checkpoint or the images cannot be used, or do not belong together.
    """
    wanted = EvaluationSpec.from_json(spec)
    steps = evaluated if wanted.predictions is None else _read_table
    predictions = yield from steps(wanted, context)
    yield from thumbnail_steps(predictions, context.store)
    return {
        "fingerprint": predictions.fingerprint,
        "accuracy": predictions.accuracy,
        "n_images": len(predictions),
        "n_unreadable": len(predictions.unreadable),
    }


def evaluated(wanted: EvaluationSpec, context: JobContext) -> Generator[Progress, None, Predictions]:
    """Predict the images of a spec with its checkpoint, or open what was saved of that.

    Args:
        wanted: one with a checkpoint.
        context: the job's.

    Yields:
        Progress in images.

    Raises:
        ErrorscopeError: the checkpoint or the images cannot be used, or do not belong together.
    """
    from models.prediction_run import prediction_steps  # imports torch

    yield Progress("Reading the list of images", 0, 0)
    images = images_of(wanted)
    key = wanted.key(images)
    yield Progress("Opening the model", 0, 0, message=f"{len(images)} images")
    network = matched(opened_network(wanted), images)
    context.log(f"{network.architecture}, {len(network.class_names)} classes, {len(images)} images")
    predictions = yield from prediction_steps(
        network, images, store=context.store, threads=background_threads()
    )
    remember(context.store, key, wanted.to_json(), predictions)
    return predictions


def _read_table(wanted: EvaluationSpec, context: JobContext) -> Generator[Progress, None, Predictions]:
    yield Progress("Reading the predictions", 0, 0)
    key = wanted.key()
    predictions = table_predictions(wanted)
    n, missing = len(predictions), predictions.n_missing_files
    context.log(f"{len(predictions.class_names)} classes, {n} images, {missing} of them without a file")
    yield Progress("Saving", 0, n)
    if not is_saved(context.store, predictions.fingerprint):
        save_predictions(context.store, predictions)
    remember(context.store, key, wanted.to_json(), predictions)
    return predictions


def table_predictions(spec: EvaluationSpec) -> Predictions:
    """The predictions of the table that a spec names, read and checked.

    Args:
        spec: one with ``predictions``.

    Raises:
        ErrorscopeError: the table, its folder of images, its class names or its groups cannot be used.
    """
    return predictions_from_table(
        spec.model,
        class_names=read_class_names(Path(spec.class_names)) if spec.class_names is not None else None,
        groups=Path(spec.groups) if spec.groups is not None else None,
        root=spec.images,
        split=spec.split,
        limit=spec.limit,
    )


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
    if not network.placeholder_names:
        check_labels(network.class_names, images.class_names)
        return network
    n_classes = len(network.class_names)
    if len(images.class_names) != n_classes:
        raise ClassNamesMismatch(
            f"The checkpoint does not name its {n_classes} classes, and the images have "
            f"{len(images.class_names)}.",
            expected=placeholder_names(n_classes),
            found=images.class_names,
            next_step="Give the file of its class names.",
        )
    return network.with_class_names(images.class_names, f"the images in {images.root.name}")


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


def images_of(spec: EvaluationSpec) -> ImageSet:
    """The images of a spec, opened; nothing is decoded.

    Raises:
        ErrorscopeError: they cannot be opened.
    """
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
