"""One network of each family, its large ones with few channels and layers: their forward is the same code."""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

from models.torchvision_import import torchvision
from tests.models.calibrated import HEADS, calibrated_module, input_size

N_CLASSES = 5


def shrunken(name: str) -> tuple[nn.Module, str, tuple[int, int]]:
    """A network in evaluation mode whose answers differ from image to image, its head and its input's (height, width).

    Args:
        name: a key of ``FAMILIES``.
    """
    if name not in _SMALL:
        return calibrated_module(name, N_CLASSES), HEADS[name], input_size(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = _SMALL[name](num_classes=N_CLASSES)
        for key, weight in module.named_parameters():
            if weight.ndim > 1:
                nn.init.kaiming_normal_(weight)
            else:
                nn.init.normal_(weight, mean=float(key.endswith("weight")), std=0.1)
    return module.eval(), _HEADS_OF_OTHERS.get(name) or HEADS[name], (64, 64)


def images_of(size: tuple[int, int], n: int = 2, seed: int = 0) -> torch.Tensor:
    """(n, 3, height, width) of random normalised images."""
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(seed))


_models = torchvision.models
_vgg = partial(_models.vgg.VGG, init_weights=False)
_layers = partial(_models.vgg.make_layers, [8, "M", 8, "M", 16, 16, "M", 16, 16, "M"])
_block = _models.convnext.CNBlockConfig
_swin = partial(
    _models.swin_transformer.SwinTransformer,
    patch_size=[4, 4], embed_dim=16, depths=[2, 2, 3], num_heads=[1, 2, 4], window_size=[4, 4],
    stochastic_depth_prob=0.3,
)  # fmt: skip

_SMALL: Mapping[str, Callable[..., nn.Module]] = {
    "vgg16": lambda num_classes: _narrow(_vgg(_layers(), num_classes=num_classes)),
    "vgg16_bn": lambda num_classes: _narrow(_vgg(_layers(batch_norm=True), num_classes=num_classes)),
    "convnext_tiny": partial(
        _models.convnext.ConvNeXt,
        [_block(16, 32, 2), _block(32, 48, 2), _block(48, None, 2)], stochastic_depth_prob=0.3, layer_scale=1.0,
    ),
    "densenet121": partial(_models.DenseNet, 8, (2, 3, 3, 2), 16),
    "vit_b_16": partial(
        _models.VisionTransformer, image_size=64, patch_size=16, num_layers=8, num_heads=2, hidden_dim=16, mlp_dim=32,
    ),
    "swin_t": _swin,
    "swin_v2_t": partial(
        _swin, block=_models.swin_transformer.SwinTransformerBlockV2,
        downsample_layer=_models.swin_transformer.PatchMergingV2,
    ),
    "maxvit_t": partial(
        _models.MaxVit, input_size=(64, 64), stem_channels=8, partition_size=2, block_channels=[8, 16, 24],
        block_layers=[1, 1, 2], head_dim=4, stochastic_depth_prob=0.3,
    ),
}  # fmt: skip
_HEADS_OF_OTHERS = {"swin_v2_t": "head", "maxvit_t": "classifier.5"}

FAMILIES = (*HEADS, *_HEADS_OF_OTHERS)


def _narrow(module: nn.Module) -> nn.Module:
    """VGG with dense layers of 24 units."""
    classifier = module.get_submodule("classifier")
    assert isinstance(classifier, nn.Sequential)
    classifier[0], classifier[3] = nn.Linear(16 * 49, 24), nn.Linear(24, 24)
    classifier[6] = nn.Linear(24, N_CLASSES)
    return module
