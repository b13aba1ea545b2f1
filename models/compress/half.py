"""Half precision: every weight rounded to 16 bits in the file; the network that is opened computes in 32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LARGEST = torch.finfo(torch.float16).max
_STATISTICS = ("running_mean", "running_var")


def round_to_half(module: nn.Module) -> None:
    """Round the weights of a network to what half precision can hold, in place; it stays in single precision.

    Args:
        module: a copy that nobody else has.
    """
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if _fits(key, tensor):
                tensor.copy_(tensor.half())


def in_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights as they are kept.

    The running statistics of batch normalisation stay in 32 bits: they are few, and a small variance would become
    zero. So does a tensor with a number that 16 bits cannot hold.

    Args:
        state: a network's state dict.
    """
    return {key: tensor.half() if _fits(key, tensor) else tensor for key, tensor in state.items()}


def _fits(key: str, tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or key.endswith(_STATISTICS) or not tensor.numel():
        return False
    return float(tensor.abs().max()) <= _LARGEST
