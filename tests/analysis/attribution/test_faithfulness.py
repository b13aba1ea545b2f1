"""Insertion and deletion, on a network whose answer provably hangs on one square."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import Contrast, Target, attribute
from analysis.attribution.cell_grid import cell_numbers
from analysis.attribution.faithfulness import (
    Faithfulness,
    _random_order,
    insertion_deletion,
    n_orders,
    n_pictures,
)
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.analysis.evaluated import result
from tests.models.calibrated import images

Result = TypeVar("Result")
SIDE = 56
MOST = 1 / (1 + np.exp(-4.0))


class OneSquare(nn.Module):
    """Logits 2m, -2m and -20, m the mean of one square of 2 x 2 cells."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mean = inputs[:, :, 16:24, 8:16].mean((1, 2, 3))
        return torch.stack([2 * mean, -2 * mean, torch.full_like(mean, -20.0)], 1)


@pytest.fixture(scope="module")
def planted() -> Network:
    return network(OneSquare(), 3)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    inputs = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    inputs[:, :, 16:24, 8:16] = 1.0
    return inputs


@pytest.fixture(scope="module")
def perfect() -> np.ndarray:
    relevance = np.zeros((SIDE, SIDE), np.float32)
    relevance[16:24, 8:16] = 1
    return relevance


def measured(
    network_: Network,
    picture: torch.Tensor,
    target: Target = 0,
    *,
    orders: int | None = None,
    **maps: np.ndarray,
) -> Faithfulness:
    return result(insertion_deletion(network_, picture, maps, target, compared_with="grey", orders=orders))


def test_the_perfect_map_answers_at_once_and_its_reverse_last(
    planted: Network, picture: torch.Tensor, perfect: np.ndarray
) -> None:
    found = measured(planted, picture, perfect=perfect, reverse=-perfect)
    best, worst = found.maps["perfect"], found.maps["reverse"]
    np.testing.assert_allclose(best.insertion.scores, [0.5] + [MOST] * 14, atol=1e-6)
    np.testing.assert_allclose(best.deletion.scores, [MOST] + [0.5] * 14, atol=1e-6)
    np.testing.assert_allclose(worst.insertion.scores, [0.5] * 14 + [MOST], atol=1e-6)
    np.testing.assert_allclose(worst.deletion.scores, [MOST] * 14 + [0.5], atol=1e-6)
    assert best.insertion.area == pytest.approx(MOST * 13.5 / 14 + 0.5 * 0.5 / 14, abs=1e-6)
    assert best.insertion.fractions == pytest.approx(np.arange(15) / 14)
    assert len(found.random) == n_orders(2) == 38
    for each in found.random:
        assert worst.insertion.area < each.insertion.area < best.insertion.area
        assert best.deletion.area < each.deletion.area < worst.deletion.area
    assert found.beaten("perfect") == 38 and found.is_better("perfect")
    assert found.beaten("reverse") == 0 and not found.is_better("reverse")


def test_random_orders_rise_as_their_squares_come(planted: Network, picture: torch.Tensor) -> None:
    """Half of the picture uncovered shows half of the square, on average over many orders."""
    found = result(insertion_deletion(planted, picture, {}, 0, orders=60, compared_with="grey"))
    shown = np.array([each.insertion.scores for each in found.random])
    shares = np.log(shown / (1 - shown)) / 4
    np.testing.assert_allclose(shares.mean(0), np.array([0, 3, 7, 11, 14]) / 14, atol=0.1)
    assert found.maps == {}


def test_a_random_order_is_measured_as_a_map_of_that_order_would_be(
    planted: Network, picture: torch.Tensor
) -> None:
    order = _random_order(196, 0, 2)
    rank = np.empty(196)
    rank[order] = -np.arange(196)
    cells = cell_numbers((SIDE, SIDE))
    found = measured(planted, picture, order=rank[cells], reverse=-rank[cells])
    for name, curves in zip(("order", "reverse"), found.random[2:4], strict=True):
        for way in ("insertion", "deletion"):
            fine, coarse = getattr(found.maps[name], way), getattr(curves, way)
            at = [fine.scores[round(14 * share)] for share in coarse.fractions]
            assert coarse.scores == pytest.approx(at, rel=1e-5)


