"""DeepLift on every family: it adds up, and it is Captum's where Captum is right."""

import copy
import dataclasses
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from captum.attr import DeepLift
from torch import nn

from analysis.attribution import Contrast, attribute, attributions
from analysis.attribution.baselines import baseline
from analysis.attribution.gradients import input_gradients, score
from analysis.attribution.records import Question
from analysis.attribution.rescale_rule import held_against, missing_part
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import images, shared_network

Watch = Callable[[Network], None]
TARGETS = (0, 1, 2, Contrast(0, 1))
BEYOND_THE_PAPER = {
    *("efficientnet_b0", "mobilenet_v3_small", "regnet_y_400mf"),  # gates
    *("convnext_tiny", "vit_b_16", "swin_t"),  # LayerNorm
}


@pytest.mark.parametrize("kind", ["blurred", "grey"])
def test_the_relevance_adds_up(family: Network, kind: str, nothing_left: Watch) -> None:
    nothing_left(family)
    found = attributions(family, images(family.architecture), TARGETS, "deep_lift", baseline=kind)
    expected = np.array([each.expected_sum for each in found])
    sums = np.array([each.relevance.sum(dtype=np.float64) for each in found])
    # the largest sum is the scale: next to nothing, another class's sum is lost in rounding
    np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-4 * abs(expected).max())
    assert abs(expected).max() > 0.05
    for each in found:
        assert each.note.startswith("Extension: ") == (family.architecture in BEYOND_THE_PAPER)
        assert each.note.endswith(".") or not each.note


def test_the_forward_pass_is_the_plain_one(family: Network) -> None:
    inputs = images(family.architecture)
    found = attributions(family, inputs, TARGETS, "deep_lift")
    with torch.no_grad():
        plain = family.module(inputs) - family.module(baseline(Question(family, inputs, (0,)), "blurred"))
    expected = np.array([float(score(plain.double(), target)) for target in TARGETS])
    sums = np.array([each.expected_sum for each in found])
    # only attention is computed in other steps, and the difference of two logits keeps their rounding
    np.testing.assert_allclose(sums, expected, rtol=0, atol=2e-5 * max(1, abs(expected).max()))
    if family.architecture not in {"vit_b_16", "swin_t"}:
        np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-6 * max(1, abs(expected).max()))


def test_layer_norms_of_a_plain_input_cost_digits_but_not_the_sum() -> None:
    """A fresh ConvNeXt has no biases: of a grey input, all zeros, every LayerNorm divides 0 by nearly 0."""
    network = shared_network("convnext_tiny")
    inputs = images("convnext_tiny")
    grey, blurred = (
        attribute(network, inputs, 1, "deep_lift", baseline=kind) for kind in ("grey", "blurred")
    )
    parts = [abs(each.relevance).sum(dtype=np.float64) for each in (grey, blurred)]
    assert parts[0] > 10 * parts[1]
    for each, part in zip((grey, blurred), parts, strict=True):
        assert each.expected_sum is not None
        assert abs(each.relevance.sum(dtype=np.float64) - each.expected_sum) < 1e-6 * part


def test_why_a_rather_than_b_is_a_less_b(family: Network) -> None:
    inputs = images(family.architecture)
    why, a, b = (each.relevance for each in attributions(family, inputs, [Contrast(2, 4), 2, 4], "deep_lift"))
    scale = max(abs(a).max(), abs(b).max())
    np.testing.assert_allclose(why, a - b, rtol=0, atol=1e-5 * scale)
    assert abs(why).max() > 1e-2 * scale


def test_it_is_not_the_gradient(family: Network) -> None:
    """A network whose operations passed the rules by would give the gradient times the difference."""
    inputs = images(family.architecture)
    start = baseline(Question(family, inputs, (1,)), "blurred")
    gradient = input_gradients(family.module, inputs, [1], family)[0]
    plain = (gradient * (inputs - start))[0].sum(0).numpy()
    ours = attribute(family, inputs, 1, "deep_lift").relevance
    assert np.linalg.norm(ours - plain) > 0.1 * np.linalg.norm(plain)


