"""The job that reads all weights of the open network once and keeps what they look like."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from analysis.layers.weight_record import (
    LayerWeights,
    NetworkWeights,
    save_weights,
    saved_weights,
    weights_file,
)
from models.cores import use_background_threads
from models.evaluation_spec import EvaluationSpec
from models.job_context import JobContext
from models.norm_statistics import norm_statistics
from models.open_networks import shared_network
from models.progress import Progress
from models.saved_predictions import kept_predictions

PHASE = "Reading the weights"


def weights_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "layer_weights": what the weights of each layer look like.

    Args:
        spec: ``evaluation`` (``EvaluationSpec.to_json()``) and ``predictions`` (its fingerprint).
        context: the job's.

    Yields:
        Progress in layers.

    Returns:
        ``n_layers``.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened.
    """
    from analysis.layers.weight_statistics import first_filters, layer_statistics, weighted_layers

    predictions = kept_predictions(context.store, spec["predictions"])
    yield Progress("Opening the model", 0, 0, "layers")
    network = shared_network(EvaluationSpec.from_json(spec["evaluation"]), predictions)
    use_background_threads()
    known = saved_weights(context.store, network.fingerprint)
    if known is not None:
        return {"n_layers": len(known.layers)}
    layers = list(weighted_layers(network))
    found: list[LayerWeights] = []
    for each in layers:
        yield Progress(PHASE, len(found), len(layers), "layers", each.name)
        found.append(layer_statistics(each))
    file = weights_file(context.store, network.fingerprint)
    context.store.folder("layers", file.parent.name)
    norms = norm_statistics(network.module.modules())
    save_weights(file, NetworkWeights(tuple(found), first_filters(network), norms))
    return {"n_layers": len(found)}
