"""What a map of features shows before any class is asked about: its first principal component."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from analysis.attribution.class_activation import LAYER, NEEDS_A_MAP, enlarged, layer_to_read
from analysis.attribution.layers import activation_and_gradients
from analysis.attribution.records import Estimate, Method, Question
from models.errors import AttributionError


def eigen_cam(question: Question, *, layer: str) -> Iterator[Estimate]:
    """The first principal component of one layer's features over its places; no class enters.

    Each place is projected onto the direction in which the features of all places differ most. The mean is
    taken off first, as principal components ask for and pytorch-grad-cam does; the paper's formula leaves
    that out. A component has no sign of its own: here it points to where the features are larger (by their
    sum of squares), and what lies below the mean is set to zero.

    Args:
        question: the image; one forward pass, no backward pass. Every target gets the same map.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.

    Yields:
        The one result.

    Raises:
        AttributionError: the network is a program, or the layer gives no map or values that are not finite.

    Source:
        Muhammad, Yeasin, Eigen-CAM: Class Activation Map using Principal Components, IJCNN 2020.
    """
    name = layer_to_read(question, layer)
    activation, _ = activation_and_gradients(question.network, question.inputs, name, ())
    if not bool(activation.isfinite().all()):
        raise AttributionError(
            f'The layer "{name}" gives values that are not finite for this image.',
            next_step="Check that the network's own answer is finite.",
        )
    component = enlarged(F.relu(_first_component(activation)), question)
    yield Estimate(1.0, (component,) * len(question.targets), name)


def _first_component(activation: torch.Tensor) -> torch.Tensor:
    """(1, D, h, w) to (1, 1, h, w)."""
    features = activation[0].flatten(1).T
    places, values, _ = torch.linalg.svd(features - features.mean(0), full_matrices=False)
    component: torch.Tensor = places[:, 0] * values[0]
    strength = features.square().sum(1)
    sign = -1.0 if float(component @ (strength - strength.mean())) < 0 else 1.0
    height, width = activation.shape[2:]
    return (sign * component).reshape(1, 1, height, width)


EIGEN_CAM = Method(
    key="eigen_cam",
    label="Eigen-CAM",
    function=eigen_cam,
    family="Class activation maps",
    cost="instant",
    signed=False,
    source="Muhammad & Yeasin, 2020: Eigen-CAM: Class Activation Map using Principal Components",
    limits="Does not localise a class: its map is the same for every class, and what stands out in the features "
    "need not be what the answer rests on.",
    options=(LAYER,),
    needs=NEEDS_A_MAP,
)
