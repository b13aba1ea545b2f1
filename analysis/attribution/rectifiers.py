"""Guided Backprop, Deconvolution and Guided Grad-CAM: only what is positive goes back through a rectifier."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from analysis.attribution.class_activation import LAYER, grad_cam
from analysis.attribution.gradients import derivatives, gradients_on, logits, own_module
from analysis.attribution.layers import refuse_programs
from analysis.attribution.operations import Rewritten
from analysis.attribution.records import Estimate, Method, Question, Settings
from analysis.attribution.rectifier_rules import Backward, RectifierRules, deconvolved, guided
from models.errors import AttributionError


@gradients_on()
def _rectified_gradients(question: Question, backward: Backward) -> tuple[list[torch.Tensor], str]:
    """For each target (3, H, W), and the note on the rectifiers met.

    Raises:
        AttributionError: the network is a program, or has no rectifier.
    """
    network = question.network
    refuse_programs(network)
    rectifiers = RectifierRules(backward)
    leaf = question.inputs.detach().clone().requires_grad_()
    with Rewritten(rectifiers.rules()):
        answer = logits(own_module(network), leaf, network)
    if not rectifiers.met:
        raise AttributionError(
            "This network has no rectifier (ReLU or the like), so this map would be the plain gradient.",
            next_step="Choose Gradient instead.",
        )
    found = derivatives(answer, question.targets, leaf, network)
    return [each[0] for each in found], rectifiers.note()


def guided_backprop(question: Question) -> Iterator[Estimate]:
    """The gradient, except that each rectifier sends back only what is positive; summed over the channels.

    For ReLU this is the paper's rule: a gradient passes where the input was positive and the gradient is.
    An extension for the others (ReLU6, SiLU, GELU, Hardswish, ...): with g the gradient from above and a'
    the activation's own derivative, max(a' * max(g, 0), 0) goes on. So nothing passes where more of the
    input means less of the output, and for ReLU it is the paper's rule again. Gates (sigmoid,
    Hardsigmoid) and softmax keep their own derivatives.

    Rectifiers are found by what is called, in a module or by name, in place or not, and shared or not. One
    that a network spells out (``x * torch.sigmoid(x)``) counts as a gate.

    Channels are summed with their signs, as for `gradient`: below zero, the place's brightness speaks
    against. The largest absolute value, as `saliency` takes it, would lose that.

    Args:
        question: the image and its targets; one forward pass, and a backward pass for each target.

    Yields:
        The one result; its note names rectifiers that are not ReLU.

    Raises:
        AttributionError: the network is a program, or has no rectifier.

    Source:
        Springenberg et al., Striving for Simplicity: The All Convolutional Net, 2014.
    """
    found, note = _rectified_gradients(question, guided)
    yield Estimate(1.0, tuple(each.sum(0) for each in found), note=note)


def deconvolution(question: Question) -> Iterator[Estimate]:
    """The gradient, except that each rectifier sends back the positive part of what comes from above.

    Whether the rectifier was open does not matter: max(g, 0) goes on, for ReLU by the paper, for the others
    (`guided_backprop` tells which, and how channels are reduced) as an extension. Max-pooling goes back to
    where the maximum was, as in the paper.

    Args:
        question: the image and its targets; one forward pass, and a backward pass for each target.

    Yields:
        The one result; its note names rectifiers that are not ReLU.

    Raises:
        AttributionError: the network is a program, or has no rectifier.

    Source:
        Zeiler, Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014.
    """
    found, note = _rectified_gradients(question, deconvolved)
    yield Estimate(1.0, tuple(each.sum(0) for each in found), note=note)


def guided_grad_cam(question: Question, *, layer: str) -> Iterator[Estimate]:
    """Guided Backprop times Grad-CAM: its fine lines, where Grad-CAM sees evidence for the target.

    Args:
        question: the image and its targets.
        layer: of Grad-CAM, as in `grad_cam`; that map is enlarged to the input's size, as in the paper.

    Yields:
        The one result; its note names rectifiers that are not ReLU.

    Raises:
        AttributionError: as of `grad_cam` and `guided_backprop`.

    Source:
        Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization, ICCV 2017, section 3.2.
    """
    (coarse,) = grad_cam(question, layer=layer)
    (fine,) = guided_backprop(question)
    maps = tuple(lines * places for lines, places in zip(fine.maps, coarse.maps, strict=True))
    yield Estimate(1.0, maps, coarse.layer, note=fine.note)


def _two_runs(_: Settings) -> float:
    return 2.0


DECONVOLUTION = Method(
    key="deconvolution",
    label="Deconvolution",
    function=deconvolution,
    family="Gradients",
    cost="instant",
    signed=True,
    source="Zeiler and Fergus, 2014: Visualizing and Understanding Convolutional Networks",
    grain=4,
    needs="ReLU or another rectifier",
    limits="Does not localise: it paints edges and textures all over the image, whatever the class; in a network "
    "of convolutions and ReLUs alone the map is the same for every image.",
)
GUIDED_BACKPROP = Method(
    key="guided_backprop",
    label="Guided Backprop",
    function=guided_backprop,
    family="Gradients",
    cost="instant",
    signed=True,
    source="Springenberg et al., 2014: Striving for Simplicity: The All Convolutional Net",
    grain=4,
    needs="ReLU or another rectifier",
    limits="Sharp, but hardly depends on the trained weights or on the class: it partly redraws the image.",
)
GUIDED_GRAD_CAM = Method(
    key="guided_grad_cam",
    label="Guided Grad-CAM",
    function=guided_grad_cam,
    family="Gradients",
    cost="instant",
    signed=True,
    source="Selvaraju et al., 2017: Grad-CAM: Visual Explanations from Deep Networks",
    grain=4,
    options=(LAYER,),
    needs="ReLU or another rectifier, and a layer that gives a map of places",
    limits="Only its coarse outline, that of Grad-CAM, is evidence: the fine lines are Guided Backprop's, "
    "which hardly depend on the trained weights.",
    runs=_two_runs,
)
