"""Every way of calling a rectifier, against its own derivative and the rule written out."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analysis.attribution import attribute
from models.errors import AttributionError
from tests.analysis.attribution.test_spatial import network


def sawtooth() -> torch.Tensor:
    """From -4 to 8, in no order."""
    draws = torch.Generator().manual_seed(0)
    return torch.linspace(-4, 8, 3 * 8 * 8)[torch.randperm(3 * 8 * 8, generator=draws)].reshape(1, 3, 8, 8)


class Called(nn.Module):
    """Two classes with opposite weights behind one way of calling a rectifier."""

    def __init__(self, rectify: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.rectify = rectify
        weights = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        self.register_buffer("weights", weights)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        before = inputs * 1.0
        total = (self.rectify(before) * self.get_buffer("weights")).sum((1, 2, 3))
        # what an in-place form leaves in its input counts as well
        rest = 0.5 * before.sum((1, 2, 3))
        return torch.stack([total + rest, -total - rest], 1)


def positional(values: torch.Tensor) -> torch.Tensor:
    return F.relu(values, True)


SLOPE = torch.tensor([0.2])
WAYS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "nn.ReLU": (nn.ReLU(), "ReLU"),
    "nn.ReLU in place": (nn.ReLU(inplace=True), "ReLU"),
    "F.relu": (F.relu, "ReLU"),
    "F.relu in place": (positional, "ReLU"),
    "F.relu_": (F.relu_, "ReLU"),
    "torch.relu": (torch.relu, "ReLU"),
    "torch.relu_": (torch.relu_, "ReLU"),
    "method relu": (lambda values: values.relu(), "ReLU"),
    "method relu_": (lambda values: values.relu_(), "ReLU"),
    "method clamp": (lambda values: values.clamp(min=0), "ReLU"),
    "method clamp_": (lambda values: values.clamp_(0), "ReLU"),
    "method clamp_min": (lambda values: values.clamp_min(0), "ReLU"),
    "torch.clamp": (partial(torch.clamp, min=0.0), "ReLU"),
    "nn.ReLU6": (nn.ReLU6(), "ReLU6"),
    "nn.ReLU6 in place": (nn.ReLU6(inplace=True), "ReLU6"),
    "F.relu6": (F.relu6, "ReLU6"),
    "F.hardtanh": (partial(F.hardtanh, min_val=0.0, max_val=6.0), "ReLU6"),
    "F.hardtanh_": (lambda values: F.hardtanh_(values, 0.0, 6.0), "ReLU6"),
    "torch.clamp to 6": (lambda values: torch.clamp(values, 0, 6), "ReLU6"),
    "nn.LeakyReLU": (nn.LeakyReLU(0.1), "LeakyReLU"),
    "F.leaky_relu in place": (partial(F.leaky_relu, negative_slope=0.1, inplace=True), "LeakyReLU"),
    "F.leaky_relu_": (lambda values: F.leaky_relu_(values, 0.1), "LeakyReLU"),
    "nn.RReLU": (nn.RReLU().eval(), "RReLU"),
    "F.prelu": (lambda values: F.prelu(values, SLOPE), "PReLU"),
    "nn.ELU": (nn.ELU(), "ELU"),
    "F.elu_": (F.elu_, "ELU"),
    "nn.SELU": (nn.SELU(), "SELU"),
    "nn.CELU in place": (nn.CELU(inplace=True), "CELU"),
    "nn.GELU": (nn.GELU(), "GELU"),
    "F.gelu by tanh": (partial(F.gelu, approximate="tanh"), "GELU"),
    "nn.SiLU": (nn.SiLU(), "SiLU"),
    "F.silu in place": (partial(F.silu, inplace=True), "SiLU"),
    "nn.Mish": (nn.Mish(), "Mish"),
    "nn.Hardswish in place": (nn.Hardswish(inplace=True), "Hardswish"),
    "F.softplus": (F.softplus, "Softplus"),
}
IN_PLACE = ("in place", "_")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_calling_a_rectifier_is_known(way: str) -> None:
    """Against the derivative of the activation on its own, and the rule written out."""
    rectify, name = WAYS[way]
    found, inputs = network(Called(rectify), 2), sawtooth()
    values = inputs.clone().requires_grad_()
    answer = rectify(values * 1.0)
    (local,) = torch.autograd.grad(answer.sum(), values)
    weights = found.module.get_buffer("weights")
    overwritten = way.endswith(IN_PLACE)
    above, past = (weights + 0.5, 0.0) if overwritten else (weights, 0.5)
    expected = {
        "guided_backprop": (local * above.clamp(min=0)).clamp(min=0) + past,
        "deconvolution": above.clamp(min=0) + past,
    }
    for method, by_hand in expected.items():
        ours = attribute(found, inputs, 0, method)
        np.testing.assert_allclose(ours.relevance, by_hand[0].sum(0), rtol=1e-5, atol=1e-6)
        assert ours.note == (
            "" if name == "ReLU" else f"Extension: the paper covers ReLU only; this network uses {name}."
        )


@pytest.mark.parametrize(
    "gate",
    [
        torch.sigmoid,
        F.hardsigmoid,
        torch.tanh,
        F.hardtanh,
        partial(torch.clamp, min=0, max=1),
        partial(torch.clamp, max=2),
        partial(torch.clamp, min=1e-6),
    ],
)
def test_a_gate_is_no_rectifier(gate: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """So a network of gates alone is refused, and beside a rectifier they keep their own derivatives."""
    with pytest.raises(AttributionError, match="no rectifier") as no:
        attribute(network(Called(gate), 2), sawtooth(), 0, "guided_backprop")
    assert "Gradient" in no.value.next_step
    mixed = network(Called(lambda values: gate(values) + 0 * torch.relu(values)), 2)
    plain = attribute(mixed, sawtooth(), 0, "gradient").relevance
    ours = attribute(mixed, sawtooth(), 0, "guided_backprop").relevance
    np.testing.assert_allclose(ours, plain, atol=1e-6 * np.abs(plain).max())
