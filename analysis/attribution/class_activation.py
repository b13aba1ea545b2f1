"""Class activation maps: which places of the last map of features speak for the target."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from analysis.attribution.layers import activation_and_gradients, spatial_layers
from analysis.attribution.records import Estimate, Option, Question
from models.errors import AttributionError

LAYER = Option(
    "layer", "Layer", "", "The layer whose map is read; empty: the last one that still knows places."
)


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
    size = (question.inputs.shape[-2], question.inputs.shape[-1])
    name = layer or spatial_layers(question.network, size)[-1]
    activation, gradients = activation_and_gradients(
        question.network, question.inputs, name, question.targets
    )
    if layer and not any(bool(each.any()) for each in gradients):
        raise AttributionError(
            f'The answer does not hang on the places of the layer "{layer}".',
            next_step="Choose an earlier one, or leave the layer empty to have it found.",
        )
    yield Estimate(1.0, tuple(_enlarged(_evidence(activation, each), size) for each in gradients), name)


def _evidence(activation: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    weights = gradient.mean((2, 3), keepdim=True)
    return F.relu((weights * activation).sum(1, keepdim=True))


def _enlarged(evidence: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(evidence, size, mode="bilinear", align_corners=False)[0, 0]
