"""Guided Backprop and Deconvolution against Captum where it is right, and against hooks where it is not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, GuidedGradCam
from torch import nn

from analysis.attribution import Contrast, attribute, attributions
from analysis.attribution.gradients import input_gradients
from analysis.attribution.operations import Rewritten
from analysis.attribution.private_copy import private_copy
from analysis.attribution.rectifier_rules import RectifierRules, deconvolved, guided
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.test_families import LAYERS
from tests.models.calibrated import images

Watch = Callable[[Network], None]
RULES = {"guided_backprop": guided, "deconvolution": deconvolved}
CAPTUM = {"guided_backprop": GuidedBackprop, "deconvolution": Deconvolution}
# every ReLU is a module there, shared by several places in the ResNets
CAPTUM_IS_RIGHT = (
    "resnet18",
    "resnet50",
    "vgg16",
    "vgg16_bn",
    "squeezenet1_1",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "regnet_y_400mf",
)
OTHERS = {
    "efficientnet_b0": "SiLU",
    "mobilenet_v2": "ReLU6",
    "mobilenet_v3_small": "Hardswish",
    "convnext_tiny": "GELU",
    "vit_b_16": "GELU",
    "swin_t": "GELU",
}
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.GELU)
CAPTUM_WARNS = pytest.mark.filterwarnings("ignore:Setting (backward|forward):UserWarning")


class Unit(nn.Sequential):
    """GoogLeNet's and Inception's unit with its ReLU as a module."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__(plain.get_submodule("conv"), plain.get_submodule("bn"), nn.ReLU())


def with_relu_modules(module: nn.Module) -> nn.Module:
    """A private copy in which every functional ReLU has become a module."""
    twin = private_copy(module)
    for parent in [*twin.modules()]:
        for name, child in [*parent.named_children()]:
            if type(child).__name__ == "BasicConv2d":
                setattr(parent, name, Unit(child))
    return twin


def hooked_gradient(module: nn.Module, inputs: torch.Tensor, target: int, method: str) -> torch.Tensor:
    """By backward hooks on modules: what the rules say, written another way."""

    def from_below(_: nn.Module, inward: tuple[torch.Tensor], outward: tuple[torch.Tensor]) -> Any:
        return (inward[0].clamp(min=0),) if method == "guided_backprop" else (outward[0].clamp(min=0),)

    def from_above(_: nn.Module, outward: tuple[torch.Tensor]) -> Any:
        return (outward[0].clamp(min=0),)

    twin = with_relu_modules(module)
    for layer in twin.modules():
        if isinstance(layer, RECTIFIERS):
            layer.inplace = False  # type: ignore[assignment]
            layer.register_full_backward_pre_hook(from_above)
            layer.register_full_backward_hook(from_below)
    leaf = inputs.clone().requires_grad_()
    found: torch.Tensor = torch.autograd.grad(twin(leaf)[0, target], leaf)[0][0]
    return found


def by_captum(method: type[Any], found: Network, inputs: torch.Tensor, target: int) -> torch.Tensor:
    """On a private copy, for Captum hooks what it is given; (3, H, W)."""
    leaf = inputs.clone().requires_grad_()
    theirs: torch.Tensor = method(private_copy(found.module)).attribute(leaf, target)[0].detach()
    return theirs


