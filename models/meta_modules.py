"""Networks on the meta device, torchvision's or copies of others: names and shapes of all weights, but no memory."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


class OnMeta(TorchFunctionMode):
    """Makes a module's weights without memory, and leaves the arithmetic of its construction alone.

    ``torch.device("meta")`` would also catch ``torch.arange``, from whose values RegNet computes its widths.
    No random number is drawn, so the random state of all threads stays as it is.
    """

    _makes_weights = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation, on the meta device if it makes a tensor to be filled."""
        where = {"device": "meta"} if func in self._makes_weights else {}
        return func(*args, **{**(kwargs or {}), **where})


def classifier_names() -> tuple[str, ...]:
    """The classifiers of the installed torchvision, sorted."""
    from models.torchvision_import import torchvision

    return tuple(sorted(torchvision.models.list_models(module=torchvision.models)))


def built_on_meta(name: str, *, auxiliary: bool = False, image_size: int | None = None) -> nn.Module:
    """A torchvision classifier for 1000 classes, without memory for its weights.

    Args:
        name: torchvision's.
        auxiliary: with the extra heads that GoogLeNet and Inception v3 have for training.
        image_size: side in pixels, for vision transformers; None is torchvision's default.
    """
    from models.torchvision_import import torchvision  # takes a second

    options: dict[str, Any] = {}
    if name in WITH_AUXILIARY_HEADS:
        options = {"init_weights": False, "transform_input": False, "aux_logits": auxiliary}
    if image_size is not None:
        options["image_size"] = image_size
    with OnMeta():
        module: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return module


def without_memory(module: nn.Module) -> nn.Module:
    """A copy of a network that is all its own and takes no memory: to follow shapes through a forward pass.

    Args:
        module: a network, no program; it is only read, so others may run it meanwhile.

    Returns:
        The copy on the meta device, in evaluation mode; weights that stand in several places are one there too.
    """
    # no analysis.attribution.private_copy: that shares the weights, and meta tensors cannot stand in for them
    memo: dict[int, Any] = {}
    for weight in module.parameters():
        memo[id(weight)] = nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=False)
    for buffer in module.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(module, memo).eval()


def last_layer(module: nn.Module) -> str:
    """Dotted name of the last linear layer; of the last convolution where there is none (SqueezeNet)."""
    named = list(module.named_modules())
    for kind in (nn.Linear, nn.Conv2d):
        names: list[str] = [name for name, each in named if isinstance(each, kind)]
        if names:
            return names[-1]
    raise ValueError("the module has neither a linear layer nor a convolution")


def with_outputs(layer: nn.Module, n_outputs: int, bias: bool) -> nn.Module:
    """A linear layer or convolution on meta like ``layer``, but for the number of outputs and the bias."""
    with OnMeta():
        if isinstance(layer, nn.Linear):
            return nn.Linear(layer.in_features, n_outputs, bias=bias)
        if isinstance(layer, nn.Conv2d):
            return nn.Conv2d(layer.in_channels, n_outputs, kernel_size=(1, 1), bias=bias)
    raise TypeError(f"{type(layer).__name__} is no layer that gives logits")
