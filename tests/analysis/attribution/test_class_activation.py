"""The CAM family where the evidence is known by construction."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from analysis.attribution import METHODS, Contrast, attribute, attribution_steps, attributions
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images, shared_network

FAMILY = [key for key, method in METHODS.items() if method.family == "Class activation maps"]
BY_GRADIENT = ["grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam"]


@pytest.fixture(scope="module")
def reds_and_greens() -> Network:
    """Class 0 counts red places, class 1 green ones; class 2 is against both; class 3 minds nothing."""
    body = nn.Sequential(
        nn.Conv2d(3, 2, 1, bias=False),
        nn.ReLU(inplace=True),
        nn.AvgPool2d(4),
        nn.Identity(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, 4, bias=False),
    )
    with torch.no_grad():
        body[0].weight[:] = torch.tensor([[2.0, -1, -1], [-1, 2, -1]]).view(2, 3, 1, 1)
        body[6].weight[:] = torch.tensor([[1.0, 0], [0, 1], [-1, -1], [0, 0]])
    return network(body, 4, "6")


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """Red upper left, green lower right, gray elsewhere."""
    image = torch.full((3, 32, 32), 0.5)
    image[:, 4:12, 4:12] = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    image[:, 20:28, 20:28] = torch.tensor([0.0, 1, 0]).view(3, 1, 1)
    return image


def test_the_map_lies_on_the_evidence_and_nowhere_else(
    reds_and_greens: Network, picture: torch.Tensor
) -> None:
    red, green = attributions(reds_and_greens, picture, [0, 1], "grad_cam")
    # relevance by hand: mean gradient 1 / 1024 of the logit, times the activation 2
    np.testing.assert_allclose(red.relevance[4:12, 4:12], 2 / 1024)
    assert red.relevance.sum() == pytest.approx(2 / 1024 * 64)
    np.testing.assert_allclose(green.relevance, red.relevance[::-1, ::-1])


def test_a_contrast_leaves_what_speaks_for_the_first(reds_and_greens: Network, picture: torch.Tensor) -> None:
    contrast, red = attributions(reds_and_greens, picture, [Contrast(0, 1), 0], "grad_cam")
    np.testing.assert_allclose(contrast.relevance, red.relevance)


def test_a_map_without_positive_evidence_says_so(reds_and_greens: Network, picture: torch.Tensor) -> None:
    red, against, indifferent = attributions(reds_and_greens, picture, [0, 2, 3], "grad_cam")
    assert [red.is_blank, against.is_blank, indifferent.is_blank] == [False, True, True]
    assert not against.relevance.any()
    assert attribute(reds_and_greens, picture, 3, "saliency").is_blank


def test_gradients_have_the_sign_of_the_evidence(reds_and_greens: Network, picture: torch.Tensor) -> None:
    """Brighter by the same amount in all channels: 2 - 1 - 1 = 0; what counts is each channel."""
    assert attribute(reds_and_greens, picture, 0, "gradient").relevance == pytest.approx(0)
    saliency = attribute(reds_and_greens, picture, 0, "saliency").relevance
    assert saliency[4:12, 4:12] == pytest.approx(2 / 1024)
    assert saliency[20:28, 20:28] == pytest.approx(0)


@pytest.mark.parametrize("method", [*BY_GRADIENT, "score_cam"])
def test_a_layer_in_the_middle_can_be_chosen(
    reds_and_greens: Network, picture: torch.Tensor, method: str
) -> None:
    found = attribute(reds_and_greens, picture, 0, method, layer="1")
    assert found.layer == "1"
    red = picture[0].numpy() > 0.9
    if method == "score_cam":  # gives the green channel a little weight too
        assert found.relevance[red].min() > found.relevance[~red].max()
    else:
        np.testing.assert_array_equal(found.relevance > 0, red)


@pytest.fixture(scope="module")
def uneven() -> Network:
    """One linear layer on 6 channels of 8 x 8 places: the gradient is its weights, another at each place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        body = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 64, 3))
    return network(body, 3, "3")


@pytest.fixture(scope="module")
def speckles() -> torch.Tensor:
    return torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(5))


Places = npt.NDArray[np.float64]


def by_hand(network: Network, image: torch.Tensor, target: int) -> tuple[Places, Places]:
    """The activation of layer "1" and its gradient, each (6, 8, 8)."""
    body: Any = network.module
    with torch.no_grad():
        return (
            body[:2](image[None])[0].double().numpy(),
            body[3].weight[target].reshape(6, 8, 8).double().numpy(),
        )


FORMULAS: dict[str, Callable[[Places, Places], Places]] = {
    "grad_cam": lambda a, g: (g.mean((1, 2), keepdims=True) * a).sum(0).clip(0),
    "grad_cam_plus_plus": lambda a, g: (
        ((g**2 / (2 * g**2 + a.sum((1, 2), keepdims=True) * g**3) * g.clip(0)).sum((1, 2), keepdims=True) * a)
        .sum(0)
        .clip(0)
    ),
    "hires_cam": lambda a, g: (g * a).sum(0),
    "layer_cam": lambda a, g: (g.clip(0) * a).sum(0).clip(0),
}


@pytest.mark.parametrize("method", FORMULAS)
def test_the_map_is_that_of_the_paper(uneven: Network, speckles: torch.Tensor, method: str) -> None:
    for target in range(3):
        expected = FORMULAS[method](*by_hand(uneven, speckles, target))
        found = attribute(uneven, speckles, target, method, layer="1").relevance
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_hires_cam_adds_up_to_the_logit_less_its_bias(uneven: Network, speckles: torch.Tensor) -> None:
    body: Any = uneven.module
    with torch.no_grad():
        expected = body(speckles[None])[0] - body[3].bias
    for found in attributions(uneven, speckles, [0, 1, 2], "hires_cam", layer="1"):
        assert found.relevance.sum() == pytest.approx(float(expected[int(found.target)]), rel=1e-4)


