"""A forward pass inside the mode equals the plain one, and reaches every operation."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analysis.attribution.operations import Rewritten
from models.network import Network
from tests.models.calibrated import images, shared_network


def test_without_rules_the_answer_stays_the_same(family: Network) -> None:
    inputs, met = images(family.architecture, 2), 0

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal met
        met += 1
        return F.linear(*args, **kwargs)

    with torch.no_grad():
        expected = family.module(inputs)
        with Rewritten({F.linear: counted}):
            found = family.module(inputs)
    assert met > 0 or family.architecture == "squeezenet1_1"
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.std()))


@pytest.mark.parametrize("architecture", ["vit_b_16", "swin_t"])
def test_rules_reach_inside_attention(architecture: str) -> None:
    network, seen = shared_network(architecture), []

    def watched(scores: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
        seen.append(scores.shape)
        return torch.softmax(scores, -1)

    with torch.no_grad(), Rewritten({F.softmax: watched}):
        network.module(images(architecture))
    assert len(seen) == 12


def test_a_rule_holds_in_this_block_and_this_thread_only() -> None:
    layer = nn.Sequential(nn.ReLU())
    negative = -torch.ones(1)
    with Rewritten({F.relu: lambda given, inplace=False: given * 10}):
        assert layer(negative).item() == -10
    assert layer(negative).item() == 0
    with pytest.raises(ZeroDivisionError), Rewritten({F.relu: lambda given, inplace=False: 1 / 0}):
        layer(negative)
    assert layer(negative).item() == 0
