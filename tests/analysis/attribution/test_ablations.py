"""Occlusion and Feature Ablation against Captum, and on a network whose evidence is known."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, Occlusion
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from analysis.attribution import METHODS, Contrast, ablations, attribute, attribution_steps, attributions
from analysis.attribution.ablations import window_pixels
from analysis.attribution.asking import asked
from analysis.attribution.baselines import BASELINE, baseline
from analysis.attribution.forward_passes import scattered
from analysis.attribution.picture_cells import strips, windows
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images

Watch = Callable[[Network], None]


class OnePlace(nn.Module):
    """Class 0 is how red the square of rows 20 to 27 and columns 8 to 15 is; class 1 is against it."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        red = inputs[:, 0, 20:28, 8:16].mean((1, 2))
        return torch.stack([red, -red], 1)


@pytest.fixture(scope="module")
def one_place() -> Network:
    return network(OnePlace(), 2)


def test_occlusion_is_that_of_captum(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    side, step = window_pixels(inputs.shape[-1], 0.5, 0.5)
    start = baseline(asked(family, inputs, [3]), "blurred")
    theirs = Occlusion(family.module).attribute(
        inputs, (3, side, side), (3, step, step), start, target=3, perturbations_per_eval=4
    )
    expected = theirs[0, 0].numpy()
    found = attribute(family, inputs, 3, "occlusion", window=0.5, stride=0.5).relevance
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("window", "stride"), [(0.1, 1.0), (0.3, 0.35), (0.26, 0.75)])
@pytest.mark.parametrize("kind", BASELINE.choices)
def test_every_window_and_stride_is_that_of_captum(window: float, stride: float, kind: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
        body(torch.zeros(1, 3, 37, 29))
    small = network(body, 3)
    inputs = torch.randn(1, 3, 37, 29, generator=torch.Generator().manual_seed(1))
    side, step = window_pixels(29, window, stride)
    start = baseline(asked(small, inputs, [1]), kind)
    theirs = Occlusion(body).attribute(inputs, (3, side, side), (3, step, step), start, target=1)
    expected = theirs[0, 0].numpy()
    found = attribute(small, inputs, 1, "occlusion", window=window, stride=stride, baseline=kind).relevance
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("cells", [2, 5, 7])
def test_feature_ablation_is_that_of_captum(small_network: Network, cells: int) -> None:
    inputs = images(small_network.architecture)
    number = torch.arange(96) * cells // 96
    mask = (number[:, None] * cells + number)[None, None]
    start = baseline(asked(small_network, inputs, [3]), "blurred")
    theirs = FeatureAblation(small_network.module).attribute(inputs, start, target=3, feature_mask=mask)
    expected = theirs[0, 0].numpy()
    found = attribute(small_network, inputs, 3, "feature_ablation", cells=cells).relevance
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_occlusion_finds_the_only_place_that_matters(one_place: Network) -> None:
    picture = torch.zeros(3, 48, 48)
    picture[0] = 1.0
    found, against = attributions(one_place, picture, [0, 1], "occlusion", window=0.16, baseline="grey")
    relevance = found.relevance
    reach = np.zeros((48, 48), bool)
    reach[12:36, 0:24] = True  # what a window of 8 pixels can hold together with the place
    assert not relevance[~reach].any()
    assert relevance[20:28, 8:16].min() > 0
    assert 20 <= np.unravel_index(relevance.argmax(), relevance.shape)[0] < 28
    assert 8 <= np.unravel_index(relevance.argmax(), relevance.shape)[1] < 16
    np.testing.assert_allclose(against.relevance, -relevance)
    assert against.is_blank


def test_feature_ablation_gives_the_cell_its_whole_score(one_place: Network) -> None:
    picture = torch.zeros(3, 48, 48)
    picture[0] = 1.0
    found = attribute(one_place, picture, 0, "feature_ablation", cells=12, baseline="grey").relevance
    expected = np.zeros((48, 48))
    expected[20:28, 8:16] = 0.25  # four cells of 4 x 4 pixels, a quarter of the square each
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["occlusion", "feature_ablation"])
def test_a_contrast_is_the_difference(small_network: Network, method: str) -> None:
    inputs = images(small_network.architecture)
    why, a, b = attributions(small_network, inputs, [Contrast(1, 4), 1, 4], method)
    scale = max(np.abs(a.relevance).max(), np.abs(b.relevance).max())
    np.testing.assert_allclose(why.relevance, a.relevance - b.relevance, atol=1e-5 * scale)


