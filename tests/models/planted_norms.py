"""Batch norms with statistics of images, and the same folded into the convolutions before them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn


def convolutions_with_norms(module: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each batch norm that is defined right behind a convolution, with that."""
    layers = [each for each in module.modules() if isinstance(each, nn.Conv2d | nn.BatchNorm2d)]
    for first, second in pairwise(layers):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            yield first, second


@torch.no_grad()
def learned(norm: nn.BatchNorm2d) -> None:
    """Give a norm the statistics, scale and shift that a training could have left."""
    assert norm.running_mean is not None and norm.running_var is not None
    draws = torch.Generator().manual_seed(norm.num_features)
    norm.running_mean.normal_(0.0, 0.5, generator=draws)
    norm.running_var.uniform_(0.2, 3.0, generator=draws)
    norm.weight.uniform_(0.5, 1.5, generator=draws)
    norm.bias.normal_(0.0, 0.5, generator=draws)


@torch.no_grad()
def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Let the convolution do what the norm did, which is left with the shift: the network's answers stay the same."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    convolution.weight.mul_(scale.view(-1, 1, 1, 1))
    if convolution.bias is not None:
        convolution.bias.mul_(scale)
    norm.bias.sub_(norm.running_mean * scale)
    norm.weight.fill_(1.0)
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)
