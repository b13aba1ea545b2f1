"""A twin of a network that has forgotten what it learned, from its answer downwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from analysis.attribution.gradients import explained_run
from analysis.attribution.layers import refuse_programs
from analysis.attribution.private_copy import private_copy
from models.network import Network

_COPIES, _NOISE = 4, 0.25
FORWARD_PASSES = 2 * _COPIES
"""What making one such network costs, in forward passes of one picture."""
_Hook = Callable[[nn.Module, object, torch.Tensor], torch.Tensor | None]


def randomised(network: Network, share: float, inputs: torch.Tensor, seed: int) -> Network:
    """The network with its upper layers unlearned; the network itself is left alone.

    The matrices and kernels of an unlearned layer are drawn anew, normal around zero, of the root mean
    square they had; what has one value per channel (biases, the factors of a normalisation) is shuffled.
    Layers so treated would let their outputs grow or fade from one to the next, having lost what they were
    tuned to. So one pass over noisy copies of the picture sets the batch-norm statistics anew and scales
    each unlearned layer until its output spreads as widely as before; the check would otherwise compare
    maps with those of a network that is dead or has exploded.

    Args:
        network: a plain network, no program.
        share: of the layers that have weights, counted from the answer, 0 to 1; at least the last layer is
            unlearned.
        inputs: (1, 3, H, W) the picture that the network is then asked about.
        seed: of the draw; the same gives the same network.

    Returns:
        A network with weights of its own where they were changed; the others are shared.

    Raises:
        AttributionError: it is a program, or there is not enough memory.
    """
    refuse_programs(network)
    twin = private_copy(network.module)
    draws = torch.Generator().manual_seed(seed)
    changed = _upper_layers(twin, share)
    for layer in changed.values():
        _unlearn(layer, draws)
    batch = _noisy_copies(inputs, draws)
    _settle(twin, changed, batch, _spreads(network.module, changed, batch))
    name = f"{network.fingerprint}-unlearned-{share:g}-{seed}"
    return replace(network, module=twin, fingerprint=name, weights="", lock=threading.RLock())


def _upper_layers(module: nn.Module, share: float) -> dict[str, nn.Module]:
    """The last of the layers with weights of their own, by name.

    Last is what the network defines last: torchvision's networks are defined from the input to the answer.
    """
    layers = {name: layer for name, layer in module.named_modules() if layer._parameters}
    first = min(len(layers) - 1, round((1 - share) * len(layers)))
    return dict(list(layers.items())[max(0, first) :])


@torch.no_grad()
def _unlearn(layer: nn.Module, draws: torch.Generator) -> None:
    for name, weight in layer._parameters.items():
        if weight is None:
            continue
        if weight.dim() > 1:
            fresh = torch.randn(weight.shape, generator=draws).to(weight)
            fresh *= weight.square().mean().sqrt()
        else:
            # Shuffled, because a normalisation's factors are sizes, not directions: they keep their signs.
            fresh = weight.detach()[torch.randperm(len(weight), generator=draws).to(weight.device)]
        # New tensors: the old ones belong to the network that everybody shares.
        layer._parameters[name] = nn.Parameter(fresh, requires_grad=False)


def _noisy_copies(inputs: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    noise = torch.randn((_COPIES, *inputs.shape[1:]), generator=draws).to(inputs)
    copies = inputs + _NOISE * inputs.std() * noise
    copies[_COPIES // 2 :] = copies[_COPIES // 2 :].flip(-1)
    return copies


@torch.no_grad()
def _spreads(module: nn.Module, names: Mapping[str, nn.Module], batch: torch.Tensor) -> dict[str, float]:
    """How widely the output of each convolution and dense layer spreads with the weights as learned."""
    learned, found = private_copy(module), dict[str, float]()

    def recorder(name: str) -> _Hook:
        def record(_: nn.Module, __: object, output: torch.Tensor) -> None:
            found.setdefault(name, float(output.std()))

        return record

    for name in names:
        layer = learned.get_submodule(name)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(recorder(name))
    with explained_run(batch.device):
        learned(batch)
    return found


@torch.no_grad()
def _settle(
    twin: nn.Module, changed: Mapping[str, nn.Module], batch: torch.Tensor, spreads: Mapping[str, float]
) -> None:
    """One pass in which every changed layer takes the spread it had, and batch-norm the statistics it meets."""
    done: set[str] = set()

    def scaler(name: str) -> _Hook:
        def scale(layer: nn.Module, _: object, output: torch.Tensor) -> torch.Tensor | None:
            spread = float(output.std())
            if name in done or spread == 0:
                return None
            done.add(name)
            for weight in layer.parameters(recurse=False):
                weight.mul_(spreads[name] / spread)
            return output * (spreads[name] / spread)

        return scale

    handles = [changed[name].register_forward_hook(scaler(name)) for name in spreads]
    norms = [layer for layer in changed.values() if isinstance(layer, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm._buffers = {name: _cloned(buffer) for name, buffer in norm._buffers.items()}
        norm.training, norm.momentum = True, 1.0
    with explained_run(batch.device):
        twin(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.training, norm.momentum = False, momentum
    for handle in handles:
        handle.remove()


def _cloned(buffer: torch.Tensor | None) -> torch.Tensor | None:
    return None if buffer is None else buffer.clone()