@pytest.mark.parametrize("method", ["occlusion", "feature_ablation"])
def test_coarse_places_come_first_and_have_the_scale_of_the_result(one_place: Network, method: str) -> None:
    picture = torch.zeros(3, 48, 48)
    picture[0] = 1.0
    steps = list(attribution_steps(one_place, picture, [0], method, baseline="grey"))
    maps = [step.attributions[0].relevance for step in steps]
    assert steps[0].fraction < 0.05
    assert max(later.fraction - step.fraction for step, later in itertools.pairwise(steps)) < 0.1
    middle = maps[len(maps) * 3 // 4]
    assert np.linalg.norm(middle - maps[-1]) < 0.8 * np.linalg.norm(maps[-1])
    assert 0.3 * maps[-1].max() < middle.max() < 2 * maps[-1].max()


@pytest.mark.parametrize("method", ["occlusion", "feature_ablation"])
def test_all_targets_are_read_from_the_same_passes(
    small_network: Network, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    forward = nn.Linear.forward

    def counted(layer: nn.Linear, inputs: torch.Tensor) -> torch.Tensor:
        runs.append(len(inputs))
        return forward(layer, inputs)

    monkeypatch.setattr(nn.Linear, "forward", counted)
    options = {"cells": 5} if method == "feature_ablation" else {"window": 0.25, "stride": 0.75}
    attributions(small_network, images(small_network.architecture), [0, 1, 2], method, **options)
    assert sum(runs) == 1 + 25
    assert max(runs) == 4


@pytest.mark.parametrize(("n_rows", "n_columns"), [(1, 1), (1, 9), (7, 5), (13, 12)])
def test_unknown_places_take_the_value_of_the_nearest(n_rows: int, n_columns: int) -> None:
    order = ablations._coarse_first(n_rows, n_columns)
    grid = np.array(sorted(order))
    nearest, known = ablations._Nearest(n_rows, n_columns), list[tuple[int, int]]()
    for start in range(0, len(order), 4):
        nearest.add(order[start : start + 4])
        known = sorted([*known, *order[start : start + 4]])
        distances = np.square(grid[:, None] - np.array(known)).sum(2)
        expected = [known[each] for each in distances.argmin(1)]  # of several, the first
        np.testing.assert_array_equal(nearest.places, [row * n_columns + column for row, column in expected])


def test_the_finest_settings_take_little_time_and_memory_beside_the_network() -> None:
    """11,881 places; a comparison of each with each would hold half a gigabyte."""
    order = ablations._coarse_first(109, 109)
    nearest, sizes = ablations._Nearest(109, 109), list[int]()

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            sizes.append(found.numel())
            return found

    with Sizes():
        for start in range(0, len(order), 4):
            nearest.add(order[start : start + 4])
            assert len(nearest.places) == len(order)
    assert torch.equal(nearest.places, torch.arange(len(order)))
    assert max(sizes) == len(order) and sum(sizes) < 30 * len(order) ** 2


@pytest.mark.parametrize(("window", "stride"), [(0.16, 0.5), (0.04, 0.25), (0.3, 1.0), (0.5, 0.35)])
def test_the_cost_of_occlusion_is_the_number_of_squares(window: float, stride: float) -> None:
    side, step = window_pixels(224, window, stride)
    squares = len(windows(224, side, step)) ** 2
    chosen = {"window": window, "stride": stride, "baseline": "grey"}
    assert METHODS["occlusion"].runs(chosen) == pytest.approx((squares + 1) * 0.4)


@settings(max_examples=60, deadline=None)
@given(n=some.integers(1, 400))
def test_any_beginning_of_scattered_numbers_covers_the_whole(n: int) -> None:
    order = scattered(n)
    assert sorted(order) == list(range(n))
    for seen in (1, 3, 7, 15):
        begun = np.array([0, *sorted(order[:seen]), n])
        assert np.diff(begun).max() <= 2 * n / (seen + 1) + 1


@settings(max_examples=60, deadline=None)
@given(length=some.integers(1, 200), n=some.integers(1, 30))
def test_strips_share_the_pixels_out_equally(length: int, n: int) -> None:
    found = strips(length, n)
    assert len(found) == min(length, n)
    assert (found.sum(0) == 1).all()
    assert found.sum(1).max() - found.sum(1).min() <= 1


@settings(max_examples=60, deadline=None)
@given(length=some.integers(1, 200), side=some.integers(1, 60), data=some.data())
def test_windows_leave_no_pixel_out(length: int, side: int, data: some.DataObject) -> None:
    stride = data.draw(some.integers(1, side))
    found = windows(length, side, stride)
    assert found.sum(0).min() >= 1
    assert (found.sum(1) >= 1).all() and (found[:-1].sum(1) == min(side, length)).all()
