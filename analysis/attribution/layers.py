"""A network's layers that give a map: their activations, and the one that a CAM should read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.modules import dropout, pooling

from analysis.attribution.gradients import derivatives, gradients_on, logits
from analysis.attribution.private_copy import private_copy
from analysis.attribution.records import Target
from analysis.attribution.spatial import spatial_map
from models.errors import AttributionError
from models.network import Network

# They thin out, or repeat, what the module before them gave.
_PASSED_OVER = (
    *(getattr(pooling, name) for name in pooling.__all__),
    *(getattr(dropout, name) for name in dropout.__all__),
    nn.Identity,
)
_SHARE_OF_PLACES = 0.99

_found: WeakKeyDictionary[nn.Module, dict[tuple[int, int], tuple[str, ...]]] = WeakKeyDictionary()
_found_lock = threading.Lock()


def spatial_layers(network: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
    """The layers that a CAM can read, from the input towards the answer; the last one is the best choice.

    A layer counts if its output is a map of places and the answer hangs on more than 99 % of them. That
    leaves out what comes after a vision transformer's last attention, where only the class token still
    matters, and the map of class scores of a convolutional head. Found by one forward and one backward
    pass on noise, then remembered for as long as the module lives.

    Args:
        network: a plain network, no program.
        input_size: (H, W) of its input in pixels.

    Returns:
        Dotted names of modules; where a module only hands on what its last submodule gave, the outer name.

    Raises:
        AttributionError: it is a program, or no layer gives a map.
    """
    refuse_programs(network)
    with _found_lock:
        known = _found.setdefault(network.module, {})
    if input_size not in known:
        known[input_size] = _search(network, input_size)
    return known[input_size]


def refuse_programs(network: Network) -> None:
    """Stop where layers cannot be read.

    Raises:
        AttributionError: the network is a TorchScript or torch.export program.
    """
    if network.kind == "state_dict":
        return
    name = "TorchScript" if network.kind == "torchscript" else "torch.export"
    raise AttributionError(
        f"This network is a {name} program, so its layers cannot be read.",
        next_step="Use SmoothGrad instead, or open the weights as a state dict.",
    )


@dataclass
class _Candidate:
    name: str
    output: torch.Tensor


def _search(network: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
    candidates, gradients = _outputs_and_gradients(network, input_size)
    # a module that ran several times is read at its last run
    last_runs = {
        candidate.name: (place, candidate)
        for place, (candidate, gradient) in enumerate(zip(candidates, gradients, strict=True))
        if _matters_everywhere(gradient, input_size)
    }
    reached = [candidate for _, candidate in sorted(last_runs.values(), key=lambda each: each[0])]
    if not reached:
        raise AttributionError(
            f"No layer gives a map of places for an input of {input_size[0]} x {input_size[1]} pixels.",
            next_step="Use SmoothGrad instead, which needs no layer.",
        )
    return tuple(
        each.name
        for each, following in zip(reached, [*reached[1:], None], strict=True)
        if following is None or not _only_handed_on(each, following)
    )


def _only_handed_on(inner: _Candidate, outer: _Candidate) -> bool:
    return inner.name.startswith(f"{outer.name}.") and torch.equal(inner.output, outer.output)


def _matters_everywhere(gradient: torch.Tensor | None, input_size: tuple[int, int]) -> bool:
    places = spatial_map(gradient, input_size)
    return places is not None and float((places != 0).any(1).float().mean()) > _SHARE_OF_PLACES


@gradients_on()
def _outputs_and_gradients(
    network: Network, input_size: tuple[int, int]
) -> tuple[list[_Candidate], Sequence[torch.Tensor | None]]:
    module = private_copy(network.module)
    candidates: list[_Candidate] = []
    scores: list[torch.Tensor] = []
    for name, layer in module.named_modules():
        if name == network.head:
            layer.register_forward_hook(lambda _, __, output: scores.append(output.clone()))
        elif name and not isinstance(layer, _PASSED_OVER):
            layer.register_forward_hook(_recorder(name, candidates, scores, network, input_size))
    noise = torch.randn(1, 3, *input_size, generator=torch.Generator().manual_seed(0))
    answer = logits(module, noise.to(device_of(network)).requires_grad_(), network)
    outputs = [candidate.output for candidate in candidates]
    # squared, because the plain sum of a softmax is constant; at the head, because SqueezeNet's ReLU
    # after it hides places
    whole = (scores or [answer])[-1].square().sum()
    return candidates, torch.autograd.grad(whole, outputs, allow_unused=True) if outputs else ()


def _recorder(
    name: str,
    candidates: list[_Candidate],
    scores: list[torch.Tensor],
    network: Network,
    input_size: tuple[int, int],
) -> Callable[[nn.Module, object, object], torch.Tensor | None]:
    def record(_: nn.Module, __: object, output: object) -> torch.Tensor | None:
        places = spatial_map(output, input_size)
        if scores or places is None or not isinstance(output, torch.Tensor):
            return None
        if network.head is None and places.shape[1] == len(network.class_names):
            return None
        candidates.append(_Candidate(name, output))
        # The next layer may overwrite what it is given (DenseNet's functional ReLU does).
        return output.clone()

    return record


def device_of(network: Network) -> torch.device:
    """Where the network's weights lie."""
    weights = [*network.module.parameters(), *network.module.buffers()]
    return weights[0].device if weights else torch.device("cpu")


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
        if not isinstance(output, torch.Tensor):
            return None
        # From here on only: what comes before the layer needs no gradient, so is not remembered.
        seen.append(output.detach().requires_grad_())
        return seen[-1].clone()

    _named(module, layer).register_forward_hook(cut)
    answer = logits(module, inputs.detach().clone(), network)
    activation = spatial_map(seen[-1], size) if seen else None
    if activation is None:
        raise _no_map(layer)
    found = [spatial_map(each, size) for each in derivatives(answer, targets, seen[-1], network)]
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
