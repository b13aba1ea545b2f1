"""Which other image an image is best looked at beside: one that is right, and as much like it as there is."""

from __future__ import annotations

import numpy as np

from analysis.neighbours import nearest
from models.predictions import Predictions


def right_image_like(predictions: Predictions, class_index: int, row: int | None) -> int | None:
    """The image of a class that the network got right and that is nearest to another image.

    Args:
        predictions: of all images.
        class_index: the class that it has and was called.
        row: the image it is to be like; None for an image that is not among these.

    Returns:
        Its row; without embeddings or ``row`` the most confident one. None where no image of the class is right.
    """
    is_right = (predictions.labels == class_index) & (predictions.predicted == class_index)
    rows = np.flatnonzero(is_right)
    rows = rows[rows != row] if row is not None else rows
    if not len(rows):
        return None
    if row is not None and predictions.embeddings is not None:
        found, _ = nearest(predictions.embeddings, row, 1, among=rows)
        return int(found[0])
    confidence = np.nan_to_num(predictions.images["confidence"].to_numpy(np.float64)[rows])
    return int(rows[int(np.argmax(confidence))])