def with_biases(*layers: nn.Module) -> nn.Module:
    """A network whose biases matter: without them a baseline's answer would be trivial."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            *layers,
            nn.Conv2d(8, 8, 3),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 3),
        )
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.2)
                assert layer.bias is not None
                nn.init.normal_(layer.bias, std=0.3)
    return module


def pictures(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    inputs, start = torch.randn(2, 1, 3, 20, 20, generator=draws)
    return inputs, start


@pytest.mark.parametrize(
    "layers",
    [
        (nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
        (nn.ReLU(), nn.Conv2d(8, 8, 3), nn.MaxPool2d(2)),
        (nn.Sigmoid(), nn.Conv2d(8, 8, 3), nn.ELU(), nn.Conv2d(8, 8, 3), nn.Tanh()),
        (nn.LeakyReLU(), nn.Conv2d(8, 8, 3, 2), nn.Softplus()),
    ],
    ids=["relu", "max-pool", "smooth", "leaky"],
)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_that_of_captum_where_that_is_right(layers: Sequence[nn.Module], seed: int) -> None:
    """On modules that are not reused, no two non-linear ones adjacent, no overlapping windows.

    Captum runs in double precision: in single, its slopes between close values lose digits.
    """
    module = with_biases(*copy.deepcopy(layers)).eval()
    inputs, start = pictures(seed)
    ours = held_against(Question(network(module, 3), inputs, (0, 1, 2)), start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its hooks
        theirs = DeepLift(copy.deepcopy(module).double())
        for target, found in enumerate(ours.maps):
            expected = theirs.attribute(inputs.double(), start.double(), target=target)[0].sum(0).detach()
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_a_linear_network_is_explained_exactly() -> None:
    module = with_biases(nn.AvgPool2d(2), nn.BatchNorm2d(8), nn.Dropout())
    inputs, start = pictures(0)
    linear = network(module, 3)
    found = held_against(Question(linear, inputs, (2,)), start)
    weights = input_gradients(module, inputs, [2], linear)[0]
    expected = (weights * (inputs - start))[0].sum(0).double()
    torch.testing.assert_close(found.maps[0], expected, rtol=0, atol=1e-6 * float(expected.abs().max()))
    assert found.note == ""


class Own(nn.Module):
    """An activation of one's own."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.function(inputs)


def test_an_operation_without_a_rule_is_not_passed_over_in_silence() -> None:
    inputs, start = pictures(0)
    module = with_biases(Own(lambda x: torch.where(x > 0, x, 0.1 * x)))
    found = held_against(Question(network(module, 3), inputs, (0,)), start)
    assert found.expected_sums is not None
    missed = abs(float(found.maps[0].sum()) - found.expected_sums[0]) / abs(found.expected_sums[0])
    assert missed > 0.02
    size = f"by {100 * missed:.0f}%" if missed < 1 else "by 100% or more"
    assert size in found.note and found.note.endswith("uses an operation the rules do not cover.")


def test_a_sum_that_is_nearly_nothing_is_not_blamed_on_the_network() -> None:
    nearly_nothing = torch.tensor([1.0, -1.0 + 1e-7], dtype=torch.float64)
    right = float(nearly_nothing.sum())
    assert missing_part([nearly_nothing] * 2, [2 * right, right]) == ""
    assert missing_part([torch.zeros(2)], [0.0]) == ""
    whole = torch.ones(1, dtype=torch.float64)
    assert missing_part([nearly_nothing, whole], [right, 1.005]) == ""
    assert "by 9%: this network" in missing_part([nearly_nothing, whole], [right, 1.1])
    assert "by 100% or more: this network" in missing_part([whole], [1e-3])


def test_an_image_that_is_its_own_baseline_has_no_relevance() -> None:
    found = held_against(Question(network(with_biases(nn.ReLU()), 3), pictures(0)[0], (0,)), pictures(0)[0])
    assert not found.maps[0].any() and found.expected_sums == (0.0,) and found.note == ""


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.relu() if x[0, 0, 0, 0] > 0 else x.tanh(),
        lambda x: x.relu() if x[0, 0, 0, 0] > 0 else x.relu().tanh(),
        lambda x: x.relu().tanh() if x[0, 0, 0, 0] > 0 else x.relu(),
    ],
)
def test_a_network_that_takes_two_paths_is_refused(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    inputs, _ = pictures(0)
    module = with_biases(Own(function))
    with torch.no_grad():
        low, high = sorted(
            (inputs + 5, inputs - 5), key=lambda each: float(module.get_submodule("0")(each)[0, 0, 0, 0])
        )
    with pytest.raises(AttributionError, match="other operations for this image") as caught:
        held_against(Question(network(module, 3), high, (0,)), low)
    assert caught.value.next_step


def test_programs_are_refused() -> None:
    program = dataclasses.replace(shared_network("shufflenet_v2_x0_5"), kind="torchscript")
    with pytest.raises(AttributionError, match="is a TorchScript program"):
        attribute(program, images("shufflenet_v2_x0_5"), 0, "deep_lift")
