"""Chains of layers in which channels can go without anybody else noticing: inside the blocks of ShuffleNet.

What two blocks hand to each other is shuffled, which no tracing follows; what a block has inside is its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from models.compress.channel_strength import chain_strengths
from models.finetune.heads import first_layer

Chain = Sequence[nn.Module]
"""Layers one after the other: the first gives the channels, the last takes them."""


def chains_of(module: nn.Module, head: str) -> Iterator[Chain]:
    """The chains of a ShuffleNet.

    Args:
        module: the network.
        head: dotted name of its last layer.
    """
    inner = (getattr(each, "branch2", None) for each in module.modules())
    blocks = [each for each in inner if isinstance(each, nn.Sequential)]
    for block in blocks:
        layers = [each for each in block if isinstance(each, nn.Conv2d | nn.BatchNorm2d)]
        convolutions = [place for place, each in enumerate(layers) if isinstance(each, nn.Conv2d)]
        first, last = convolutions[-3], convolutions[-1]  # narrow, per channel, wide
        if layers[first].groups == 1:
            yield layers[first : last + 1]
    final = module.get_submodule("conv5")
    assert isinstance(final, nn.Sequential)
    yield [
        *(each for each in final if isinstance(each, nn.Conv2d | nn.BatchNorm2d)),
        first_layer(module, head),
    ]


def prune_chain(chain: Chain, share: float) -> None:
    """Take the weakest channels out of a chain, in place.

    Args:
        chain: the layers.
        share: of the channels that goes, 0..1; at least one stays.
    """
    from torch_pruning import (
        prune_batchnorm_out_channels,
        prune_conv_in_channels,
        prune_conv_out_channels,
        prune_depthwise_conv_out_channels,
        prune_linear_in_channels,
    )

    strengths = chain_strengths(list(chain))
    n_gone = min(len(strengths) - 1, round(share * len(strengths)))
    if not n_gone:
        return
    gone = sorted(torch.argsort(strengths, stable=True)[:n_gone].tolist())
    for place, layer in enumerate(chain):
        if isinstance(layer, nn.BatchNorm2d):
            prune_batchnorm_out_channels(layer, gone)
        elif isinstance(layer, nn.Linear):
            prune_linear_in_channels(layer, gone)
        elif place == 0:
            prune_conv_out_channels(layer, gone)
        elif place == len(chain) - 1:
            prune_conv_in_channels(layer, gone)
        else:
            prune_depthwise_conv_out_channels(layer, gone)
