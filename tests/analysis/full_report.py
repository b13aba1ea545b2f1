"""A report with every section, of pictures and names that a test chooses."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import softmax

from analysis.report_parts import (
    CalibrationBin,
    CalibrationPart,
    CandidateLine,
    ClusterLine,
    FindingLine,
    GroupLine,
    ImageLine,
    MapPart,
    NoteLine,
    ReportParts,
    SliceLine,
    image_line,
)
from models.predictions import Predictions
from tests.analysis.planted_predictions import planted_predictions

HEADINGS = [
    "What was found",
    "What is taken for what",
    "Where most errors are",
    "Errors that nothing leads one to expect",
    "Pairs that are taken for each other",
    "Groups that are taken for each other",
    "Labels that may be wrong",
    "Duplicates and leakage",
    "Kinds of image that fail",
    "How honest the confidences are",
    "Map of the images",
    "Notes and decisions",
    "Class by class",
    "How this was made",
]


def jpeg(paths: Sequence[Path]) -> list[bytes | None]:
    """A picture for each path."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 30)).save(buffer, "JPEG")
    return [buffer.getvalue()] * len(paths)


def no_pictures(paths: Sequence[Path]) -> list[bytes | None]:
    """No picture for any path."""
    return [None] * len(paths)


def some_predictions(n_classes: int = 8, first: str = "Bengal", **more: object) -> Predictions:
    """Predictions of which some are wrong, drawn once and for all."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, n_classes, 20 * n_classes)
    logits = rng.normal(size=(len(labels), n_classes))
    logits[np.arange(len(labels)), labels] += 2
    names = (first, *(f"class_{i}" for i in range(1, n_classes)))
    return planted_predictions(labels, names, probabilities=softmax(logits, axis=1), **more)  # type: ignore[arg-type]


def full_parts(predictions: Predictions, words: str = "words", *, times: int = 1) -> ReportParts:
    """Every part, with one line (or so many) in each, that says ``words`` wherever text can stand."""
    image = image_line(predictions, 0, words)
    elsewhere = ImageLine(Path("/elsewhere/a.jpg"), f"elsewhere/{words}.jpg", words, words=words)
    spread = np.linspace(0.05, 0.95, 10)
    bins = (CalibrationBin(float(c), float(c) ** 2, 20, float(c) - 0.05, float(c) + 0.05) for c in spread)
    return ReportParts(
        findings=(FindingLine(f"{words} is the matter.", words),) * times,
        groups=(GroupLine((words, "class_1", "class_2"), 12, 60, 0.1, 0.3, 0.001),) * times,
        candidates=(CandidateLine(image, words, 3.25, words),) * times,
        clusters=(ClusterLine("near", (image, image)), ClusterLine("exact", (image,) * 9, True)) * times,
        leaked=(ClusterLine("exact", (image, elsewhere)),) * times,
        slices=(SliceLine(words, 48, 0.31, 0.09, words, (image,) * 11),) * times,
        calibration=CalibrationPart((*bins, CalibrationBin(np.nan, np.nan, 0, 0, 0)), 0.081, (0.01, 0.03), words),
        embedding_map=MapPart(
            np.random.default_rng(0).normal(size=(len(predictions), 2)),
            predictions.labels == predictions.predicted,
            words,
        ),
        notes=(
            NoteLine(words, words, words, (words,), image),
            NoteLine("class_1/class_2", text=words),
        )
        * times,
    )  # fmt: skip
