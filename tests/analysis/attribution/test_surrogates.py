"""LIME and KernelShap against exact Shapley values, Captum, and networks whose evidence is known."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import KernelShap, Lime
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from analysis.attribution import Contrast, attribute, attribution_steps, attributions
from analysis.attribution.asking import asked
from analysis.attribution.baselines import baseline
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import N_CLASSES, images

PICTURE = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def curved() -> Network:
    """Its parts work together, yet a small change makes a small difference."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 6, 5, stride=4), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 49, 16))
        return network(nn.Sequential(body, nn.GELU(), nn.Linear(16, 3)), 3, "2")


def cell_values(relevance: np.ndarray, cells: int) -> np.ndarray:
    """The sums over the cells; the image's sides are multiples of their number."""
    side = len(relevance) // cells
    return relevance.reshape(cells, side, cells, side).sum((1, 3)).ravel()


def mask(cells: int, side: int = 96) -> torch.Tensor:
    number = torch.arange(side) * cells // side
    return (number[:, None] * cells + number)[None, None]


@torch.no_grad()
def shapley_values(network_: Network, inputs: torch.Tensor, cells: int, target: int) -> np.ndarray:
    """By their definition, from every coalition."""
    n, start = cells**2, baseline(asked(network_, inputs, [target]), "blurred")
    shown = torch.tensor([[number >> cell & 1 for cell in range(n)] for number in range(2**n)])
    pictures = (torch.where(one[mask(cells)] > 0, inputs, start) for one in shown)
    worth = [float(network_.module(picture)[0, target]) for picture in pictures]
    values = np.zeros(n)
    for cell in range(n):
        others = [each for each in range(n) if each != cell]
        for size in range(n):
            for coalition in combinations(others, size):
                without = sum(1 << each for each in coalition)
                values[cell] += (worth[without | 1 << cell] - worth[without]) / (n * comb(n - 1, size))
    return values


@pytest.mark.parametrize(("cells", "samples"), [(2, 20), (3, 510)])
def test_all_coalitions_give_the_exact_shapley_values(
    small_network: Network, cells: int, samples: int
) -> None:
    inputs = images(small_network.architecture)
    found = attribute(small_network, inputs, 2, "kernel_shap", cells=cells, samples=samples)
    expected = shapley_values(small_network, inputs, cells, 2)
    error = np.abs(cell_values(found.relevance, cells) - expected).max()
    assert error < 1e-4 * np.abs(expected).max()


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_kernel_shap_is_that_of_captum_but_for_the_draw(curved: Network) -> None:
    inputs = PICTURE
    start = baseline(asked(curved, inputs, [2]), "blurred")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = KernelShap(curved.module).attribute(
            inputs, start, target=2, feature_mask=mask(4, 32), n_samples=1000, perturbations_per_eval=20
        )
    expected = theirs[0, 0, ::8, ::8].numpy().ravel()
    found = attribute(curved, inputs, 2, "kernel_shap", cells=4, samples=600).relevance
    assert correlation(cell_values(found, 4), expected) > 0.97


def test_lime_is_that_of_captum_with_a_ridge_but_for_the_draw(curved: Network) -> None:
    inputs = PICTURE
    start = baseline(asked(curved, inputs, [2]), "blurred")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = Lime(curved.module, interpretable_model=SkLearnRidge(alpha=1.0)).attribute(
            inputs, start, target=2, feature_mask=mask(4, 32), n_samples=1000, perturbations_per_eval=20
        )
    expected = theirs[0, 0, ::8, ::8].numpy().ravel()
    found = attribute(curved, inputs, 2, "lime", cells=4, samples=600).relevance
    assert correlation(cell_values(found, 4), expected) > 0.95


class Additive(nn.Module):
    """The score is a weighted sum of the pixels, so each cell's part of it is known."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        total = (inputs * self.weights).flatten(1).sum(1)
        return torch.stack([total, -total], 1)


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_parts_of_a_sum_are_found(method: str) -> None:
    draws = torch.Generator().manual_seed(0)
    inputs, weights = torch.randn(2, 3, 35, 35, generator=draws)
    additive = network(Additive(weights), 2)
    start = baseline(asked(additive, inputs, [0]), "blurred")[0]
    expected = cell_values((weights * (inputs - start)).sum(0).numpy(), 7)
    found, against = attributions(additive, inputs, [0, 1], method, samples=400)
    values = cell_values(found.relevance, 7)
    # the ridge holds the values a little too near to each other
    assert np.linalg.norm(values - expected) < 0.06 * np.linalg.norm(expected)
    np.testing.assert_allclose(against.relevance, -found.relevance, atol=1e-6 * np.abs(values).max())


@settings(max_examples=15, deadline=None)
@given(
    seed=some.integers(0, 999),
    size=some.tuples(some.integers(8, 24), some.integers(8, 24)),
    cells=some.integers(2, 9),
    samples=some.integers(20, 90),
)
def test_kernel_shap_adds_up_at_every_estimate(
    seed: int, size: tuple[int, int], cells: int, samples: int
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        small = network(nn.Sequential(body, nn.Linear(16, 3)), 3)
        inputs = torch.randn(1, 3, *size)
    options = {"cells": cells, "samples": samples, "seed": seed}
    for step in attribution_steps(small, inputs, [0, Contrast(1, 2)], "kernel_shap", **options):
        for each in step.attributions:
            scale = max(abs(each.expected_sum), np.abs(each.relevance).sum())
            assert abs(each.relevance.sum(dtype=np.float64) - each.expected_sum) < 1e-5 * scale
    with torch.no_grad():
        start = baseline(asked(small, inputs, [0]), "blurred")
        rise = float((small.module(inputs) - small.module(start))[0, 0])
    assert step.attributions[0].expected_sum == pytest.approx(rise, abs=1e-5)


def test_lime_is_never_all_zero(family: Network) -> None:
    """Captum's default, a Lasso, is: the scores' differences are smaller than its penalty."""
    options = {"cells": 3, "samples": 20}
    for each in attributions(family, images(family.architecture), range(N_CLASSES), "lime", **options):
        assert each.expected_sum is None
        values = cell_values(each.relevance, 3) if each.relevance.shape[0] % 3 == 0 else each.relevance
        if family.architecture == "squeezenet1_1" and not values.any():
            continue  # its last ReLU gives some classes a score of zero for every picture
        assert np.abs(values).max() > 0
        assert np.ptp(values) > 1e-3 * np.abs(values).max()


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_estimates_come_early_and_settle(curved: Network, method: str) -> None:
    steps = list(attribution_steps(curved, PICTURE, [1], method, cells=5))
    assert [step.fraction for step in steps] == [4 * (i + 1) / 200 for i in range(50)]
    last = steps[-1].attributions[0].relevance
    sizes = [np.linalg.norm(step.attributions[0].relevance) / np.linalg.norm(last) for step in steps]
    assert all(0.2 < size < 3 for size in sizes)
    distances = [np.linalg.norm(step.attributions[0].relevance - last) for step in steps]
    assert distances[0] > 2 * distances[35] > 0


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_the_seed_alone_decides_the_draw(small_network: Network, method: str) -> None:
    inputs = images(small_network.architecture)

    def found(seed: int) -> np.ndarray:
        return attribute(small_network, inputs, 1, method, cells=4, samples=24, seed=seed).relevance

    first = found(3)
    torch.rand(7)
    np.testing.assert_array_equal(found(3), first)
    assert np.abs(found(4) - first).max() > 0.01 * np.abs(first).max()
