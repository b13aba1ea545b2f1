"""All analyses of one evaluation, gathered: what the findings, the summary and the report are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from analysis.calibration import calibration
from analysis.class_calibration import class_calibration
from analysis.confidences import confidences
from analysis.confusable import confusable_pairs
from analysis.confusable_groups import confusable_groups
from analysis.confusion import confusion_counts
from analysis.duplicates import Duplicates
from analysis.findings import FindingSources
from analysis.label_candidates import label_candidates
from analysis.leakage import Leakage
from analysis.rare_errors import rare_errors
from analysis.slice_record import Slices
from analysis.survey import Surveyed

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
    return FindingSources(
        pairs=pairs,
        groups=confusable_groups(counts, names, pairs),
        rare=rare_errors(predictions),
        labels=label_candidates(predictions) if sure else None,
        calibration=calibration(predictions) if sure else None,
        classes=class_calibration(confidences(predictions), predictions.predicted, names) if sure else (),
        duplicates=cast("Duplicates | None", surveyed.get("duplicates")),
        leakages=leakages,
        slices=cast("Slices | None", surveyed.get("slices")),
    )
