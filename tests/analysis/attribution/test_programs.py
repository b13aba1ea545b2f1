"""TorchScript and torch.export programs: gradients where they pass, one clear sentence where nothing can."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import attribute, spatial_layers
from models.errors import AttributionError
from models.network import Network
from tests.models.calibrated import calibrated_network, images


@pytest.fixture(scope="module")
def plain() -> Network:
    return calibrated_network("squeezenet1_1")


def recorded(kind: str, module: nn.Module, sample: torch.Tensor) -> nn.Module:
    if kind == "export":
        return torch.export.export(module, (sample,)).module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about TorchScript
        return torch.jit.freeze(torch.jit.trace(module, sample).eval())


@pytest.fixture(scope="module", params=["torchscript", "export"])
def program(request: pytest.FixtureRequest, plain: Network) -> Network:
    module = recorded(request.param, plain.module, images("squeezenet1_1", seed=8))
    return replace(plain, module=module, kind=request.param, head=None)


class Scaled(nn.Module):
    """A network that normalises its input itself, in place or not."""

    def __init__(self, body: nn.Module, *, in_place: bool) -> None:
        super().__init__()
        self.body, self.in_place = body, in_place

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scaled = inputs.sub_(0.4).div_(0.7) if self.in_place else inputs.sub(0.4).div(0.7)
        answer: torch.Tensor = self.body(scaled)
        return answer


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("occlusion", {"window": 0.3, "stride": 1.0}),
        ("feature_ablation", {"cells": 4}),
        ("gradient", {}),
        ("integrated_gradients", {"steps": 8}),
    ],
)
@pytest.mark.parametrize("kind", ["torchscript", "export"])
def test_a_program_may_write_over_its_input(
    kind: str, method: str, options: dict[str, Any], plain: Network
) -> None:
    body = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten())
    whole = nn.Sequential(body, nn.Linear(54, 3)).eval()
    inputs, maps = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(1)), []
    for in_place in (True, False):
        module = recorded(kind, Scaled(whole, in_place=in_place).eval(), torch.zeros(1, 3, 24, 24))
        names = ("a", "b", "c")
        asked = replace(plain, module=module, kind=kind, head=None, class_names=names)
        maps.append(attribute(asked, inputs, 1, method, **options).relevance)
    assert maps[1].any()
    np.testing.assert_allclose(maps[0], maps[1], rtol=0, atol=1e-6 * float(np.abs(maps[1]).max()))


@pytest.mark.parametrize("method", ["gradient", "saliency", "smooth_grad"])
def test_gradients_pass_through_a_program(program: Network, plain: Network, method: str) -> None:
    inputs = images("squeezenet1_1")
    options = {"samples": 4} if method == "smooth_grad" else {}
    expected = attribute(plain, inputs, 1, method, **options).relevance
    found = attribute(program, inputs, 1, method, **options).relevance
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)
    assert expected.any()


def test_the_layers_of_a_program_cannot_be_read(program: Network) -> None:
    name = {"torchscript": "TorchScript", "export": "torch.export"}[program.kind]
    for ask in (
        lambda: attribute(program, images("squeezenet1_1"), 1, "grad_cam"),
        lambda: attribute(program, images("squeezenet1_1"), 1, "grad_cam", layer="features"),
        lambda: spatial_layers(program, (96, 96)),
    ):
        with pytest.raises(
            AttributionError, match=f"is a {name} program, so its layers cannot be read"
        ) as no:
            ask()
        assert "SmoothGrad" in no.value.next_step


def test_a_program_that_stops_gradients_is_explained(plain: Network) -> None:
    class Stopped(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs.detach().mean((2, 3))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.trace(Stopped(), torch.rand(1, 3, 8, 8))
    names = ("a", "b", "c")
    stopped = replace(plain, module=module, kind="torchscript", head=None, class_names=names)
    with pytest.raises(AttributionError, match="TorchScript program, lets no gradient through"):
        attribute(stopped, torch.rand(3, 8, 8), 1, "smooth_grad")
