"""What a network says of images, without keeping an evaluation."""

from __future__ import annotations

from collections.abc import Generator

from models.cores import background_threads
from models.images import ImageSet
from models.network import Network
from models.prediction_pipeline import Pipeline
from models.progress import Progress

_BATCH = 32


def answer_steps(
    network: Network, images: ImageSet, *, phase: str, done: int, total: int
) -> Generator[Progress, None, dict[str, int]]:
    """Ask a network for the class of each image. The images are decoded anew: none of them is held in memory.

    Args:
        network: the network; it is copied, never changed.
        images: the images.
        phase: what is being done, in words.
        done: images that were looked at before.
        total: images in all.

    Yields:
        Progress in images; closed in between, all threads have ended.

    Returns:
        Image id to the index of its predicted class; unreadable images are not there.
    """
    pipeline = Pipeline(network, images, threads=background_threads())
    size = pipeline.batch_size(_BATCH)
    ids = images.table["id"].tolist()
    found: dict[str, int] = {}
    parts = pipeline.parts([range(at, min(at + size, len(ids))) for at in range(0, len(ids), size)])
    try:
        for part in parts:
            for position, logits in zip(part.positions, part.logits, strict=False):
                found[ids[position]] = int(logits.argmax())
            done += part.stop - part.start
            yield Progress(phase, done, total)
    finally:
        parts.close()
    return found
