"""How far to trust the maps of one image, as a job. Needs no torch until it runs."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import asked_target
from analysis.explaining import explained_network, seconds_of_one_run, step_progress
from models.cores import use_background_threads
from models.errors import AttributionError, JobError
from models.evaluation_spec import EvaluationSpec
from models.fingerprints import content_key
from models.job_context import JobContext
from models.progress import Progress, relayed

if TYPE_CHECKING:
    import torch

    from analysis.attribution.records import Attribution, OptionValue, Target
    from analysis.trust_results import Question
    from models.network import Network

CURVES, RANDOMISATION = "curves", "randomisation"
Options = Mapping[str, "OptionValue"]
Steps = Generator[Progress, None, None]


@dataclass(frozen=True)
class TrustSpec:
    """Which maps of one image to check, as plain data.

    Args:
        evaluation: what was evaluated; it names the network's files.
        predictions: fingerprint of the saved evaluation.
        image: absolute path of the picture.
        target: a class index, or (a, b) for "why a rather than b".
        methods: options by key of `analysis.attribution.METHODS`; left out options have their defaults.
        checks: ``CURVES``, ``RANDOMISATION`` or both.
    """

    evaluation: EvaluationSpec
    predictions: str
    image: str
    target: asked_target.Asked
    methods: Mapping[str, Options]
    checks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {
            "evaluation": self.evaluation.to_json(),
            "predictions": self.predictions,
            "image": self.image,
            "target": asked_target.to_json(self.target),
            "methods": {key: dict(options) for key, options in self.methods.items()},
            "checks": list(self.checks),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrustSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing, or a check is unknown.
        """
        try:
            checks = tuple(value["checks"])
            spec = cls(
                evaluation=EvaluationSpec.from_json(value["evaluation"]),
                predictions=str(value["predictions"]),
                image=str(value["image"]),
                target=asked_target.from_json(value["target"]),
                methods={str(key): dict(options) for key, options in value["methods"].items()},
                checks=checks,
            )
        except KeyError as error:
            raise JobError(f"The spec of a check needs {error}.") from error
        if not checks or set(checks) - {CURVES, RANDOMISATION}:
            raise JobError(f"The checks are {CURVES} and {RANDOMISATION}, not {', '.join(checks) or 'none'}.")
        return spec

    def asked(self) -> Target:
        """The target as `analysis.attribution.attribute` takes it."""
        return asked_target.as_target(self.target)


@dataclass(frozen=True)
class _Subject:
    """The image as the checks take it."""

    network: Network
    inputs: torch.Tensor
    question: Question


