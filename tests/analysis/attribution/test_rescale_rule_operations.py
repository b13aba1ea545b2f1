"""Each operation alone, between two convolutions: the relevance adds up for any image and any baseline."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from analysis.attribution.gradients import input_gradients
from analysis.attribution.records import Question
from analysis.attribution.rescale_rule import held_against
from models.network import Network
from tests.analysis.attribution.test_spatial import network

Body = Callable[[torch.Tensor], torch.Tensor]
CHANNELS, SIDE = 8, 8


def tokens(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(2).transpose(1, 2)


def attention(x: torch.Tensor) -> torch.Tensor:
    rows = tokens(x)
    return torch.softmax(rows @ rows.transpose(-2, -1) * 0.3, -1) @ rows


def norm_by_hand(x: torch.Tensor) -> torch.Tensor:
    spread, mean = torch.var_mean(x, dim=1, keepdim=True, unbiased=False)
    return (x - mean) / (spread + 1e-3).sqrt() + (x - mean) / x.std(1, keepdim=True)


def old_attention(x: torch.Tensor) -> torch.Tensor:
    rows = tokens(x)
    return torch.baddbmm(
        rows @ torch.ones(CHANNELS, SIDE**2), rows, rows.transpose(1, 2), beta=0.5, alpha=0.1
    )


def places_and_values(x: torch.Tensor) -> torch.Tensor:
    found, places = F.max_pool2d(x, 3, 2, return_indices=True)
    assert places.dtype == torch.int64
    return found


LAYERS: dict[str, Body] = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(inplace=True),
    "hardswish": nn.Hardswish(inplace=True),
    "hardsigmoid": nn.Hardsigmoid(),
    "silu": nn.SiLU(inplace=True),
    "gelu": nn.GELU("tanh"),
    "elu": nn.ELU(inplace=True),
    "mish": nn.Mish(),
    "threshold": nn.Threshold(0.1, 2.0),
    "prelu": lambda x: F.prelu(x, torch.linspace(-0.5, 0.5, CHANNELS)),
    "by name": lambda x: torch.sigmoid(input=x) + torch.tanh(x) + F.softplus(x) + F.logsigmoid(x),
    "powers": lambda x: x**2 + x.abs().sqrt() + 2**x + x.abs() ** 1.5 + (x * 0.3).exp(),
    "clamp": lambda x: x.clamp(-0.5, 0.7) + x.clamp_min(0.1) + torch.clip(x, max=0.2),
    "steps": lambda x: x.round() + x.sign(),
    "gate": lambda x: x * (20 * x.mean((2, 3), keepdim=True)).sigmoid(),
    "product": lambda x: torch.mul(x, other=x.flip(-1)) + x.multiply(x),
    "quotient": lambda x: x / (1 + x.square()) + 2 / (1 + x.abs()) + x.div(3),
    "division by what varies": lambda x: x.tanh() / (0.1 + x.abs().mean((1, 2, 3), keepdim=True)),
    "glu": lambda x: F.glu(x, 1),
    "softmax": lambda x: 10 * F.softmax(x, 1) + x.softmax(dim=-1),
    "hard softmax": lambda x: F.softmax(50 * x, 1),
    "softmin": lambda x: 10 * F.softmin(x, 1),
    "log_softmax": lambda x: F.log_softmax(3 * x, 1) + x.log_softmax(dim=2),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "attention": attention,
    "old attention": old_attention,
    "einsum": lambda x: torch.einsum("bchw,bdhw->bcd", x, x.relu()),
    "dot product attention": lambda x: F.scaled_dot_product_attention(tokens(x), tokens(x), tokens(x).relu()),
    "masked attention": lambda x: F.scaled_dot_product_attention(
        tokens(x), tokens(x), tokens(x), torch.full((SIDE**2, SIDE**2), -torch.inf).triu(1)
    ),
    "layer_norm": lambda x: F.layer_norm(x, [SIDE], torch.linspace(0.5, 2, SIDE), torch.ones(SIDE)),
    "rms_norm": lambda x: F.rms_norm(x, [SIDE]),
    "group_norm": lambda x: F.group_norm(x, 2, torch.linspace(0.5, 2, CHANNELS), torch.ones(CHANNELS)),
    "instance_norm": nn.InstanceNorm2d(CHANNELS),
    "batch_norm without statistics": nn.BatchNorm2d(CHANNELS, track_running_stats=False),
    "normalize": lambda x: F.normalize(x) + F.normalize(x, dim=-1),
    "norm by hand": norm_by_hand,
    "max_pool": nn.MaxPool2d(2),
    "overlapping max_pool": lambda x: F.max_pool2d(x.relu(), 3, 1, 1),
    "dilated max_pool": lambda x: F.max_pool2d(x, 2, 3, 1, 2, ceil_mode=True),
    "max_pool with places": places_and_values,
    "max_pool1d": lambda x: F.max_pool1d(x.flatten(2), 5, 2),
    "adaptive max_pool": lambda x: F.adaptive_max_pool2d(x, 3),
    "amax": lambda x: x.amax((2, 3)) + x.amin((-1, 2)) + x.max() + x.amax(axis=1, keepdims=True).sum(),
    "max along": lambda x: x.max(1).values + x.min(dim=1, keepdim=True)[0].squeeze(1),
    "larger of two": lambda x: (
        torch.maximum(x, x.flip(-1)) + torch.min(x, 0.5 * x.square()) + x.max(other=-x)
    ),
}
LINEAR = {
    "pad, roll, cat": lambda x: torch.cat([F.pad(x, (1, 1)).roll(1, 2), F.interpolate(x, (8, 10))], 1),
    "batch_norm": nn.BatchNorm2d(CHANNELS),
    "weights": lambda x: x * torch.linspace(-1, 1, SIDE) @ torch.ones(SIDE, 2) / 3,
}


class Around(nn.Module):
    """A convolution, the layer, a linear answer."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first = nn.Conv2d(3, CHANNELS, 3, padding=1)
            self.last = nn.LazyLinear(2)
            self.eval()(torch.zeros(1, 3, SIDE, SIDE))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.last(self.body(2 * self.first(inputs)).flatten(1))
        return answer


