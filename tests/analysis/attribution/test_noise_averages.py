"""VarGrad against Captum and against the variance of samples drawn by hand."""

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import nn

from analysis.attribution import attribute, attribution_steps
from analysis.attribution.gradients import input_gradients, own_module
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images


def noise(inputs: torch.Tensor, n: int, deviation: float, seed: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    drawn = torch.stack([torch.randn(inputs.shape[1:], generator=draws) for _ in range(n)])
    return drawn * deviation * (inputs.max() - inputs.min())


def test_var_grad_is_that_of_captum(family: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = images(family.architecture)
    drawn = noise(inputs, 6, 0.02, seed=4)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "normal", lambda *_, **__: drawn)
        theirs = NoiseTunnel(Saliency(family.module)).attribute(
            inputs, nt_type="vargrad", nt_samples=6, stdevs=1.0, target=2, abs=False
        )
    expected = theirs[0].sum(0).numpy()
    ours = attribute(family, inputs, 2, "var_grad", samples=6, noise=0.02, seed=4).relevance
    # other batches round otherwise, and a ReLU at zero then switches: hence a norm, not each pixel
    assert np.linalg.norm(ours - expected) < 0.02 * np.linalg.norm(expected)
    assert ours.min() >= 0


def test_var_grad_is_the_variance_of_samples_drawn_by_hand() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 4, 3), nn.GELU(), nn.Flatten())
        curved = network(nn.Sequential(body, nn.Linear(4 * 8 * 8, 3)), 3)
    inputs = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    noisy = inputs + noise(inputs, 9, 0.05, seed=0)
    each = [input_gradients(own_module(curved), one[None], [1], curved)[0] for one in noisy]
    expected = torch.cat(each).double().var(0, unbiased=False).sum(0).numpy()
    found = attribute(curved, inputs, 1, "var_grad", samples=9).relevance
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_a_large_mean_does_not_drown_the_variance() -> None:
    """Gradient 10,000 + x: the mean of squares less the squared mean would be lost in float32."""

    class Steep(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            total = (10_000 * inputs + inputs.square() / 2).flatten(1).sum(1, keepdim=True)
            return torch.cat([total, -total], 1)

    inputs = torch.zeros(3, 8, 8)
    inputs[:, 0, 0] = 10.0
    found = attribute(network(Steep(), 2), inputs, 0, "var_grad", samples=50, noise=0.1).relevance
    expected = noise(inputs[None], 50, 0.1, seed=0).double().var(0, unbiased=False).sum(0).numpy()
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_without_noise_there_is_no_variance(small_network: Network) -> None:
    inputs = images(small_network.architecture)
    found = attribute(small_network, inputs, 1, "var_grad", samples=3, noise=0.0).relevance
    noisy = attribute(small_network, inputs, 1, "var_grad", samples=3).relevance
    assert found.max() < 1e-4 * noisy.max()


def test_the_first_estimate_is_no_smaller_than_the_result(small_network: Network) -> None:
    steps = list(attribution_steps(small_network, images(small_network.architecture), [1], "var_grad"))
    assert steps[0].fraction == 2 / 25
    totals = [float(step.attributions[0].relevance.sum()) for step in steps]
    assert all(0.4 * totals[-1] < total < 2.5 * totals[-1] for total in totals)
    last = steps[-1].attributions[0].relevance
    distances = [np.linalg.norm(step.attributions[0].relevance - last) for step in steps]
    assert distances[0] > 1.5 * distances[len(steps) // 2] > 0
