"""Compression as a job: make the smaller network, keep it as a version, and judge it beside the open one.

A job that was stopped goes on where it stood: a version that was saved already is found by the job's id.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from models.checkpoint import load_checkpoint
from models.compress.calibration import calibration_steps
from models.compress.int8 import int8_steps
from models.compress.measured import THREADS, latency_steps, n_weights
from models.compress.smaller import reference_steps, refuse_program, smaller_content, smaller_steps
from models.compress.spec import SWEPT, CompressionSpec
from models.compress.stage_context import StageContext
from models.compress.sweep import compared, on_processor, own_bytes
from models.cores import use_background_threads
from models.errors import CompressionError, ErrorscopeError
from models.evaluation import evaluated
from models.finetune.augmentation_presets import PRESETS
from models.finetune.held_out import BASELINE, learned_images
from models.finetune.job import finetune_steps
from models.finetune.outcome import scores
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec
from models.finetune.version_record import COMPRESSION, RECORD, Version
from models.finetune.versions import FOLDER, amend_version, save_version, version
from models.halves import choosing_half
from models.image_hashes import hashes_of, known_by
from models.job_context import JobContext
from models.network import Network
from models.onnx_programs import ONNX, OnnxModule
from models.onnx_runtime import INSTALL, has_onnx_runtime, onnx_session
from models.open_networks import shared_network
from models.prediction_record import Predictions
from models.progress import Progress
from models.saved_predictions import kept_predictions

TUNED = "-tuned"
"""What follows the job's id in that of the version that fine-tuning makes."""
_WORK = "int8"


