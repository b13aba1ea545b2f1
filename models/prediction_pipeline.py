"""Images through a network in several threads: some decode while others compute.

Each thread takes a few images, decodes them and runs the network over them. On a processor several
threads of one core each beat one forward pass that is spread over all cores: they never wait for each
other, and few images at a time stay within the caches and need no fresh memory from the system (measured
for MobileNetV2 on two cores: twice as many images a second, many times as many on a busy machine). A GPU
computes for one thread at a time, on whole batches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import numpy as np
import torch

from models.batch_forward import BatchForward
from models.cores import available_cores
from models.errors import Cancelled, ImagesError
from models.image_input import image_input
from models.images import ImageSet, Unreadable
from models.network import Network
from models.prediction_parts import Part
from models.preprocessing import Preprocessing
from models.torch_workers import torch_workers

PIXELS_AT_ONCE = 4 * 224 * 224
"""Pixels in one forward pass on a processor: beyond, its memory comes fresh from the system each time."""
MOST_FORWARDS = 8
"""Forward passes at once on a processor; on larger machines each gets several cores instead."""
AHEAD = 2

Loaded = torch.Tensor | Unreadable


class Pipeline:
    """Threads that predict images of one set.

    Args:
        network: the network; it is copied, never changed.
        images: the images.
        threads: cores that compute, where the device is a processor; None takes all.
    """

    def __init__(self, network: Network, images: ImageSet, threads: int | None = None) -> None:
        self._forward = BatchForward(network)
        self._preprocessing = network.preprocessing
        self._images = images
        self._paths: list[str] = images.table["path"].tolist()
        self._splits: list[str] = images.table["split"].tolist()
        self._on_processor = self._forward.device.type == "cpu"
        cores = threads or available_cores()
        forwards = min(cores, MOST_FORWARDS) if self._on_processor else 1
        self._turns = threading.Semaphore(forwards)
        self._torch_threads = cores // forwards if self._on_processor else 1
        # One more than compute, so that the next images are decoded meanwhile.
        self._n_workers = forwards + 1 if self._on_processor else max(2, available_cores())
        self._stopped = threading.Event()

    def batch_size(self, wanted: int) -> int:
        """How many images go through the network at once, at most ``wanted``."""
        return min(wanted, images_at_once(self._preprocessing)) if self._on_processor else wanted

    def parts(self, batches: Sequence[range]) -> Generator[Part, None, None]:
        """Predict batches of positions, in their order.

        Args:
            batches: positions in the image set.

        Yields:
            One part for each batch. Closing the iterator stops all threads within an image.

        Raises:
            PredictionsError: the network cannot take an image, or its logits are not finite.
        """
        with self._workers() as pool:
            waiting: deque[Future[Part]] = deque()
            remaining = iter(batches)
            began = time.perf_counter()
            while True:
                free = self._n_workers + AHEAD - len(waiting)
                waiting.extend(pool.submit(self._part, batch) for batch in islice(remaining, free))
                if not waiting:
                    return
                part = waiting.popleft().result()
                now = time.perf_counter()
                yield replace(part, seconds={**part.seconds, "predicting": now - began})
                began = now

    def _part(self, batch: range) -> Part:
        began = time.perf_counter()
        loaded = [self._loaded(position) for position in batch]
        inputs = {at: each for at, each in zip(batch, loaded, strict=True) if isinstance(each, torch.Tensor)}
        decoding = time.perf_counter() - began
        logits, embeddings = np.empty((0, 0), np.float32), None
        with self._turns:
            began = time.perf_counter()
            if inputs:
                paths = [self._paths[at] for at in inputs]
                logits, embeddings = self._forward(list(inputs.values()), paths)
        return Part(
            start=batch.start,
            stop=batch.stop,
            positions=np.array(list(inputs), np.int64),
            logits=logits,
            embeddings=embeddings,
            unreadable=tuple(each for each in loaded if isinstance(each, Unreadable)),
            seconds={"decoding": decoding, "forward": time.perf_counter() - began},
        )

    def _loaded(self, position: int) -> Loaded:
        if self._stopped.is_set():
            raise Cancelled("The run was stopped.")
        path = self._paths[position]
        try:
            return image_input(self._images.absolute(path), self._preprocessing)
        except ImagesError as error:
            return Unreadable(path, error.message, self._splits[position])

    @contextmanager
    def _workers(self) -> Iterator[ThreadPoolExecutor]:
        pool = torch_workers(self._n_workers, name="errorscope-predict", threads=self._torch_threads)
        try:
            yield pool
        finally:
            self._stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)


def images_at_once(preprocessing: Preprocessing) -> int:
    """How many images a processor is best given in one forward pass.

    >>> [images_at_once(Preprocessing(side, side, (0.5,) * 3, (0.5,) * 3)) for side in (32, 224, 384)]
    [196, 4, 1]
    """
    height, width = preprocessing.input_size() or (224, 224)
    return max(1, PIXELS_AT_ONCE // (height * width))
