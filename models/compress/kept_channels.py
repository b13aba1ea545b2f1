"""Which channels a layer still has after some were taken out of it, whoever took them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def numbered_channels(module: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Follow the channels of all layers through whatever is done to a network within the block.

    Each layer carries the numbers of its channels in a vector that loses the same places as its weights do; what the vector
    held before is put back at the end, without the places that went.

    Args:
        module: the network, changed in place; what it computes within the block means nothing.

    Yields:
        Empty within the block; after it the name of each layer that can be corrected (``correctable_layers``) to the
        former numbers of its channels, ascending, (C,) int64.
    """
    before = {name: _carrier(layer).detach().clone() for name, layer in correctable_layers(module).items()}
    kept: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, values in before.items():
            _carrier(module.get_submodule(name)).copy_(torch.arange(len(values)))
    try:
        yield kept
    finally:
        with torch.no_grad():
            for name, values in before.items():
                carrier = _carrier(module.get_submodule(name))
                kept[name] = carrier.detach().round().long()
                carrier.copy_(values[kept[name]])


def correctable_layers(module: nn.Module) -> dict[str, nn.Module]:
    """The layers that can shift and stretch what they hand on, channel by channel, by name.

    Batch norms with running statistics, and convolutions and linear layers with a bias.
    """
    return {
        name: layer
        for name, layer in module.named_modules()
        if (isinstance(layer, _BatchNorm) and layer.running_var is not None)
        or (isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None)
    }


def _carrier(layer: nn.Module) -> Tensor:
    carrier = layer.running_var if isinstance(layer, _BatchNorm) else layer.bias
    assert isinstance(carrier, Tensor)
    return carrier
