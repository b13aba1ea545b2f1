"""Which layers give a map, and which way round it lies."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from analysis.attribution import attribute, spatial_layers
from analysis.attribution.layers import activation_and_gradients
from analysis.attribution.spatial import CHANNELS_FIRST, CHANNELS_LAST, channel_axes, spatial_map
from models.errors import AttributionError
from models.network import Network
from models.preprocessing import Preprocessing
from tests.models.calibrated import calibrated_network, images, shared_network

PLAIN = Preprocessing(None, None, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def network(module: nn.Module, n_classes: int, head: str | None = None) -> Network:
    names = tuple(f"class_{i}" for i in range(n_classes))
    return Network(module.eval(), names, PLAIN, "own", "own", Path("own.pth"), head=head)


@pytest.mark.parametrize(
    ("shape", "input_size", "expected"),
    [
        ((1, 512, 7, 7), (224, 224), (1, 512, 7, 7)),
        ((1, 7, 7, 768), (224, 224), (1, 768, 7, 7)),
        ((1, 512, 4, 8), (128, 256), (1, 512, 4, 8)),
        ((1, 4, 8, 96), (128, 256), (1, 96, 4, 8)),
        ((1, 8, 8, 8), (64, 64), (1, 8, 8, 8)),
        ((2, 197, 768), (224, 224), (2, 768, 14, 14)),
        ((2, 196, 768), (224, 224), (2, 768, 14, 14)),
        ((1, 33, 16), (128, 256), (1, 16, 4, 8)),
        ((1, 64, 43, 29), (171, 114), (1, 64, 43, 29)),  # both proportions fit, one stride does
        ((1, 48, 8, 8), (299, 299), (1, 48, 8, 8)),  # without padding: a place lost at the border
        ((1, 64, 28, 124), (128, 512), (1, 64, 28, 124)),
        ((1, 64, 49, 64), (224, 224), None),  # MaxViT's windows, and their pieces
        ((1, 49, 64, 64), (224, 224), None),
        ((1, 49, 16, 128), (224, 224), None),
        ((1, 512, 1, 1), (224, 224), None),
        ((1, 2, 768), (224, 224), None),
        ((1, 1, 768), (224, 224), None),
        ((1, 198, 768), (224, 224), None),
        ((1, 512), (224, 224), None),
    ],
)
def test_a_map_is_recognised_whichever_way_it_lies(
    shape: tuple[int, ...], input_size: tuple[int, int], expected: tuple[int, ...] | None
) -> None:
    found = spatial_map(torch.zeros(shape), input_size)
    assert (None if found is None else tuple(found.shape)) == expected


def test_tokens_keep_their_places_and_the_class_token_is_left_out() -> None:
    places = torch.arange(4.0).reshape(2, 2)
    tokens = torch.cat([torch.tensor([99.0]), places.flatten()])[None, :, None]
    found = spatial_map(tokens, (32, 32))
    assert found is not None
    assert torch.equal(found[0, 0], places)


def test_what_is_no_tensor_is_no_map() -> None:
    assert spatial_map((torch.zeros(1, 8, 7, 7),), (224, 224)) is None
    assert spatial_map(torch.zeros(1, 8, 7, 7, dtype=torch.int64), (224, 224)) is None


def exact_places(input_size: tuple[int, int]) -> set[tuple[int, ...]]:
    """All sides of maps that padded convolutions can give."""
    strides = range(1, max(input_size) + 1)
    return {
        tuple(rounded(side / stride) for side in input_size)
        for stride, rounded in product(strides, (math.floor, math.ceil))
    }


@given(
    st.tuples(st.integers(33, 1024), st.integers(33, 1024)),
    st.sampled_from([1, 2, 4, 7, 8, 14, 16, 32]),
    st.integers(1, 1024),
    st.sampled_from([math.floor, math.ceil]),
)
def test_the_shape_tells_unless_it_could_really_lie_either_way(
    input_size: tuple[int, int], stride: int, channels: int, rounded: type[math.floor]
) -> None:
    height, width = (rounded(side / stride) for side in input_size)
    assume(min(height, width) > 1)
    assert channel_axes((1, channels, height, width), input_size)[0] == CHANNELS_FIRST
    found = channel_axes((1, height, width, channels), input_size)
    assert CHANNELS_LAST in found
    assert found[0] == CHANNELS_LAST or (width, channels) in exact_places(input_size)


class Turned(nn.Module):
    """Channels first to last, or back."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given.permute(self.axes)


@st.composite
def sizes_and_channels(draw: st.DrawFn) -> tuple[tuple[int, int], int, int]:
    """An input's size, a stride, and very often as many channels as places along one side."""
    stride = draw(st.sampled_from([1, 2, 4, 8]))
    height = draw(st.integers(2 * stride, 12 * stride))
    width = draw(st.one_of(st.just(height), st.integers(2 * stride, 12 * stride)))
    near = [math.ceil(side / stride) + by for side in (height, width) for by in (-1, 0, 1)]
    return (height, width), stride, draw(st.one_of(st.sampled_from(near), st.integers(2, 40)))


