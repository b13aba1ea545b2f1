"""A network trained on a planted shape: do the maps find it?

A patch of 6 % of the area, stripes one way or the other, somewhere on noise. What a map puts inside the
patch is compared with the 6 % that chance would put there.
"""

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import METHODS, Contrast, attribute
from models.network import Network
from tests.analysis.attribution.test_spatial import network

SIDE, PATCH = 48, 12
Planted = tuple[torch.Tensor, torch.Tensor, list[tuple[int, int]]]


def planted(n: int, seed: int) -> Planted:
    draws = torch.Generator().manual_seed(seed)
    pictures = 0.3 * torch.randn(n, 3, SIDE, SIDE, generator=draws)
    labels = torch.randint(0, 2, (n,), generator=draws)
    places = torch.randint(0, SIDE - PATCH, (n, 2), generator=draws).tolist()
    wave = torch.sin(torch.arange(PATCH) * 2.1)
    for picture, label, (row, column) in zip(pictures, labels, places, strict=True):
        stripes = wave[:, None] if label else wave[None, :]
        picture[:, row : row + PATCH, column : column + PATCH] += 1.5 * stripes
    return pictures, labels, [(row, column) for row, column in places]


def body() -> nn.Sequential:
    def stage(inward: int, outward: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outward),
            nn.ReLU(inplace=True),
        )

    stages = nn.Sequential(stage(3, 12), stage(12, 24), stage(24, 32))
    return nn.Sequential(stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2))


@pytest.fixture(scope="module")
def striped() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = body()
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    for epoch in range(30):
        pictures, labels, _ = planted(64, seed=epoch)
        loss = nn.functional.cross_entropy(module(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network(module, 2, "3")


def share_inside(network_: Network, method: str, *, contrast: bool = False) -> float:
    n = 8 if METHODS[method].cost == "minutes" else 16
    pictures, labels, places = planted(n, seed=1000)
    shares = []
    for picture, label, (row, column) in zip(pictures, labels.tolist(), places, strict=True):
        target = Contrast(label, 1 - label) if contrast else label
        relevance = np.maximum(attribute(network_, picture, target, method).relevance, 0)
        inside = relevance[row : row + PATCH, column : column + PATCH]
        shares.append(inside.sum() / relevance.sum())
    return float(np.mean(shares))


def test_the_network_has_learned_the_shape(striped: Network) -> None:
    pictures, labels, _ = planted(200, seed=999)
    with torch.no_grad():
        assert (striped.module(pictures).argmax(1) == labels).float().mean() > 0.95


CHANCE = (PATCH / SIDE) ** 2
TIMES_CHANCE = {
    "grad_cam": 4,
    "gradient": 2.5,
    "saliency": 2.5,
    "input_x_gradient": 9,
    "integrated_gradients": 8,
    "guided_backprop": 5,
    "smooth_grad": 1.8,
    "deep_lift": 8,
    "occlusion": 7,
    "lrp": 6,
    "lime": 7,
    "guided_grad_cam": 8,
    "grad_cam_plus_plus": 4,
    "hires_cam": 4,
    "layer_cam": 4,
    "score_cam": 4,
    "eigen_cam": 4,
    "gradient_shap": 6,
    "kernel_shap": 6,
    "feature_ablation": 7,
}
"""Share of the positive relevance that lies in the shape, at least, in multiples of what chance gives."""
DO_NOT_LOCALISE = {"deconvolution", "var_grad"}
OTHER_NETWORKS = {"attention_rollout"}


def test_every_method_is_held_against_the_planted_shape() -> None:
    assert TIMES_CHANCE.keys() | DO_NOT_LOCALISE | OTHER_NETWORKS == METHODS.keys()


@pytest.mark.parametrize("method", TIMES_CHANCE)
def test_maps_find_the_planted_shape(striped: Network, method: str) -> None:
    assert share_inside(striped, method) > TIMES_CHANCE[method] * CHANCE
    assert share_inside(striped, method, contrast=True) > TIMES_CHANCE[method] * CHANCE


@pytest.mark.parametrize("method", sorted(DO_NOT_LOCALISE))
def test_a_method_that_does_not_localise_says_so(striped: Network, method: str) -> None:
    assert share_inside(striped, method) < 2 * CHANCE
    assert "localise" in METHODS[method].limits


@pytest.mark.parametrize("method", ["saliency", "smooth_grad"])
def test_a_network_that_has_learned_nothing_finds_nothing(method: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        untrained = network(body(), 2, "3")
    assert share_inside(untrained, method) < 1.5 * CHANCE
