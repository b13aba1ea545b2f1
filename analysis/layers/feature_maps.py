"""What one layer gives for one image: a map for each channel, and what each does for a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from analysis.attribution.layers import refuse_programs
from analysis.layers.observed import forward_from
from models.devices import plain_arithmetic
from models.errors import AttributionError
from models.network import Network

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The maps of one layer for one image.

    Args:
        layer: its name.
        activation: what was applied to it ("relu6"), or "".
        values: (D, h, w) as the next layer gets them; h = w = 1 where the layer gives a vector.
        influence: (D,) how much each channel adds to the score, to first order: the sum over places of value times
            gradient. Below 0 where it speaks against the class.
        score: logit of the target, less that of the class it is held against.
    """

    layer: str
    activation: str
    values: Floats
    influence: Floats
    score: float

    @property
    def strength(self) -> Floats:
        """(D,) mean absolute value of each channel."""
        found: Floats = np.abs(self.values).mean((1, 2))
        return found

    def strongest(self) -> npt.NDArray[np.intp]:
        """(D,) the channels, those with the largest mean activation first."""
        return np.argsort(-self.strength, kind="stable")

    def most_influential(self) -> npt.NDArray[np.intp]:
        """(D,) the channels, those that add or take most first."""
        return np.argsort(-np.abs(self.influence), kind="stable")


def most_different(a: FeatureMaps, b: FeatureMaps, by: str) -> npt.NDArray[np.intp]:
    """(D,) the channels of a layer, those first in which two images differ most.

    Args:
        a: of one image.
        b: of the other image, from the same layer.
        by: "influence", or "strength".
    """
    difference = np.abs(getattr(a, by) - getattr(b, by))
    return np.argsort(-difference, kind="stable")


def feature_maps(
    network: Network, inputs: torch.Tensor, layer: str, target: int, against: int | None = None
) -> FeatureMaps:
    """Run one image and read a layer.

    Args:
        network: a plain network, no program.
        inputs: (1, 3, H, W), normalised.
        layer: name of a layer, as `catalogue.catalogue` lists it.
        target: class index whose logit the influence is on.
        against: class index that it is held against, or None.

    Raises:
        AttributionError: it is a program, has no such layer, or lets no gradient through.

    Source:
        Value times gradient, summed over the places of a channel, is the channel's share in Grad-CAM's own weighting:
        R. Selvaraju et al., Grad-CAM, ICCV 2017; with places kept apart, R. Draelos, L. Carin, HiResCAM (2020).
    """
    refuse_programs(network)
    device = next(network.module.parameters()).device
    cut, logits = forward_from(network.module, inputs.to(device), layer)
    if cut is None:
        raise AttributionError(
            f'This network has no layer called "{layer}" that is used in a prediction.',
            next_step="Choose another layer.",
        )
    score = logits[0, target] if against is None else logits[0, target] - logits[0, against]
    with plain_arithmetic(device):
        found = torch.autograd.grad(score, cut.tensor, allow_unused=True)[0]
    gradient = cast("torch.Tensor | None", found)  # torch's own types do not know that it may be None
    values = _as_maps(cut.values)
    if gradient is None:
        influence = np.zeros(len(values), np.float32)
    else:
        influence = _as_maps(cut.channels_second(cut.tensor.detach() * gradient)).sum((1, 2))
    return FeatureMaps(layer, cut.activation, values, influence.astype(np.float32), float(score.detach()))


def _as_maps(values: torch.Tensor) -> Floats:
    found = values.detach()[0].float().cpu()
    if found.ndim == 1:
        found = found[:, None, None]
    elif found.ndim == 2:
        found = found[:, None, :]
    return found.numpy().astype(np.float32)
