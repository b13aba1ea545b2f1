"""What the colours of the map say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.decision_words import DECISION_WORDS, decision_on
from models.notes import ImageNote
from models.prediction_record import Predictions
from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR
from pages.shared.scatter import FILTERED_OUT, SHAPES, ScatterEntry

COLOUR_WORDS = {
    "correctness": "Right or wrong",
    "label": "Label",
    "prediction": "Prediction",
    "group": "Group",
    "confidence": "Confidence",
    "decision": "Decision",
}
"""What a person calls each way to colour the map."""

PALETTE = ("#3f78bd", "#e08a1e", "#23a07a", "#d3573a", "#a063c9", "#3fa7d6", "#d777ac", "#a89a1f")
"""Told apart in the common kinds of colour blindness, and on light and dark; after Okabe and Ito."""
MOST_COLOURED = len(PALETTE) * SHAPES
"""Classes that can be told apart at once: each colour comes in three shapes."""
UNSURE_COLOUR, SURE_COLOUR = "#e8861d", "#3f74b5"
CONFIDENCE_STEPS = 10
OTHERS = "others"
NO_DECISION = "no decision"


@dataclass(frozen=True, eq=False)
class Colouring:
    """The category of each of N points, (N,), and what each category is called and looks like."""

    categories: NDArray[np.uint8]
    entries: list[ScatterEntry]


def ways_to_colour(predictions: Predictions, notes: Mapping[int, ImageNote]) -> list[str]:
    """The keys of ``COLOUR_WORDS`` that these predictions have something for."""
    missing = set()
    if len(set(predictions.groups.values()) - {""}) < 2:
        missing.add("group")
    if np.isnan(predictions.images["confidence"].to_numpy()).all():
        missing.add("confidence")
    if not notes:
        missing.add("decision")
    return [key for key in COLOUR_WORDS if key not in missing]


def colouring(
    predictions: Predictions, by: str, highlighted: Sequence[str], notes: Mapping[int, ImageNote]
) -> Colouring:
    """Colour the points.

    Args:
        predictions: of the images on the map.
        by: a key of ``COLOUR_WORDS``.
        highlighted: class names that have a colour where it is "label" or "prediction"; the others are grey.
        notes: decisions about the images, by row number.
    """
    if by == "label":
        return _by_class(predictions.labels, predictions.class_names, highlighted)
    if by == "prediction":
        return _by_class(predictions.predicted, predictions.class_names, highlighted)
    if by == "group":
        return _by_group(predictions)
    if by == "confidence":
        return _by_confidence(predictions.images["confidence"].to_numpy())
    if by == "decision":
        return _by_decision(predictions, notes)
    wrong = predictions.labels != predictions.predicted
    entries = [ScatterEntry("right", RIGHT_COLOUR), ScatterEntry("wrong", WRONG_COLOUR, 2, on_top=True)]
    return Colouring(wrong.astype(np.uint8), entries)


def filtered(
    colours: Colouring, predictions: Predictions, *, only_mistakes: bool, class_name: str | None
) -> Colouring:
    """Leave out of the colouring what a filter leaves out.

    Args:
        colours: of all points.
        predictions: of the images.
        only_mistakes: leave out what is right.
        class_name: leave out what is neither labelled nor called so; None keeps all classes.
    """
    labels, predicted = predictions.labels, predictions.predicted
    kept = np.ones(len(predictions), dtype=bool)
    if only_mistakes:
        kept &= labels != predicted
    if class_name is not None:
        index = predictions.class_names.index(class_name)
        kept &= (labels == index) | (predicted == index)
    return Colouring(np.where(kept, colours.categories, FILTERED_OUT).astype(np.uint8), colours.entries)


def distinct_entries(names: Sequence[str]) -> list[ScatterEntry]:
    """Legend entries for up to ``MOST_COLOURED`` names: first the colours, then the same in another shape."""
    return [
        ScatterEntry(name, PALETTE[place % len(PALETTE)], place // len(PALETTE), on_top=True)
        for place, name in enumerate(names)
    ]


def _by_class(of: NDArray[np.int32], class_names: Sequence[str], highlighted: Sequence[str]) -> Colouring:
    shown = [name for name in class_names if name in set(highlighted)][:MOST_COLOURED]
    entries = distinct_entries(shown)
    places = np.full(len(class_names), len(shown), dtype=np.uint8)
    for place, name in enumerate(shown):
        places[class_names.index(name)] = place
    if len(shown) < len(class_names):
        entries.append(ScatterEntry(OTHERS, None))
    return Colouring(places[of], entries)


def _by_group(predictions: Predictions) -> Colouring:
    of_class = [predictions.groups.get(name, "") for name in predictions.class_names]
    names = sorted({name for name in of_class if name})
    shown = names[:MOST_COLOURED]
    entries = distinct_entries(shown)
    places = [shown.index(name) if name in shown else len(shown) for name in of_class]
    if len(shown) in places:
        entries.append(ScatterEntry(OTHERS, None))
    return Colouring(np.array(places, dtype=np.uint8)[predictions.labels], entries)


def _by_confidence(confidence: NDArray[np.float32]) -> Colouring:
    known = np.nan_to_num(confidence, nan=0.0)
    steps = np.minimum((known * CONFIDENCE_STEPS).astype(np.uint8), CONFIDENCE_STEPS - 1)
    first = int(steps[~np.isnan(confidence)].min(initial=CONFIDENCE_STEPS - 1))
    entries = [
        ScatterEntry(
            f"{step * 100 // CONFIDENCE_STEPS} to {(step + 1) * 100 // CONFIDENCE_STEPS}%",
            _between(UNSURE_COLOUR, SURE_COLOUR, (step - first) / max(1, CONFIDENCE_STEPS - 1 - first)),
        )
        for step in range(first, CONFIDENCE_STEPS)
    ]
    places = np.where(np.isnan(confidence), len(entries), np.maximum(steps, first) - first)
    if np.isnan(confidence).any():
        entries.append(ScatterEntry("not known", None))
    return Colouring(places.astype(np.uint8), entries)


def _between(low: str, high: str, share: float) -> str:
    parts = [
        round(int(low[at : at + 2], 16) + share * (int(high[at : at + 2], 16) - int(low[at : at + 2], 16)))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _by_decision(predictions: Predictions, notes: Mapping[int, ImageNote]) -> Colouring:
    keys = list(DECISION_WORDS)
    places = np.full(len(predictions), len(keys), dtype=np.uint8)
    for row, note in notes.items():
        decision = decision_on(note, predictions.class_names[predictions.labels[row]])
        if decision is not None:
            places[row] = keys.index(decision)
    return Colouring(
        places, [*distinct_entries(list(DECISION_WORDS.values())), ScatterEntry(NO_DECISION, None)]
    )
