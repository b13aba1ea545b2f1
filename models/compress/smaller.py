"""A smaller network made of an open one, by the ways that stay within torch."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import nn

from models.compress.calibration import Calibration, matched_inputs_steps
from models.compress.channels import not_prunable, remove_channels
from models.compress.half import in_half, round_to_half
from models.compress.magnitude import zero_smallest
from models.compress.matching import ReferenceMoments, matching_steps, moments_steps
from models.compress.spec import Method
from models.errors import CheckpointError, CompressionError
from models.finetune.spec import TrainingImages
from models.network import Network
from models.own_networks import checkpoint_content, plan_of_module, trainable_copy
from models.prediction_record import Predictions
from models.progress import Progress
from models.store import Store


def reference_steps(
    network: Network, training: TrainingImages, before: Predictions, store: Store
) -> Generator[Progress, None, tuple[ReferenceMoments | None, Calibration]]:
    """Measure the open network's channels on some training images, to set smaller ones right by.

    Args:
        network: opened from weights; left as it is.
        training: where training images lie; without a path the choosing half of the validation images is taken.
        before: its predictions of the validation images, of which none is taken otherwise.
        store: the workspace.

    Yields:
        Progress in images.

    Returns:
        None in place of the measures where the preprocessing gives pictures of various sizes; and what images it was.

    Raises:
        CompressionError: no image can be read.
        ImagesError: the training images cannot be opened.
    """
    batches, images = yield from matched_inputs_steps(training, before, network.preprocessing, store)
    if not batches:
        return None, images
    assert network.head is not None  # it is no program
    module = trainable_copy(network).requires_grad_(False)
    return (yield from moments_steps(module, network.head, batches)), images


def smaller_steps(
    network: Network, method: Method, amount: float, reference: ReferenceMoments | None = None
) -> Generator[Progress, None, nn.Module]:
    """Make a copy of a network with fewer channels, with zeros, or with rounded weights. One copy is all it takes.

    Args:
        network: opened from weights; left as it is.
        method: "channels", "magnitude" or "half".
        amount: share that goes, 0..1.
        reference: of this network, for the channels that stay to be matched with; None leaves them as they are.

    Yields:
        Progress.

    Returns:
        The module in evaluation mode, float32, on the processor.

    Raises:
        CompressionError: the network is a program, or its channels cannot be removed.
    """
    refuse_program(network)
    yield Progress("Making it smaller", 0, 0)
    module, kept = trainable_copy(network).cpu(), None
    assert network.head is not None  # it is no program
    if method == "channels":
        kept = remove_channels(
            module, network.architecture, network.head, amount, network.preprocessing.usual_size()
        )
    elif method == "magnitude":
        zero_smallest(module, network.head, amount)
    elif method == "half":
        round_to_half(module)
    module.eval().requires_grad_(False)
    if reference is not None:
        module.to(next(network.module.parameters()).device)
        yield from matching_steps(module, network.head, reference, kept)
    return module.cpu()


def smaller_content(network: Network, module: nn.Module, method: Method) -> dict[str, Any]:
    """What the file of a smaller network is to hold; it opens again without running code.

    Args:
        network: that it was made of.
        module: as ``smaller_steps`` gives it.
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
