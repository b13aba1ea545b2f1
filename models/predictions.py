"""A network over a set of images: the front door to predictions.

Needs no torch until something is predicted: opening what was saved takes an instant.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.errors import Cancelled
from models.fingerprints import evaluation_fingerprint
from models.images import ImageSet
from models.prediction_record import SCORE_COLUMNS, Predictions
from models.prediction_table import predictions_from_table
from models.progress import Progress
from models.saved_predictions import discard_evaluation, is_saved, save_predictions, saved_predictions
from models.store import Store

if TYPE_CHECKING:
    from models.network import Network

__all__ = [
    "SCORE_COLUMNS",
    "Predictions",
    "discard_evaluation",
    "evaluation_fingerprint",
    "is_saved",
    "predict",
    "predictions_from_table",
    "save_predictions",
    "saved_predictions",
]


def predict(
    network: Network,
    images: ImageSet,
    *,
    store: Store | None = None,
    batch_size: int = 32,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Predictions:
    """Run a network over images, or open what was saved of that.

    Args:
        network: the opened network.
        images: the images; those that cannot be read are listed in ``Predictions.unreadable``.
        store: the workspace where the result is kept, and from which a stopped run goes on; None keeps
            it in memory.
        batch_size: images in one forward pass; a processor takes fewer where that is faster.
        on_progress: called after each batch.
        should_stop: asked after each batch; True stops the run and keeps what is finished.

    Returns:
        The predictions, in the order of the images.

    Raises:
        PredictionsError: no image can be read, or the network cannot take one.
        ClassNamesMismatch: an image's label is none of the network's classes.
        Cancelled: ``should_stop`` said so.
    """
    from models.prediction_run import prediction_steps  # imports torch

    if store is not None:
        steps = prediction_steps(network, images, store=store, batch_size=batch_size)
        return _driven(steps, on_progress, should_stop)
    with tempfile.TemporaryDirectory(prefix="errorscope-", ignore_cleanup_errors=True) as folder:
        steps = prediction_steps(network, images, store=Store(Path(folder)), batch_size=batch_size)
        return _in_memory(_driven(steps, on_progress, should_stop))


def _driven(
    steps: Generator[Progress, None, Predictions],
    on_progress: Callable[[Progress], None] | None,
    should_stop: Callable[[], bool] | None,
) -> Predictions:
    try:
        while True:
            progress = next(steps)
            if on_progress is not None:
                on_progress(progress)
            if should_stop is not None and should_stop():
                raise Cancelled(f"Stopped after {progress.done} of {progress.total} {progress.unit}.")
    except StopIteration as end:
        predictions: Predictions = end.value
        return predictions
    finally:
        steps.close()


def _in_memory(predictions: Predictions) -> Predictions:
    return replace(
        predictions,
        logits=_copied(predictions.logits),
        probabilities=_copied(predictions.probabilities),
        embeddings=_copied(predictions.embeddings),
    )


def _copied(array: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32] | None:
    if array is None:
        return None
    copied = np.array(array)
    copied.flags.writeable = False
    return copied
