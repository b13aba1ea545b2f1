"""The images that a smaller network is set right by: training images, never validation images, where there are any."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.compress.spec import N_CALIBRATED, N_MATCHED
from models.errors import CompressionError, ImagesError
from models.finetune.spec import TrainingImages
from models.image_hashes import choosing_rows, content_hashes, hashes_of
from models.image_input import image_input
from models.images import open_image_set
from models.prediction_record import Predictions
from models.preprocessing import Preprocessing
from models.progress import Progress
from models.store import Store

_AT_ONCE = 32
_MATCHED_AT_ONCE = 16
"""What a VGG16 keeps of so many is less than its evaluation takes; larger batches are right no more often."""


@dataclass(frozen=True)
class Calibration:
    """What images it was.

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
    inputs = np.lib.format.open_memmap(path, "w+", np.float32, (N_CALIBRATED, 3, *size))

    def take(n: int, image: Tensor) -> None:
        inputs[n] = image.numpy()

    n = yield from _reading_steps(take, N_CALIBRATED, _candidates(training, before, store), preprocessing)
    inputs.flush()
    return _calibration(n, training, before)


def matched_inputs_steps(
    training: TrainingImages, before: Predictions, preprocessing: Preprocessing, store: Store
) -> Generator[Progress, None, tuple[list[Tensor], Calibration]]:
    """Read the inputs on which the channels of a smaller network are matched with those of the open one.

    Args:
        training: as of ``calibration_steps``, as all else.
        before: likewise.
        preprocessing: likewise.
        store: likewise.

    Yields:
        Progress in images.

    Returns:
        Batches, (n, 3, H, W) float32; none where the preprocessing gives pictures of various sizes.

    Raises:
        CompressionError: there is no image.
        ImagesError: the training images cannot be opened.
    """
    if preprocessing.input_size() is None:
        return [], Calibration(0, "", False)
    images: list[Tensor] = []
    n = yield from _reading_steps(
        lambda _, image: images.append(image), N_MATCHED, _candidates(training, before, store), preprocessing
    )
    batches = [torch.stack(images[at : at + _MATCHED_AT_ONCE]) for at in range(0, n, _MATCHED_AT_ONCE)]
    return batches, _calibration(n, training, before)


def _reading_steps(
    take: Callable[[int, Tensor], None], n_images: int, files: Iterator[Path], preprocessing: Preprocessing
) -> Generator[Progress, None, int]:
    """Hand the first readable images to ``take``, with their number; how many there were is returned."""
    phase, n = "Reading the training images", 0
    yield Progress(phase, 0, n_images)
    for file in files:
        try:
            take(n, image_input(file, preprocessing))
        except ImagesError:
            continue
        n += 1
        yield Progress(phase, n, n_images)
        if n == n_images:
            break
    if not n:
        raise CompressionError(
            "No training image can be read, and a smaller network is set right by them.",
            next_step="Choose other training images.",
        )
    return n


def _calibration(n: int, training: TrainingImages, before: Predictions) -> Calibration:
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