@given(sizes_and_channels())
@settings(max_examples=60, deadline=None)
def test_a_layer_s_map_is_read_the_right_way_round(case: tuple[tuple[int, int], int, int]) -> None:
    """Both ways round, the same numbers: also where nothing but another input size can tell."""
    input_size, stride, channels = case
    conv = nn.Conv2d(3, channels, 1, stride)
    tail = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 2)]
    there_and_back = nn.Sequential(conv, nn.Sigmoid(), Turned(0, 2, 3, 1), Turned(0, 3, 1, 2), *tail)
    inputs = torch.randn(1, 3, *input_size)
    for layer in ("1", "2"):
        tiny = network(there_and_back, 2, "6")
        activation, (gradient,) = activation_and_gradients(tiny, inputs, layer, [0])
        expected = conv(inputs).sigmoid().detach().requires_grad_()
        score = nn.Sequential(*tail)(expected)[0, 0]
        torch.testing.assert_close(activation, expected.detach())
        torch.testing.assert_close(gradient, torch.autograd.grad(score, expected)[0])


@pytest.mark.parametrize(
    ("architecture", "layer", "size", "shape"),
    [
        ("resnet18", "layer1", (171, 114), (1, 64, 43, 29)),
        ("swin_t", "features.1", (384, 384), (1, 96, 96, 96)),
    ],
)
def test_rows_are_not_taken_for_channels(
    architecture: str, layer: str, size: tuple[int, int], shape: tuple[int, ...]
) -> None:
    resnet_or_swin = shared_network(architecture)
    inputs = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    kept: list[torch.Tensor] = []
    module = resnet_or_swin.module
    handle = module.get_submodule(layer).register_forward_hook(lambda _, __, output: kept.append(output))
    answer = module(inputs)[0, 1]
    handle.remove()
    assert kept[0].shape == shape
    evidence = torch.autograd.grad(answer, kept[0])[0] * kept[0]
    coarse = evidence.sum(1 if architecture == "resnet18" else -1)[None]
    expected = nn.functional.interpolate(coarse, size, mode="bilinear")[0, 0].detach().numpy()
    found = attribute(resnet_or_swin, inputs, 1, "hires_cam", layer=layer).relevance
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_as_many_classes_as_channels_do_not_hide_the_layer() -> None:
    assert spatial_layers(calibrated_network("resnet18", n_classes=512), (96, 96))[-1] == "layer4"


def test_a_map_of_class_scores_is_passed_over_even_without_a_known_head() -> None:
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert spatial_layers(network(body, 4), (32, 32)) == ("0",)


def test_a_smaller_input_moves_the_layer_forward() -> None:
    resnet = shared_network("resnet18")
    assert spatial_layers(resnet, (96, 96))[-1] == "layer4"
    assert spatial_layers(resnet, (32, 32))[-1] == "layer3"


def test_every_layer_that_is_offered_can_be_read() -> None:
    swin = shared_network("swin_t")
    inputs = images("swin_t")
    for layer in spatial_layers(swin, (96, 96))[::6]:
        assert attribute(swin, inputs, 1, "grad_cam", layer=layer).layer == layer


def test_only_the_outermost_of_equal_layers_is_offered() -> None:
    offered = spatial_layers(shared_network("resnet18"), (96, 96))
    assert "layer4" in offered and "layer4.1" not in offered and "layer4.1.relu" not in offered
    assert "layer4.0" in offered and "layer4.1.conv1" in offered


def test_a_layer_behind_the_last_attention_is_refused_rather_than_blank() -> None:
    vit = shared_network("vit_b_16")
    with pytest.raises(AttributionError, match="does not hang on the places"):
        attribute(vit, images("vit_b_16"), 0, "grad_cam", layer="encoder.layers.encoder_layer_11")


def test_a_network_without_a_map_is_refused() -> None:
    flat = network(nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)), 2, "1")
    with pytest.raises(AttributionError, match="No layer gives a map of places") as caught:
        attribute(flat, torch.randn(3, 16, 16), 0, "grad_cam")
    assert "SmoothGrad" in caught.value.next_step


def test_a_network_that_does_not_answer_logits_is_refused() -> None:
    with pytest.raises(AttributionError, match=r"answers \(1, 8, 14, 14\) where \(1, 3\)"):
        attribute(network(nn.Conv2d(3, 8, 3), 3), torch.randn(3, 16, 16), 0, "saliency")


def test_a_layer_that_the_next_one_overwrites_is_judged_by_its_own_output() -> None:
    """Half of the one channel's places are dead after the ReLU, so the answer hangs on half of them only."""
    conv = nn.Conv2d(3, 1, 1, bias=False)
    body = nn.Sequential(conv, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    assert spatial_layers(network(body, 2, "4"), (32, 32)) == ("1",)
