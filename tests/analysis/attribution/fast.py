"""Settings and networks that let each method answer quickly: for tests that ask whether, not how well."""

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
from tests.models.calibrated import N_CLASSES

FAST: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "smooth_grad": {"samples": 7},
        "var_grad": {"samples": 7},
        "integrated_gradients": {"steps": 8},
        "gradient_shap": {"samples": 8},
        "occlusion": {"window": 0.5, "stride": 0.5},
        "feature_ablation": {"cells": 3},
        "lime": {"cells": 3, "samples": 20},
        "kernel_shap": {"cells": 3, "samples": 20},
        "score_cam": {"channels": 8},
    }
)

WITHOUT_GRADIENTS = frozenset(
    {
        "occlusion",
        "lime",
        "score_cam",
        "eigen_cam",
        "kernel_shap",
        "feature_ablation",
        "attention_rollout",
    }
)
"""Methods that answer although no backward pass works, once the layer to read is known."""


def network_for(method: str, small_network: Network) -> Network:
    """The small network, or for a method that it is not made for one of another kind."""
    return small_transformer() if method == "attention_rollout" else small_network


@cache
def small_transformer() -> Network:
    """A random vision transformer of three layers on 96 x 96 pixels, 6 x 6 patches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = torchvision.models.VisionTransformer(96, 16, 3, 4, 32, 64, num_classes=N_CLASSES)
        nn.init.normal_(module.heads.head.weight, std=0.2)
    return Network(
        module=module.eval(),
        class_names=tuple(f"class_{i}" for i in range(N_CLASSES)),
        preprocessing=Preprocessing(112, (96, 96), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        architecture="vit_b_16",
        fingerprint="small-transformer",
        path=Path("small_transformer.pth"),
        head="heads.head",
    )
