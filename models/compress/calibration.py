"""The images that tell int8 how large a network's activations become: training images, never validation images."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.errors import CompressionError, ImagesError
from models.finetune.spec import TrainingImages
from models.image_hashes import choosing_rows, content_hashes, hashes_of
from models.image_input import image_input
from models.images import open_image_set
from models.prediction_record import Predictions
from models.preprocessing import Preprocessing
from models.progress import Progress
from models.store import Store

N_IMAGES = 128
_AT_ONCE = 32


@dataclass(frozen=True)
class Calibration:
    """What the ranges were measured on.

    Args:
        n: images.
        source: the folder or table that they are of.
        on_half: whether they are of the choosing half of the validation images, because there were no others.
    """

    n: int
    source: str
    on_half: bool


def calibration_steps(
    path: Path, training: TrainingImages, before: Predictions, preprocessing: Preprocessing, store: Store
) -> Generator[Progress, None, Calibration]:
    """Write the inputs that int8 is calibrated with into a file, drawn at random, the same ones every time.

    Args:
        path: the file (.npy, (n, 3, H, W) float32) to write.
        training: where training images lie; without a path the choosing half of the validation images is drawn from.
        before: the open model's predictions of the validation images; no file with the same bytes is taken.
        preprocessing: of the network.
        store: the workspace.

    Yields:
        Progress in images.

    Raises:
        CompressionError: there is no image, or the preprocessing gives various sizes.
        ImagesError: the training images cannot be opened.
    """
    size = preprocessing.input_size()
    if size is None:
        raise CompressionError(
            "The preprocessing gives pictures of various sizes, on which no ranges can be measured.",
            next_step="Open the model with a crop, or a resize to a height and a width.",
        )
    yield Progress("Reading the training images", 0, N_IMAGES)
    inputs = np.lib.format.open_memmap(path, "w+", np.float32, (N_IMAGES, 3, *size))
    n = 0
    for file in _candidates(training, before, store):
        try:
            inputs[n] = image_input(file, preprocessing).numpy()
        except ImagesError:
            continue
        n += 1
        yield Progress("Reading the training images", n, N_IMAGES)
        if n == N_IMAGES:
            break
    inputs.flush()
    if not n:
        raise CompressionError(
            "No training image can be read, so the ranges of int8 cannot be measured.",
            next_step="Choose other training images.",
        )
    return Calibration(n, training.path or str(before.root), training.path is None)


def _candidates(training: TrainingImages, before: Predictions, store: Store) -> Iterator[Path]:
    if training.path is None:
        half = np.flatnonzero(choosing_rows(store, before))
        paths = [before.absolute(before.images["path"].iloc[row]) for row in half]
        yield from (paths[place] for place in _order(len(paths)))
        return
    images = open_image_set(training.path, split=training.split)
    paths = [images.absolute(path) for path in images.table["path"]]
    judged = frozenset(filter(None, hashes_of(store, before)))
    order = _order(len(paths))
    for start in range(0, len(order), _AT_ONCE):
        some = [paths[place] for place in order[start : start + _AT_ONCE]]
        for path, digest in zip(some, content_hashes(store, some), strict=True):
            if digest not in judged:
                yield path


def _order(n: int) -> list[int]:
    order: list[int] = np.random.default_rng(0).permutation(n).tolist()
    return order
