"""How the comparison page says what became of an image and of a figure."""

from __future__ import annotations

import math

from analysis.comparison_record import Comparison, Half
from analysis.comparison_statistics import ComparisonStatistics
from analysis.number_words import fine_percent
from analysis.paired_shares import PairedShare
from models.prediction_record import Predictions

SURE = 0.05
"""Up to this p-value a difference is called one."""
HALVES: dict[Half, str] = {"report": "Held-out half", "all": "All images"}


def answer_words(predictions: Predictions, row: int) -> str:
    """What a network said of an image, with its confidence where that is known.

    Args:
        predictions: its predictions.
        row: of the image in them.
    """
    image = predictions.images.iloc[row]
    name, confidence = predictions.class_names[int(image["predicted_index"])], float(image["confidence"])
    return name if math.isnan(confidence) else f"{name} ({confidence:.0%})"


def was_words(comparison: Comparison, before: Predictions, place: int) -> str:
    """What an image was called before, for the line under its picture in a gallery.

    Args:
        comparison: both results.
        before: the earlier predictions.
        place: of the image in the comparison.
    """
    words = answer_words(before, int(comparison.before_rows[place]))
    name = before.class_names[int(comparison.before[place])]
    if comparison.broken[place]:
        return "was right" + words.removeprefix(name)
    same = comparison.before[place] == comparison.after[place]
    return ("as before" + words.removeprefix(name)) if same else f"was {words}"


def images_word(n: int) -> str:
    """Such as "1 image", "1,024 images"."""
    return "1 image" if n == 1 else f"{n:,} images"


def verdict(statistics: ComparisonStatistics) -> str:
    """Whether the accuracy is another one: "better", "worse", "unsure" or "same"."""
    if not statistics.fixed and not statistics.broken:
        return "same"
    if statistics.right.p_value > SURE:
        return "unsure"
    return "better" if statistics.right.change > 0 else "worse"


VERDICT_WORDS = {
    "better": "Better on these images.",
    "worse": "Worse on these images.",
    "unsure": "No difference that these images can show.",
    "same": "No image was fixed, and none broken.",
}


def points(change: float) -> str:
    """A change of a share in points, with its sign.

    >>> points(0.0171), points(-0.2), points(0.0)
    ('+1.7', '−20.0', '±0.0')
    """
    if math.isnan(change):
        return "–"
    words = f"{100 * change:+.1f}".replace("-", "−")
    return "±0.0" if words in ("+0.0", "−0.0") else words


def interval_points(share: PairedShare) -> str:
    """The 95 % interval of a change, in points.

    >>> interval_points(PairedShare(50, 36, 2, 12, 0.0569, 0.3404, 0.01))
    '+5.7 to +34.0'
    """
    return "–" if not share.n else f"{points(share.low)} to {points(share.high)}"


def count_and_share(count: int, n: int) -> str:
    """A count and its share.

    >>> count_and_share(7, 25), count_and_share(0, 0)
    ('7 (28.0%)', '–')
    """
    return f"{count:,} ({fine_percent(count / n)})" if n else "–"
