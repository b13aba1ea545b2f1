"""The job that compares the weights of two networks, layer by layer, without keeping either."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from analysis.layers.difference_record import LayerChange, difference_file, plain_changes
from models.cores import use_background_threads
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import file_state
from models.job_context import JobContext
from models.progress import Progress
from models.store import Store, write_json


def difference_spec(before: EvaluationSpec, after: EvaluationSpec) -> dict[str, Any]:
    """The spec of the job: what of two evaluations concerns their networks alone."""
    return {"before": _network_alone(before), "after": _network_alone(after)}


def _network_alone(spec: EvaluationSpec) -> dict[str, Any]:
    return {"checkpoint": spec.checkpoint, "architecture": spec.architecture, "trust_code": spec.trust_code}


def kept_difference(store: Store, spec: dict[str, Any]) -> Path:
    """Where the difference of a spec lies, of the two files as they are now."""
    states = [file_state(Path(spec[side]["checkpoint"])) for side in ("before", "after")]
    return difference_file(store, spec, states)


def difference_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "weight_difference": what changed from one network to another.

    Args:
        spec: as `difference_spec` gives it.
        context: the job's.

    Yields:
        Progress in tensors.

    Returns:
        ``n`` tensors.

    Raises:
        ErrorscopeError: one of the checkpoints cannot be opened.
    """
    from analysis.layers.weight_difference import changes, compared_names, weights_of

    use_background_threads()
    sides = []
    for side, words in (("before", "Opening the first network"), ("after", "Opening the second network")):
        yield Progress(words, 0, 0, "tensors")
        sides.append(weights_of(EvaluationSpec(images=".", **spec[side])))
    total = len(compared_names(*sides))
    found: list[LayerChange] = []
    file = kept_difference(context.store, spec)
    for each in changes(*sides):
        found.append(each)
        yield Progress("Comparing the weights", len(found), total, "tensors", each.layer)
    context.store.folder("layers")
    write_json(file, plain_changes(found))
    return {"n": len(found)}