def compression_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job: make a network smaller, keep it, say what it costs and who pays, and train it further if asked to.

    Args:
        spec: ``CompressionSpec.to_json()``.
        context: the job's.

    Yields:
        Progress.

    Returns:
        ``version`` (its id), ``evaluation`` and ``baseline`` (fingerprints on the same images), ``tuned`` (id of the
        version that fine-tuning made, or "").

    Raises:
        ErrorscopeError: the network cannot be made smaller in this way, in words.
    """
    use_background_threads()
    wanted = CompressionSpec.from_json(spec)
    yield Progress("Opening the model", 0, 0)
    before = kept_predictions(context.store, wanted.evaluation)
    network = shared_network(wanted.start, before)
    refuse_program(network)
    made = _made(context) or (yield from _made_steps(wanted, network, before, context))
    after = yield from evaluated(made.evaluation_spec(), context)
    if "latency" not in made.compression:
        made = yield from _judged_steps(made, network, before, after, context)
    tuned = ""
    if wanted.epochs:
        tuned = (yield from _tuning_steps(wanted, made, context))["version"]
    shutil.rmtree(context.folder / _WORK, ignore_errors=True)
    return {
        "version": made.id,
        "evaluation": after.fingerprint,
        "baseline": before.fingerprint,
        "tuned": tuned,
    }


def _made(context: JobContext) -> Version | None:
    """The version that this job saved before it was stopped."""
    id = context.folder.name
    return version(context.store, id) if (context.store.root / FOLDER / id / RECORD).exists() else None


def _made_steps(
    wanted: CompressionSpec, network: Network, before: Predictions, context: JobContext
) -> Generator[Progress, None, Version]:
    found: dict[str, Any] = {"method": wanted.method, "amount": wanted.amount, "threads": THREADS}
    if wanted.method == "int8":
        content: dict[str, Any] | Path = yield from _int8_content(wanted, network, before, context, found)
    else:
        content = yield from _torch_content(wanted, network, before, context, found)
    yield Progress("Saving", 0, 0)
    return save_version(
        context.store, content, spec=wanted.record, architecture=ONNX if isinstance(content, Path) else network.architecture,
        class_names=network.class_names, metrics={}, data={COMPRESSION: found, BASELINE: before.fingerprint},
        job=context.folder.name,
    )  # fmt: skip


def _torch_content(
    wanted: CompressionSpec, network: Network, before: Predictions, context: JobContext, found: dict[str, Any]
) -> Generator[Progress, None, dict[str, Any]]:
    reference = None
    if wanted.method in SWEPT:
        reference, images = yield from reference_steps(network, wanted.training, before, context.store)
        found.update(matched=images.n, source=images.source, on_half=images.on_half)
    module = yield from smaller_steps(network, wanted.method, wanted.amount, reference)
    found["weights"] = sum(int(each.count_nonzero()) for each in module.parameters())
    return smaller_content(network, module, wanted.method)


def _int8_content(
    wanted: CompressionSpec, network: Network, before: Predictions, context: JobContext, found: dict[str, Any]
) -> Generator[Progress, None, Path]:
    if not has_onnx_runtime():
        raise CompressionError("ONNX Runtime, which computes in 8 bits, is not installed.", next_step=INSTALL)
    folder = context.folder / _WORK
    folder.mkdir(exist_ok=True)
    inputs = folder / "inputs.npy"
    calibration = yield from calibration_steps(
        inputs, wanted.training, before, network.preprocessing, context.store
    )
    try:
        files = yield from int8_steps(network, inputs, calibration.n, folder)
    except BaseException:  # stopped as well: what is half made is as large as the network
        shutil.rmtree(folder, ignore_errors=True)
        raise
    inputs.unlink(missing_ok=True)
    context.log(f"{calibration.n} images of {calibration.source} gave the ranges.")
    found.update(
        weights=n_weights(network.module),
        calibrated=calibration.n,
        source=calibration.source,
        on_half=calibration.on_half,
    )
    return files.small


def _judged_steps(
    made: Version, network: Network, before: Predictions, after: Predictions, context: JobContext
) -> Generator[Progress, None, Version]:
    """Size, time, and who pays; written to the version."""
    timed: dict[str, Any] = {"before": on_processor(network), "after": _opened_module(made)}
    whole = context.folder / _WORK / "float.onnx"
    if whole.is_file():
        timed["whole"] = OnnxModule(onnx_session(whole.read_bytes(), THREADS))
    seconds = yield from latency_steps(timed, network.preprocessing.usual_size())
    answers = dict(zip(after.images["id"], after.predicted.tolist(), strict=True))
    found = {
        **made.compression,
        "size_before": own_bytes(network),
        "size": made.checkpoint.stat().st_size,
        "weights_before": n_weights(network.module),
        "latency_before": seconds["before"],
        "latency": seconds["after"],
        "latency_whole": seconds.get("whole"),
        **compared(before, answers),
    }
    return amend_version(
        context.store, made.id, evaluation=after.fingerprint, metrics=_halves(made, before, after, context),
        data={COMPRESSION: found},
    )  # fmt: skip


def _opened_module(made: Version) -> nn.Module:
    """The version as anybody opens it, on the processor."""
    return load_checkpoint(made.checkpoint).module


def _halves(made: Version, before: Predictions, after: Predictions, context: JobContext) -> dict[str, Any]:
    """Accuracy on both halves of the validation images, before and after; the halves are those of a fine-tuning."""
    known = known_by(before, hashes_of(context.store, before))
    choosing = choosing_half(before.images["label"].tolist(), known)
    learned = learned_images(context.store, made.finetune_spec)
    choosing |= np.array([key in learned for key in known], bool)
    report, select = _files(before, ~choosing), _files(before, choosing)
    return {
        "report": scores(after, report),
        "select": scores(after, select),
        "before": {"report": scores(before, report), "select": scores(before, select)},
    }


def _files(predictions: Predictions, rows: npt.NDArray[np.bool_]) -> list[Path]:
    return [predictions.absolute(path) for path in predictions.images["path"][rows]]


def _tuning_steps(
    wanted: CompressionSpec, made: Version, context: JobContext
) -> Generator[Progress, None, dict[str, Any]]:
    """Train the smaller network further, all of it, as a fine-tuning would; its version is a child of this one."""
    spec = FinetuneSpec(
        start=replace(made.evaluation_spec(wanted.start), groups=wanted.start.groups),
        baseline=wanted.start,
        training=wanted.training,
        # every layer has lost something, so all of them learn alike; batch norm stays fixed, as in all recipes
        recipe=replace(
            DEFAULTS["whole"], epochs=wanted.epochs, patience=None, stage_factor=1.0, learning_rate=0.003
        ),
        augmentation=PRESETS["mild"].augmentation,
        name=f"{made.name}, fine-tuned",
        parent=made.id,
    )
    try:
        return (
            yield from finetune_steps(spec.to_json(), StageContext(context, f"{context.folder.name}{TUNED}"))
        )
    except ErrorscopeError as error:
        raise type(error)(
            f"The smaller network is kept as {made.name}, but could not be trained further: {error.message}",
            next_step=error.next_step,
        ) from error
