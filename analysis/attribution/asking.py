"""From a picture and a class to a question for a method, and from its maps to attributions."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence

import numpy as np
import torch
from PIL import Image

from analysis.attribution.gradients import gradients_on
from analysis.attribution.records import (
    Attribution,
    Contrast,
    Estimate,
    Method,
    Option,
    OptionValue,
    Question,
    Step,
    Target,
)
from analysis.attribution.trial_inputs import device_of
from models.errors import AttributionError
from models.network import Network
from models.preprocessing import network_input


def steps(
    method: Method,
    network: Network,
    image: Image.Image | torch.Tensor,
    targets: Sequence[Target],
    options: Mapping[str, OptionValue],
) -> Generator[Step, None, None]:
    """Run a method, handing on every estimate; closing the generator stops it.

    Raises:
        AttributionError: a target, an option or the image makes no sense, or the method cannot explain
            this network.
    """
    chosen = chosen_options(method, options)
    question = asked(network, image, targets)
    estimates = method.function(question, **chosen)
    seconds, start = 0.0, time.perf_counter()
    for estimate in estimates:
        maps = [_relevance(each, method) for each in estimate.maps]
        seconds += time.perf_counter() - start
        yield Step(
            estimate.fraction,
            tuple(
                Attribution(
                    relevance, method.key, target, chosen, estimate.layer, seconds, expected, estimate.note
                )
                for relevance, target, expected in zip(
                    maps, question.targets, _expected(estimate), strict=True
                )
            ),
        )
        start = time.perf_counter()


def _expected(estimate: Estimate) -> Sequence[float | None]:
    return estimate.expected_sums or [None] * len(estimate.maps)


def asked(network: Network, image: Image.Image | torch.Tensor, targets: Sequence[Target]) -> Question:
    """The question, checked.

    Args:
        network: the network to explain.
        image: a picture of any size, or the network's input, (3, H, W) or (1, 3, H, W), normalised.
        targets: at least one.

    Raises:
        AttributionError: there is no target, the network has no such class, a contrast's two classes are the
            same, or the tensor is of another shape or holds NaN.
    """
    for target in targets:
        _check_target(target, network)
        if isinstance(target, Contrast) and target.a == target.b:
            raise AttributionError(
                "The two classes of a contrast are the same.",
                next_step="Choose two different classes, or ask about one alone.",
            )
    if not targets:
        raise AttributionError("No class was asked about.", next_step="Choose at least one class.")
    with gradients_on():
        tensor = image if isinstance(image, torch.Tensor) else network_input(image, network.preprocessing)
        inputs = tensor.detach().to(device_of(network), torch.float32, copy=True)
    inputs = inputs[None] if inputs.dim() == 3 else inputs
    if inputs.dim() != 4 or inputs.shape[:2] != (1, 3) or not bool(inputs.isfinite().all()):
        raise AttributionError(
            f"The input of shape {tuple(tensor.shape)} is no single image of three channels, or holds NaN.",
            next_step="Give a picture, or a tensor of shape (3, H, W).",
        )
    return Question(
        network, inputs, tuple(each if isinstance(each, Contrast) else int(each) for each in targets)
    )


def _check_target(target: Target, network: Network) -> None:
    last = len(network.class_names) - 1
    for index in (target.a, target.b) if isinstance(target, Contrast) else (target,):
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index <= last:
            raise AttributionError(
                f"The network has no class {index!r}: its classes are numbered 0 to {last}.",
                next_step="Ask about one of the network's own classes.",
            )


def chosen_options(method: Method, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """A method's settings: its defaults, and over them what was asked for.

    Raises:
        AttributionError: it has no such option, or the value is of another kind or out of range.
    """
    known = {option.name: option for option in method.options}
    for name in options:
        if name not in known:
            raise AttributionError(
                f'{method.label} has no option "{name}".',
                next_step=f"It has: {', '.join(known) or 'none'}.",
            )
    return {name: _checked(option, options.get(name, option.default)) for name, option in known.items()}


def _checked(option: Option, value: OptionValue) -> OptionValue:
    if option.choices and value not in option.choices:
        raise AttributionError(
            f"{option.label} is {value!r}, but must be one of: {', '.join(option.choices)}.",
            next_step=f"The usual value is {option.default!r}.",
        )
    kind = type(option.default)
    fits = isinstance(value, int | float if kind is float else kind) and not isinstance(value, bool)
    if not fits or not _in_range(option, value):
        span = f" from {option.low:g} to {option.high:g}" if option.low is not None else ""
        words = {int: "a whole number", float: "a number", str: "a word"}[kind]
        raise AttributionError(
            f"{option.label} is {value!r}, but must be {words}{span}.",
            next_step=f"The usual value is {option.default!r}.",
        )
    return kind(value)


def _in_range(option: Option, value: OptionValue) -> bool:
    if option.low is None or option.high is None or isinstance(value, str):
        return True
    return option.low <= value <= option.high


def _relevance(found: torch.Tensor, method: Method) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    relevance = found.detach().to("cpu", torch.float32).numpy()
    if not np.isfinite(relevance).all():
        raise AttributionError(
            f"{method.label} gives values that are not finite for this image.",
            next_step="Check that the network's own answer is finite; another method may still work.",
        )
    return relevance
