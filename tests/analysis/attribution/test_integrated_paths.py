"""Integrated gradients and GradientShap against Captum, and against what they promise to add up to."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import GradientShap, IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from analysis.attribution import METHODS, Contrast, attribute, attribution_steps, attributions
from analysis.attribution.asking import asked
from analysis.attribution.baselines import BASELINE, baseline
from analysis.attribution.forward_passes import scattered
from analysis.attribution.gradients import own_module
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images

Watch = Callable[[Network], None]


@pytest.fixture(scope="module")
def curved() -> Network:
    """No ReLU, so that the midpoint rule is right to the second order."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.Tanh(), nn.Conv2d(6, 8, 3), nn.GELU())
        return network(nn.Sequential(body, nn.Flatten(), nn.Linear(8 * 25, 3)), 3, "2")


@pytest.fixture
def single_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other batches round otherwise, and a ReLU at zero then switches."""
    monkeypatch.setattr("analysis.attribution.forward_passes.LARGEST_BATCH", 1)


@pytest.mark.usefixtures("single_images")
def test_integrated_gradients_are_those_of_captum(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    start = baseline(asked(family, inputs, [3]), "blurred")
    expected = captum_integrated_gradients(family, inputs, start, steps=9)
    found = attribute(family, inputs, 3, "integrated_gradients", steps=9)
    # a ReLU at zero switches with the rounding of the points: hence a norm, not each pixel
    assert np.linalg.norm(found.relevance - expected) < 0.01 * np.linalg.norm(expected)
    with torch.no_grad():
        rise = float((family.module(inputs) - family.module(start))[0, 3])
    assert found.expected_sum == pytest.approx(rise, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("steps", [8, 21, 48])
def test_where_nothing_switches_each_pixel_is_that_of_captum(curved: Network, steps: int) -> None:
    inputs = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    start = baseline(asked(curved, inputs, [2]), "blurred")
    expected = captum_integrated_gradients(curved, inputs, start, steps=steps, target=2)
    found = attribute(curved, inputs, 2, "integrated_gradients", steps=steps).relevance
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def captum_integrated_gradients(
    network_: Network, inputs: torch.Tensor, start: torch.Tensor, *, steps: int, target: int = 3
) -> np.ndarray:
    found = IntegratedGradients(own_module(network_)).attribute(
        inputs, start, target=target, n_steps=steps, method="riemann_middle", internal_batch_size=1
    )
    return found[0].sum(0).detach().numpy()


@pytest.mark.parametrize("kind", BASELINE.choices)
def test_integrated_gradients_add_up(curved: Network, kind: str) -> None:
    inputs = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    targets = [0, 1, Contrast(2, 0)]
    few, many = (
        attributions(curved, inputs, targets, "integrated_gradients", steps=steps, baseline=kind)
        for steps in (16, 64)
    )
    with torch.no_grad():
        rise = (curved.module(inputs) - curved.module(baseline(asked(curved, inputs, [0]), kind)))[0]
    expected = [float(rise[0]), float(rise[1]), float(rise[2] - rise[0])]
    assert [each.expected_sum for each in many] == pytest.approx(expected, rel=1e-4)
    assert max(each.completeness_error for each in few) < 2e-3
    assert max(each.completeness_error for each in many) < 2e-4


def test_a_contrast_is_the_difference_of_two_integrated_gradients(family: Network) -> None:
    inputs = images(family.architecture)
    why, a, b = attributions(family, inputs, [Contrast(1, 4), 1, 4], "integrated_gradients", steps=8)
    scale = max(np.abs(a.relevance).max(), np.abs(b.relevance).max())
    np.testing.assert_allclose(why.relevance, a.relevance - b.relevance, atol=1e-5 * scale)
    assert why.expected_sum == pytest.approx(a.expected_sum - b.expected_sum, rel=1e-4, abs=1e-5)


def test_batches_change_nothing_but_the_rounding(
    small_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = images(small_network.architecture)
    for method in ("integrated_gradients", "gradient_shap"):
        usual = attribute(small_network, inputs, 1, method).relevance
        with monkeypatch.context() as patch:
            patch.setattr("analysis.attribution.forward_passes.LARGEST_BATCH", 7)
            others = attribute(small_network, inputs, 1, method).relevance
        assert np.linalg.norm(usual - others) < 0.01 * np.linalg.norm(usual)


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
def test_the_first_estimates_have_the_scale_of_the_result(curved: Network, method: str) -> None:
    inputs = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    steps = list(attribution_steps(curved, inputs, [1], method))
    sizes = [float(np.linalg.norm(step.attributions[0].relevance)) for step in steps]
    assert steps[0].fraction == 1 / 48 and steps[1].fraction == 5 / 48
    assert all(0.5 * sizes[-1] < size < 2 * sizes[-1] for size in sizes[1:])
    last = steps[-1].attributions[0].relevance
    distances = [np.linalg.norm(step.attributions[0].relevance - last) for step in steps]
    assert distances[0] > 2 * distances[len(steps) // 2] > 0


@settings(max_examples=25, deadline=None)
@given(seed=some.integers(0, 999), kind=some.sampled_from(BASELINE.choices), steps=some.integers(8, 40))
def test_on_a_quadratic_score_the_midpoint_rule_is_exact(seed: int, kind: str, steps: int) -> None:
    """The gradient is linear along the way, so its mean is the one in the middle."""

    class Quadratic(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            total = (inputs.square() * 3 - inputs).flatten(1).sum(1, keepdim=True)
            return torch.cat([total, -total], 1)

    inputs = torch.randn(3, 6, 9, generator=torch.Generator().manual_seed(seed))
    found = attribute(network(Quadratic(), 2), inputs, 0, "integrated_gradients", steps=steps, baseline=kind)
    middle = (inputs + baseline(asked(network(Quadratic(), 2), inputs, [0]), kind)[0]) / 2
    expected = ((6 * middle - 1) * 2 * (inputs - middle)).sum(0)
    np.testing.assert_allclose(found.relevance, expected, atol=1e-5 * float(expected.abs().max()))
    # as a share of all that is added up: the sum itself may come out near zero
    assert abs(found.relevance.sum() - found.expected_sum) < 1e-5 * np.abs(found.relevance).sum()


@pytest.mark.usefixtures("single_images")
def test_gradient_shap_is_that_of_captum(family: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, deviation, n = images(family.architecture), 0.02, 8
    draws = torch.Generator().manual_seed(4)
    shares = (torch.tensor(scattered(n)) + torch.rand(n, generator=draws)) / n
    noise = torch.stack([torch.randn(inputs.shape[1:], generator=draws) for _ in range(n)])
    noise *= deviation * (inputs.max() - inputs.min())
    start = baseline(asked(family, inputs, [2]), "blurred")
    alone = []
    # one sample at a time, as ours
    for share, each in zip(shares.tolist(), noise, strict=True):
        with monkeypatch.context() as patch:
            patch.setattr(torch, "normal", lambda *_, each=each, **__: each[None])
            patch.setattr(np.random, "uniform", lambda *_, share=share: np.array([share]))
            found = GradientShap(own_module(family)).attribute(
                inputs, start, n_samples=1, stdevs=1.0, target=2
            )
        alone.append(found[0].sum(0).detach().numpy())
    expected = np.mean(alone, axis=0)
    options = {"samples": n, "noise": deviation, "seed": 4, "baseline": "blurred"}
    ours = attribute(family, inputs, 2, "gradient_shap", **options).relevance
    # a ReLU at zero switches with the rounding of the points: hence a norm, not each pixel
    assert np.linalg.norm(ours - expected) < 0.01 * np.linalg.norm(expected)


def test_gradient_shap_adds_up_on_average(curved: Network) -> None:
    inputs = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    question = asked(curved, inputs, range(3))
    found = [attributions(curved, inputs, range(3), "gradient_shap", seed=seed) for seed in range(6)]
    starts = torch.cat([baseline(question, kind) for kind in BASELINE.choices])
    with torch.no_grad():
        rise = (curved.module(inputs) - curved.module(starts).mean(0))[0].numpy()
    for each in found:
        assert [one.expected_sum for one in each] == pytest.approx(rise.tolist(), rel=1e-4)
    sums = np.array([[one.relevance.sum() for one in each] for each in found])
    scale = np.abs(rise).max()
    assert sums.std(0).max() > 1e-5 * scale  # random
    assert np.abs(sums - rise).max() < 0.05 * scale
    assert np.abs(sums.mean(0) - rise).max() < 0.02 * scale


@pytest.mark.parametrize("samples", [8, 10, 11, 48])
def test_gradient_shap_is_exact_where_the_gradient_is_the_same_everywhere(samples: int) -> None:
    """However the turns of the three baselines come out."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        linear = network(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3)), 3, "1")
    inputs = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(5))
    *steps, last = attribution_steps(linear, inputs, [1], "gradient_shap", samples=samples)
    (found,) = last.attributions
    assert all(
        step.attributions[0].completeness_error < 1e-5 for step in steps if step.fraction * samples >= 3
    )
    starts = [baseline(asked(linear, inputs, [1]), kind)[0] for kind in BASELINE.choices]
    weights = linear.module.get_submodule("1").weight[1].detach().view(3, 8, 8)
    expected = (weights * (inputs - torch.stack(starts).mean(0))).sum(0)
    np.testing.assert_allclose(found.relevance, expected, atol=1e-5 * float(expected.abs().max()))
    assert found.completeness_error < 1e-5


def test_the_seed_alone_decides_the_points(small_network: Network) -> None:
    inputs = images(small_network.architecture)

    def found(seed: int) -> np.ndarray:
        return attribute(small_network, inputs, 1, "gradient_shap", samples=8, seed=seed).relevance

    first = found(3)
    torch.rand(7)
    np.testing.assert_array_equal(found(3), first)
    assert np.abs(found(4) - first).max() > 0.01 * np.abs(first).max()


def test_the_cost_is_the_number_of_runs(small_network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[int, bool]] = []
    forward = nn.Linear.forward

    def counted(layer: nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        runs.append((len(inputs), torch.is_grad_enabled()))
        return forward(layer, inputs)

    monkeypatch.setattr(nn.Linear, "forward", counted)
    for method in ("integrated_gradients", "gradient_shap"):
        runs.clear()
        found = attributions(small_network, images(small_network.architecture), [0, 1], method)
        cost = sum(n if with_gradient else 0.4 * n for n, with_gradient in runs)
        assert METHODS[method].runs(found[0].options) == pytest.approx(cost)