@CAPTUM_WARNS
@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("family", CAPTUM_IS_RIGHT, indirect=True)
def test_the_map_is_that_of_captum(family: Network, method: str, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    theirs = by_captum(CAPTUM[method], family, inputs, 2).sum(0).numpy()
    ours = attribute(family, inputs, 2, method)
    np.testing.assert_allclose(ours.relevance, theirs, atol=1e-6 * np.abs(theirs).max())
    assert ours.note == ""


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("family", ["googlenet", "inception_v3", *OTHERS], indirect=True)
def test_the_map_is_that_of_hooks_on_modules(family: Network, method: str, nothing_left: Watch) -> None:
    """Functional ReLUs made modules; for other rectifiers, the extension by hooks."""
    nothing_left(family)
    inputs = images(family.architecture)
    expected = hooked_gradient(family.module, inputs, 2, method).sum(0).numpy()
    ours = attribute(family, inputs, 2, method)
    np.testing.assert_allclose(ours.relevance, expected, atol=1e-4 * np.abs(expected).max())
    named = OTHERS.get(family.architecture)
    assert ours.note == "" if named is None else f" uses {named}." in ours.note


@pytest.mark.parametrize("method", RULES)
def test_the_map_is_not_the_plain_gradient(family: Network, method: str) -> None:
    """As Captum's silently is on seven of these families."""
    inputs = images(family.architecture)
    plain = attribute(family, inputs, 2, "gradient").relevance
    found = attribute(family, inputs, 2, method).relevance
    assert np.linalg.norm(found - plain) > 0.3 * np.linalg.norm(plain)


@CAPTUM_WARNS
@pytest.mark.parametrize(
    "family", ["googlenet", "mobilenet_v2", "efficientnet_b0", "vit_b_16"], indirect=True
)
def test_captum_silently_gives_the_plain_gradient(family: Network) -> None:
    """When this fails, Captum has learned better, and may serve as a reference above."""
    inputs = images(family.architecture)
    plain = attribute(family, inputs, 2, "gradient").relevance
    theirs = by_captum(GuidedBackprop, family, inputs, 2).sum(0).numpy()
    np.testing.assert_allclose(theirs, plain, atol=1e-4 * np.abs(plain).max())


@pytest.mark.parametrize("method", RULES)
def test_the_answer_inside_stays_the_plain_answer(family: Network, method: str) -> None:
    inputs = images(family.architecture, 2)
    expected = family.module(inputs).detach()
    with Rewritten(RectifierRules(RULES[method]).rules()):
        found = private_copy(family.module)(inputs.clone().requires_grad_()).detach()
    if family.architecture in ("vit_b_16", "swin_t"):  # attention taken apart rounds otherwise
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.std()))
    else:
        assert torch.equal(found, expected)


@CAPTUM_WARNS
@pytest.mark.parametrize("family", ["resnet18", "squeezenet1_1"], indirect=True)
def test_guided_grad_cam_is_that_of_captum(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    leaf, twin = images(family.architecture).requires_grad_(), private_copy(family.module)
    captum = GuidedGradCam(twin, twin.get_submodule(LAYERS[family.architecture]))
    theirs = captum.attribute(leaf, 1, interpolate_mode="bilinear")[0].sum(0).detach().numpy()
    ours = attribute(family, leaf.detach(), 1, "guided_grad_cam")
    np.testing.assert_allclose(ours.relevance, theirs, atol=1e-5 * np.abs(theirs).max())
    assert ours.layer == LAYERS[family.architecture] and np.abs(theirs).max() > 0


def test_guided_grad_cam_is_the_product_of_its_two(family: Network) -> None:
    inputs, targets = images(family.architecture), [0, 4, Contrast(1, 3)]
    ours = attributions(family, inputs, targets, "guided_grad_cam")
    fine = attributions(family, inputs, targets, "guided_backprop")
    coarse = attributions(family, inputs, targets, "grad_cam")
    for product, a, b in zip(ours, fine, coarse, strict=True):
        expected = a.relevance * b.relevance
        np.testing.assert_allclose(product.relevance, expected, atol=1e-5 * np.abs(expected).max())
        assert product.layer == b.layer and product.note == a.note


@pytest.mark.parametrize("method", RULES)
def test_a_failing_rule_leaves_nothing(
    small_network: Network, method: str, nothing_left: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_left(small_network)
    inputs = images(small_network.architecture)
    before = input_gradients(small_network.module, inputs, [0], small_network)[0]

    def fail(*_: object) -> None:
        raise ZeroDivisionError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(f"analysis.attribution.rectifiers.{RULES[method].__name__}", fail)
        with pytest.raises(ZeroDivisionError, match="injected"):
            attribute(small_network, inputs, 0, method)
    after = input_gradients(small_network.module, inputs, [0], small_network)[0]
    assert torch.equal(before, after)


@pytest.mark.parametrize("method", [*RULES, "guided_grad_cam"])
def test_programs_are_refused(small_network: Network, method: str) -> None:
    program = replace(small_network, kind="torchscript")
    with pytest.raises(AttributionError, match="TorchScript program, so its layers cannot be read"):
        attribute(program, images(small_network.architecture), 0, method)
