"""What came of a training: right and wrong on each role's images, before and after, and the one test at the end."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from models.evaluation import evaluated, table_predictions
from models.finetune.preparation import Prepared
from models.finetune.same_files import place, rows_of
from models.finetune.spec import FinetuneSpec
from models.finetune.trained import Trained
from models.finetune.training_images import Roles
from models.finetune.version_record import Version
from models.images import open_image_set
from models.job_context import JobContext
from models.prediction_record import Predictions
from models.progress import Progress
from models.recent import remember, remembered
from models.saved_predictions import is_saved, kept_predictions, save_predictions


def baseline_steps(spec: FinetuneSpec, context: JobContext) -> Generator[Progress, None, Predictions]:
    """What the open model says of the validation images: as it was saved, or anew.

    Args:
        spec: the fine-tuning's.
        context: the job's.

    Yields:
        Progress in images.

    Raises:
        ErrorscopeError: the model or the images cannot be opened.
    """
    if spec.baseline.predictions is None:
        return (yield from evaluated(spec.baseline, context))
    yield Progress("Reading the predictions", 0, 0)
    key = spec.baseline.key()
    known = remembered(context.store, key)
    if known is not None:
        return kept_predictions(context.store, known)
    found = table_predictions(spec.baseline)
    if not is_saved(context.store, found.fingerprint):
        save_predictions(context.store, found)
    remember(context.store, key, spec.baseline.to_json(), found)
    return found


def training_metrics(trained: Trained, prepared: Prepared) -> dict[str, Any]:
    """The metrics of a version that its training itself knows.

    Args:
        trained: what came of it.
        prepared: what was trained on what.

    Returns:
        ``Trained.metrics()``, ``n_weights`` (that learnt in the last phase) and ``device``.
    """
    return {
        **trained.metrics(),
        "n_weights": sum(each.numel() for group in prepared.phases[-1].groups for each in group.parameters),
        "device": str(prepared.device),
    }


def judged(before: Predictions, after: Predictions, roles: Roles) -> dict[str, Any]:
    """The metrics of a version on the images that chose its best epoch and on those that were held out.

    Args:
        before: the baseline's predictions of the validation images.
        after: the version's.
        roles: the images of each role.

    Returns:
        ``select`` and ``report``, each with ``n``, ``accuracy`` and ``loss``; ``before``, the same of the baseline. Only
        images that both have seen count, so that the two can be compared.
    """
    both = set.intersection(
        *({place(each.absolute(path)) for path in each.images["path"]} for each in (before, after))
    )
    found: dict[str, Any] = {"before": {}}
    for name in ("select", "report"):
        files = [path for path in getattr(roles, name).paths if place(path) in both]
        found[name], found["before"][name] = scores(after, files), scores(before, files)
    return found


def scores(predictions: Predictions, files: Iterable[Path]) -> dict[str, Any]:
    """How right a network is on some images.

    Args:
        predictions: of all images.
        files: of the images that count.

    Returns:
        ``n``; ``accuracy`` (0..1) and ``loss`` (mean of -log of the label's probability, nats), None where there is
        no image, or no probability.
    """
    chosen = rows_of(predictions, files)
    right = (predictions.labels == predictions.predicted)[chosen]
    losses = predictions.images["loss"].to_numpy()[chosen]
    known = len(losses) > 0 and bool(np.isfinite(losses).all())
    return {
        "n": int(chosen.sum()),
        "accuracy": float(right.mean()) if len(right) else None,
        "loss": float(losses.mean()) if known else None,
    }


def test_steps(
    version: Version, roles: Roles, spec: FinetuneSpec, context: JobContext
) -> Generator[Progress, None, dict[str, Any]]:
    """Judge a version on the test images, once: nothing was chosen by them, and nothing is from here on.

    Args:
        version: it.
        roles: the images of each role.
        spec: the fine-tuning's.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``test`` with ``n``, ``accuracy`` and ``loss``; {} where there are no test images.
    """
    if spec.training.test_path is None:
        return {}
    if "test" in version.metrics:  # this job was stopped after it
        return {"test": version.metrics["test"]}
    from models.checkpoint import load_checkpoint  # imports torch
    from models.prediction_run import prediction_steps

    images = open_image_set(spec.training.test_path, split=spec.training.test_split)
    network = load_checkpoint(version.checkpoint, device=None)
    predictions = yield from prediction_steps(network, images, store=context.store)
    return {"test": scores(predictions, roles.test.paths)}
