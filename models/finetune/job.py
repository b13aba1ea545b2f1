"""Fine-tuning as a job: prepare, train phase by phase, save a version, judge it on the images it never saw.

A job that was stopped goes on where it stood: what was prepared is kept in the workspace, the training's own state
lies in the job's folder until the job is done, and a version that was saved already is found by the job's id.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch

from models.cores import use_background_threads
from models.evaluation import evaluated, thumbnail_steps
from models.finetune.held_out import BASELINE
from models.finetune.outcome import baseline_steps, judged, test_steps, training_metrics
from models.finetune.preparation import Prepared, preparation_steps
from models.finetune.spec import FinetuneSpec
from models.finetune.trained import Trained
from models.finetune.training import training_steps
from models.finetune.training_state import LAST_FILE
from models.finetune.version_record import RECORD, Version
from models.finetune.versions import FOLDER, amend_version, save_version, version
from models.job_context import JobContext
from models.own_networks import checkpoint_content
from models.progress import Progress

Trainer = Callable[[Prepared, str], Generator[Progress, None, Trained]]


def finetune_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: train a network, keep it as a version, and judge it.

    Args:
        spec: ``FinetuneSpec.to_json()``.
        context: the job's.

    Yields:
        Progress, first of what is prepared, then of the training, then of the evaluation.

    Returns:
        ``version`` (its id), ``evaluation`` and ``baseline`` (fingerprints of evaluations of the same images),
        ``accuracy_before`` and ``accuracy_after`` on the half of the images that nothing was chosen by.

    Raises:
        ErrorscopeError: the network cannot be trained on these images, in words.
    """
    wanted = FinetuneSpec.from_json(spec)

    def train(prepared: Prepared, baseline: str) -> Generator[Progress, None, Trained]:
        return training_steps(prepared.phases, wanted.recipe, context, device=prepared.device)

    return (yield from finetuned(wanted, context, train))


def finetuned(
    wanted: FinetuneSpec, context: JobContext, train: Trainer, *, device: torch.device | None = None
) -> Generator[Progress, None, dict[str, Any]]:
    """All of the job, whoever runs the loop.

    Args:
        wanted: what to do.
        context: the job's.
        train: takes what was prepared and the fingerprint of the baseline's evaluation; trains.
        device: where it will; None takes the fastest that can be used.

    Yields:
        Progress in images.

    Returns:
        As ``finetune_steps``.
    """
    use_background_threads()
    before = yield from baseline_steps(wanted, context)
    prepared = yield from preparation_steps(wanted, before, context.store, log=context.log, device=device)
    made = _made(context)
    if made is None:
        made = _kept(prepared, (yield from train(prepared, before.fingerprint)), context)
    after = yield from evaluated(made.evaluation_spec(), context)
    report = judged(before, after, prepared.roles)
    tested = yield from test_steps(made, prepared.roles, wanted, context)
    amend_version(
        context.store, made.id, evaluation=after.fingerprint, metrics={**report, **tested},
        data={BASELINE: before.fingerprint},
    )  # fmt: skip
    yield from thumbnail_steps(after, context.store)
    (context.folder / LAST_FILE).unlink(missing_ok=True)  # momenta and the like, as large as three networks
    return {
        "version": made.id,
        "evaluation": after.fingerprint,
        "baseline": before.fingerprint,
        "accuracy_before": report["before"]["report"]["accuracy"],
        "accuracy_after": report["report"]["accuracy"],
    }


def _made(context: JobContext) -> Version | None:
    """The version that this job saved before it was stopped."""
    id = context.folder.name
    is_there = (context.store.root / FOLDER / id / RECORD).exists()
    return version(context.store, id) if is_there else None


def _kept(prepared: Prepared, trained: Trained, context: JobContext) -> Version:
    start = prepared.start
    return save_version(
        context.store,
        checkpoint_content(start.module, start.plan, start.class_names, start.preprocessing),
        spec=prepared.spec,
        architecture=start.architecture,
        class_names=start.class_names,
        metrics=training_metrics(trained, prepared),
        history=trained.history,
        data={**prepared.roles.to_json(), "targeting": prepared.targeting},
        job=context.folder.name,
    )
