"""Images as galleries show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.confusion import Integers
from models.predictions import Predictions
from models.thumbnails import thumbnails
from pages.shared import state
from pages.shared.gallery import GalleryItem


def gallery_items(
    predictions: Predictions, indices: Integers, notes: Sequence[str] | None = None
) -> list[GalleryItem]:
    """Thumbnail, label, prediction and confidence of some images.

    Args:
        predictions: all images' predictions.
        indices: (M,) row numbers of the images to show.
        notes: one line more under each of them.
    """
    rows = predictions.images.iloc[indices]
    pictures = thumbnails(state.store(), [predictions.absolute(path) for path in rows["path"]])
    names = predictions.class_names
    columns = zip(
        rows["id"], rows["label_index"], rows["predicted_index"], rows["confidence"], pictures, strict=True
    )
    return [
        GalleryItem(
            id=str(image),
            thumbnail=picture,
            label=names[label],
            predicted=names[predicted],
            confidence=None if math.isnan(confidence) else float(confidence),
            right=label == predicted,
            note=notes[place] if notes else "",
        )
        for place, (image, label, predicted, confidence, picture) in enumerate(columns)
    ]
