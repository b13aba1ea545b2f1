"""The maps of one layer for one image: against hooks, finite differences and captum."""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation

from analysis.layers.feature_maps import feature_maps, most_different
from models.errors import AttributionError
from models.network import Network
from tests.models.calibrated import images, shared_network

LAYERS = {
    "resnet18": "layer2.0",
    "densenet121": "features.denseblock2",
    "vit_b_16": "encoder.layers.encoder_layer_3",
}


@pytest.mark.parametrize("architecture", LAYERS)
def test_influence_is_captums_gradient_times_activation(architecture: str) -> None:
    network, layer = shared_network(architecture), LAYERS[architecture]
    inputs = images(architecture)
    found = feature_maps(network, inputs, layer, 2)
    twin = copy.deepcopy(network.module)
    reference = LayerGradientXActivation(twin, twin.get_submodule(layer)).attribute(inputs, target=2)[0]
    # a transformer gives (tokens, channels), the class token first
    shares = reference[1:].sum(0) if architecture == "vit_b_16" else reference.sum((1, 2))
    np.testing.assert_allclose(found.influence, shares.detach(), rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        assert found.score == pytest.approx(float(network.module(inputs)[0, 2]), abs=1e-4)


def test_a_layer_is_read_behind_its_activation() -> None:
    network, inputs = shared_network("resnet18"), images("resnet18")
    found = feature_maps(network, inputs, "conv1", 0)
    module = network.module
    with torch.no_grad():
        expected = module.relu(module.bn1(module.conv1(inputs)))[0]
    assert found.activation == "relu" and found.values.min() >= 0
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_in_the_last_layer_the_influence_is_the_share_of_the_logit() -> None:
    """The head is linear, so values times gradients sum to the logit without its bias: no first order needed."""
    network, inputs = shared_network("mobilenet_v2"), images("mobilenet_v2")
    found = feature_maps(network, inputs, "features.18.0", 1)
    bias = float(network.module.get_submodule("classifier.1").bias[1].detach())
    assert float(found.influence.sum()) == pytest.approx(found.score - bias, abs=1e-3)


def test_the_orders_begin_with_the_largest() -> None:
    found = feature_maps(shared_network("resnet18"), images("resnet18"), "layer1.0", 0)
    means = np.abs(found.values).mean((1, 2))
    assert (np.diff(means[found.strongest()]) <= 0).all()
    assert (np.diff(np.abs(found.influence[found.most_influential()])) <= 0).all()
    assert sorted(found.strongest()) == list(range(len(means)))


def test_held_against_another_class_it_is_the_difference() -> None:
    network, inputs = shared_network("resnet18"), images("resnet18")
    a, b, both = (feature_maps(network, inputs, "layer3.0", *of) for of in ((1,), (4,), (1, 4)))
    np.testing.assert_allclose(both.influence, a.influence - b.influence, atol=1e-4)
    assert both.score == pytest.approx(a.score - b.score, abs=1e-4)


def test_two_images_that_differ_in_one_channel_are_told_apart_by_it() -> None:
    found = feature_maps(shared_network("resnet18"), images("resnet18"), "layer1.0", 0)
    values, influence = found.values.copy(), found.influence.copy()
    values[17] += 3 * np.abs(values).max()
    influence[23] -= 3 * np.abs(influence).max()
    other = replace(found, values=values, influence=influence)
    assert most_different(found, other, "strength")[0] == 17
    assert most_different(found, other, "influence")[0] == 23


def test_nothing_is_left_on_the_network(family: Network, nothing_left: Callable[[Network], None]) -> None:
    from analysis.layers.catalogue import catalogue
    from tests.models.calibrated import input_size

    nothing_left(family)
    layers = catalogue(family, input_size(family.architecture))
    layer = layers[len(layers) // 2]
    inputs = images(family.architecture)
    with torch.no_grad():
        called = int(family.module(inputs).argmax())
    found = feature_maps(family, inputs, layer.name, called)
    assert found.values.shape == (layer.n_channels, *(layer.places or (1, 1)))
    assert np.isfinite(found.influence).all() and np.abs(found.influence).max() > 0


def test_an_unknown_layer_and_a_program_are_refused() -> None:
    network = shared_network("resnet18")
    with pytest.raises(AttributionError, match='no layer called "nowhere"'):
        feature_maps(network, images("resnet18"), "nowhere", 0)
    with pytest.raises(AttributionError, match="program"):
        feature_maps(replace(network, kind="torchscript"), images("resnet18"), "conv1", 0)
