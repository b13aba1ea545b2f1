"""Gradients against finite differences, gradient x input and SmoothGrad against their own definitions."""

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient
from PIL import Image
from torch import nn

from analysis.attribution import attribute, attribution_steps, attributions
from analysis.attribution.gradients import input_gradients, own_module
from models.network import Network
from models.preprocessing import network_input
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images


@pytest.fixture(scope="module")
def smooth_network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 4, 3), nn.GELU(), nn.Flatten())
        return network(nn.Sequential(body, nn.Linear(4 * 8 * 8, 3)), 3, "1")


@pytest.fixture(scope="module")
def linear_network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return network(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3)), 3, "1")


def test_the_gradient_predicts_a_small_change(smooth_network: Network) -> None:
    draws = torch.Generator().manual_seed(3)
    inputs = torch.randn(1, 3, 12, 12, generator=draws)
    found = attribute(smooth_network, inputs, 2, "gradient").relevance
    double = smooth_network.module.to(torch.float64)
    try:
        for row, column in [(0, 0), (3, 7), (11, 11), (6, 5)]:
            change = torch.zeros(1, 3, 12, 12, dtype=torch.float64)
            change[:, :, row, column] = 1e-5
            with torch.no_grad():
                rise = double(inputs.double() + change)[0, 2] - double(inputs.double() - change)[0, 2]
            assert found[row, column] == pytest.approx(float(rise) / 2e-5, rel=1e-3, abs=1e-6)
    finally:
        smooth_network.module.to(torch.float32)


def test_each_row_of_a_batch_has_its_own_gradient(small_network: Network) -> None:
    batch = images(small_network.architecture, 3)
    (together,) = input_gradients(small_network.module, batch, [2], small_network)
    for i, inputs in enumerate(batch):
        (alone,) = input_gradients(small_network.module, inputs[None], [2], small_network)
        assert torch.allclose(together[i], alone[0], atol=1e-3 * float(alone.abs().max()))


def test_a_linear_network_has_the_same_gradient_under_any_noise(linear_network: Network) -> None:
    inputs = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(5))
    weights = linear_network.module.get_submodule("1").weight.detach()[1].reshape(3, 8, 8)
    found = attribute(linear_network, inputs, 1, "smooth_grad", samples=9, noise=0.3)
    np.testing.assert_allclose(found.relevance, weights.abs().sum(0), rtol=1e-5)


def test_gradient_x_input_takes_a_linear_network_apart(linear_network: Network) -> None:
    inputs = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(5))
    layer = linear_network.module.get_submodule("1")
    found = attribute(linear_network, inputs, 1, "input_x_gradient").relevance
    np.testing.assert_allclose(found, (inputs * layer.weight[1].detach().view(3, 8, 8)).sum(0), rtol=1e-4)
    score = float(linear_network.module(inputs[None])[0, 1].detach() - layer.bias[1].detach())
    assert found.sum() == pytest.approx(score, rel=1e-4)


def test_gradient_x_input_is_that_of_captum(family: Network) -> None:
    inputs = images(family.architecture)
    leaf = inputs.clone().requires_grad_()
    expected = InputXGradient(own_module(family)).attribute(leaf, target=3)[0].sum(0).detach().numpy()
    found = attribute(family, inputs, 3, "input_x_gradient").relevance
    # a ReLU at zero may switch with the rounding: hence a norm, not each pixel
    assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


def test_without_noise_smooth_grad_is_the_absolute_gradient(smooth_network: Network) -> None:
    inputs = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(5))
    (whole,) = input_gradients(smooth_network.module, inputs, [0], smooth_network)
    found = attribute(smooth_network, inputs, 0, "smooth_grad", samples=6, noise=0.0)
    np.testing.assert_allclose(found.relevance, whole[0].abs().sum(0), rtol=1e-4, atol=1e-7)


def test_signs_that_flip_under_noise_cancel() -> None:
    """The gradient of |x| at 0 is +1 or -1: its mean vanishes, the mean of its absolute values would not."""

    class Absolute(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            total = inputs.abs().flatten(1).sum(1, keepdim=True)
            return torch.cat([total, -total], 1)

    inputs = torch.zeros(3, 8, 8)
    inputs[:, 0, 0], inputs[:, 0, 1] = 10.0, -10.0  # far from zero: the noise cannot turn these
    found = attribute(network(Absolute(), 2), inputs, 0, "smooth_grad", samples=200, noise=0.01).relevance
    assert found[0, 0] == pytest.approx(3) and found[0, 1] == pytest.approx(3)
    assert found[1:].mean() < 0.3


def test_the_estimate_comes_at_once_and_settles(small_network: Network) -> None:
    inputs = images(small_network.architecture)
    steps = list(attribution_steps(small_network, inputs, [1], "smooth_grad", samples=60, noise=0.1))
    assert steps[0].fraction == pytest.approx(1 / 60)
    last = steps[-1].attributions[0].relevance
    distances = [np.linalg.norm(step.attributions[0].relevance - last) for step in steps]
    assert distances[0] > 2 * distances[len(steps) // 2] > 0
    seconds = [step.attributions[0].seconds for step in steps]
    assert seconds == sorted(seconds)


def test_the_seed_alone_decides_the_noise(small_network: Network) -> None:
    inputs = images(small_network.architecture)

    def found(seed: int) -> np.ndarray:
        return attribute(small_network, inputs, 1, "smooth_grad", samples=5, seed=seed).relevance

    first = found(3)
    torch.rand(7)
    np.testing.assert_array_equal(found(3), first)
    assert np.abs(found(4) - first).max() > 0.01 * first.max()


def test_batches_do_not_change_the_noise(small_network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = images(small_network.architecture)
    usual = attribute(small_network, inputs, 1, "smooth_grad", samples=6).relevance
    monkeypatch.setattr("analysis.attribution.forward_passes.LARGEST_BATCH", 1)
    single = attribute(small_network, inputs, 1, "smooth_grad", samples=6).relevance
    assert np.linalg.norm(usual - single) < 0.01 * np.linalg.norm(usual)


def test_two_targets_share_the_forward_passes(
    small_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    forward = nn.Linear.forward

    def counted(layer: nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        runs.append(len(inputs))
        return forward(layer, inputs)

    monkeypatch.setattr(nn.Linear, "forward", counted)
    attributions(small_network, images(small_network.architecture), [0, 1], "smooth_grad", samples=6)
    assert runs == [1, 4, 1]


def test_a_picture_is_preprocessed_as_for_a_prediction(small_network: Network) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (80, 130, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    tensor = network_input(picture, small_network.preprocessing)
    found = attribute(small_network, picture, 1, "saliency").relevance
    np.testing.assert_array_equal(found, attribute(small_network, tensor, 1, "saliency").relevance)
    assert found.shape == (96, 96)


def test_values_that_are_not_finite_are_refused() -> None:
    class Root(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            total = inputs.abs().sqrt().flatten(1).sum(1, keepdim=True)
            return torch.cat([total, -total], 1)

    with pytest.raises(Exception, match="not finite"):
        attribute(network(Root(), 2), torch.zeros(3, 4, 4), 0, "gradient")
