"""All analyses of one evaluation, gathered: what the findings, the summary and the report are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from analysis.calibration import Calibration, calibration
from analysis.class_calibration import ClassCalibration, class_calibration
from analysis.confidences import confidences
from analysis.confusable import confusable_pairs
from analysis.confusable_groups import confusable_groups
from analysis.confusion import Floats, confusion_counts
from analysis.duplicates import Duplicates
from analysis.findings import SURE, FindingSources
from analysis.label_candidates import label_candidates
from analysis.leakage import Leakage
from analysis.rare_errors import rare_errors
from analysis.slice_record import Slices
from analysis.survey import Surveyed
from analysis.temperature import cross_fitted_temperatures

if TYPE_CHECKING:
    from models.prediction_record import Predictions


def finding_sources(
    predictions: Predictions, surveyed: Mapping[str, Surveyed], leakages: Sequence[Leakage] = ()
) -> FindingSources:
    """Run the quick analyses, and join them with what the survey found.

    Args:
        predictions: what the network said.
        surveyed: the parts of ``analysis.survey`` that are there, by name.
        leakages: comparisons with other sets.

    Returns:
        What was found; what needs probabilities is missing without them.
    """
    names = predictions.class_names
    counts = confusion_counts(predictions.labels, predictions.predicted, len(names))
    pairs = confusable_pairs(counts, names)
    sure = predictions.has_probabilities and len(predictions) > 0
    honesty = calibration(predictions) if sure else None
    return FindingSources(
        pairs=pairs,
        groups=confusable_groups(counts, names, pairs),
        rare=rare_errors(predictions),
        labels=label_candidates(predictions) if sure else None,
        calibration=honesty,
        classes=() if honesty is None else classes_apart(predictions, honesty),
        duplicates=cast("Duplicates | None", surveyed.get("duplicates")),
        leakages=leakages,
        slices=cast("Slices | None", surveyed.get("slices")),
    )


def classes_apart(predictions: Predictions, honesty: Calibration) -> list[ClassCalibration]:
    """The confidences class by class, where all are off under one temperature for all classes.

    A model that is too sure of everything is too sure of every class: that is one fault, not C of them. So what one
    temperature mends is mended first, with that of the half an image does not belong to.

    Args:
        predictions: with probabilities, of one image at least.
        honesty: their calibration.

    Returns:
        One record for each predicted class; () where all are off and no temperature can be fitted.
    """
    temperatures: Floats | float = 1.0
    if honesty.p_value < SURE:
        if len(predictions) < 2:
            return []
        fitted = cross_fitted_temperatures(predictions)
        if not fitted.is_fitted:
            return []
        temperatures = fitted.of_images
    return class_calibration(
        confidences(predictions, temperatures), predictions.predicted, predictions.class_names
    )
