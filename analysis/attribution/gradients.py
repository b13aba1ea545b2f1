"""How the logits of some targets change with the input: the plain gradient, and its passage to a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from analysis.attribution.private_copy import private_copy
from analysis.attribution.records import Contrast, Estimate, Method, Question, Target
from models.devices import is_out_of_memory, plain_arithmetic
from models.errors import AttributionError
from models.network import Network

PROGRAM_NAMES = {"torchscript": "TorchScript", "export": "torch.export", "onnx": "ONNX"}


def article(name: str) -> str:
    """What stands before a kind of program.

    >>> article("ONNX"), article("TorchScript")
    ('an', 'a')
    """
    return "an" if name == PROGRAM_NAMES["onnx"] else "a"


@contextmanager
def gradients_on() -> Iterator[None]:
    """Gradients are recorded inside, whatever mode the caller is in.

    Never hold it over a ``yield``: the mode belongs to the thread, and would change the caller's.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextmanager
def explained_run(device: torch.device) -> Iterator[None]:
    """Around a pass through a network: computed as an evaluation does, and want of memory said in words.

    Args:
        device: where the pass runs.

    Raises:
        AttributionError: there is not enough memory; its cause is torch's error.
    """
    try:
        with plain_arithmetic(device):
            yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise AttributionError(
            f'The memory of the device "{device.type}" is not enough for this computation.',
            next_step="Close other programs, or choose a smaller size in the preprocessing or a method that "
            "needs less, Grad-CAM say.",
        ) from error


def own_module(network: Network) -> nn.Module:
    """A module that this caller alone may hook; for a program, the program itself."""
    return network.module if network.kind in PROGRAM_NAMES else private_copy(network.module)


def logits(module: nn.Module, inputs: torch.Tensor, network: Network) -> torch.Tensor:
    """The module's answer, (B, C).

    Raises:
        AttributionError: it cannot take inputs of this size, answers something else than C logits or numbers
            that are not finite, or there is not enough memory.
    """
    try:
        with explained_run(inputs.device):
            # a copy, as the network may write over what it is given, and its caller asks with it again
            answer = module(inputs.clone())
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
    # A map of a score that is no number would look like any other.
    if not bool(torch.isfinite(answer.detach()).all()):
        raise AttributionError(
            "The network's answer is not finite for this picture or for a changed copy of it.",
            next_step="Check mean and std in the preprocessing, and that the weights are sound.",
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
        AttributionError: the answer does not hang on ``wanted`` in a way that can be differentiated, or
            there is not enough memory.
    """
    try:
        with explained_run(wanted.device):
            return [
                torch.autograd.grad(score(answer, target).sum(), wanted, retain_graph=i + 1 < len(targets))[0]
                for i, target in enumerate(targets)
            ]
    except RuntimeError as error:
        kind = PROGRAM_NAMES.get(network.kind)
        raise AttributionError(
            f"This network, {article(kind)} {kind} program, lets no gradient through."
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


def input_x_gradient(question: Question) -> Iterator[Estimate]:
    """The gradient times the input, summed over the channels: what a linear network's score is made of.

    Input means: as the network gets it, so zero is the mean colour of the training images.

    Source:
        Shrikumar et al., Not Just a Black Box: Learning Important Features Through Propagating Activation
        Differences, 2016.
    """
    found = input_gradients(own_module(question.network), question.inputs, question.targets, question.network)
    yield Estimate(1.0, tuple((each * question.inputs)[0].sum(0) for each in found))


GRADIENT = Method(
    key="gradient",
    label="Gradient",
    function=gradient,
    family="Gradients",
    cost="instant",
    signed=True,
    source="Baehrens et al., 2010: How to Explain Individual Classification Decisions",
    grain=8,
    limits="Shows what a small change would do, not what the answer rests on; noisy from pixel to pixel.",
)
SALIENCY = Method(
    key="saliency",
    label="Saliency",
    function=saliency,
    family="Gradients",
    cost="instant",
    signed=False,
    source="Simonyan et al., 2013: Deep Inside Convolutional Networks",
    grain=4,
    limits="Shows where a small change matters, for or against the class; noisy from pixel to pixel.",
)
INPUT_X_GRADIENT = Method(
    key="input_x_gradient",
    label="Gradient x input",
    function=input_x_gradient,
    family="Gradients",
    cost="instant",
    signed=True,
    source="Shrikumar et al., 2016: Not Just a Black Box",
    grain=8,
    limits="Places of the training images' mean colour get nothing, whatever they mean to the network; noisy "
    "from pixel to pixel.",
)
