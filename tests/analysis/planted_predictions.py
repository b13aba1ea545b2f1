"""Predictions whose truth is known, made without a network."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.images import Unreadable
from models.predictions import Predictions


def planted_predictions(
    labels: npt.NDArray[np.int64],
    class_names: tuple[str, ...],
    *,
    predicted: npt.NDArray[np.int64] | None = None,
    probabilities: npt.NDArray[np.floating] | None = None,
    groups: dict[str, str] | None = None,
    unreadable: tuple[Unreadable, ...] = (),
    root: Path = Path("/nowhere"),
) -> Predictions:
    """A record of predictions with these labels, and either predictions or probabilities."""
    if predicted is None:
        assert probabilities is not None
        predicted = probabilities.argmax(axis=1)
    n = len(labels)
    confidence = np.full(n, np.nan) if probabilities is None else probabilities[np.arange(n), predicted]
    names = np.array(class_names, dtype=object)
    images = pd.DataFrame(
        {
            "id": [f"{i:012x}" for i in range(n)],
            "path": [f"{names[label]}/{i}.jpg" for i, label in enumerate(labels)],
            "label": names[labels],
            "group": "",
            "split": "",
            "label_index": labels.astype(np.int32),
            "predicted_index": predicted.astype(np.int32),
            "confidence": confidence.astype(np.float32),
            "margin": np.zeros(n, np.float32),
            "loss": np.zeros(n, np.float32),
            "label_rank": np.zeros(n, np.int32),
        }
    )
    return Predictions(
        fingerprint="0" * 32,
        class_names=class_names,
        groups=groups or {},
        images=images,
        root=root,
        logits=None,
        probabilities=None if probabilities is None else probabilities.astype(np.float32),
        embeddings=None,
        unreadable=unreadable,
        seconds={"forward": 1.5},
    )
