"""Class activation maps by gradients: which places of a map of features speak for the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional as F

from analysis.attribution.layers import activation_and_gradients, spatial_layers
from analysis.attribution.records import Estimate, Method, Option, Question
from models.errors import AttributionError

LAYER = Option(
    "layer", "Layer", "", "The layer whose map is read; empty: the last one that still knows places."
)
NEEDS_A_MAP = "a layer that gives a map of places"

_Evidence = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def grad_cam(question: Question, *, layer: str) -> Iterator[Estimate]:
    """The features of one layer, weighted by their mean gradient, summed, negative sums set to zero.

    Enlarged to the input's size by bilinear interpolation.

    Args:
        question: the image and its targets; one forward pass, and a backward pass from each target down
            to the layer.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.

    Yields:
        The one result.

    Raises:
        AttributionError: the network is a program, or the layer gives no map or plays no part.

    Source:
        Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
        Localization, ICCV 2017.
    """
    yield _estimate(question, layer, _by_mean_gradient)


def _by_mean_gradient(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    weights = gradient.mean((2, 3), keepdim=True)
    return F.relu((weights * activation).sum(1, keepdim=True))


def grad_cam_plus_plus(question: Question, *, layer: str) -> Iterator[Estimate]:
    """Like Grad-CAM, but only gradients above zero count, each by the paper's weight.

    The weight of a place is g^2 / (2 g^2 + g^3 sum(A)) = 1 / (2 + g sum(A)) with its gradient g and the
    channel's activations A (equation 19; the paper explains exp(score), whose common factor is left out
    here, as it only scales the map). pytorch-grad-cam adds 1e-6 to the first denominator, which is not
    small beside the g^2 of a real network and changes its map.

    Args:
        question: the image and its targets; one forward pass, and a backward pass from each target down
            to the layer.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.

    Yields:
        The one result. Its note says so where the layer has negative features: the paper takes them to be
        what a ReLU gave.

    Raises:
        AttributionError: the network is a program, or the layer gives no map or plays no part.

    Source:
        Chattopadhay et al., Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep
        Convolutional Networks, WACV 2018.
    """
    yield _estimate(
        question,
        layer,
        _by_positive_gradients,
        note_on_negative="Extension: the paper takes features that are never negative; this layer has "
        "negative ones.",
    )


def _by_positive_gradients(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    shares = 1 / (2 + gradient * activation.sum((2, 3), keepdim=True))
    weights = torch.where(gradient > 0, gradient * shares, 0).sum((2, 3), keepdim=True)
    return F.relu((weights * activation).sum(1, keepdim=True))


def hires_cam(question: Question, *, layer: str) -> Iterator[Estimate]:
    """The features of one layer times their own gradients, place by place, summed over the channels.

    Nothing is averaged, so where one linear layer follows the map, a place has its exact share of the
    logit: the coarse map adds up to the logit less its bias. Like the authors' code it has no ReLU: below
    zero, a place speaks against the target.

    Args:
        question: the image and its targets; one forward pass, and a backward pass from each target down
            to the layer.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.

    Yields:
        The one result.

    Raises:
        AttributionError: the network is a program, or the layer gives no map or plays no part.

    Source:
        Draelos, Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
        networks, 2020.
    """
    yield _estimate(question, layer, _place_by_place)


def _place_by_place(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    return (gradient * activation).sum(1, keepdim=True)


def layer_cam(question: Question, *, layer: str) -> Iterator[Estimate]:
    """The features of one layer times their own gradients where those are above zero, summed.

    Meant to be read at earlier, finer layers too.

    Args:
        question: the image and its targets; one forward pass, and a backward pass from each target down
            to the layer.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.

    Yields:
        The one result.

    Raises:
        AttributionError: the network is a program, or the layer gives no map or plays no part.

    Source:
        Jiang et al., LayerCAM: Exploring Hierarchical Class Activation Maps for Localization, IEEE
        Transactions on Image Processing 2021.
    """
    yield _estimate(question, layer, _place_by_place_where_positive)


def _place_by_place_where_positive(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    return F.relu((F.relu(gradient) * activation).sum(1, keepdim=True))


def _estimate(question: Question, layer: str, evidence: _Evidence, note_on_negative: str = "") -> Estimate:
    name = layer_to_read(question, layer)
    activation, gradients = activation_and_gradients(
        question.network, question.inputs, name, question.targets
    )
    if layer and not any(bool(each.any()) for each in gradients):
        raise AttributionError(
            f'The answer does not hang on the places of the layer "{layer}".',
            next_step="Choose an earlier one, or leave the layer empty to have it found.",
        )
    maps = tuple(enlarged(evidence(activation, each), question) for each in gradients)
    return Estimate(1.0, maps, name, note=note_on_negative if bool((activation < 0).any()) else "")


def layer_to_read(question: Question, layer: str) -> str:
    """The layer asked for, or the last of `spatial_layers` where none was.

    Raises:
        AttributionError: the network is a program, or no layer gives a map.
    """
    return layer or spatial_layers(question.network, question.size)[-1]


def enlarged(evidence: torch.Tensor, question: Question) -> torch.Tensor:
    """A coarse map at the input's size, by bilinear interpolation.

    Args:
        evidence: (1, 1, h, w).
        question: its inputs give the size.

    Returns:
        (H, W).
    """
    return F.interpolate(evidence, question.size, mode="bilinear", align_corners=False)[0, 0]


GRAD_CAM = Method(
    key="grad_cam",
    label="Grad-CAM",
    function=grad_cam,
    family="Class activation maps",
    cost="instant",
    signed=False,
    source="Selvaraju et al., 2017: Grad-CAM: Visual Explanations from Deep Networks",
    limits="Coarse, about 7 x 7 places: shows where, not which detail, and only what speaks for it.",
    options=(LAYER,),
    needs=NEEDS_A_MAP,
)
GRAD_CAM_PLUS_PLUS = Method(
    key="grad_cam_plus_plus",
    label="Grad-CAM++",
    function=grad_cam_plus_plus,
    family="Class activation maps",
    cost="instant",
    signed=False,
    source="Chattopadhay et al., 2018: Grad-CAM++: Generalized Gradient-based Visual Explanations",
    limits="Coarse, and changes little from class to class or with randomised weights: shows where features "
    "are strong more than what speaks for the class.",
    options=(LAYER,),
    needs=NEEDS_A_MAP,
)
HIRES_CAM = Method(
    key="hires_cam",
    label="HiResCAM",
    function=hires_cam,
    family="Class activation maps",
    cost="instant",
    signed=True,
    source="Draelos & Carin, 2020: Use HiResCAM instead of Grad-CAM for faithful explanations",
    limits="Coarse, about 7 x 7 places, and exact only where a single linear layer follows the map; "
    "elsewhere it is a gradient times features.",
    options=(LAYER,),
    needs=NEEDS_A_MAP,
)
LAYER_CAM = Method(
    key="layer_cam",
    label="LayerCAM",
    function=layer_cam,
    family="Class activation maps",
    cost="instant",
    signed=False,
    source="Jiang et al., 2021: LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
    limits="Drops all that speaks against the class, so it changes little from class to class or with "
    "randomised weights.",
    options=(LAYER,),
    needs=NEEDS_A_MAP,
)
