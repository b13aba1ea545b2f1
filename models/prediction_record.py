"""The record of what a network said about a set of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.images import Unreadable

SCORE_COLUMNS = ("label_index", "predicted_index", "confidence", "margin", "loss", "label_rank")


PROGRAMS = ("torchscript", "torch.export", "onnx")
"""Architectures that are programs: they answer, but have no layers that could be looked at or trained."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network said about N images, C classes, with embeddings of D numbers.

    Arrays that were saved are memory-mapped and read-only: they cost no memory until they are read.

    Args:
        fingerprint: 32 hex digits; the name of the evaluation in the workspace.
        class_names: C names, in the order of the logits.
        groups: class name -> group; {} where there are none.
        images: N rows: ``id``, ``path`` (relative to ``root``, or absolute), ``label``, ``group``,
            ``split``, the user's own columns, and the scores: ``label_index`` and
            ``predicted_index`` (int32), ``confidence`` (probability of the prediction, 0..1),
            ``margin`` (probability of the label less the best other, -1..1, negative when wrong),
            ``loss`` (-log of the label's probability, nats) as float32, and ``label_rank`` (int32;
            0 = the label is the top prediction). Where a table brought no probabilities the three float
            columns are NaN, and the rank of a label that was not predicted is C: not known.
        root: the folder that ``path`` is relative to.
        logits: (N, C) float32, or None.
        probabilities: (N, C) float32, each row sums to 1, or None.
        embeddings: (N, D) float32, the input of the last linear layer, or None.
        unreadable: the images that could not be read; they are in no array.
        seconds: stage -> seconds it took, over all the runs that made these predictions. "predicting" and
            "saving" are by the clock; "decoding" and "forward" are added over the threads.
        architecture: torchvision's name, "torchscript", "torch.export", or "" for a table.
        n_missing_files: images of a table of predictions whose files are not there (no pictures).
        network_fingerprint: ``Network.fingerprint`` of the network that made them, 32 hex digits; "" for a
            table, and where an older version of Errorscope saved them.
    """

    fingerprint: str
    class_names: tuple[str, ...]
    groups: dict[str, str]
    images: pd.DataFrame
    root: Path
    logits: npt.NDArray[np.float32] | None
    probabilities: npt.NDArray[np.float32] | None
    embeddings: npt.NDArray[np.float32] | None
    unreadable: tuple[Unreadable, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    architecture: str = ""
    n_missing_files: int = 0
    network_fingerprint: str = ""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def has_probabilities(self) -> bool:
        """Whether there is a probability for each class, not only a predicted class."""
        return self.probabilities is not None

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """(N,) index of each image's label in ``class_names``."""
        return self.images["label_index"].to_numpy(np.int32)

    @property
    def predicted(self) -> npt.NDArray[np.int32]:
        """(N,) index of each image's predicted class in ``class_names``."""
        return self.images["predicted_index"].to_numpy(np.int32)

    @property
    def accuracy(self) -> float:
        """Share of images whose prediction is their label, 0..1; NaN where there are no images."""
        return float(np.mean(self.labels == self.predicted)) if len(self) else float("nan")

    def absolute(self, path: str) -> Path:
        """Where the image ``path`` of the table lies."""
        return self.root / path
