"""A small convolutional network that learns from random weights."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.finetune.heads import empty_layer
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

ARCHITECTURE = "small_cnn"
HEAD = "classifier"
WIDTH = 16
N_STAGES = 5
PREPROCESSING = Preprocessing(160, 160, IMAGENET_MEAN, IMAGENET_STD)
"""Where nothing else is said."""


class SmallCnn(nn.Module):
    """Five times convolution, batch norm, ReLU, max-pooling and dropout; the mean over space; a linear head.

    Each stage halves the sides and doubles the channels (the last keeps them). An image of 160 x 160 pixels takes
    some 115 million multiplications at a width of 16.

    Args:
        n_classes: C.
        dropout: before the head; the stages drop whole channels, a quarter of that share, 0..1.
        width: channels of the first stage.
    """

    def __init__(self, n_classes: int, dropout: float = 0.0, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        widths = [3, *(width * 2 ** min(stage, N_STAGES - 2) for stage in range(N_STAGES))]
        self.features = nn.Sequential(*(_stage(n_in, n_out, dropout / 4) for n_in, n_out in pairwise(widths)))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C) of images (B, 3, H, W); the sides are 32 pixels or more."""
        features = self.avgpool(self.features(images))
        return self.classifier(self.dropout(torch.flatten(features, 1)))  # type: ignore[no-any-return]


def small_cnn(n_classes: int, dropout: float = 0.0, seed: int = 0, *, width: int = WIDTH) -> SmallCnn:
    """The network with random weights, in evaluation mode.

    Args:
        n_classes: C.
        dropout: before the head, 0..1; a quarter of it between the stages.
        seed: of the weights; no other random state is read or moved.
        width: channels of the first stage.
    """
    module = empty_layer(SmallCnn, n_classes, dropout, width)
    assert isinstance(module, SmallCnn)
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01, generator=generator)
            nn.init.zeros_(layer.bias)
    return module.eval()


def _stage(n_in: int, n_out: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout2d(dropout),
    )