def test_more_random_orders_are_measured_later_as_if_at_once(planted: Network, picture: torch.Tensor) -> None:
    first, more, at_once = (
        result(insertion_deletion(planted, picture, {}, 0, orders=orders, known_orders=known))
        for orders, known in ((18, 0), (58, 18), (58, 0))
    )
    assert (len(first.random), len(more.random)) == (18, 40)
    for one, other in zip(first.random + more.random, at_once.random, strict=True):
        assert one.insertion.scores == pytest.approx(other.insertion.scores, rel=1e-5)


class Ragged(nn.Module):
    """Answers to patches of a picture in a way of its own, in which squares act together."""

    def __init__(self) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(2)
        self.filters = torch.randn(12, 3, 8, 8, generator=draws) / 4
        self.weights = torch.randn(12 * 49, 3, generator=draws) / 3

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(torch.conv2d(inputs, self.filters, stride=8)).flatten(1) @ self.weights


def test_maps_of_noise_are_called_better_than_chance_once_in_twenty_panels(picture: torch.Tensor) -> None:
    """However many maps a panel shows; a map that finds what matters is called better in nearly all."""
    draws = np.random.default_rng(0)
    ragged = network(Ragged(), 3)
    noise = {str(place): draws.random((SIDE, SIDE)) for place in range(150)}
    good = attribute(ragged, picture, 0, "integrated_gradients").relevance
    pool = measured(ragged, picture, 0, orders=600, good=good, **noise)
    pairs = [pool.random[place : place + 2] for place in range(0, 600, 2)]
    for n in (1, 2, 4):
        alarms = found = 0
        for _ in range(400):
            shown = {str(place): pool.maps[str(place)] for place in draws.choice(150, n, replace=False)}
            chance = tuple(
                each for place in draws.choice(300, n_orders(n) // 2, replace=False) for each in pairs[place]
            )
            panel = Faithfulness(shown, chance)
            alarms += any(panel.is_better(name) for name in shown)
            panel = Faithfulness({**dict(list(shown.items())[1:]), "good": pool.maps["good"]}, chance)
            found += panel.is_better("good")
        assert alarms <= 0.05 * 400 + 12 and found >= 0.95 * 400


@pytest.mark.parametrize("orders", [0, 8, 18, 37])
def test_with_too_few_random_orders_nothing_is_better(
    orders: int, planted: Network, picture: torch.Tensor, perfect: np.ndarray
) -> None:
    found = measured(planted, picture, orders=orders, perfect=perfect, other=-perfect)
    assert found.is_better("perfect") == (orders >= 37)  # 37 are rounded up to 38


@pytest.mark.parametrize("target", [1, Contrast(1, 0), Contrast(2, 1)])
@pytest.mark.parametrize("kind", ["blurred", "grey", "black"])
def test_curves_run_between_the_two_answers(
    small_network: Network, target: Target, kind: str, nothing_left: Callable[[Network], None]
) -> None:
    from analysis.attribution.asking import asked
    from analysis.attribution.baselines import baseline

    nothing_left(small_network)
    inputs = images(small_network.architecture)
    question = asked(small_network, inputs, [target])
    with torch.no_grad():
        ends = small_network.module(torch.cat([baseline(question, kind), inputs])).double()
    if isinstance(target, Contrast):
        expected = (ends[:, target.a] - ends[:, target.b]).sigmoid()
    else:
        expected = ends.softmax(1)[:, target]
    relevance = np.random.default_rng(0).normal(size=(96, 96))
    steps = insertion_deletion(
        small_network, inputs, {"map": relevance}, target, steps=4, orders=2, compared_with=kind
    )
    found = result(steps)
    for curves in (found.maps["map"], *found.random):
        for curve, order in ((curves.insertion, [0, 1]), (curves.deletion, [1, 0])):
            assert [curve.scores[0], curve.scores[-1]] == pytest.approx(expected[order].tolist(), rel=1e-4)
            assert curve.fractions[0] == 0 and curve.fractions[-1] == 1
            assert list(curve.fractions) == sorted(curve.fractions)


def test_the_score_of_each_step_is_that_of_the_picture_so_covered(
    small_network: Network, nothing_left: Callable[[Network], None]
) -> None:
    """Independently: the half with the highest relevance shown over grey."""
    nothing_left(small_network)
    inputs = images(small_network.architecture)
    relevance = np.repeat(np.linspace(1, -1, 96)[:, None], 96, axis=1)
    found = measured(small_network, inputs, 2, falling=relevance).maps["falling"]
    rows = 96 * np.arange(15) // 14  # rows of cells: a step is a whole row of them
    for step in (3, 7, 12):
        edge = int(np.searchsorted(np.arange(96) * 14 // 96, step))
        upper, lower = torch.zeros_like(inputs), torch.zeros_like(inputs)
        upper[:, :, :edge], lower[:, :, edge:] = inputs[:, :, :edge], inputs[:, :, edge:]
        with torch.no_grad():
            answers = small_network.module(torch.cat([upper, lower])).softmax(1)[:, 2].tolist()
        assert [found.insertion.scores[step], found.deletion.scores[step]] == pytest.approx(answers, rel=1e-4)
        assert abs(edge - rows[step]) <= 1


def test_ties_are_broken_by_chance_and_the_same_seed_gives_the_same(
    planted: Network, picture: torch.Tensor
) -> None:
    blank = np.zeros((SIDE, SIDE), np.float32)
    runs = [
        result(insertion_deletion(planted, picture, {"blank": blank}, 0, seed=seed, compared_with="grey"))
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1]
    assert runs[0].maps["blank"] != runs[2].maps["blank"] and runs[0].random != runs[2].random


def test_a_program_is_measured_picture_by_picture(
    planted: Network, picture: torch.Tensor, perfect: np.ndarray
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about TorchScript
        program = torch.jit.trace(planted.module, picture)
    traced = replace(planted, module=program, kind="torchscript")
    found = measured(traced, picture, perfect=perfect)
    expected = measured(planted, picture, perfect=perfect)
    for curves, wanted in zip(
        (found.maps["perfect"], *found.random), (expected.maps["perfect"], *expected.random), strict=True
    ):
        assert curves.insertion.scores == pytest.approx(wanted.insertion.scores, rel=1e-5)
        assert curves.deletion.scores == pytest.approx(wanted.deletion.scores, rel=1e-5)


def test_progress_counts_the_pictures_and_closing_stops(
    small_network: Network, nothing_left: Callable[[Network], None]
) -> None:
    nothing_left(small_network)
    inputs = images(small_network.architecture)
    maps = {"map": np.ones((96, 96), np.float32)}
    steps = list(insertion_deletion(small_network, inputs, maps, 0, steps=4, orders=2))
    assert [step.done for step in steps] == [0, 8, 14]
    assert {step.total for step in steps} == {14} == {n_pictures(1, steps=4, orders=2)}
    stopped = insertion_deletion(small_network, inputs, maps, 0)
    next(stopped)
    next(stopped)
    stopped.close()
    assert list(stopped) == []


def test_what_makes_no_sense_is_refused(planted: Network, picture: torch.Tensor) -> None:
    with pytest.raises(AttributionError, match=r'The map "small" is of size \(7, 7\)') as caught:
        measured(planted, picture, small=np.zeros((7, 7)))
    assert caught.value.next_step
    with pytest.raises(AttributionError, match='no baseline called "white"'):
        result(insertion_deletion(planted, picture, {}, 0, compared_with="white"))
    with pytest.raises(AttributionError, match="no class 3"):
        measured(planted, picture, 3)
