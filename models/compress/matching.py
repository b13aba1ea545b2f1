"""Give the channels of a smaller network the mean and the spread that they had in the network it was made of.

What goes leaves less behind it than its own share: every later layer gets inputs that are shifted and of another size. That
part of the damage needs no training to be mended, only some images.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from models.compress.kept_channels import correctable_layers
from models.devices import plain_arithmetic
from models.norm_statistics import norm_statistics
from models.progress import Progress

_FLOOR = 1e-8
_MOST = 10.0
"""A channel that hardly varies on these images is stretched no further: on others it would blow up."""
Moments = tuple[Tensor, Tensor]
"""Mean and variance of each channel over a batch and all places, (C,) each."""


@dataclass
class ReferenceMoments:
    """What the channels of a network are on some images.

    Args:
        batches: the inputs, (n, 3, H, W) each.
        found: name of a layer to what it was in each of its calls, in order. Of a batch norm it is what it gets, of other
            layers what they give.
    """

    batches: Sequence[Tensor]
    found: dict[str, list[Moments]] = field(default_factory=dict)


def moments_steps(
    module: nn.Module, head: str, batches: Sequence[Tensor]
) -> Generator[Progress, None, ReferenceMoments]:
    """Measure the channels of the network that a smaller one is to be like.

    Args:
        module: a copy that nobody else has, in evaluation mode.
        head: dotted name of its last layer, which is left out: its channels are the answers.
        batches: the inputs.

    Yields:
        Progress in images.
    """
    reference = ReferenceMoments(batches)

    def noted(name: str, layer: nn.Module, values: Tensor) -> None:
        reference.found.setdefault(name, []).append(_moments(layer, values))

    yield from _passes(module, head, batches, noted, "Measuring the open network")
    return reference


def matching_steps(
    module: nn.Module, head: str, reference: ReferenceMoments, kept: Mapping[str, Tensor] | None
) -> Generator[Progress, None, None]:
    """Correct a smaller network in place, layer by layer from the first, each on what the corrected ones before it give.

    Batch norms get other running statistics, those that were folded into the layer before them another scale and shift:
    their statistics are of no images, and stay recognisable as that. Convolutions and linear layers with a bias get
    another scale and bias (zeros stay zero). A network that lost nothing stays as it is.

    Args:
        module: the smaller network, in evaluation mode; nobody else has it.
        head: dotted name of its last layer.
        reference: of the network that it was made of, on the same images.
        kept: name of a layer to the former numbers of its channels; None if all of them stayed.

    Yields:
        Progress in images.

    Source:
        Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction" (the shift); Jordan et
        al. 2023, "REPAIR" (shift and spread).
    """
    corrections: dict[str, list[Moments]] = {}
    former = {
        name: _statistics(layer)
        for name, layer in correctable_layers(module).items()
        if isinstance(layer, _BatchNorm)
    }

    def corrected(name: str, layer: nn.Module, values: Tensor) -> Tensor | None:
        done = corrections.setdefault(name, [])
        mean, variance = reference.found[name][len(done)]
        if kept is not None:
            mean, variance = (each[kept[name].to(each.device)] for each in (mean, variance))
        own_mean, own_variance = _moments(layer, values)
        stretch = ((variance + _FLOOR) / (own_variance + _FLOOR)).sqrt().clamp(1 / _MOST, _MOST)
        if isinstance(layer, _BatchNorm):
            running, spread = former[name]
            done.append(
                (own_mean + (running - mean) / stretch, (spread + layer.eps) / stretch**2 - layer.eps)
            )
            _set_statistics(layer, done[-1])
            return None
        done.append((mean - stretch * own_mean, stretch))
        return values * _beside(layer, values, stretch) + _beside(layer, values, done[-1][0])

    folded = {name for name in former if norm_statistics([module.get_submodule(name)]).n_folded}
    yield from _passes(module, head, reference.batches, corrected, "Correcting what is left")
    for name, found in corrections.items():
        layer = module.get_submodule(name)
        if isinstance(layer, _BatchNorm):
            _set_statistics(layer, _averaged(found))
            if name in folded and layer.affine:
                _keep_statistics(layer, former[name])
        else:
            _scale(layer, _averaged(found))


def _passes(
    module: nn.Module,
    head: str,
    batches: Sequence[Tensor],
    heard: Callable[[str, nn.Module, Tensor], Tensor | None],
    phase: str,
) -> Generator[Progress, None, None]:
    """Send the batches through a network, and let ``heard`` look at, or replace, what its layers have at hand."""
    handles = []
    for name, layer in correctable_layers(module).items():
        if name == head:
            continue
        if isinstance(layer, _BatchNorm):
            handles.append(
                layer.register_forward_pre_hook(lambda each, given, name=name: heard(name, each, given[0]))
            )
        else:
            handles.append(
                layer.register_forward_hook(lambda each, _given, made, name=name: heard(name, each, made))
            )
    device = next(module.parameters()).device
    n_images, done = sum(len(each) for each in batches), 0
    try:
        for batch in batches:
            yield Progress(phase, done, n_images)
            with torch.no_grad(), plain_arithmetic(device):
                module(batch.to(device))
            done += len(batch)
    finally:
        for handle in handles:
            handle.remove()


def _moments(layer: nn.Module, values: Tensor) -> Moments:
    channel = _channel(layer, values)
    others = [place for place in range(values.dim()) if place != channel]
    variance, mean = torch.var_mean(values.float(), others, correction=0)
    return mean, variance


def _channel(layer: nn.Module, values: Tensor) -> int:
    return values.dim() - 1 if isinstance(layer, nn.Linear) else 1


def _beside(layer: nn.Module, values: Tensor, vector: Tensor) -> Tensor:
    """A vector of channels in a shape that multiplies with ``values``."""
    shape = [1] * values.dim()
    shape[_channel(layer, values)] = len(vector)
    return vector.to(values.dtype).view(shape)


def _statistics(norm: _BatchNorm) -> Moments:
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean.clone(), norm.running_var.clone()


def _set_statistics(norm: _BatchNorm, moments: Moments) -> None:
    for kept, value in zip((norm.running_mean, norm.running_var), moments, strict=True):
        assert kept is not None
        kept.copy_(value)


def _averaged(found: Sequence[Moments]) -> Moments:
    first, second = (torch.stack(each).mean(0) for each in zip(*found, strict=True))
    return first, second


@torch.no_grad()
def _keep_statistics(norm: _BatchNorm, former: Moments) -> None:
    """Let a norm do by its scale and shift what its running statistics do, and give it back the former ones."""
    (mean, variance), (former_mean, former_variance) = _statistics(norm), former
    spread = (former_variance + norm.eps).sqrt()
    norm.weight.mul_(spread / (variance + norm.eps).sqrt())
    norm.bias.add_(norm.weight * (former_mean - mean) / spread)
    _set_statistics(norm, former)


@torch.no_grad()
def _scale(layer: nn.Module, found: Moments) -> None:
    assert isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None
    shift, stretch = found
    layer.weight.mul_(stretch.view(-1, *[1] * (layer.weight.dim() - 1)))
    layer.bias.mul_(stretch).add_(shift)
