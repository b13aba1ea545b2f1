"""Frozen layers over images, in several threads: some decode while others compute."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from types import TracebackType

import torch
from torch import Tensor, nn

from models.cores import background_threads
from models.devices import is_out_of_memory, plain_arithmetic
from models.errors import TrainingError
from models.finetune.features import Array
from models.finetune.feeds import ImageFeed, stacked
from models.prediction_pipeline import images_at_once
from models.torch_workers import torch_workers

ON_A_GPU = 64
"""Images in one forward pass."""
MOST_WORKERS = 16


class FeatureForward:
    """Threads that run frozen layers over images; leaving the context ends them.

    Args:
        prefix: the layers, in evaluation mode, on ``device``.
        feed: the images.
        device: where they are computed. On a processor each thread computes what it has decoded, on one core;
            elsewhere one computes at a time.
    """

    def __init__(self, prefix: nn.Module, feed: ImageFeed, device: torch.device) -> None:
        self._prefix, self._feed, self._device = prefix, feed, device
        on_processor = device.type == "cpu"
        self._size = images_at_once(feed.preprocessing) if on_processor else ON_A_GPU
        workers = min(background_threads() + (0 if on_processor else 1), MOST_WORKERS)
        self._turn = threading.Semaphore(workers if on_processor else 1)
        self._pool = torch_workers(workers, name="errorscope-training")

    def __enter__(self) -> FeatureForward:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def shape(self) -> tuple[int, ...]:
        """The shape of one image's features."""
        return self._features(range(1), (0,))[0].shape[1:]

    def batches(self, rows: range, views: Sequence[int]) -> Generator[tuple[int, list[Array]], None, None]:
        """Compute features.

        Args:
            rows: of the images.
            views: the augmented versions; each image is decoded once for all of them.

        Yields:
            How many images are done, and for each version the features (B, ...) of the latest B, float32.

        Raises:
            TrainingError: a file is gone or has changed, or there is not enough memory for one image.
        """
        size = self._size
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        done = 0
        for batch, found in zip(
            batches, self._pool.map(self._features, batches, [views] * len(batches)), strict=True
        ):
            done += len(batch)
            yield done, found

    def _features(self, rows: Sequence[int], views: Sequence[int]) -> list[Array]:
        of_images = [self._feed.views(row, views) for row in rows]
        paths = [self._feed.images.paths[row] for row in rows]
        with self._turn:
            return [
                self._forward(stacked([inputs[place] for inputs in of_images], paths)).numpy()
                for place in range(len(views))
            ]

    def _forward(self, batch: Tensor) -> Tensor:
        try:
            with torch.inference_mode(), plain_arithmetic(self._device):
                moved = batch.to(self._device, memory_format=torch.channels_last)
                return self._prefix(moved).float().cpu().contiguous()  # type: ignore[no-any-return]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(batch) == 1:
                raise TrainingError(
                    "There is not enough memory for the features of one image.",
                    next_step="Close other programs, or choose a smaller size in the preprocessing.",
                ) from error
        half = len(batch) // 2
        return torch.cat([self._forward(batch[:half]), self._forward(batch[half:])])
