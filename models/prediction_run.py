"""Predicting a set of images, in parts that are kept (``models.prediction_parts``).

A run that was stopped, or killed, goes on from where it stood and gives the very same arrays.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from models.errors import PredictionsError
from models.file_lock import FileLock
from models.fingerprints import evaluation_fingerprint
from models.images import ImageSet
from models.network import Network
from models.prediction_join import joined, label_indices
from models.prediction_parts import PART_SIZE, Parts, Stretch
from models.prediction_pipeline import Pipeline
from models.prediction_record import Predictions
from models.progress import Progress
from models.saved_predictions import discard_evaluation, saved_predictions
from models.store import Store

logger = logging.getLogger(__name__)


def prediction_steps(
    network: Network, images: ImageSet, *, store: Store, batch_size: int = 32, threads: int | None = None
) -> Generator[Progress, None, Predictions]:
    """Run a network over images, saying after each batch where it stands.

    Closing the generator stops the run; what is finished is kept, and the next run goes on from there.

    Args:
        network: the network; it is copied, never changed.
        images: the images; unreadable ones are listed in the predictions and never stop the run.
        store: the workspace where parts and predictions are kept.
        batch_size: images in one forward pass, at most 512; a processor takes fewer where that is faster.
        threads: cores that compute, where the device is a processor; None takes all.

    Yields:
        Progress in images.

    Returns:
        The predictions, as ``saved_predictions`` gives them.

    Raises:
        PredictionsError: no image can be read, the network cannot take one, or another process is
            predicting the same.
        ClassNamesMismatch: an image's label is none of the network's classes.
    """
    if batch_size < 1 or not len(images):
        what = "There are no images to predict" if batch_size > 0 else f"A batch of {batch_size} is no batch"
        raise PredictionsError(f"{what}.", next_step="Choose a folder with images, and batches of 1 or more.")
    fingerprint = evaluation_fingerprint(network.fingerprint, images.fingerprint)
    labels = label_indices(images, network.class_names)
    with _only_run_of(store, fingerprint):
        saved = _saved_or_discarded(store, fingerprint)
        if saved is not None:
            return saved
        folder = store.evaluation(fingerprint)
        parts = Parts(folder / "parts", len(images))
        yield from _predicted(network, images, parts, min(batch_size, PART_SIZE), threads)
        yield Progress("Saving", 0, 1, "evaluation")
        joined(
            parts,
            images,
            labels,
            folder,
            fingerprint=fingerprint,
            class_names=network.class_names,
            architecture=network.architecture,
            network_fingerprint=network.fingerprint,
        )
        finished = saved_predictions(store, fingerprint)
        assert finished is not None  # it was written the line before
        return finished


@contextmanager
def _only_run_of(store: Store, fingerprint: str) -> Iterator[None]:
    with FileLock(store.folder("locks") / f"{fingerprint}.lock") as lock:
        if not lock.acquire():
            raise PredictionsError(
                "These images are being predicted with this network already, here or in another process.",
                next_step="Wait until that run has finished, then open its result.",
            )
        yield


def _saved_or_discarded(store: Store, fingerprint: str) -> Predictions | None:
    try:
        return saved_predictions(store, fingerprint)
    except PredictionsError as error:
        logger.warning("Predicting again: %s", error.message)
        discard_evaluation(store, fingerprint)
        return None


def _predicted(
    network: Network, images: ImageSet, parts: Parts, batch_size: int, threads: int | None
) -> Generator[Progress, None, None]:
    """Predict what is missing, and keep it in parts."""
    missing = parts.missing()
    done = len(images) - sum(stop - start for start, stop in missing)
    yield Progress("Predicting", done, len(images))
    if not missing:
        return
    pipeline = Pipeline(network, images, threads)
    size = pipeline.batch_size(batch_size)
    batches = [
        range(first, min(first + size, stop)) for start, stop in missing for first in range(start, stop, size)
    ]
    stretch = Stretch(parts)
    found = pipeline.parts(batches)
    try:
        for part in found:
            stretch.add(part)
            done += part.stop - part.start
            yield Progress("Predicting", done, len(images))
    finally:
        found.close()
        stretch.keep()