def around(name: str) -> Network:
    return network(Around({**LAYERS, **LINEAR}[name]), 2)


def drawn(seed: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    inputs, start = scale * torch.randn(2, 1, 3, SIDE, SIDE, generator=draws)
    return inputs, start


def missed(own: Network, inputs: torch.Tensor, start: torch.Tensor) -> tuple[float, float]:
    """By how much the relevance misses its sum, in units of its absolute sum; and the same of the gradient."""
    found = held_against(Question(own, inputs, (1,)), start)
    assert found.expected_sums is not None
    size = float(found.maps[0].abs().sum())
    gradient = input_gradients(own.module, inputs, [1], own)[0]
    plain = float((gradient * (inputs - start)).sum())
    errors = (abs(each - found.expected_sums[0]) / size for each in (float(found.maps[0].sum()), plain))
    return next(errors), next(errors)


@torch.no_grad()
def terms(own: Network, inputs: torch.Tensor) -> float:
    """The absolute sum of what the last layer adds up."""
    module = own.module
    assert isinstance(module, Around)
    features = module.body(2 * module.first(inputs)).flatten(1)
    return float((module.last.weight[1] * features[0]).abs().sum())


@pytest.mark.parametrize("name", LAYERS)
def test_the_relevance_adds_up_where_the_gradient_does_not(name: str) -> None:
    ours, plain = missed(around(name), *drawn(0))
    assert ours < 1e-5
    assert plain > 100 * ours and plain > 1e-3


# A step between two close values is steep without bound, and so is what rounding does to it.
SMOOTH = sorted(LAYERS.keys() - {"steps"})


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(SMOOTH),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([0.01, 0.3, 3.0]),
    distance=st.sampled_from([1e-4, 0.1, 1.0]),
)
def test_it_adds_up_for_any_image_and_baseline(name: str, seed: int, scale: float, distance: float) -> None:
    inputs, other = drawn(seed, scale)
    own, start = around(name), inputs + distance * (other - inputs)
    ours, _ = missed(own, inputs, start)
    found = held_against(Question(own, inputs, (1,)), start)
    # where the two are close, the rounding of what their answers are summed from is what is left
    summed = max(terms(own, each) for each in (inputs, start))
    assert ours < 1e-4 + 1e-6 * summed / float(found.maps[0].abs().sum())


@pytest.mark.parametrize("name", LINEAR)
def test_what_is_linear_needs_no_rule(name: str) -> None:
    ours, plain = missed(around(name), *drawn(0))
    assert max(ours, plain) < 1e-6


def test_what_is_overwritten_counts_as_what_is_not() -> None:
    def overwriting(x: torch.Tensor) -> torch.Tensor:
        gate = (3 * x).mean((2, 3), keepdim=True).sigmoid_()
        F.relu(x, inplace=True)  # what it gives back is not used
        view = x[:, :4]
        view.tanh_()
        x *= gate
        x += 1
        x /= gate + 1
        return x

    def keeping(x: torch.Tensor) -> torch.Tensor:
        gate = (3 * x).mean((2, 3), keepdim=True).sigmoid()
        x = F.relu(x)
        x = torch.cat([x[:, :4].tanh(), x[:, 4:]], 1)
        return (x * gate + 1) / (gate + 1)

    inputs, start = drawn(0)
    found, expected = (
        held_against(Question(network(Around(body), 2), inputs, (0, 1)), start)
        for body in (overwriting, keeping)
    )
    assert found.expected_sums == expected.expected_sums
    for one, other in zip(found.maps, expected.maps, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6 * float(other.abs().max()))


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_batch_may_lie_in_any_dimension(batch_first: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layer = nn.TransformerEncoderLayer(CHANNELS, 2, 16, batch_first=batch_first).eval()

    def body(x: torch.Tensor) -> torch.Tensor:
        rows = tokens(x) if batch_first else tokens(x).transpose(0, 1)
        out: torch.Tensor = layer(rows)
        return out if batch_first else out.transpose(0, 1)

    ours, plain = missed(network(Around(body), 2), *drawn(3))
    assert ours < 1e-5 and plain > 1e-2


def test_plain_areas_do_not_blow_up_a_layer_norm() -> None:
    """Against a baseline without variance the relevance stays of the size of the answer."""
    own = around("layer_norm")
    with torch.no_grad():
        own.module.get_parameter("first.bias").zero_()
    inputs, _ = drawn(0)
    found = held_against(Question(own, inputs, (1,)), torch.zeros_like(inputs))
    assert found.expected_sums is not None
    gradient = input_gradients(own.module, inputs, [1], own)[0]
    assert float(found.maps[0].abs().sum()) < 10 * float((gradient * inputs).abs().sum())
    assert abs(float(found.maps[0].sum()) - found.expected_sums[0]) < 1e-4 * abs(found.expected_sums[0])
