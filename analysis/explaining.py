"""A slow attribution as a job: the maps known so far lie in the job's folder while it runs.

Needs no torch until it runs or until maps are read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from analysis import asked_target
from models.cores import use_background_threads
from models.errors import ErrorscopeError, JobError
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import content_key
from models.job_context import JobContext
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store, write_array

if TYPE_CHECKING:
    from torch import nn

    from analysis.attribution.records import OptionValue, Step, Target
    from models.network import Network

NEWEST_MAPS = "newest_maps.npy"
SECONDS_BETWEEN_MAPS = 0.3
REFERENCE_SIDE = 224
_PARTS = 1000
# What networks raise on a size that they do not take, and for lack of memory.
_UNFIT = (ErrorscopeError, RuntimeError, AssertionError, ValueError, TypeError, LookupError, MemoryError)

_seconds: WeakKeyDictionary[nn.Module, dict[tuple[int, int], float | None]] = WeakKeyDictionary()
_seconds_lock = threading.Lock()


@dataclass(frozen=True)
class ExplainSpec:
    """One method on one image, as plain data.

    Args:
        evaluation: what was evaluated; it names the network's files.
        predictions: fingerprint of the saved evaluation.
        image: absolute path of the picture; edited and uploaded ones are files of the workspace.
        targets: a class index, or (a, b) for "why a rather than b", each.
        method: a key of `analysis.attribution.METHODS`.
        options: the method's settings; the rest have their defaults.
    """

    evaluation: EvaluationSpec
    predictions: str
    image: str
    targets: tuple[asked_target.Asked, ...]
    method: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {
            "evaluation": self.evaluation.to_json(),
            "predictions": self.predictions,
            "image": self.image,
            "targets": list(map(asked_target.to_json, self.targets)),
            "method": self.method,
            "options": dict(self.options),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ExplainSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing.
        """
        try:
            return cls(
                evaluation=EvaluationSpec.from_json(value["evaluation"]),
                predictions=str(value["predictions"]),
                image=str(value["image"]),
                targets=tuple(map(asked_target.from_json, value["targets"])),
                method=str(value["method"]),
                options=dict(value["options"]),
            )
        except KeyError as error:
            raise JobError(f"The spec of an explanation needs {error}.") from error

    def asked(self) -> tuple[Target, ...]:
        """The targets as `analysis.attribution.attribute` takes them."""
        return tuple(map(asked_target.as_target, self.targets))


def explain_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "explain": run the method, show what it knows so far, keep the finished maps.

    Args:
        spec: ``ExplainSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in thousandths.

    Returns:
        ``seconds`` that the method worked.

    Raises:
        ErrorscopeError: the checkpoint, the image or the method does not allow it.
    """
    from analysis.attribution.saved import saved_steps
    from models.image_input import image_input

    wanted = ExplainSpec.from_json(spec)
    yield Progress("Opening the model", 0, 0, unit="")
    network = explained_network(wanted.evaluation, wanted.predictions, context.store)
    use_background_threads()
    path = Path(wanted.image)
    key = content_key(path)  # before the file is read: a file changed in between is then asked about anew
    inputs = image_input(path, network.preprocessing)
    steps = saved_steps(
        context.store, network, inputs, wanted.asked(), wanted.method, image_key=key, **wanted.options
    )
    seconds, shown = 0.0, -SECONDS_BETWEEN_MAPS
    try:
        for step in steps:
            seconds = step.attributions[0].seconds
            if time.monotonic() - shown >= SECONDS_BETWEEN_MAPS and step.fraction < 1:
                _show(context.folder / NEWEST_MAPS, step)
                shown = time.monotonic()
            yield step_progress(wanted.method, step)
    finally:
        steps.close()
    (context.folder / NEWEST_MAPS).unlink(missing_ok=True)
    return {"seconds": seconds}


def step_progress(method: str, step: Step) -> Progress:
    """How far a method has come, in thousandths.

    Args:
        method: a key of `analysis.attribution.METHODS`.
        step: its last.
    """
    from analysis.attribution import METHODS

    return Progress(METHODS[method].label, round(step.fraction * _PARTS), _PARTS, unit="")


def explained_network(evaluation: EvaluationSpec, fingerprint: str, store: Store) -> Network:
    """The network of a saved evaluation, shared with everybody else in this process.

    Args:
        evaluation: what was evaluated.
        fingerprint: of the saved evaluation.
        store: the workspace.

    Raises:
        PredictionsError: the evaluation is gone from the workspace, or damaged.
        CheckpointError: the checkpoint is gone or has changed.
    """
    from models.open_networks import shared_network

    return shared_network(evaluation, kept_predictions(store, fingerprint))


def newest_step(store: Store, job: str, spec: ExplainSpec) -> Step | None:
    """The maps that a running, or stopped, job knew last; None before the first.

    Args:
        store: the workspace.
        job: its id.
        spec: what it was asked.
    """
    from analysis.attribution.records import Attribution, Step

    try:
        record = np.load(store.root / "jobs" / job / NEWEST_MAPS, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there yet, or no more
    if len(record["maps"]) != len(spec.targets):
        return None
    return Step(
        float(record["fraction"]),
        tuple(
            Attribution(np.array(each), spec.method, target, dict(spec.options), str(record["layer"]) or None)
            for each, target in zip(record["maps"], spec.asked(), strict=True)
        ),
    )


def _show(path: Path, step: Step) -> None:
    maps = np.stack([each.relevance for each in step.attributions])
    layer = step.attributions[0].layer or ""
    kind = [
        ("fraction", "<f8"),
        ("layer", f"<U{max(1, len(layer))}"),
        ("maps", "<f4", maps.shape),
    ]
    write_array(path, np.array((step.fraction, layer, maps), dtype=kind))


def seconds_of_one_run(network: Network, size: tuple[int, int] | None = None) -> float | None:
    """How long one forward pass with the gradient of the input takes, for estimates before a run.

    Measured at the first question, over two runs of which the faster counts, and remembered for as long as
    the module lives. Programs that let no gradient through are measured forward.

    Args:
        network: the network.
        size: (height, width) of the input in pixels; None for the network's own, or 224 a side where it
            takes any. Large inputs of a network that takes any are not measured, but reckoned by area.

    Returns:
        Seconds, or None where the network does not run at this size.
    """
    usual = (REFERENCE_SIDE, REFERENCE_SIDE)
    fixed = network.preprocessing.input_size()
    wanted = fixed or size or usual
    # A program may have been recorded for this size alone, so it is measured as it is.
    reckoned = fixed is None and network.kind == "state_dict" and _area(wanted) > _area(usual)
    measured = usual if reckoned else wanted
    with _seconds_lock:
        known = _seconds.setdefault(network.module, {})
    if measured not in known:
        known[measured] = _measured_seconds(network, measured)
    seconds = known[measured]
    return None if seconds is None else seconds * _area(wanted) / _area(measured)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _measured_seconds(network: Network, size: tuple[int, int]) -> float | None:
    import torch

    from analysis.attribution import attribute
    from analysis.attribution.gradients import own_module
    from analysis.attribution.trial_inputs import noise
    from models.errors import AttributionError

    def duration(inputs: torch.Tensor) -> float:
        start = time.perf_counter()
        try:
            attribute(network, inputs, 0, "gradient")
        except AttributionError:
            with torch.inference_mode():
                own_module(network)(inputs)
        return time.perf_counter() - start

    try:
        inputs = noise(network, size)
        return min(duration(inputs), duration(inputs))
    except _UNFIT:
        return None
