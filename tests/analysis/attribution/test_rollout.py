"""Attention rollout against the weights that torch's own attention reports."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import Contrast, attribute, attributions
from analysis.attribution.asking import asked
from analysis.attribution.rollout import _attention
from analysis.attribution.trial_inputs import device_of
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.fast import small_transformer
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images, shared_network

Watch = Callable[[Network], None]


@pytest.fixture(scope="module", params=["vit_b_16", "small"])
def transformer(request: pytest.FixtureRequest) -> Network:
    return small_transformer() if request.param == "small" else shared_network(request.param)


@torch.no_grad()
def reported_attention(found: Network, inputs: torch.Tensor) -> list[torch.Tensor]:
    """Each layer's weights, (heads, L, L), asked of ``nn.MultiheadAttention`` itself."""
    module: Any = found.module
    tokens = torch.cat([module.class_token, module._process_input(inputs)], 1) + module.encoder.pos_embedding
    weights = []
    for block in module.encoder.layers:
        normed = block.ln_1(tokens)
        attended, each = block.self_attention(
            normed, normed, normed, need_weights=True, average_attn_weights=False
        )
        weights.append(each[0])
        tokens = tokens + attended
        tokens = tokens + block.mlp(block.ln_2(tokens))
    return weights


def rolled_out_by_hand(weights: list[torch.Tensor], size: int) -> np.ndarray[Any, Any]:
    rolled = torch.eye(weights[0].shape[-1])
    for each in weights:
        rolled = (0.5 * each.mean(0) + 0.5 * torch.eye(each.shape[-1])) @ rolled
    side = math.isqrt(len(rolled) - 1)
    patches = rolled[0, 1:].reshape(1, 1, side, side)
    return nn.functional.interpolate(patches, (size, size), mode="bilinear")[0, 0].numpy()


def test_rollout_is_that_of_the_reported_attention(transformer: Network, nothing_left: Watch) -> None:
    nothing_left(transformer)
    inputs = images("vit_b_16")
    expected = rolled_out_by_hand(reported_attention(transformer, inputs), 96)
    found = attribute(transformer, inputs, 1, "attention_rollout").relevance
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())
    assert expected.std() > 1e-3 * expected.max(), "a flat map would prove nothing"


def test_the_recorded_attention_is_the_reported_one(transformer: Network) -> None:
    inputs = images("vit_b_16", seed=5)
    recorded = _attention(asked(transformer, inputs, [0]))
    reported = reported_attention(transformer, inputs)
    assert len(recorded) == len(reported)
    for ours, theirs in zip(recorded, reported, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6 * float(theirs.max()))
        assert ours.device == device_of(transformer)


def test_every_target_gets_the_same_map(transformer: Network) -> None:
    a, b, contrast = attributions(
        transformer, images("vit_b_16"), [0, 3, Contrast(2, 1)], "attention_rollout"
    )
    np.testing.assert_array_equal(a.relevance, b.relevance)
    np.testing.assert_array_equal(a.relevance, contrast.relevance)
    other = attribute(transformer, images("vit_b_16", seed=4), 0, "attention_rollout")
    assert np.abs(other.relevance - a.relevance).max() > 1e-3 * a.relevance.max()


class OneLook(nn.Module):
    """A class token that looks at four patches with given weights; an identity value."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.register_buffer("looks", torch.tensor([weights] + [[0.2] * 5] * 4))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        means = nn.functional.adaptive_avg_pool2d(inputs, 2).flatten(2).mean(1)
        tokens = torch.cat([means[:, :1] * 0, means], 1)
        weights = torch.softmax(self.get_buffer("looks").log()[None], -1)
        return (weights @ tokens[..., None])[:, :3, 0]


def test_what_is_looked_at_is_found_and_the_rest_can_be_discarded() -> None:
    looking = network(OneLook([0.2, 0.4, 0.3, 0.06, 0.04]), 3)
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    corners = attribute(looking, picture, 0, "attention_rollout").relevance[::7, ::7]
    np.testing.assert_allclose(corners, [[0.2, 0.15], [0.03, 0.02]], rtol=1e-5)
    # the 2 smallest of 25 weights go; the class token's row is then scaled to 1 by 1.9
    discarded = attribute(looking, picture, 0, "attention_rollout", discard=0.1).relevance[::7, ::7]
    np.testing.assert_allclose(discarded, [[0.4 / 1.9, 0.3 / 1.9], [0, 0]], rtol=1e-5)


@pytest.mark.parametrize("architecture", ["swin_t", "resnet18", "convnext_tiny", "mobilenet_v3_small"])
def test_what_has_no_attention_over_the_whole_image_is_refused(
    architecture: str, nothing_left: Watch
) -> None:
    found = shared_network(architecture)
    nothing_left(found)
    with pytest.raises(AttributionError, match="no class token with attention over the whole image") as no:
        attribute(found, images(architecture), 0, "attention_rollout")
    assert "Grad-CAM" in no.value.next_step


def test_swin_with_a_single_window_everywhere_is_refused() -> None:
    """28 pixels: 7 x 7 places, one window; still no token stands for the whole image."""
    with pytest.raises(AttributionError, match="no class token"):
        attribute(shared_network("swin_t"), torch.rand(3, 28, 28), 0, "attention_rollout")
