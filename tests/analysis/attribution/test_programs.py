"""TorchScript and torch.export programs: gradients where they pass, one clear sentence where nothing can."""

import warnings
from dataclasses import replace

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


@pytest.fixture(scope="module", params=["torchscript", "export"])
def program(request: pytest.FixtureRequest, plain: Network) -> Network:
    sample = images("squeezenet1_1", seed=8)
    if request.param == "export":
        module: nn.Module = torch.export.export(plain.module, (sample,)).module()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about TorchScript
            module = torch.jit.freeze(torch.jit.trace(plain.module, sample).eval())
    return replace(plain, module=module, kind=request.param, head=None)


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
