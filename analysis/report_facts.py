"""How a report was made: the files, and with what."""

from __future__ import annotations

from datetime import datetime

from models.evaluation_spec import EvaluationSpec
from models.libraries import library_versions
from models.prediction_record import Predictions


def evaluation_facts(spec: EvaluationSpec, predictions: Predictions) -> dict[str, str]:
    """What was evaluated: a word or two, and what there is to say.

    Args:
        spec: the files and choices.
        predictions: what came of them.
    """
    facts = {"Checkpoint" if spec.predictions is None else "Predictions": spec.model}
    if predictions.architecture:
        facts["Architecture"] = predictions.architecture
    facts["Images"] = spec.images
    chosen = {"Split": spec.split, "Limit": spec.limit, "Groups": spec.groups}
    return facts | {what: str(value) for what, value in chosen.items() if value is not None}


def limits(predictions: Predictions) -> dict[str, str]:
    """What a table of predictions left out, and so nobody could look at; {} where all was there.

    Args:
        predictions: what is reported.
    """
    said = {}
    if predictions.n_missing_files:
        said["Pictures"] = f"{predictions.n_missing_files:,} of {len(predictions):,} files are not there"
    if not predictions.has_probabilities:
        said["Probabilities"] = "none, only the predicted class: no calibration and no label candidates"
    return said


def circumstances() -> dict[str, str]:
    """When the report is made, and with which versions."""
    names = {"errorscope": "Errorscope", "python": "Python"}
    made_with = [f"{names.get(name, name)} {version}" for name, version in library_versions().items()]
    return {
        "Made": datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z"),
        "With": ", ".join(made_with),
    }
