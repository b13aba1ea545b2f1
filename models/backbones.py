"""The classifiers of torchvision as starting points: what each weighs, computes and reaches on ImageNet.

All figures are torchvision's own, of the weights that it calls the default (its best).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from models.meta_modules import classifier_names

_MEBIBYTE = 2**20  # torchvision's file sizes are in these, whatever it calls them
_FAMILIES = {
    "alexnet": "AlexNet",
    "convnext": "ConvNeXt",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "googlenet": "GoogLeNet",
    "inception": "Inception",
    "maxvit": "MaxViT",
    "mnasnet": "MNASNet",
    "mobilenetv2": "MobileNet",
    "mobilenetv3": "MobileNet",
    "regnet": "RegNet",
    "resnet": "ResNet",
    "shufflenetv2": "ShuffleNet",
    "squeezenet": "SqueezeNet",
    "swin_transformer": "Swin",
    "vgg": "VGG",
    "vision_transformer": "ViT",
}


@dataclass(frozen=True)
class Backbone:
    """A classifier that torchvision offers with ImageNet weights.

    Args:
        name: torchvision's ("mobilenet_v2").
        family: that it belongs to ("MobileNet").
        weights_name: of its default weights ("IMAGENET1K_V2").
        n_weights: numbers in its parameters, with the head for 1000 classes.
        multiply_adds: for one image of ``input_side``.
        top_1: share of ImageNet's validation images that it gets right, 0..1.
        top_5: likewise among its five best guesses.
        input_side: in pixels, of the square that it is fed in torchvision's own evaluation.
        file_bytes: of the weights.
        url: where they lie.
    """

    name: str
    family: str
    weights_name: str
    n_weights: int
    multiply_adds: int
    top_1: float
    top_5: float
    input_side: int
    file_bytes: int
    url: str

    @property
    def file_name(self) -> str:
        """Of the weights ("mobilenet_v2-7ebf99e0.pth")."""
        return self.url.rpartition("/")[2]


@cache
def backbones() -> dict[str, Backbone]:
    """Name to backbone, sorted by name."""
    from models.torchvision_import import torchvision

    return {name: _backbone(name, torchvision.models) for name in classifier_names()}


def frontier(costs: Sequence[float], reached: Sequence[float]) -> list[int]:
    """Which of some choices are worth their cost: no other reaches as much for less.

    Args:
        costs: of each choice.
        reached: of each choice; more is better.

    Returns:
        Their places, from the cheapest to the dearest.

    >>> frontier([1, 2, 3, 4], [0.5, 0.4, 0.7, 0.7])
    [0, 2]
    """
    best, found = float("-inf"), []
    for at in sorted(range(len(costs)), key=lambda at: (costs[at], -reached[at])):
        if reached[at] > best:
            best = reached[at]
            found.append(at)
    return found


def _backbone(name: str, models: Any) -> Backbone:
    module = models.get_model_builder(name).__module__.rpartition(".")[2]
    weights = models.get_model_weights(name).DEFAULT
    reached = weights.meta["_metrics"]["ImageNet-1K"]
    return Backbone(
        name=name,
        family=_FAMILIES.get(module, module),
        weights_name=weights.name,
        n_weights=weights.meta["num_params"],
        multiply_adds=round(weights.meta["_ops"] * 1e9),
        top_1=reached["acc@1"] / 100,
        top_5=reached["acc@5"] / 100,
        input_side=weights.transforms().crop_size[0],
        file_bytes=round(weights.meta["_file_size"] * _MEBIBYTE),
        url=weights.url,
    )
