"""The finished stretches of a run that goes on, so that a stopped run loses next to nothing.

``evaluations/<fingerprint>/parts/<start>-<stop>.npz`` holds the logits and embeddings of the images
``start`` to ``stop`` (positions in the image set). Parts do not overlap; what they leave out is still to
be predicted.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.images import Unreadable
from models.store import write_atomically

PART_SIZE = 512
"""Images in one part: 2 MB of logits at a thousand classes."""
SECONDS_BETWEEN_PARTS = 30.0
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Part:
    """The predictions of the images ``start`` to ``stop`` of an image set.

    Args:
        start: position of the first image.
        stop: position after the last image.
        positions: (n,) positions of those that could be read, ascending.
        logits: (n, C) float32.
        embeddings: (n, D) float32, or None.
        unreadable: those that could not be read.
        seconds: stage -> seconds it took.
    """

    start: int
    stop: int
    positions: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32] | None
    unreadable: tuple[Unreadable, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Parts:
    """The parts in a folder.

    Args:
        folder: holds one file for each part.
        n_images: the length of the image set.
    """

    folder: Path
    n_images: int

    def write(self, part: Part) -> None:
        """Keep a part.

        Raises:
            WorkspaceError: the disk is full, or the folder cannot be written.
        """
        notes = {"unreadable": [asdict(each) for each in part.unreadable], "seconds": part.seconds}
        arrays: dict[str, npt.NDArray[Any]] = {
            "positions": part.positions,
            "logits": part.logits,
            "notes": np.frombuffer(json.dumps(notes).encode(), np.uint8),
        }
        if part.embeddings is not None:
            arrays["embeddings"] = part.embeddings
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(
            self.folder / f"{part.start:08d}-{part.stop:08d}.npz",
            lambda path: np.savez(path, allow_pickle=False, **arrays),
        )

    def ranges(self) -> list[tuple[int, int]]:
        """(start, stop) of the parts that are whole, ascending; damaged ones are removed."""
        kept: list[tuple[int, int]] = []
        for path in self._files():
            span = self._checked(path)
            if span is None or (kept and span[0] < kept[-1][1]):
                logger.warning("Discarding the damaged part %s; its images are predicted again.", path)
                path.unlink(missing_ok=True)
            else:
                kept.append(span)
        return kept

    def missing(self) -> list[tuple[int, int]]:
        """(start, stop) of what is still to be predicted, cut at the multiples of ``PART_SIZE``.

        So the batches of a resumed run are those of an uninterrupted one, and so is every bit of it.
        """
        edges = [0, *(edge for span in self.ranges() for edge in span), self.n_images]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        return [
            (max(start, begin), min(start + PART_SIZE, stop))
            for begin, stop in gaps
            if begin < stop
            for start in range(begin - begin % PART_SIZE, stop, PART_SIZE)
        ]

    def without_arrays(self) -> Iterator[Part]:
        """The parts in the order of the images, their logits and embeddings left in the files."""
        for path in self._files():
            yield _read(path, with_arrays=False)

    def arrays(self, name: str) -> Iterator[npt.NDArray[np.float32]]:
        """``logits`` or ``embeddings`` of each part that has them, one part in memory at a time."""
        for path in self._files():
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                # A part of nothing but unreadable images knows not even the number of classes.
                if name in arrays and len(arrays["positions"]):
                    yield arrays[name]

    def remove(self) -> None:
        """Forget all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.npz"))

    def _checked(self, path: Path) -> tuple[int, int] | None:
        try:
            part = _read(path)  # all of it, because only reading checks the checksums
        except DAMAGE:
            return None
        n_read = len(part.positions) + len(part.unreadable)
        fits = part.start < part.stop <= self.n_images and n_read == part.stop - part.start
        return (part.start, part.stop) if fits and len(part.logits) == len(part.positions) else None


class Stretch:
    """Batches that were predicted since the last part was kept; they become the next part.

    Args:
        parts: where it is kept.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._batches: list[Part] = []
        self._began = time.monotonic()

    def add(self, batch: Part) -> None:
        """Take in a batch, and keep what there is if it is much, or old, or does not reach to the batch."""
        if self._batches and batch.start != self._batches[-1].stop:
            self.keep()
        self._batches.append(batch)
        long = batch.stop - self._batches[0].start >= PART_SIZE
        if long or time.monotonic() - self._began > SECONDS_BETWEEN_PARTS:
            self.keep()

    def keep(self) -> None:
        """Write what there is as a part.

        Raises:
            WorkspaceError: the workspace cannot be written.
        """
        if self._batches:
            self._parts.write(merged(self._batches))
        self._batches = []
        self._began = time.monotonic()


def merged(batches: Sequence[Part]) -> Part:
    """Neighbouring stretches as one.

    Args:
        batches: at least one, each beginning where the one before ends.
    """
    read = [batch for batch in batches if len(batch.positions)]
    embeddings = [batch.embeddings for batch in read if batch.embeddings is not None]
    return Part(
        start=batches[0].start,
        stop=batches[-1].stop,
        positions=np.concatenate([batch.positions for batch in batches]),
        logits=np.concatenate([batch.logits for batch in read]) if read else np.empty((0, 0), np.float32),
        embeddings=np.concatenate(embeddings) if embeddings else None,
        unreadable=tuple(each for batch in batches for each in batch.unreadable),
        seconds=dict(sum((Counter(batch.seconds) for batch in batches), Counter[str]())),
    )


def _read(path: Path, *, with_arrays: bool = True) -> Part:
    start, stop = (int(number) for number in path.stem.split("-"))
    # Opened here, because NumPy leaves a damaged file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        notes = json.loads(arrays["notes"].tobytes())
        return Part(
            start=start,
            stop=stop,
            positions=arrays["positions"],
            logits=arrays["logits"] if with_arrays else np.empty((0, 0), np.float32),
            embeddings=arrays["embeddings"] if with_arrays and "embeddings" in arrays else None,
            unreadable=tuple(Unreadable(**each) for each in notes["unreadable"]),
            seconds=notes["seconds"],
        )
