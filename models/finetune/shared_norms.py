"""Batch norm over the images of all processes, so that several of them train as one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from models.finetune.run import Ranks

_SIGNATURE = signature(F.batch_norm)


class SharedNorms(TorchFunctionMode):
    """While it is entered, batch norm in training mode takes mean and variance over all processes.

    Each process sees a part of the batch. Mean and variance of its part alone would be other ones than a single process
    finds in the whole batch, and so would be all that follows. Works for module and functional batch norms, in this
    thread only, and changes no module.

    Args:
        ranks: the processes; all must come to the same batch norms in the same order.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation; a batch norm in training mode in our own way."""
        kwargs = kwargs or {}
        if func is F.batch_norm:
            asked = _SIGNATURE.bind(*args, **kwargs)
            asked.apply_defaults()
            if asked.arguments.pop("training"):
                return shared_batch_norm(self._ranks, **asked.arguments)
        return func(*args, **kwargs)


def shared_batch_norm(
    ranks: Ranks,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    *,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.batch_norm`` with the statistics of all processes' images.

    Args:
        ranks: the processes.
        input: (B, C, ...); B may differ between processes and be 0.
        running_mean: (C,) or None; moves towards the mean.
        running_var: (C,) or None; moves towards the unbiased variance.
        weight: (C,) or None.
        bias: (C,) or None.
        momentum: how far the running statistics move, 0..1.
        eps: added to the variance.

    Returns:
        The shape and type of ``input``; differentiable through the statistics.
    """
    values = input.float()
    axes = [axis for axis in range(values.ndim) if axis != 1]
    across = [1, -1] + [1] * (values.ndim - 2)
    count = values.new_tensor([values.numel() / values.shape[1]])
    sums = ranks.sum(torch.cat([values.sum(axes), count]))
    n = sums[-1].detach()
    mean = sums[:-1] / n
    centred = values - mean.view(across)
    variance = ranks.sum((centred * centred).sum(axes)) / n
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        if running_var is not None:
            unbiased = variance * n / (n - 1).clamp(min=1)
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    normal = centred * (variance + eps).rsqrt().view(across)
    if weight is not None:
        normal = normal * weight.float().view(across)
    if bias is not None:
        normal = normal + bias.float().view(across)
    return normal.to(input.dtype)
