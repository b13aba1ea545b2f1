"""A network's layers that give a map: their activations, and the one that a CAM should read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import nn

from analysis.attribution.gradients import PROGRAM_NAMES, article, derivatives, gradients_on, logits
from analysis.attribution.layer_search import layers_with_a_map
from analysis.attribution.layouts import channel_axis
from analysis.attribution.private_copy import private_copy
from analysis.attribution.records import Target
from analysis.attribution.spatial import spatial_map
from analysis.attribution.trial_inputs import small_size
from models.errors import AttributionError
from models.network import Network

_Found = dict[tuple[int, int], tuple[str, ...]]

_found: WeakKeyDictionary[nn.Module, _Found] = WeakKeyDictionary()
_found_lock = threading.Lock()


def spatial_layers(network: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
    """The layers that a CAM can read, from the input towards the answer; the last one is the best choice.

    A layer counts if its output is a map of places and the answer hangs on more than 99 % of them. That
    leaves out what comes after a vision transformer's last attention, where only the class token still
    matters, and the map of class scores of a convolutional head. Found by one forward and one backward
    pass on noise, then remembered for as long as the module lives. The noise is smaller than a large input,
    where the network takes other sizes than its own. The best choice is the same; some earlier layers may be
    offered although at the odd size of the input their outermost row or column plays no part.

    Args:
        network: a plain network, no program.
        input_size: (H, W) of its input in pixels.

    Returns:
        Dotted names of modules; where a module only hands on what its last submodule gave, the outer name.

    Raises:
        AttributionError: it is a program, no layer gives a map, or no gradient comes through.
    """
    refuse_programs(network)
    with _found_lock:
        known = _found.setdefault(network.module, {})
    if input_size not in known:
        known[input_size] = _search(network, input_size)
    return known[input_size]


def _search(network: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
    small = small_size(input_size)
    if small != input_size:
        try:
            return spatial_layers(network, small)
        except AttributionError:
            pass  # a vision transformer takes one size only
    return layers_with_a_map(network, input_size)


def refuse_programs(network: Network) -> None:
    """Stop where layers cannot be read.

    Raises:
        AttributionError: the network is a TorchScript, torch.export or ONNX program.
    """
    if network.kind == "state_dict":
        return
    other = "Occlusion" if network.kind == "onnx" else "SmoothGrad"  # ONNX Runtime gives no gradients either
    name = PROGRAM_NAMES[network.kind]
    raise AttributionError(
        f"This network is {article(name)} {name} program, so its layers cannot be read.",
        next_step=f"Use {other} instead, or open the weights as a state dict.",
    )


@gradients_on()
def activation_and_gradients(
    network: Network, inputs: torch.Tensor, layer: str, targets: Sequence[Target]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A layer's map, and how each target's score changes with it.

    Args:
        network: a plain network, no program.
        inputs: (1, 3, H, W).
        layer: dotted name of a module. One that runs several times is read at its last run.
        targets: what to explain; all share one forward pass.

    Returns:
        The activation (1, D, h, w) and for each target its gradient (1, D, h, w).

    Raises:
        AttributionError: it is a program, has no such layer, or the layer gives no map.
    """
    refuse_programs(network)
    module = private_copy(network.module)
    size = (inputs.shape[-2], inputs.shape[-1])
    seen: list[torch.Tensor] = []

    def cut(_: nn.Module, __: object, output: object) -> torch.Tensor | None:
        if not isinstance(output, torch.Tensor) or output.shape[:1] != inputs.shape[:1]:
            return None
        # From here on only: what comes before the layer needs no gradient, so is not remembered.
        seen.append(output.detach().requires_grad_())
        return seen[-1].clone()

    _named(module, layer).register_forward_hook(cut)
    answer = logits(module, inputs.detach(), network)
    axis = channel_axis(network, layer, seen[-1].shape, size) if seen else None
    activation = spatial_map(seen[-1], size, axis) if seen else None
    if activation is None:
        raise _no_map(layer)
    found = [spatial_map(each, size, axis) for each in derivatives(answer, targets, seen[-1], network)]
    return activation.detach(), [each for each in found if each is not None]


def _named(module: nn.Module, layer: str) -> nn.Module:
    try:
        return module.get_submodule(layer)
    except AttributeError as error:
        raise AttributionError(
            f'This network has no layer called "{layer}".',
            next_step="Leave the layer empty to have it found.",
        ) from error


def _no_map(layer: str) -> AttributionError:
    return AttributionError(
        f'The layer "{layer}" gives no map of places, or is not used in a prediction.',
        next_step="Choose another, or leave the layer empty to have it found.",
    )
