"""The search for the layers of a network that give a map of places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn.modules import dropout, pooling

from analysis.attribution.gradients import explained_run, gradients_on, logits
from analysis.attribution.layouts import channel_axis
from analysis.attribution.private_copy import private_copy
from analysis.attribution.spatial import spatial_map
from analysis.attribution.trial_inputs import noise
from models.errors import AttributionError
from models.network import Network

# They thin out, or repeat, what the module before them gave.
_PASSED_OVER = (
    *(getattr(pooling, name) for name in pooling.__all__),
    *(getattr(dropout, name) for name in dropout.__all__),
    nn.Identity,
)
_SHARE_OF_PLACES = 0.99


def layers_with_a_map(network: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
    """The layers whose output is a map of places that the answer hangs on; see `layers.spatial_layers`.

    Args:
        network: a plain network, no program.
        input_size: (H, W) of the noise that it is run on.

    Returns:
        Dotted names of modules, in the order in which they last ran.

    Raises:
        AttributionError: no layer gives a map, the network cannot run an input of this size or lets no
            gradient through, or there is not enough memory.
    """
    reached = [each for each in _candidates(network, input_size) if each.is_reached]
    if not reached:
        raise AttributionError(
            f"No layer gives a map of places for an input of {input_size[0]} x {input_size[1]} pixels.",
            next_step="Use SmoothGrad instead, which needs no layer.",
        )
    return tuple(
        each.name for each in reached if each.handed_on_by is None or not each.handed_on_by.is_reached
    )


@dataclass
class _Candidate:
    name: str
    is_reached: bool = False
    handed_on_by: _Candidate | None = None


class _Recording:
    """What a forward pass shows of each layer, and the backward pass after it.

    Of the outputs themselves only the latest is kept, and of the gradients none: all of them together are
    gigabytes.
    """

    def __init__(self, network: Network, input_size: tuple[int, int]) -> None:
        self.candidates: dict[str, _Candidate] = {}
        self.scores: torch.Tensor | None = None
        self._network = network
        self._input_size = input_size
        self._latest: tuple[_Candidate, torch.Tensor, int] | None = None

    def record_scores(self, _: nn.Module, __: object, output: torch.Tensor) -> None:
        self.scores = output.clone()

    def record(self, name: str, _: nn.Module, __: object, output: object) -> None:
        # What needs no gradient does not hang on the image: Swin V2's table of relative positions.
        if self.scores is not None or not isinstance(output, torch.Tensor) or not output.requires_grad:
            return
        axis = channel_axis(self._network, name, output.shape, self._input_size)
        places = spatial_map(output, self._input_size, axis)
        if places is None or len(places) != 1 or self._is_map_of_classes(places):
            return
        candidate = _Candidate(name)
        # a module that ran several times is read, and stands, at its last run
        self.candidates.pop(name, None)
        self.candidates[name] = candidate
        self._note_what_is_handed_on(candidate, output)
        # Even if the next layer overwrites the output (DenseNet's functional ReLU does), a hook that was
        # there before hears the gradient of what stood there then.
        output.register_hook(partial(self._judge, candidate, axis))  # type: ignore[no-untyped-call]
        self._latest = (candidate, output, output._version)

    def forget_outputs(self) -> None:
        self._latest = None

    def _is_map_of_classes(self, places: torch.Tensor) -> bool:
        return self._network.head is None and places.shape[1] == len(self._network.class_names)

    def _note_what_is_handed_on(self, outer: _Candidate, output: torch.Tensor) -> None:
        if self._latest is None:
            return
        inner, given, version = self._latest
        is_inside = inner.name.startswith(f"{outer.name}.")
        if is_inside and given._version == version and torch.equal(given, output):
            inner.handed_on_by = outer

    def _judge(self, candidate: _Candidate, axis: int | None, gradient: torch.Tensor) -> None:
        places = spatial_map(gradient, self._input_size, axis)
        candidate.is_reached = (
            places is not None and float((places != 0).any(1).float().mean()) > _SHARE_OF_PLACES
        )


@gradients_on()
def _candidates(network: Network, input_size: tuple[int, int]) -> list[_Candidate]:
    module = private_copy(network.module)
    recording = _Recording(network, input_size)
    for name, layer in module.named_modules():
        if name == network.head:
            layer.register_forward_hook(recording.record_scores)
        elif name and not isinstance(layer, _PASSED_OVER):
            layer.register_forward_hook(partial(recording.record, name))
    inputs = noise(network, input_size).requires_grad_()
    answer = logits(module, inputs, network)
    recording.forget_outputs()
    # squared, because the plain sum of a softmax is constant; at the head, because SqueezeNet's ReLU
    # after it hides places
    whole = (answer if recording.scores is None else recording.scores).square().sum()
    _run_backward(whole, inputs)
    return list(recording.candidates.values())


def _run_backward(whole: torch.Tensor, inputs: torch.Tensor) -> None:
    try:
        with explained_run(whole.device):
            torch.autograd.grad(whole, inputs, allow_unused=True)
    except RuntimeError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise AttributionError(
            f"This network lets no gradient through ({first_line}).",
            next_step="Use Occlusion instead, which needs none.",
        ) from error
