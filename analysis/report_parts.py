"""What a report can hold beside the figures of the matrix: plain records, filled from the analyses.

A record names its images by their files; the report makes pictures only of those that it shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from models.prediction_record import Predictions

REPORT_SECTIONS: dict[str, str] = {
    "findings": "Findings",
    "matrix": "Confusion matrix",
    "cells": "Where most errors are",
    "rare": "Rare errors",
    "pairs": "Pairs of classes",
    "groups": "Groups of classes",
    "candidates": "Label candidates",
    "duplicates": "Duplicates and leakage",
    "slices": "Slices",
    "calibration": "Calibration",
    "map": "Embedding map",
    "notes": "Notes and decisions",
    "classes": "Class by class",
}
"""The sections a person can choose, in their order on the page, and what a person calls them."""


@dataclass(frozen=True)
class ImageLine:
    """One image, as a report names it.

    Args:
        file: where it lies.
        path: its path, as a person reads it.
        label: the name of its label.
        predicted: what it was called; "" where that is not the matter.
        confidence: the probability of the prediction, 0 to 1; nan where it is not known.
        words: what else stands under it, such as "in the training set".
    """

    file: Path
    path: str
    label: str
    predicted: str = ""
    confidence: float = float("nan")
    words: str = ""


@dataclass(frozen=True)
class FindingLine:
    """One finding.

    Args:
        sentence: what was found.
        support: on how many images it stands and how sure it is; "" where the sentence says it.
    """

    sentence: str
    support: str = ""


@dataclass(frozen=True)
class GroupLine:
    """Three or more classes that are taken for each other.

    Args:
        members: their names.
        errors: images labelled one member and called another.
        images: images labelled with a member.
        low: lower end of the 95 % interval of errors / images, 0 to 1.
        high: its upper end.
        q_value: how likely by chance, corrected for all that was looked at.
    """

    members: tuple[str, ...]
    errors: int
    images: int
    low: float
    high: float
    q_value: float


@dataclass(frozen=True)
class CandidateLine:
    """An image whose label may be wrong.

    Args:
        image: the image.
        suggested: the name of the class that it may belong to.
        score: how strongly, as the analysis measures it.
        decision: what a person decided, in words; "" where nobody has.
    """

    image: ImageLine
    suggested: str
    score: float
    decision: str = ""


@dataclass(frozen=True)
class ClusterLine:
    """Images that are the same picture.

    Args:
        kind: "exact" or "near".
        images: two or more; of a leak also that of the other set.
        conflict: they have different labels.
    """

    kind: str
    images: tuple[ImageLine, ...]
    conflict: bool = False


@dataclass(frozen=True)
class SliceLine:
    """A kind of image that fails more often than the others.

    Args:
        words: the rule, such as "dark and low contrast".
        n: images of this kind.
        rate: the share of them that is wrong, 0 to 1.
        rate_outside: the share of all others that is wrong, 0 to 1.
        support: how it was confirmed.
        images: some of its mistakes.
    """

    words: str
    n: int
    rate: float
    rate_outside: float
    support: str = ""
    images: tuple[ImageLine, ...] = ()


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions of about the same confidence.

    Args:
        confidence: their mean confidence, 0 to 1; nan in an empty bin.
        accuracy: the share that is right, 0 to 1; nan in an empty bin.
        n: how many.
        low: below this accuracy 2.5 % of honest networks would fall by chance.
        high: above this, another 2.5 %.
    """

    confidence: float
    accuracy: float
    n: int
    low: float
    high: float


@dataclass(frozen=True)
class CalibrationPart:
    """How honest the confidences are.

    Args:
        bins: from low to high confidence.
        ece: expected calibration error, 0 to 1.
        band: the 95 % band of the ECE of a network whose confidences are honest.
        words: the verdict, in a sentence.
    """

    bins: tuple[CalibrationBin, ...]
    ece: float
    band: tuple[float, float]
    words: str


@dataclass(frozen=True, eq=False)
class MapPart:
    """The map of the embeddings.

    Args:
        places: (N, 2), x to the right and y upwards, in any unit.
        right: (N,) whether each image's prediction is its label.
        words: how faithful the map is, in a sentence.
    """

    places: npt.NDArray[np.floating]
    right: npt.NDArray[np.bool_]
    words: str = ""


@dataclass(frozen=True)
class NoteLine:
    """What a person decided or wrote down.

    Args:
        subject: what it is about: a path, a class, ``label/predicted``.
        decision: in words; "" where nothing was decided.
        text: what was written; "" for nothing.
        tags: in their order.
        image: the image it is about; None for a cell, a class or a pair.
    """

    subject: str
    decision: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    image: ImageLine | None = None


@dataclass(frozen=True, eq=False)
class ReportParts:
    """All that a report can hold beside the figures of the matrix; empty where it was not looked for.

    Args:
        findings: the most important first; ten are shown.
        groups: the most confused first.
        candidates: the likeliest first.
        clusters: duplicates within the images.
        leaked: clusters across splits or sets.
        slices: confirmed ones only.
        calibration: None without probabilities.
        embedding_map: None without embeddings.
        notes: the last changed first.
    """

    findings: tuple[FindingLine, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    candidates: tuple[CandidateLine, ...] = ()
    clusters: tuple[ClusterLine, ...] = ()
    leaked: tuple[ClusterLine, ...] = ()
    slices: tuple[SliceLine, ...] = ()
    calibration: CalibrationPart | None = None
    embedding_map: MapPart | None = None
    notes: tuple[NoteLine, ...] = ()


def image_line(predictions: Predictions, row: int, words: str = "") -> ImageLine:
    """One of the predicted images.

    Args:
        predictions: what the network said.
        row: of the image.
        words: what else stands under it.
    """
    each = predictions.images.iloc[row]
    return ImageLine(
        file=predictions.absolute(each["path"]),
        path=str(each["path"]),
        label=predictions.class_names[each["label_index"]],
        predicted=predictions.class_names[each["predicted_index"]],
        confidence=float(each["confidence"]),
        words=words,
    )
