"""Random networks of torchvision that behave like trained ones.

Fresh from torchvision, most answer the same to every image (a vision transformer's head is all zeros) or
explode: a test with an absolute tolerance then passes without proving anything. Here batch-norm has seen
a batch, no linear layer is all zeros, and ConvNeXt's blocks matter.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from models.network import Network
from models.preprocessing import Preprocessing
from models.torchvision_import import torchvision

N_CLASSES = 5
NARROW = 128

HEADS: Mapping[str, str] = MappingProxyType(
    {
        "resnet18": "fc",
        "resnet50": "fc",
        "vgg16": "classifier.6",
        "vgg16_bn": "classifier.6",
        "googlenet": "fc",
        "inception_v3": "fc",
        "efficientnet_b0": "classifier.1",
        "mobilenet_v2": "classifier.1",
        "mobilenet_v3_small": "classifier.3",
        "densenet121": "classifier",
        "convnext_tiny": "classifier.2",
        "vit_b_16": "heads.head",
        "swin_t": "head",
        "squeezenet1_1": "classifier.1",
        "shufflenet_v2_x0_5": "fc",
        "mnasnet0_5": "classifier.1",
        "regnet_y_400mf": "fc",
    }
)
"""Every family, and the name of its last linear (or 1x1 convolution) layer."""

_ARGUMENTS: Mapping[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
    "vit_b_16": {"image_size": 96},
}


def input_size(architecture: str) -> tuple[int, int]:
    """(height, width) of a small input that still leaves a map of at least 2 x 2 places."""
    return (128, 128) if architecture == "inception_v3" else (96, 96)


def images(architecture: str, n: int = 1, seed: int = 1) -> torch.Tensor:
    """(n, 3, H, W) of random colours, coarse and fine: normalised, like photos with some grain."""
    draws = torch.Generator().manual_seed(seed)
    size = input_size(architecture)
    coarse = torch.randn(n, 3, 12, 12, generator=draws)
    smooth = nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False)
    return smooth + 0.5 * torch.randn(n, 3, *size, generator=draws)


def calibrated_module(
    architecture: str, n_classes: int = N_CLASSES, seed: int = 0, *, narrow: bool = False
) -> nn.Module:
    """A random network in evaluation mode whose answers differ from image to image by about 1.

    Args:
        architecture: a key of `HEADS`.
        n_classes: C.
        seed: of all its weights; the global random state is left as it was.
        narrow: give VGG dense layers of `NARROW` units instead of 4096: nine tenths of its weights are theirs,
            and they compute nothing that narrow ones do not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build = getattr(torchvision.models, architecture)
        module: nn.Module = build(num_classes=n_classes, **_ARGUMENTS.get(architecture, {}))
        if narrow and architecture.startswith("vgg"):
            _narrow(module.get_submodule("classifier"))
        _wake(module)
    _feed_batch_norm(module, images(architecture, 8, seed=2))
    _scale_answers(module, HEADS[architecture], images(architecture, 8, seed=3))
    return module.eval()


def calibrated_network(
    architecture: str, n_classes: int = N_CLASSES, seed: int = 0, *, narrow: bool = False
) -> Network:
    """The same, as the record that the rest of Errorscope works with."""
    height, width = input_size(architecture)
    return Network(
        module=calibrated_module(architecture, n_classes, seed, narrow=narrow),
        class_names=tuple(f"class_{i}" for i in range(n_classes)),
        preprocessing=Preprocessing(height + 16, (height, width), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        architecture=architecture,
        fingerprint=f"{architecture}-{n_classes}-{seed}",
        path=Path(f"{architecture}.pth"),
        head=HEADS[architecture],
    )


@cache
def shared_network(architecture: str) -> Network:
    """A calibrated network, built once per process: for tests that leave it as it is.

    VGG's dense layers are narrow.
    """
    return calibrated_network(architecture, narrow=True)


def _narrow(classifier: nn.Module) -> None:
    for name, layer in list(classifier.named_children()):
        if isinstance(layer, nn.Linear):
            inputs, outputs = (
                min(n, NARROW) if n == 4096 else n for n in (layer.in_features, layer.out_features)
            )
            setattr(classifier, name, nn.Linear(inputs, outputs))


def _wake(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.05)
        scale = getattr(layer, "layer_scale", None)
        if isinstance(scale, nn.Parameter):
            nn.init.uniform_(scale, 0.2, 1.0)


@torch.no_grad()
def _feed_batch_norm(module: nn.Module, batch: torch.Tensor) -> None:
    module.eval()
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    module(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


@torch.no_grad()
def _scale_answers(module: nn.Module, head: str, batch: torch.Tensor) -> None:
    last = module.get_submodule(head)
    assert isinstance(last, nn.Linear | nn.Conv2d) and last.bias is not None
    seen: list[torch.Tensor] = []
    handle = last.register_forward_hook(lambda _, __, output: seen.append(output))
    module(batch)
    last.weight /= seen[-1].std(0).mean()
    module(batch)
    handle.remove()
    # centred, so that no class wins always, and (SqueezeNet's ReLU comes after its head) none is dead
    last.bias -= seen[-1].transpose(0, 1).flatten(1).mean(1)
