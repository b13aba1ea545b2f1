"""What frozen layers made of images, in files: written in parts, read row by row.

``features/<key>/`` holds ``features.json`` and, for each augmented version, ``view_0000/part_00000000.npy`` and so
on, each part with the features of some images that follow each other. A part is written whole or not at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.store import Store, write_array, write_json

Precision = Literal["exact", "half"]
Array = npt.NDArray[Any]

RECORD = "features.json"
LARGEST_PART = 32 * 2**20
"""Bytes."""
MOST_ROWS, FEWEST_ROWS = 256, 16
IN_MEMORY = 256 * 2**20
"""Bytes of a cache that is read as a whole: an epoch on it then takes milliseconds."""
TYPES: dict[Precision, type[np.floating[Any]]] = {"exact": np.float32, "half": np.float16}


def cache_bytes(n: int, views: int, shape: Sequence[int], precision: Precision = "exact") -> int:
    """The size of a cache on the disk.

    Args:
        n: images.
        views: augmented versions of each.
        shape: of one image's features.
        precision: "exact" keeps 32 bits of each number, "half" 16.

    Returns:
        Bytes.

    >>> cache_bytes(1000, 4, (1024, 14, 14))
    3211264000
    """
    return n * views * math.prod(shape) * np.dtype(TYPES[precision]).itemsize


@dataclass(frozen=True)
class FeatureFiles:
    """The files of one cache, finished or not.

    Args:
        folder: ``features/<key>``.
        n: images.
        shape: of one image's features.
        precision: of the numbers in the files.
    """

    folder: Path
    n: int
    shape: tuple[int, ...]
    precision: Precision

    @classmethod
    def found(cls, folder: Path, n: int, precision: Precision) -> FeatureFiles | None:
        """Those of a folder; None where nothing was kept there yet, or its record is damaged."""
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            return cls(folder, n, tuple(map(int, record["shape"])), precision)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_record(self, **facts: Any) -> None:
        """Write down how the files are to be read, and more that a person may want to know."""
        write_json(
            self.folder / RECORD,
            {"n": self.n, "shape": list(self.shape), "precision": self.precision, **facts},
        )

    @property
    def part_rows(self) -> int:
        """Images in a part."""
        size = cache_bytes(1, 1, self.shape, self.precision)
        return max(FEWEST_ROWS, min(MOST_ROWS, LARGEST_PART // max(1, size)))

    def parts(self) -> list[range]:
        """The rows of each part."""
        step = self.part_rows
        return [range(start, min(start + step, self.n)) for start in range(0, self.n, step)]

    def part(self, view: int, rows: range) -> Array | None:
        """The features of some images, memory-mapped; None where they were not kept, or the file is damaged."""
        try:
            array: Array = np.load(self._file(view, rows), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        fits = array.shape == (len(rows), *self.shape) and array.dtype == TYPES[self.precision]
        return array if fits else None

    def save_part(self, view: int, rows: range, features: Array) -> None:
        """Keep the features of some images.

        Raises:
            WorkspaceError: the disk is full.
        """
        Store(self.folder).folder(self._file(view, rows).parent.name)
        write_array(self._file(view, rows), features.astype(TYPES[self.precision], copy=False))

    def _file(self, view: int, rows: range) -> Path:
        return self.folder / f"view_{view:04d}" / f"part_{rows.start:08d}.npy"


class FeatureCache:
    """Features of N images in some augmented versions.

    Args:
        files: where they are.
        arrays: for each version, the features of each part, in order.
    """

    def __init__(self, files: FeatureFiles, arrays: Sequence[Sequence[Array]]) -> None:
        self.files, self.views = files, len(arrays)
        self._arrays = arrays
        self._tensors: list[Tensor] = []
        if cache_bytes(files.n, self.views, files.shape, files.precision) <= IN_MEMORY:
            self._tensors = [torch.from_numpy(np.concatenate(parts)) for parts in arrays]

    def __len__(self) -> int:
        return self.files.n

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image's features."""
        return self.files.shape

    def rows(self, rows: Sequence[int], view: int) -> Tensor:
        """Features of some images.

        Args:
            rows: B numbers from 0 to N - 1; may repeat.
            view: from 0 to ``views`` - 1.

        Returns:
            (B, ...) float32, a copy.
        """
        if self._tensors:
            return self._tensors[view][torch.as_tensor(rows)].float()
        step = self.files.part_rows
        found = np.empty((len(rows), *self.shape), np.float32)
        for place, row in enumerate(rows):
            found[place] = self._arrays[view][row // step][row % step]
        return torch.from_numpy(found)
