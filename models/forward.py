"""One forward through a network: logits, and what goes into its last linear layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from models.devices import is_out_of_memory, plain_arithmetic
from models.errors import PredictionsError
from models.network import Network

SHOWN_POSITIONS = 8


class HeadInput(TorchFunctionMode):
    """While it is entered, keeps what goes into the head, in this thread only and without hooks.

    Hooks are seen by every thread that uses the module at the same moment; a mode is not.

    Args:
        weight: the weight of the head: a linear layer's (C, D), or a 1 x 1 convolution's (C, D, 1, 1).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self._weight = weight
        self.seen: Tensor | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation as it is, and keep the input where its weight is the head's."""
        kwargs = kwargs or {}
        if func in (F.linear, F.conv2d, torch.conv2d):
            weight = args[1] if len(args) > 1 else kwargs.get("weight")
            if weight is self._weight:
                self.seen = args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def logits_and_embeddings(network: Network, batch: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the network says of a batch, and how it sees it, in plain single precision on every device.

    Args:
        network: in evaluation mode.
        batch: (B, 3, H, W) float32, normalised, on the network's device.

    Returns:
        Logits (B, C), and embeddings (B, D): the input of the last linear layer (averaged over space
        where that layer is a 1 x 1 convolution, as in SqueezeNet). None instead of embeddings for programs.

    Raises:
        PredictionsError: the network cannot take the batch, its output is no (B, C), or is not finite.
    """
    head = head_weight(network)
    if head is None:
        return _checked(network, _run(network, batch), len(batch)), None
    with HeadInput(head) as mode:
        output = _run(network, batch)
    logits = _checked(network, output, len(batch))
    if mode.seen is None:
        return logits, None
    embeddings = mode.seen.mean((2, 3)) if mode.seen.ndim == 4 else mode.seen
    return logits, embeddings


def head_weight(network: Network) -> Tensor | None:
    """The weight of the last linear layer, or None where that layer is not known or keeps no tensor."""
    if network.head is None:
        return None
    weight = getattr(network.module.get_submodule(network.head), "weight", None)
    return weight if isinstance(weight, Tensor) else None


def _run(network: Network, batch: Tensor) -> Any:
    try:
        with plain_arithmetic(batch.device):
            return network.module(batch)
    except (RuntimeError, AssertionError) as error:  # transformers and programs assert their input's size
        if is_out_of_memory(error):
            raise _no_memory(batch) from error
        raise PredictionsError(
            f"{network.architecture} cannot take a batch of shape {tuple(batch.shape)} "
            f"({_last_line(error)}).",
            next_step="Check the size after resize and crop in the preprocessing.",
        ) from error


def _no_memory(batch: Tensor) -> PredictionsError:
    if len(batch) == 1:
        return PredictionsError(
            f"There is not enough memory for one image of {batch.shape[2]} x {batch.shape[3]} pixels.",
            next_step="Close other programs, or choose a smaller size in the preprocessing.",
        )
    return PredictionsError(
        f"There is not enough memory for a batch of {len(batch)} images.",
        next_step="Choose a smaller batch.",
    )


def _checked(network: Network, output: Any, n_images: int) -> Tensor:
    wanted = (n_images, len(network.class_names))
    if not isinstance(output, Tensor) or tuple(output.shape) != wanted:
        found = tuple(output.shape) if isinstance(output, Tensor) else f"a {type(output).__name__}"
        raise PredictionsError(
            f"The network's output is {found}, but for {n_images} images and {wanted[1]} class names it "
            f"must be {wanted}.",
            next_step="Check that the class names belong to this network.",
        )
    finite = torch.isfinite(output.detach()).all(dim=1)
    if not bool(finite.all()):
        positions = (~finite).nonzero().flatten().tolist()
        more = " ..." if len(positions) > SHOWN_POSITIONS else ""
        raise PredictionsError(
            f"The logits of {len(positions)} of {n_images} images are not finite (positions in the batch: "
            f"{', '.join(map(str, positions[:SHOWN_POSITIONS]))}{more}).",
            next_step="Check mean and std in the preprocessing, and that the weights are sound.",
        )
    return output


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