def test_only_hires_cam_is_linear_in_the_target(uneven: Network, speckles: torch.Tensor) -> None:
    for method in BY_GRADIENT:
        both, a, b = attributions(uneven, speckles, [Contrast(0, 1), 0, 1], method, layer="1")
        gap = np.abs(both.relevance - (a.relevance - b.relevance)).max()
        assert (gap < 1e-5 * np.abs(both.relevance).max()) == (method == "hires_cam")


def test_eigen_cam_is_the_first_component_and_points_to_strong_features(
    uneven: Network, speckles: torch.Tensor
) -> None:
    activation, _ = by_hand(uneven, speckles, 0)
    features = activation.reshape(6, 64).T
    component = PCA(1, svd_solver="full").fit_transform(features)[:, 0]
    if np.corrcoef(component, (features**2).sum(1))[0, 1] < 0:
        component = -component
    expected = component.clip(0).reshape(8, 8)
    one, other = attributions(uneven, speckles, [0, Contrast(2, 1)], "eigen_cam", layer="1")
    np.testing.assert_allclose(one.relevance, expected, rtol=0, atol=1e-4 * expected.max())
    np.testing.assert_array_equal(one.relevance, other.relevance)


def score_cam_by_hand(network: Network, image: torch.Tensor, target: int, channels: int) -> Places:
    activation, _ = by_hand(network, image, target)
    order = np.argsort(-activation.std((1, 2)))[:channels]
    answers = []
    for each in activation[order]:
        mask = (each - each.min()) / (each.max() - each.min())
        with torch.no_grad():
            masked = image * torch.from_numpy(mask).float()
            answers.append(float(network.module(masked[None])[0, target]))
    weights = np.exp(answers) / np.exp(answers).sum()
    return (weights[:, None, None] * activation[order]).sum(0).clip(0)


def test_score_cam_refines_on_one_scale_and_is_the_paper_s(uneven: Network, speckles: torch.Tensor) -> None:
    steps = list(attribution_steps(uneven, speckles, [1, 2], "score_cam", layer="1", channels=6))
    assert [step.fraction for step in steps] == [1 / 6, 5 / 6, 1]
    for step, channels in zip(steps, (1, 5, 6), strict=True):
        for found, target in zip(step.attributions, (1, 2), strict=True):
            expected = score_cam_by_hand(uneven, speckles, target, channels)
            np.testing.assert_allclose(found.relevance, expected, rtol=0, atol=1e-5 * expected.max())


def test_score_cam_is_deterministic_and_takes_the_channels_that_differ_most(
    uneven: Network, speckles: torch.Tensor
) -> None:
    one, again = (attribute(uneven, speckles, 1, "score_cam", layer="1", channels=4) for _ in range(2))
    np.testing.assert_array_equal(one.relevance, again.relevance)
    expected = score_cam_by_hand(uneven, speckles, 1, 4)
    np.testing.assert_allclose(one.relevance, expected, rtol=0, atol=1e-5 * expected.max())


def test_grad_cam_plus_plus_says_where_it_leaves_the_paper(uneven: Network, speckles: torch.Tensor) -> None:
    after_relu = attribute(uneven, speckles, 0, "grad_cam_plus_plus", layer="1")
    before_relu = attribute(uneven, speckles, 0, "grad_cam_plus_plus", layer="0")
    assert after_relu.note == "" and before_relu.note.startswith("Extension:")


@pytest.mark.parametrize("method", FAMILY)
def test_densenet_s_next_layer_does_not_write_over_the_map(method: str) -> None:
    """Its features run through an in-place ReLU right after the layer; without that, the map is the same."""
    densenet = shared_network("densenet121")
    options: dict[str, int] = {"channels": 4} if method == "score_cam" else {}
    inputs = images("densenet121")
    with_relu_in_place = attribute(densenet, inputs, 1, method, **options).relevance
    relu = nn.functional.relu
    with mock.patch.object(nn.functional, "relu", lambda given, inplace=False: relu(given)):
        expected = attribute(densenet, inputs, 1, method, **options).relevance
    assert expected.std() > 0
    np.testing.assert_array_equal(with_relu_in_place, expected)


@pytest.mark.parametrize("method", FAMILY)
def test_a_layer_without_places_is_refused(uneven: Network, speckles: torch.Tensor, method: str) -> None:
    for layer, words in {"2": "gives no map of places", "layer9": "no layer called"}.items():
        with pytest.raises(AttributionError, match=words) as caught:
            attribute(uneven, speckles, 0, method, layer=layer)
        assert caught.value.next_step


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_a_layer_that_plays_no_part_is_refused(method: str) -> None:
    vit = shared_network("vit_b_16")
    with pytest.raises(AttributionError, match="does not hang on the places"):
        attribute(vit, images("vit_b_16"), 0, method, layer="encoder.layers.encoder_layer_11")


@pytest.mark.parametrize("method", FAMILY)
def test_programs_are_refused(uneven: Network, speckles: torch.Tensor, method: str) -> None:
    program = replace(uneven, kind="torchscript")
    with pytest.raises(AttributionError, match="TorchScript program"):
        attribute(program, speckles, 0, method)


def test_eigen_cam_refuses_features_that_are_not_finite(uneven: Network, speckles: torch.Tensor) -> None:
    body: Any = uneven.module
    broken = nn.Sequential(*body)
    broken[0] = nn.Conv2d(3, 6, 1)
    with torch.no_grad():
        broken[0].weight[:] = torch.inf
    with pytest.raises(AttributionError, match="not finite"):
        attribute(network(broken, 3, "3"), speckles, 0, "eigen_cam", layer="0")
