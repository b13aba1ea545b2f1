"""Copies without memory: alike in everything but their numbers, and following one makes none either."""

from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from analysis.layers.passage import passage
from models.meta_modules import built_on_meta, without_memory

_FEW = 1000


class Sizes(TorchDispatchMode):
    """Notes how many numbers each new tensor takes in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.device.type != "meta":
            self.largest = max(self.largest, made.numel())
        return made


def test_a_copy_has_the_shapes_and_shares_what_was_shared() -> None:
    first = nn.Linear(4, 4)
    module = nn.Sequential(first, nn.BatchNorm1d(4), first, nn.Linear(4, 4))
    module[3].weight = first.weight
    module.train()
    copied = without_memory(module)
    assert {key: each.shape for key, each in copied.state_dict().items()} == {
        key: each.shape for key, each in module.state_dict().items()
    }
    assert {each.device.type for each in (*copied.parameters(), *copied.buffers())} == {"meta"}
    assert copied[0] is copied[2] and copied[3].weight is copied[0].weight
    assert not copied.training and not any(each.requires_grad for each in copied.parameters())
    assert module.training and first.weight.device.type == "cpu" and first.weight.requires_grad


def test_following_a_large_network_of_1000_classes_takes_no_memory() -> None:
    module = built_on_meta("vgg16")
    sizes = Sizes()
    with sizes:
        passed = passage(module, (224, 224))
    assert passed[""].output_shape == (1000,) and passed["features.0"].output_shape == (64, 224, 224)
    assert sizes.largest < _FEW
