"""Why did the network say that? The methods that answer, and the functions that ask.

    >>> list(METHODS)[:3]
    ['grad_cam', 'gradient', 'saliency']

``attribute`` asks about one class, ``attributions`` about several at once, ``attribution_steps`` shows
what is known so far while a slow method runs.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import torch
from PIL import Image

from analysis.attribution import asking
from analysis.attribution.ablations import FEATURE_ABLATION, OCCLUSION
from analysis.attribution.class_activation import GRAD_CAM, GRAD_CAM_PLUS_PLUS, HIRES_CAM, LAYER_CAM
from analysis.attribution.gradients import GRADIENT, INPUT_X_GRADIENT, SALIENCY
from analysis.attribution.integrated_paths import GRADIENT_SHAP, INTEGRATED_GRADIENTS
from analysis.attribution.layers import spatial_layers
from analysis.attribution.noise_averages import SMOOTH_GRAD, VAR_GRAD
from analysis.attribution.principal_component import EIGEN_CAM
from analysis.attribution.records import (
    Attribution,
    Contrast,
    Method,
    Option,
    OptionValue,
    Step,
    Target,
)
from analysis.attribution.rectifiers import DECONVOLUTION, GUIDED_BACKPROP, GUIDED_GRAD_CAM
from analysis.attribution.relevance_rules import LRP
from analysis.attribution.rescale_rule import DEEP_LIFT
from analysis.attribution.rollout import ATTENTION_ROLLOUT
from analysis.attribution.score_weights import SCORE_CAM
from analysis.attribution.surrogates import KERNEL_SHAP, LIME
from models.errors import AttributionError
from models.network import Network

__all__ = [
    "METHODS",
    "Attribution",
    "Contrast",
    "Method",
    "Option",
    "OptionValue",
    "Step",
    "Target",
    "attribute",
    "attribution_steps",
    "attributions",
    "settings_of",
    "spatial_layers",
]

_TABLE = (
    GRAD_CAM,
    GRADIENT,
    SALIENCY,
    INPUT_X_GRADIENT,
    INTEGRATED_GRADIENTS,
    DECONVOLUTION,
    GUIDED_BACKPROP,
    SMOOTH_GRAD,
    DEEP_LIFT,
    OCCLUSION,
    LRP,
    LIME,
    GUIDED_GRAD_CAM,
    GRAD_CAM_PLUS_PLUS,
    HIRES_CAM,
    LAYER_CAM,
    SCORE_CAM,
    EIGEN_CAM,
    VAR_GRAD,
    GRADIENT_SHAP,
    KERNEL_SHAP,
    FEATURE_ABLATION,
    ATTENTION_ROLLOUT,
)

METHODS: Final = MappingProxyType({method.key: method for method in _TABLE})
"""Every attribution method by its key, in the order of the menu."""


def attribution_steps(
    network: Network,
    image: Image.Image | torch.Tensor,
    targets: Sequence[Target],
    method: str,
    **options: OptionValue,
) -> Generator[Step, None, None]:
    """Run a method and show what is known so far; the last step is the result.

    Closing the generator stops the work between two batches. However it ends, the network is as before,
    and several threads may explain one network at once.

    Args:
        network: the network to explain.
        image: a picture of any size, or the network's input, (3, H, W) or (1, 3, H, W), normalised.
        targets: class indices or contrasts; all of them share each forward pass.
        method: a key of `METHODS`.
        **options: settings of the method, by the names in its ``options``; the rest keep their defaults.

    Yields:
        A step, at least one; the last has a fraction of 1.

    Raises:
        AttributionError: there is no such method, class or option, or the method cannot explain this
            network.
    """
    yield from asking.steps(_method(method), network, image, targets, options)


def attributions(
    network: Network,
    image: Image.Image | torch.Tensor,
    targets: Sequence[Target],
    method: str,
    **options: OptionValue,
) -> tuple[Attribution, ...]:
    """Explain several classes of one image (the predicted and the true one, say), one map each.

    Args:
        network: the network to explain.
        image: a picture of any size, or the network's input, (3, H, W) or (1, 3, H, W), normalised.
        targets: class indices or contrasts.
        method: a key of `METHODS`.
        **options: settings of the method.

    Returns:
        One attribution per target, in their order.

    Raises:
        AttributionError: as in `attribution_steps`.
    """
    *_, last = attribution_steps(network, image, targets, method, **options)
    return last.attributions


def attribute(
    network: Network,
    image: Image.Image | torch.Tensor,
    target: Target,
    method: str,
    **options: OptionValue,
) -> Attribution:
    """Explain one class of one image.

    Args:
        network: the network to explain.
        image: a picture of any size, or the network's input, (3, H, W) or (1, 3, H, W), normalised.
        target: a class index, or ``Contrast(a, b)``.
        method: a key of `METHODS`.
        **options: settings of the method.

    Returns:
        The map of relevance over the network's input.

    Raises:
        AttributionError: as in `attribution_steps`.
    """
    return attributions(network, image, [target], method, **options)[0]


def settings_of(method: str, options: Mapping[str, Any]) -> dict[str, OptionValue]:
    """The settings a method runs with: its defaults, and over them what was asked for.

    Args:
        method: a key of `METHODS`.
        options: settings of the method, by the names in its ``options``.

    Raises:
        AttributionError: there is no such method or option, or a value is of another kind or out of range.
    """
    return asking.chosen_options(_method(method), options)


def _method(key: str) -> Method:
    if key not in METHODS:
        raise AttributionError(
            f'There is no attribution method called "{key}".',
            next_step=f"Choose {' or '.join(METHODS)}.",
        )
    return METHODS[key]
