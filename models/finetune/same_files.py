"""The same image files in predictions and in roles, whatever they are called there. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from models.halves import Booleans
from models.prediction_record import Predictions


def rows_of(predictions: Predictions, files: Iterable[Path]) -> Booleans:
    """Which images of predictions are among some files.

    Ids do not tell: a table of predictions gives them as it likes, and its paths may go by another folder (``..``).

    Args:
        predictions: of N images.
        files: any.

    Returns:
        (N,) True for those.
    """
    wanted = set(map(place, files))
    found = (place(predictions.absolute(path)) in wanted for path in predictions.images["path"])
    return np.fromiter(found, bool, len(predictions))


def place(file: Path) -> str:
    """A file's absolute path without detours; links are not followed."""
    return os.path.abspath(file)  # noqa: PTH100 (it knows no other way to do so)
