"""Every family of torchvision: the layer that is found, and the maps, against Captum and autograd."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam, NoiseTunnel, Saliency

from analysis.attribution import Contrast, attribute, attributions, spatial_layers
from models.network import Network
from tests.models.calibrated import HEADS, N_CLASSES, images, input_size

LAYERS = {
    "resnet18": "layer4",
    "resnet50": "layer4",
    "vgg16": "features",
    "vgg16_bn": "features",
    "googlenet": "inception5b",
    "inception_v3": "Mixed_7c",
    "efficientnet_b0": "features",
    "mobilenet_v2": "features",
    "mobilenet_v3_small": "features",
    "densenet121": "features",
    "convnext_tiny": "features",
    "vit_b_16": "encoder.layers.encoder_layer_11.ln_1",
    "swin_t": "permute",
    "squeezenet1_1": "features",
    "shufflenet_v2_x0_5": "conv5",
    "mnasnet0_5": "layers",
    "regnet_y_400mf": "trunk_output",
}
ALL_CLASSES = range(N_CLASSES)
Watch = Callable[[Network], None]


def test_the_networks_tell_images_and_classes_apart(family: Network) -> None:
    """Else everything below would pass without proving anything."""
    with torch.no_grad():
        answers = family.module(images(family.architecture, 6, seed=7))
    assert 0.2 < float(answers.std(0).mean()) < 5
    assert float(answers.std(1).min()) > 0.01


def test_the_last_map_of_places_is_found(family: Network) -> None:
    assert LAYERS.keys() == HEADS.keys()
    found = spatial_layers(family, input_size(family.architecture))
    assert found[-1] == LAYERS[family.architecture]
    assert len(found) == len(set(found)) > 10


def captum_grad_cam(network: Network, inputs: torch.Tensor, target: int) -> torch.Tensor:
    layer = network.module.get_submodule(LAYERS[network.architecture])
    found = LayerGradCam(network.module, layer).attribute(inputs, target, relu_attributions=True)
    return LayerAttribution.interpolate(found, inputs.shape[2:], "bilinear")[0, 0].detach()


def vit_grad_cam(network: Network, inputs: torch.Tensor, target: int) -> torch.Tensor:
    """By hand: Captum takes the tokens' axis for the channels'."""
    module: Any = network.module
    tokens = torch.cat([module.class_token, module._process_input(inputs)], 1) + module.encoder.pos_embedding
    for block in module.encoder.layers[:-1]:
        tokens = block(tokens)
    last = module.encoder.layers[-1]
    normed = last.ln_1(tokens).detach().requires_grad_()
    attended = tokens + last.self_attention(normed, normed, normed, need_weights=False)[0]
    out = module.encoder.ln(attended + last.mlp(last.ln_2(attended)))
    gradient = torch.autograd.grad(module.heads(out[:, 0])[0, target], normed)[0]
    evidence = ((gradient[:, 1:].mean(1) * normed[:, 1:]).sum(-1)).relu().reshape(1, 1, 6, 6)
    return torch.nn.functional.interpolate(evidence, inputs.shape[2:], mode="bilinear")[0, 0].detach()


def test_grad_cam_is_that_of_captum(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    reference = vit_grad_cam if family.architecture == "vit_b_16" else captum_grad_cam
    ours = attributions(family, inputs, ALL_CLASSES, "grad_cam")
    assert not all(each.is_blank for each in ours)
    for each in ours:
        theirs = reference(family, inputs, int(each.target)).numpy()
        np.testing.assert_allclose(each.relevance, theirs, atol=1e-5 * max(1e-3, theirs.max()), rtol=1e-4)
        assert each.layer == LAYERS[family.architecture]
        assert each.is_blank == (theirs.max() == 0)


def test_gradient_and_saliency_are_those_of_autograd(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    leaf = inputs.clone().requires_grad_()
    (whole,) = torch.autograd.grad(family.module(leaf)[0, 3], leaf)
    scale = float(whole.abs().max())
    gradient = attribute(family, inputs, 3, "gradient").relevance
    saliency = attribute(family, inputs, 3, "saliency").relevance
    np.testing.assert_allclose(gradient, whole[0].sum(0), atol=1e-4 * scale)
    np.testing.assert_allclose(saliency, whole[0].abs().amax(0), atol=1e-4 * scale)


def test_smooth_grad_is_that_of_captum(
    family: Network, nothing_left: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_left(family)
    inputs, deviation = images(family.architecture), 0.02
    draws = torch.Generator().manual_seed(4)
    noise = torch.stack([torch.randn(inputs.shape[1:], generator=draws) for _ in range(6)])
    noise *= deviation * (inputs.max() - inputs.min())
    with monkeypatch.context() as patch:
        patch.setattr(torch, "normal", lambda *_, **__: noise)
        tunnel = NoiseTunnel(Saliency(family.module))
        theirs = tunnel.attribute(inputs, nt_samples=6, stdevs=1.0, target=2, abs=False)
    expected = theirs[0].abs().sum(0).numpy()
    ours = attribute(family, inputs, 2, "smooth_grad", samples=6, noise=deviation, seed=4)
    # other batches round otherwise, and a ReLU at zero then switches: hence a norm, not each pixel
    assert np.linalg.norm(ours.relevance - expected) < 0.01 * np.linalg.norm(expected)


def test_a_contrast_is_the_difference_of_two_gradients(family: Network) -> None:
    inputs = images(family.architecture)
    with torch.no_grad():
        answer = family.module(inputs)[0]
    top, bottom = int(answer.argmax()), int(answer.argmin())
    why, a, b = attributions(family, inputs, [Contrast(top, bottom), top, bottom], "gradient")
    scale = max(np.abs(a.relevance).max(), np.abs(b.relevance).max())
    np.testing.assert_allclose(why.relevance, a.relevance - b.relevance, atol=1e-4 * scale)
    assert np.abs(why.relevance).max() > 1e-3 * scale
