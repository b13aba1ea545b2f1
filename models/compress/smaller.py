"""A smaller network made of an open one, by the ways that stay within torch."""

from __future__ import annotations

from typing import Any

from torch import nn

from models.compress.channels import not_prunable, remove_channels
from models.compress.half import in_half, round_to_half
from models.compress.magnitude import zero_smallest
from models.compress.spec import Method
from models.errors import CheckpointError, CompressionError
from models.network import Network
from models.own_networks import checkpoint_content, plan_of_module, trainable_copy


def smaller_copy(network: Network, method: Method, amount: float) -> nn.Module:
    """A copy of a network with fewer channels, with zeros, or with rounded weights. One copy is all it takes.

    Args:
        network: opened from weights; left as it is.
        method: "channels", "magnitude" or "half".
        amount: share that goes, 0..1.

    Returns:
        The module in evaluation mode, float32, on the processor.

    Raises:
        CompressionError: the network is a program, or its channels cannot be removed.
    """
    refuse_program(network)
    module = trainable_copy(network).cpu()
    assert network.head is not None  # it is no program
    if method == "channels":
        remove_channels(
            module, network.architecture, network.head, amount, network.preprocessing.usual_size()
        )
    elif method == "magnitude":
        zero_smallest(module, network.head, amount)
    elif method == "half":
        round_to_half(module)
    return module.eval().requires_grad_(False)


def smaller_content(network: Network, module: nn.Module, method: Method) -> dict[str, Any]:
    """What the file of a smaller network is to hold; it opens again without running code.

    Args:
        network: that it was made of.
        module: as ``smaller_copy`` gives it.
        method: likewise.

    Raises:
        CompressionError: how it is built cannot be written down.
    """
    try:
        plan = plan_of_module(module, network.architecture, network.head, len(network.class_names))
    except CheckpointError as error:
        raise not_prunable(network.architecture, error.message) from error
    content = checkpoint_content(module, plan, network.class_names, network.preprocessing)
    if method == "half":
        content["state_dict"] = in_half(content["state_dict"])
    return content


def refuse_program(network: Network) -> None:
    """Stop where weights cannot be changed.

    Raises:
        CompressionError: the network is a TorchScript, torch.export or ONNX program.
    """
    if network.kind != "state_dict":
        raise CompressionError(
            f"{network.path.name} is a program ({network.architecture}): its weights cannot be changed.",
            next_step="Open the checkpoint of weights that it was made of.",
        )
