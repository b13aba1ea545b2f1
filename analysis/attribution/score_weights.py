"""A class activation map without gradients: each channel weighted by what the image scores through it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from analysis.attribution.class_activation import LAYER, NEEDS_A_MAP, enlarged, layer_to_read
from analysis.attribution.forward_passes import FORWARD_ONLY, batches, scores
from analysis.attribution.gradients import own_module
from analysis.attribution.layers import activation_and_gradients
from analysis.attribution.records import Estimate, Method, Option, Question, Settings

CHANNELS = Option(
    "channels",
    "Channels",
    32,
    "How many channels of the layer are tried, those that differ most from place to place first: more is "
    "closer to the paper, which tries all, and slower.",
    4,
    512,
    4,
)
# Below this difference between its highest and lowest place a channel is flat, and masks everything.
_FLAT = 1e-8


def score_cam(question: Question, *, layer: str, channels: int) -> Iterator[Estimate]:
    """The features of one layer, weighted by the score of the input seen through each of them.

    Each channel, enlarged and scaled to 0 .. 1, multiplies the input; the softmax over the channels of what
    these inputs score weights the channels, and negative sums are set to zero. The score is the logit (or
    the difference of two), as in pytorch-grad-cam: a softmax over the classes first, as in the authors'
    code, would make all weights nearly equal and has no meaning for a contrast. The baseline of the
    paper's "increase of confidence" is the same for all channels, so the softmax takes it out.

    The paper tries all channels. Here those come first whose activations have the largest standard
    deviation over the places (a constant channel masks nothing); they are the same for all targets, which
    share every forward pass.

    Args:
        question: the image and its targets.
        layer: dotted name of a module, or "" for the last of `spatial_layers`.
        channels: how many channels are tried, if the layer has as many.

    Yields:
        The result of the channels tried so far, after the first one and then after every few. The weights
        always add up to 1.

    Raises:
        AttributionError: the network is a program, or the layer gives no map.

    Source:
        Wang et al., Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks, CVPR
        Workshops 2020.
    """
    name = layer_to_read(question, layer)
    activation, _ = activation_and_gradients(question.network, question.inputs, name, ())
    order = activation[0].flatten(1).std(1).argsort(descending=True, stable=True)[:channels]
    features, module = activation[0, order], own_module(question.network)
    found = question.inputs.new_zeros(len(question.targets), 0)
    for batch in batches(features, question.network):
        masked = _seen_through(batch, question.inputs)
        found = torch.cat([found, scores(module, masked, question)], 1)
        weights = found.softmax(1)
        evidence = F.relu(torch.einsum("tk,khw->thw", weights, features[: found.shape[1]]))
        maps = tuple(enlarged(each[None, None], question) for each in evidence)
        yield Estimate(found.shape[1] / len(features), maps, name)


def _seen_through(features: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """(K, h, w) features as masks on the (1, 3, H, W) input: (K, 3, H, W)."""
    height, width = inputs.shape[-2:]
    masks = F.interpolate(features[:, None], (height, width), mode="bilinear", align_corners=False)
    low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
    return inputs * (masks - low) / (high - low).clamp_min(_FLAT)


def _forward_passes(settings: Settings) -> float:
    return 1 + FORWARD_ONLY * float(settings["channels"])


SCORE_CAM = Method(
    key="score_cam",
    label="Score-CAM",
    function=score_cam,
    family="Class activation maps",
    cost="seconds",
    signed=False,
    source="Wang et al., 2020: Score-CAM: Score-Weighted Visual Explanations",
    limits="Coarse, and changes little from class to class or with randomised weights; it tries only some "
    "channels, on inputs unlike any photo.",
    options=(LAYER, CHANNELS),
    needs=NEEDS_A_MAP,
    runs=_forward_passes,
)
