"""How the logits of some targets change with the input: the plain gradient, and its passage to a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from analysis.attribution.private_copy import private_copy
from analysis.attribution.records import Contrast, Estimate, Question, Target
from models.errors import AttributionError
from models.network import Network

PROGRAM_NAMES = {"torchscript": "TorchScript", "export": "torch.export"}


@contextmanager
def gradients_on() -> Iterator[None]:
    """Gradients are recorded inside, whatever mode the caller is in.

    Never hold it over a ``yield``: the mode belongs to the thread, and would change the caller's.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


def own_module(network: Network) -> nn.Module:
    """A module that this caller alone may hook; for a program, the program itself."""
    return network.module if network.kind in PROGRAM_NAMES else private_copy(network.module)


def logits(module: nn.Module, inputs: torch.Tensor, network: Network) -> torch.Tensor:
    """The module's answer, (B, C).

    Raises:
        AttributionError: it cannot take inputs of this size, or answers something else than C logits.
    """
    try:
        answer = module(inputs)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise AttributionError(
            f"The network cannot run an input of shape {tuple(inputs.shape)} ({first_line}).",
            next_step="Check the preprocessing (resize and crop) on the page Open.",
        ) from error
    expected = (len(inputs), len(network.class_names))
    if not isinstance(answer, torch.Tensor) or answer.shape != expected:
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise AttributionError(
            f"The network answers {shape} where {expected} (images, classes) was expected.",
            next_step="Check that it is a classifier and that the class names are its own.",
        )
    return answer


def score(answer: torch.Tensor, target: Target) -> torch.Tensor:
    """The quantity to explain, (B,): a class's logit, or the difference of two.

    Example:
        >>> score(torch.tensor([[1.0, 5.0]]), Contrast(1, 0)).item()
        4.0
    """
    if isinstance(target, Contrast):
        return answer[:, target.a] - answer[:, target.b]
    return answer[:, target]


def derivatives(
    answer: torch.Tensor, targets: Sequence[Target], wanted: torch.Tensor, network: Network
) -> list[torch.Tensor]:
    """The gradient of each target's score with respect to one tensor: one backward pass per target.

    Args:
        answer: (B, C) logits.
        targets: what to explain.
        wanted: (B, ...) the tensor the answer was computed from.
        network: named in the error.

    Returns:
        For each target a tensor of the shape of ``wanted``; row i is the gradient of image i's score.

    Raises:
        AttributionError: the answer does not hang on ``wanted`` in a way that can be differentiated.
    """
    try:
        return [
            torch.autograd.grad(score(answer, target).sum(), wanted, retain_graph=i + 1 < len(targets))[0]
            for i, target in enumerate(targets)
        ]
    except RuntimeError as error:
        kind = PROGRAM_NAMES.get(network.kind)
        raise AttributionError(
            f"This network, a {kind} program, lets no gradient through."
            if kind
            else "This network lets no gradient through.",
            next_step="Open the weights as a state dict instead; then every method can explain them.",
        ) from error


@gradients_on()
def input_gradients(
    module: nn.Module, inputs: torch.Tensor, targets: Sequence[Target], network: Network
) -> list[torch.Tensor]:
    """The gradient of each target's score with respect to the input.

    Args:
        module: what to run: the network's module or a private copy of it.
        inputs: (B, 3, H, W).
        targets: what to explain; all share one forward pass.
        network: whose module it is.

    Returns:
        For each target (B, 3, H, W).
    """
    leaf = inputs.detach().clone().requires_grad_()
    return derivatives(logits(module, leaf, network), targets, leaf, network)


def gradient(question: Question) -> Iterator[Estimate]:
    """The gradient, summed over the channels: what making this place brighter does to the score.

    Brighter means: all channels of the normalised input by the same amount.

    Source:
        Baehrens et al., How to Explain Individual Classification Decisions, JMLR 2010.
    """
    found = input_gradients(own_module(question.network), question.inputs, question.targets, question.network)
    yield Estimate(1.0, tuple(each[0].sum(0) for each in found))


def saliency(question: Question) -> Iterator[Estimate]:
    """The gradient's absolute value, the largest over the channels.

    Source:
        Simonyan, Vedaldi, Zisserman, Deep Inside Convolutional Networks: Visualising Image
        Classification Models and Saliency Maps, 2013, section 3.1.
    """
    found = input_gradients(own_module(question.network), question.inputs, question.targets, question.network)
    yield Estimate(1.0, tuple(each[0].abs().amax(0) for each in found))
