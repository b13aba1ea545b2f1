"""Torchvision classifiers that say something: fresh ones give nearly the same logits for every image."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from models.torchvision_import import torchvision

CLASSES = 7
SIDES = {"maxvit_t": 224, "inception_v3": 80, "alexnet": 80}
OPTIONS: dict[str, dict[str, object]] = {
    "googlenet": {"init_weights": False, "transform_input": False, "aux_logits": True},
    "inception_v3": {"init_weights": False, "transform_input": False, "aux_logits": True},
    "vit_b_16": {"image_size": 64},
}
FAMILIES = (
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "resnet50",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg16",
    "vgg16_bn",
    "vit_b_16",
)


def images_for(name: str, n: int = 2, seed: int = 0) -> torch.Tensor:
    """Random normalised images of a size that the architecture takes and that is quick."""
    side = SIDES.get(name, 64)
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(seed))


def fresh(name: str, n_classes: int = CLASSES, **options: object) -> nn.Module:
    """A calibrated network: the same one at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        options = {**OPTIONS.get(name, {}), **options}
        module: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=n_classes, **options)
        _calibrate(module, images_for(name, 2, seed=5))
    return module.eval()


def _calibrate(module: nn.Module, images: torch.Tensor) -> None:
    for each in module.modules():
        if isinstance(each, nn.Linear) and not bool(each.weight.any()):
            nn.init.normal_(each.weight, std=0.05)
        if isinstance(each, nn.BatchNorm2d):
            each.momentum = 1.0
    for key, weight in module.named_parameters():
        if key.endswith("layer_scale"):
            nn.init.uniform_(weight, 0.2, 0.8)
    module.eval()
    for each in module.modules():
        each.training = isinstance(each, nn.BatchNorm2d)
    with torch.no_grad():
        module(images)


@cache
def small_weights(name: str = "shufflenet_v2_x0_5") -> dict[str, torch.Tensor]:
    """The state dict of one small calibrated network; copy before changing it."""
    return dict(fresh(name).state_dict())
