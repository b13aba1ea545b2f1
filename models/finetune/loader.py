"""Loading one batch ahead, so that a graphics card need not wait for images to be decoded."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from models.finetune.batches import batch_input
from models.finetune.phase import Feed
from models.torch_workers import torch_workers

Asked = tuple[Sequence[int], Sequence[int]]


class Loader:
    """Gives what a feed gives, which it may have begun to load before.

    What an image looks like depends on its row and version alone, so loading ahead changes nothing.

    Args:
        feed: the images; it is asked from another thread as well.
        ahead: whether ``begin`` does anything: not where decoding and training share the processor.
    """

    def __init__(self, feed: Feed, *, ahead: bool) -> None:
        self._feed = feed
        self._pool: ThreadPoolExecutor | None = (
            torch_workers(1, name="errorscope-training") if ahead else None
        )
        self._begun: tuple[Asked, Future[Tensor]] | None = None
        self._queued: tuple[Asked, Future[Tensor]] | None = None

    @property
    def is_ahead(self) -> bool:
        """Whether ``begin`` does anything."""
        return self._pool is not None

    def begin(self, rows: Sequence[int], views: Sequence[int]) -> None:
        """Begin to load; the last two that were begun are kept.

        Args:
            rows: as for ``batch_input``.
            views: of each row.
        """
        if self._pool is not None:
            future = self._pool.submit(batch_input, self._feed, rows, views)
            self._begun, self._queued = self._queued, ((rows, views), future)

    def take(self, rows: Sequence[int], views: Sequence[int]) -> Tensor:
        """What the feed gives, from what was begun or loaded now."""
        for begun in (self._begun, self._queued):
            if begun is not None and begun[0] == (rows, views):
                return begun[1].result()
        return batch_input(self._feed, rows, views)

    def close(self) -> None:
        """End the thread, after the image it is at."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
