"""Labelled images that play one role in a training, and how a role is split in two. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.halves import Booleans

Integers = npt.NDArray[np.int64]

CHOOSING_SHARE = 5
"""One in so many held-out training images chooses the best epoch."""


@dataclass(frozen=True, eq=False)
class RoleImages:
    """Labelled images.

    Args:
        paths: N files, absolute.
        labels: (N,) int64, indices of class names.
        ids: N ids, as in the set they came from (``ImageSet.table["id"]``).
        hashes: N hashes of the files' bytes.
    """

    paths: tuple[Path, ...] = ()
    labels: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    ids: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def fingerprint(self) -> str:
        """32 hex digits over contents and labels, in order; names and places do not count."""
        text = "\n".join(f"{digest} {label}" for digest, label in zip(self.hashes, self.labels, strict=True))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def where(self, chosen: Booleans) -> RoleImages:
        """Some of them, in their order.

        Args:
            chosen: (N,) True for those.
        """
        rows = np.flatnonzero(chosen)
        return RoleImages(
            tuple(self.paths[row] for row in rows),
            self.labels[rows],
            tuple(self.ids[row] for row in rows),
            tuple(self.hashes[row] for row in rows),
        )


def epoch_choosing(labels: Sequence[int], hashes: Sequence[str]) -> Booleans:
    """The fifth of the images that chooses the best epoch, where the others are trained on.

    It depends on contents alone, and copies of a file stay together, as in ``models.halves.choosing_half``.

    Args:
        labels: N class indices.
        hashes: N hashes of the files' bytes.

    Returns:
        (N,) True for the fifth. Of n different files of a class it has n / 5, rounded; none of one or two.

    >>> epoch_choosing([0, 0, 0, 0], ["3f", "07", "d1", "9c"]).tolist()
    [False, False, False, True]
    """
    label_of: dict[str, int] = {}
    for label, digest in zip(labels, hashes, strict=True):
        label_of[digest] = min(label, label_of.get(digest, label))
    chosen: set[str] = set()
    for label in set(label_of.values()):
        of_class = sorted(digest for digest, its_label in label_of.items() if its_label == label)
        chosen.update(of_class[CHOOSING_SHARE // 2 :: CHOOSING_SHARE])
    return np.array([digest in chosen for digest in hashes], bool)
