"""Grad-CAM where the evidence is known by construction."""

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import Contrast, attribute, attributions
from models.network import Network
from tests.analysis.attribution.test_spatial import network


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


def test_a_layer_in_the_middle_can_be_chosen(reds_and_greens: Network, picture: torch.Tensor) -> None:
    found = attribute(reds_and_greens, picture, 0, "grad_cam", layer="1")
    assert found.layer == "1"
    np.testing.assert_allclose(found.relevance > 0, picture[0].numpy() > 0.9)
