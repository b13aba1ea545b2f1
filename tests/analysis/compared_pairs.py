"""Two networks' answers to the same images, drawn so that the truth is known."""

from dataclasses import replace

import numpy as np

from analysis.comparison import compared
from analysis.comparison_record import Comparison
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

NAMES = ("ant", "bee", "cow", "dog")


def answers(labels: list[int], predicted: list[int], names: tuple[str, ...] = NAMES) -> Predictions:
    """What a network said of images that are known by their place."""
    return planted_predictions(np.array(labels), names, predicted=np.array(predicted))


def random_answers(
    rng: np.random.Generator, n: int, *, right: float = 0.7, names: tuple[str, ...] = NAMES
) -> tuple[Predictions, Predictions]:
    """Two networks that are right equally often, each for itself."""
    labels = rng.integers(0, len(names), n)
    said = [
        np.where(rng.random(n) < right, labels, rng.integers(0, len(names), n)).tolist() for _ in range(2)
    ]
    return answers(labels.tolist(), said[0], names), answers(labels.tolist(), said[1], names)


def rows_taken(predictions: Predictions, rows: np.ndarray) -> Predictions:
    """Some of the images, in another order."""
    return replace(predictions, images=predictions.images.iloc[rows].reset_index(drop=True))


def with_class_order(predictions: Predictions, order: list[int], more: tuple[str, ...] = ()) -> Predictions:
    """The same answers of a network that lists its classes in another order, and may know more of them."""
    place = np.argsort(order).astype(np.int32)
    names = (*(predictions.class_names[i] for i in order), *more)
    images = predictions.images.assign(
        label_index=place[predictions.labels], predicted_index=place[predictions.predicted]
    )
    return replace(predictions, class_names=names, images=images)


def pair(
    labels: list[int], before: list[int], after: list[int], half: list[bool] | None = None
) -> Comparison:
    """The comparison of two lists of answers."""
    report_half = None if half is None else np.array(half)
    return compared(answers(labels, before), answers(labels, after), report_half=report_half)
