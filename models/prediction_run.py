"""Predicting: images are decoded in threads while the network works on the batch before.

What is finished is kept in parts (``models.prediction_parts``), so that a run that was stopped, or killed,
goes on from where it stood and gives the very same arrays.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch

from models.batch_forward import BatchForward
from models.cores import available_cores
from models.errors import ImagesError, PredictionsError
from models.file_lock import FileLock
from models.image_input import image_input
from models.images import ImageSet, Unreadable
from models.network import Network
from models.prediction_join import joined, label_indices
from models.prediction_parts import PART_SIZE, Part, Parts, Stretch
from models.prediction_record import Predictions
from models.predictions import evaluation_fingerprint
from models.progress import Progress
from models.saved_predictions import discard_evaluation, saved_predictions
from models.store import Store

BATCHES_AHEAD = 2

logger = logging.getLogger(__name__)

Loaded = torch.Tensor | Unreadable


def prediction_steps(
    network: Network, images: ImageSet, *, store: Store, batch_size: int = 32, threads: int | None = None
) -> Generator[Progress, None, Predictions]:
    """Run a network over images, saying after each batch where it stands.

    Closing the generator stops the run; what is finished is kept, and the next run goes on from there.

    Args:
        network: the network; it is copied, never changed.
        images: the images; unreadable ones are listed in the predictions and never stop the run.
        store: the workspace where parts and predictions are kept.
        batch_size: images in one forward pass, at most 512.
        threads: processor threads of the forward pass; None takes all cores.

    Yields:
        Progress in images.

    Returns:
        The predictions, as ``saved_predictions`` gives them.

    Raises:
        PredictionsError: no image can be read, the network cannot take one, or another process is
            predicting the same.
        ClassNamesMismatch: an image's label is none of the network's classes.
    """
    if batch_size < 1 or not len(images.table):
        what = "There are no images to predict" if batch_size > 0 else f"A batch of {batch_size} is no batch"
        raise PredictionsError(f"{what}.", next_step="Choose a folder with images, and batches of 1 or more.")
    fingerprint = evaluation_fingerprint(network.fingerprint, images.fingerprint)
    labels = label_indices(images, network.class_names)
    with _only_run_of(store, fingerprint):
        saved = _saved_or_discarded(store, fingerprint)
        if saved is not None:
            return saved
        folder = store.evaluation(fingerprint)
        parts = Parts(folder / "parts", len(images.table))
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
    """Predict what is missing, in batches, and keep it in parts."""
    missing = parts.missing()
    paths: list[str] = images.table["path"].tolist()
    done = len(paths) - sum(stop - start for start, stop in missing)
    yield Progress("Predicting", done, len(paths))
    if not missing:
        return
    batches = [
        range(first, min(first + batch_size, stop))
        for start, stop in missing
        for first in range(start, stop, batch_size)
    ]
    forward = BatchForward(network)
    stretch = Stretch(parts)
    with _decoding_threads(threads or available_cores()) as pool:
        try:
            for batch, loaded, waited in _decoded(batches, _loader(network, images), pool):
                stretch.add(_outcome(forward, batch, loaded, paths, waited))
                done += len(batch)
                yield Progress("Predicting", done, len(paths))
        finally:
            stretch.keep()


def _outcome(
    forward: BatchForward, batch: range, loaded: Sequence[Loaded], paths: Sequence[str], waited: float
) -> Part:
    began = time.perf_counter()
    inputs = {at: each for at, each in zip(batch, loaded, strict=True) if isinstance(each, torch.Tensor)}
    logits, embeddings = np.empty((0, 0), np.float32), None
    if inputs:
        logits, embeddings = forward(list(inputs.values()), [paths[at] for at in inputs])
    return Part(
        start=batch.start,
        stop=batch.stop,
        positions=np.array(list(inputs), np.int64),
        logits=logits,
        embeddings=embeddings,
        unreadable=tuple(each for each in loaded if isinstance(each, Unreadable)),
        seconds={"decoding": waited, "forward": time.perf_counter() - began},
    )


def _loader(network: Network, images: ImageSet) -> Callable[[int], Loaded]:
    """A function that reads the image at a position, or says why it cannot be read."""
    paths, splits = images.table["path"].tolist(), images.table["split"].tolist()

    def load(position: int) -> Loaded:
        try:
            return image_input(images.absolute(paths[position]), network.preprocessing)
        except ImagesError as error:
            return Unreadable(paths[position], error.message, splits[position])

    return load


def _decoded(
    batches: Sequence[range], load: Callable[[int], Loaded], pool: ThreadPoolExecutor
) -> Iterator[tuple[range, list[Loaded], float]]:
    """Batches of images, the next ones being decoded meanwhile, and the seconds waited for each."""
    waiting: deque[tuple[range, list[Future[Loaded]]]] = deque()
    remaining = iter(batches)
    while True:
        for batch in islice(remaining, BATCHES_AHEAD + 1 - len(waiting)):
            waiting.append((batch, [pool.submit(load, position) for position in batch]))
        if not waiting:
            return
        began = time.perf_counter()
        batch, futures = waiting.popleft()
        yield batch, [future.result() for future in futures], time.perf_counter() - began


@contextmanager
def _decoding_threads(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that decode, each with one torch thread, beside ``threads`` for the forward pass.

    The number of torch threads is that of the calling thread, and what was set last is what new threads
    start with: so the decoders set theirs first, then the caller its own, and at the end what was before.
    """
    former = torch.get_num_threads()
    decoders = available_cores()
    started = threading.Barrier(decoders + 1)

    def start() -> None:
        torch.set_num_threads(1)
        started.wait()

    pool = ThreadPoolExecutor(decoders, "errorscope-decode", initializer=start)
    try:
        for _ in range(decoders):
            pool.submit(int)
        started.wait()
        torch.set_num_threads(threads)
        yield pool
    finally:
        started.abort()  # lets go of decoders that wait for one that could not be started
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(former)
