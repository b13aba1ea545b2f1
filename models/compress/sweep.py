"""A job that tries several amounts of a method: what each costs and saves. No network is kept."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.compress.answers import answer_steps
from models.compress.matching import ReferenceMoments
from models.compress.measured import THREADS, file_bytes, latency_steps, n_weights
from models.compress.price import price
from models.compress.smaller import reference_steps, refuse_program, smaller_content, smaller_steps
from models.compress.spec import MOST_SWEPT, Method, SweepSpec
from models.cores import use_background_threads
from models.evaluation import images_of
from models.images import ImageSet
from models.job_context import JobContext
from models.network import Network
from models.open_networks import shared_network
from models.own_networks import checkpoint_content, plan_of, trainable_copy
from models.prediction_record import Predictions
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import write_json

TRIED = "tried.json"


def sweep_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: for each amount make a smaller copy, time it, and ask it about the validation images.

    One copy is in memory at a time, beside the open network and the one that predicts. What was tried is kept, so a
    stopped sweep goes on from there.

    Args:
        spec: ``SweepSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``threads``; ``before`` with ``size`` (bytes), ``weights``; ``amounts``: one row for each with ``amount``, ``size``,
        ``weights`` (that are not zero), ``latency`` and ``latency_before`` (seconds for one image), and what
        `models.compress.price.price` gives; ``n_all``: images of the evaluation, of which at most 2,000 are tried;
        ``matched``: images on which the channels that stay were matched with the open network's, ``on_half``: whether these
        are of the choosing half of the validation images.

    Raises:
        ErrorscopeError: the network cannot be made smaller in this way, or no training image can be read.
    """
    use_background_threads()
    wanted = SweepSpec.from_json(spec)
    yield Progress("Opening the model", 0, 0)
    made = kept_predictions(context.store, wanted.evaluation)
    network = shared_network(wanted.start, made)
    refuse_program(network)
    images = images_of(replace(wanted.start, limit=min(wanted.start.limit or MOST_SWEPT, MOST_SWEPT)))
    tried = _tried(context.folder)
    total = len(wanted.amounts) * len(images)
    reference, matched = yield from reference_steps(network, wanted.training, made, context.store)
    for place, amount in enumerate(wanted.amounts):
        if str(amount) not in tried:
            row = yield from _amount_steps(
                network,
                made,
                images,
                wanted.method,
                reference,
                amount=amount,
                done=place * len(images),
                total=total,
            )
            tried[str(amount)] = row
            write_json(context.folder / TRIED, tried)
    return {
        "threads": THREADS,
        "before": {"size": own_bytes(network), "weights": n_weights(network.module)},
        "amounts": [tried[str(amount)] for amount in wanted.amounts],
        "n_all": len(made),
        "matched": matched.n,
        "on_half": matched.on_half,
    }


def own_bytes(network: Network) -> int:
    """The bytes of a file of the open network, written as those of the smaller ones are."""
    content = checkpoint_content(
        trainable_copy(network), plan_of(network), network.class_names, network.preprocessing
    )
    return file_bytes(content)


def on_processor(network: Network) -> Any:
    """The open network where the time is taken; a copy if it is on a GPU."""
    first = next(network.module.parameters(), None)
    if first is None or first.device.type == "cpu":
        return network.module
    return trainable_copy(network).cpu().requires_grad_(False)


def compared(made: Predictions, answers: Mapping[str, int]) -> dict[str, Any]:
    """What became of the images that both have seen, as `models.compress.price.price` gives it.

    Args:
        made: the open model's predictions.
        answers: image id to the index of the class that the smaller network says.
    """
    ids = made.images["id"].tolist()
    rows = np.array([row for row, id in enumerate(ids) if id in answers], np.int64)
    after = np.array([answers[ids[row]] for row in rows], np.int64)
    return price(made.labels[rows], made.predicted[rows], after, made.class_names)


def _amount_steps(
    network: Network,
    made: Predictions,
    images: ImageSet,
    method: Method,
    reference: ReferenceMoments | None,
    *,
    amount: float,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, Any]]:
    phase = f"Trying {amount:.0%}"
    yield Progress(phase, done, total)
    module = yield from smaller_steps(network, method, amount, reference)
    size = file_bytes(smaller_content(network, module, method))
    weights = sum(int(weight.count_nonzero()) for weight in module.parameters())
    seconds = yield from latency_steps(
        {"before": on_processor(network), "after": module}, network.preprocessing.usual_size()
    )
    answers = yield from answer_steps(
        replace(network, module=module), images, phase=phase, done=done, total=total
    )
    return {
        "amount": amount,
        "size": size,
        "weights": weights,
        "latency_before": seconds["before"],
        "latency": seconds["after"],
        **compared(made, answers),
    }


def _tried(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / TRIED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