def trust_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "trust": compute the maps that are not kept yet, check them, keep what was measured.

    What is kept already is not measured again; each result is kept as soon as it is there.

    Args:
        spec: ``TrustSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in what the phase counts: parts of a map, pictures, maps.

    Returns:
        ``methods`` and ``checks`` that are now kept.

    Raises:
        ErrorscopeError: the checkpoint, the image or a method does not allow it.
    """
    from analysis.trust_results import Question
    from models.image_input import image_input

    wanted = TrustSpec.from_json(spec)
    yield Progress("Opening the model", 0, 0, unit="")
    network = explained_network(wanted.evaluation, wanted.predictions, context.store)
    use_background_threads()
    path = Path(wanted.image)
    # The key before the picture: if the file changes in between, nothing is kept under the new one's key.
    question = Question(context.store, network.fingerprint, content_key(path), wanted.asked())
    subject = _Subject(network, image_input(path, network.preprocessing), question)
    if CURVES in wanted.checks:
        yield from _curves_steps(subject, wanted.methods)
    if RANDOMISATION in wanted.checks:
        yield from _randomisation_steps(subject, wanted.methods)
    return {"methods": list(wanted.methods), "checks": list(wanted.checks)}


def _curves_steps(subject: _Subject, methods: Mapping[str, Options]) -> Steps:
    from analysis.attribution.faithfulness import insertion_deletion, n_orders
    from analysis.trust_results import save_chance, save_curves, saved_trust

    known = saved_trust(subject.question, methods)
    missing = [key for key in methods if key not in known.curves]
    maps = {}
    for key in missing:
        found = yield from _map_steps(subject, key, methods[key])
        maps[key] = found.relevance
    measured = yield from insertion_deletion(
        subject.network,
        subject.inputs,
        maps,
        subject.question.target,
        orders=n_orders(len(methods)),
        known_orders=len(known.chance),
    )
    # first: without enough of them the curves count for nothing
    if measured.random:
        save_chance(subject.question, known.chance + measured.random)
    for key, curves in measured.maps.items():
        save_curves(subject.question, key, methods[key], curves)


def _randomisation_steps(subject: _Subject, methods: Mapping[str, Options]) -> Steps:
    from analysis.attribution import METHODS
    from analysis.attribution.randomisation import randomisation
    from analysis.trust_results import save_randomisation, saved_trust
    from models.devices import is_out_of_memory

    known = saved_trust(subject.question, methods)
    missing = [key for key in methods if key not in known.randomisations and key not in known.refusals]
    # The quick ones first: their verdicts show while the slow ones run.
    for place, key in enumerate(sorted(missing, key=lambda each: _runs(each, methods[each])), 1):
        try:
            found = yield from _map_steps(subject, key, methods[key])
            steps = randomisation(subject.network, subject.inputs, found)
            words = f"{METHODS[key].label}, {place} of {len(missing)}"
            result = yield from relayed(steps, partial(_named, words))
        except AttributionError as error:
            if is_out_of_memory(error.__cause__):  # may be enough another time: no verdict on the method
                raise
            save_randomisation(subject.question, key, methods[key], error.message)
            continue
        save_randomisation(subject.question, key, methods[key], result)


def _map_steps(subject: _Subject, key: str, options: Options) -> Generator[Progress, None, Attribution]:
    """The map, kept or computed."""
    from analysis.attribution.saved import saved_steps

    question = subject.question
    steps = saved_steps(
        question.store,
        subject.network,
        subject.inputs,
        [question.target],
        key,
        image_key=question.image_key,
        **options,
    )
    try:
        for step in steps:
            (found,) = step.attributions
            yield step_progress(key, step)
    finally:
        steps.close()
    return found


def _named(words: str, progress: Progress) -> Progress:
    """The same, but that the phase says which map is being checked."""
    return replace(progress, phase=f"{progress.phase}: {words}")


def _runs(key: str, options: Options) -> float:
    from analysis.attribution import METHODS, settings_of

    settings = settings_of(key, options)  # first: it says so where there is no such method
    return METHODS[key].runs(settings)


def estimated_seconds(
    network: Network,
    methods: Mapping[str, Options],
    check: str,
    *,
    size: tuple[int, int] | None = None,
) -> float | None:
    """About how long a check takes, for maps that are kept and were never checked.

    Args:
        network: the network that was explained.
        methods: options by key of `analysis.attribution.METHODS`.
        check: ``CURVES`` or ``RANDOMISATION``.
        size: (height, width) of the network's input in pixels, where it takes any.

    Returns:
        Seconds, or None where it cannot be told.

    Raises:
        AttributionError: there is no such method or option.
    """
    from analysis.attribution.faithfulness import n_pictures
    from analysis.attribution.forward_passes import FORWARD_ONLY
    from analysis.attribution.random_weights import FORWARD_PASSES
    from analysis.attribution.randomisation import n_maps

    if check == CURVES:
        runs = FORWARD_ONLY * n_pictures(len(methods))
    else:
        each = (_runs(key, options) + FORWARD_ONLY * FORWARD_PASSES for key, options in methods.items())
        runs = n_maps() * sum(each)
    seconds = seconds_of_one_run(network, size)
    return None if seconds is None else seconds * runs
