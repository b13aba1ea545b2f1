"""LRP: against Captum and explicit formulas where these hold, and what must hold on every architecture."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from captum import attr as captum
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

from analysis.attribution.records import Contrast, Estimate, Question, Target
from analysis.attribution.relevance_rules import lrp
from models.network import Network
from tests.analysis.attribution.test_spatial import network
from tests.models.calibrated import N_CLASSES, images, shared_network

Watch = Callable[[Network], None]
ALL: tuple[Target, ...] = tuple(range(N_CLASSES))


def answered(
    network_: Network, inputs: torch.Tensor, targets: tuple[Target, ...], **options: Any
) -> Estimate:
    (found,) = lrp(Question(network_, inputs, targets), **options)
    return found


def without_biases(network_: Network) -> Network:
    """A copy in which nothing is added that does not follow the image."""
    module = copy.deepcopy(network_.module)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith(("bias", "running_mean", "class_token", "pos_embedding")):
            tensor.data.zero_()
    return network(module, N_CLASSES, network_.head)


def test_where_no_bias_takes_part_the_relevance_adds_up_to_the_score(family: Network) -> None:
    bare, inputs = without_biases(family), images(family.architecture)
    with torch.no_grad():
        answer = bare.module(inputs)[0]
    found = answered(bare, inputs, ALL)
    for relevance, score, expected in zip(found.maps, answer, found.expected_sums or (), strict=True):
        assert expected == pytest.approx(float(score), rel=1e-4, abs=1e-5 * float(answer.abs().max()))
        assert float(relevance.sum()) == pytest.approx(float(score), abs=1e-4 * float(answer.abs().max()))
    assert float(answer.abs().max()) > 0


def test_the_answer_stays_the_same_and_the_maps_are_finite(family: Network) -> None:
    inputs = images(family.architecture, seed=5)
    with torch.no_grad():
        answer = family.module(inputs)[0]
    found = answered(family, inputs, ALL)
    np.testing.assert_allclose(
        found.expected_sums or (), answer, rtol=1e-4, atol=1e-5 * float(answer.abs().max())
    )
    assert all(bool(each.isfinite().all()) and bool(each.any()) for each in found.maps if each.sum() != 0)
    assert sum(bool(each.any()) for each in found.maps) >= 2


# Measured worst case over classes, as a share of the largest score. Biases keep the rest: in depthwise
# convolutions (neurons whose inputs are all zero), and with ViT's class token.
KEPT_BY_BIASES: Mapping[str, float] = {
    "mobilenet_v2": 0.25,
    "mobilenet_v3_small": 0.04,
    "shufflenet_v2_x0_5": 0.12,
    "mnasnet0_5": 0.16,
    "vit_b_16": 0.15,
}


def test_biases_keep_little_of_the_score(family: Network) -> None:
    found = answered(family, images(family.architecture), ALL)
    scores = found.expected_sums or ()
    missed = max(abs(float(each.sum()) - score) for each, score in zip(found.maps, scores, strict=True))
    assert missed < KEPT_BY_BIASES.get(family.architecture, 0.002) * max(map(abs, scores))


def test_a_contrast_is_the_difference_of_two_maps(family: Network) -> None:
    inputs = images(family.architecture)
    with torch.no_grad():
        answer = family.module(inputs)[0]
    top, bottom = int(answer.argmax()), int(answer.argmin())
    found = answered(family, inputs, (Contrast(top, bottom), top, bottom))
    why, a, b = found.maps
    scale = float(torch.maximum(a.abs(), b.abs()).max())
    torch.testing.assert_close(why, a - b, rtol=0, atol=1e-4 * scale)
    assert (found.expected_sums or ())[0] == pytest.approx(float(answer[top] - answer[bottom]), rel=1e-3)


def coarse(relevance: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.asarray(F.avg_pool2d(relevance[None, None], 8).flatten())


# In these, of random weights, z+ makes one map of every class (Sixt et al., When Explanations Lie, 2020).
ONE_MAP_FOR_ALL = {"inception_v3", "efficientnet_b0", "mobilenet_v3_small", "mnasnet0_5"}


def test_maps_of_two_classes_differ(family: Network) -> None:
    inputs = images(family.architecture)
    for rule, limit in {"z+": 0.985, "epsilon": 0.9}.items():
        if rule == "z+" and family.architecture in ONE_MAP_FOR_ALL:
            continue
        maps = [coarse(each) for each in answered(family, inputs, ALL, rule=rule).maps if each.any()]
        alike = [abs(spearmanr(a, b).statistic) for i, a in enumerate(maps) for b in maps[:i]]
        assert np.median(alike) < limit


class Chain(nn.Module):
    """A network that is one chain, behind a stem of 1 x 1 and a ReLU.

    Whatever the stem's rule, each pixel of it keeps its relevance: so the flat rule, which Captum lacks,
    gives the same map.
    """

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 3, 1, bias=False)
        stem.weight.data = torch.eye(3)[:, :, None, None] * 0.5 + 0.2
        self.features, self.classifier = nn.Sequential(stem, nn.ReLU(), features), classifier

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.classifier(self.features(inputs).flatten(1))
        return answer


def vgg_chain() -> Chain:
    body: Any = without_biases(shared_network("vgg16")).module
    return Chain(nn.Sequential(body.features, body.avgpool), body.classifier).eval()


def squeezenet_like() -> Chain:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layers = [nn.Conv2d(3, 12, 3, 2, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
        squeezed = [nn.Conv2d(12, 4, 1, bias=False), nn.ReLU(), nn.Conv2d(4, 16, 3, padding=1, bias=False)]
        head = [nn.ReLU(), nn.Conv2d(16, 10, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        return Chain(nn.Sequential(*layers, *squeezed, *head), nn.Linear(10, N_CLASSES, bias=False)).eval()


def exact() -> EpsilonRule:
    """Captum's own stabiliser of 1e-9 is no share of anything: it moves VGG's map by a thousandth."""
    return EpsilonRule(1e-30)


def captum_relevance(module: Chain, inputs: torch.Tensor, convolution: Any, target: int) -> torch.Tensor:
    """Captum's LRP: a rule for convolutions, epsilon for all else."""
    own = copy.deepcopy(module)
    for layer in own.modules():
        if isinstance(layer, nn.Conv2d):
            layer.rule = convolution()
        elif isinstance(layer, nn.Linear | nn.MaxPool2d | nn.AdaptiveAvgPool2d):
            layer.rule = exact()
        elif isinstance(layer, nn.ReLU):
            layer.inplace = False
    relevance: torch.Tensor = captum.LRP(own).attribute(inputs.clone().requires_grad_(), target=target)
    return relevance[0].sum(0).detach()


@pytest.mark.parametrize("build", [vgg_chain, squeezenet_like])
@pytest.mark.parametrize(("rule", "theirs"), [("z+", Alpha1_Beta0_Rule), ("epsilon", exact)])
def test_a_chain_of_layers_is_explained_as_captum_does(
    build: Callable[[], Chain], rule: str, theirs: Any
) -> None:
    module, inputs = build().double(), images("vgg16").double()
    found = answered(network(module, N_CLASSES), inputs, (1, 3), rule=rule)
    for relevance, target in zip(found.maps, (1, 3), strict=True):
        expected = captum_relevance(module, inputs, theirs, target)
        scale = float(expected.abs().max())
        assert scale > 0
        torch.testing.assert_close(relevance, expected, rtol=0, atol=1e-4 * scale)


Array = npt.NDArray[np.float64]


def by_hand(x: Array, weight: Array, bias: Array, received: Array) -> Array:
    """The epsilon rule of one dense layer: ``R_i = sum_j (x_i w_ji + b_j |x_i| / |x|) R_j / y_j``."""
    answer = weight @ x + bias
    share = np.abs(x) / np.abs(x).sum()
    handed = np.zeros_like(x)
    for j, each in enumerate(received):
        handed += (x * weight[j] + bias[j] * share) * each / answer[j]
    return handed


def test_a_dense_network_follows_the_formulas() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        first, second, last = nn.Linear(3 * 4 * 4, 20), nn.Linear(20, 9), nn.Linear(9, 3)
        inputs = torch.randn(1, 3, 4, 4)
    module = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last)
    found = answered(network(module, 3), inputs, (0, 2))
    weights = [each.weight.detach().double().numpy() for each in (first, second, last)]
    biases = [each.bias.detach().double().numpy() for each in (first, second, last)]
    x = [inputs.double().numpy().ravel()]
    for weight, bias in zip(weights[:2], biases[:2], strict=True):
        x.append(np.maximum(weight @ x[-1] + bias, 0))
    for relevance, target in zip(found.maps, (0, 2), strict=True):
        received = np.zeros(3)
        received[target] = weights[2][target] @ x[2] + biases[2][target]
        for layer in (2, 1, 0):
            received = by_hand(x[layer], weights[layer], biases[layer], received)
        expected = received.reshape(3, 4, 4).sum(0)
        np.testing.assert_allclose(relevance, expected, atol=1e-4 * np.abs(expected).max())
        assert expected.sum() == pytest.approx(float((weights[2] @ x[2] + biases[2])[target]))


def test_convolutions_follow_the_formulas() -> None:
    """The flat rule, then z+ on inputs of both signs, batch-norm folded in, on a row of pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        first, second, norm = (
            nn.Conv2d(3, 4, (1, 3)),
            nn.Conv2d(4, 5, (1, 2), stride=(1, 2)),
            nn.BatchNorm2d(5),
        )
        nn.init.normal_(norm.weight)
        norm.running_mean, norm.running_var = torch.randn(5), torch.rand(5) + 0.5
        nn.init.normal_(norm.bias)
        last, inputs = nn.Linear(5 * 4, 2, bias=False), torch.randn(1, 3, 1, 10)
    module = nn.Sequential(first, second, norm, nn.Flatten(), last)
    (found,) = answered(network(module, 2), inputs, (1,)).maps
    picture = inputs[0, :, 0].double().numpy()
    w1, b1 = first.weight.detach().double().numpy()[:, :, 0], first.bias.detach().double().numpy()  # type: ignore[union-attr]
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double().numpy()
    w2 = second.weight.detach().double().numpy()[:, :, 0] * scale[:, None, None]
    mean, shift = norm.running_mean.double().numpy(), norm.bias.detach().double().numpy()
    b2 = (second.bias.detach().double().numpy() - mean) * scale + shift  # type: ignore[union-attr]
    middle = np.array([[(w1[k] * picture[:, i : i + 3]).sum() + b1[k] for i in range(8)] for k in range(4)])
    handed, expected = np.zeros_like(middle), np.zeros(10)
    for k in range(5):
        for i in range(4):
            parts = w2[k] * middle[:, 2 * i : 2 * i + 2]
            answer = parts.sum() + b2[k]
            received = answer * last.weight[1, 4 * k + i].item()
            own = np.maximum(parts, 0) if answer > 0 else np.minimum(parts, 0)
            own = own if own.any() else parts
            handed[:, 2 * i : 2 * i + 2] += received * own / own.sum()
    for i in range(8):
        expected[i : i + 3] += handed[:, i].sum() / 3
    np.testing.assert_allclose(found[0], expected, atol=1e-4 * np.abs(expected).max())


class Calls(nn.Module):
    """A function as a layer."""

    def __init__(self, call: Callable[..., torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.call, self.parts = call, nn.ModuleList(parts)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.call(inputs, *self.parts)
        return answer


def conv(inward: int, outward: int, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inward, outward, side, padding=side // 2, bias=False)


def iadd(x: torch.Tensor, branch: nn.Module) -> torch.Tensor:
    out = branch(x)
    out += x
    return F.relu(out, inplace=True)


def gated(x: torch.Tensor, squeeze: nn.Module, gate: nn.Module) -> torch.Tensor:
    scale: torch.Tensor = gate(squeeze(F.adaptive_avg_pool2d(x, 1)))
    return x * scale


def channel_gate(x: torch.Tensor, squeeze: nn.Module) -> torch.Tensor:
    scale = torch.sigmoid(squeeze(x.mean((2, 3)))).view(len(x), -1, 1, 1)
    return x * scale.expand_as(x)


def tokens(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    given = x.flatten(2).transpose(1, 2)
    out = layer(given, given, given)[0] if isinstance(layer, nn.MultiheadAttention) else layer(given)
    found: torch.Tensor = out.transpose(1, 2).reshape(x.shape)
    return found


def einsum_attention(x: torch.Tensor) -> torch.Tensor:
    given = x.flatten(2).transpose(1, 2)
    weights = torch.softmax(torch.einsum("bld,bsd->bls", given, given) / 4, -1)
    found: torch.Tensor = torch.einsum("bls,bsd->bld", weights, given).transpose(1, 2).reshape(x.shape)
    return found


def own_layer_norm(x: torch.Tensor) -> torch.Tensor:
    centred = x - x.mean(1, keepdim=True)
    return centred / (centred.pow(2).mean(1, keepdim=True) + 1e-5).sqrt()


def in_place(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    layer(x)
    return x


def bare_norm(norm: Any) -> nn.Module:
    nn.init.normal_(norm.weight)
    return norm  # type: ignore[no-any-return]


def calibrated_norm() -> nn.Module:
    norm = nn.BatchNorm2d(8)
    for each in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(each)  # type: ignore[arg-type]
    return norm


BLOCKS: Mapping[str, Callable[[], nn.Module]] = {
    "residual": lambda: Calls(lambda x, branch: x + branch(x), conv(8, 8)),
    "residual in place": lambda: Calls(iadd, conv(8, 8)),
    "torch.add, alpha": lambda: Calls(lambda x, branch: torch.add(x, branch(x), alpha=-0.3), conv(8, 8)),
    "overlapping max-pool": lambda: nn.MaxPool2d(3, 1),
    "padded max-pool": lambda: nn.MaxPool2d(3, 2, padding=1),
    "average pool": lambda: nn.AvgPool2d(3, 2, padding=1),
    "adaptive pool": lambda: nn.AdaptiveAvgPool2d(3),
    "cat": lambda: Calls(lambda x, a, b: torch.cat([a(x), x, b(x)], 1), conv(8, 3), conv(8, 5, 1)),
    "sigmoid gate": lambda: Calls(gated, conv(8, 8, 1), nn.Sigmoid()),
    "hard gate": lambda: Calls(gated, conv(8, 8, 1), nn.Hardsigmoid(inplace=True)),
    "gate laid out anew": lambda: Calls(channel_gate, nn.Linear(8, 8)),
    "product": lambda: Calls(lambda x, a: x * a(x), conv(8, 8)),
    "product in place": lambda: Calls(lambda x, a: a(x).mul_(x), conv(8, 8)),
    "layer norm": lambda: Calls(tokens, bare_norm(nn.LayerNorm(8))),
    "layer norm by hand": lambda: Calls(own_layer_norm),
    "group norm": lambda: bare_norm(nn.GroupNorm(4, 8)),
    "batch norm without statistics": lambda: nn.BatchNorm2d(8, track_running_stats=False),
    "attention": lambda: Calls(tokens, nn.MultiheadAttention(8, 2, bias=False, batch_first=True)),
    "attention by einsum": lambda: Calls(einsum_attention),
    "normalised": lambda: Calls(lambda x: F.normalize(x, dim=1)),
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
    "SiLU by hand": lambda: Calls(lambda x: x * x.sigmoid()),
    "SiLU in place": lambda: Calls(in_place, nn.SiLU(inplace=True)),
    "hardswish": lambda: nn.Hardswish(inplace=True),
    "ReLU6": lambda: Calls(lambda x, act: act(4 * x), nn.ReLU6(inplace=True)),
    "leaky ReLU": lambda: nn.LeakyReLU(0.2),
    "tanh": nn.Tanh,
    "ELU": nn.ELU,
    "sigmoid": nn.Sigmoid,
    "quotient": lambda: Calls(lambda x: x / (1 + x.abs())),
    "a constant": lambda: Calls(lambda x: (x + 0.3) - 0.1),
    "one less": lambda: Calls(lambda x: 1 - x),
    "depthwise with bias": lambda: nn.Conv2d(8, 8, 3, groups=8),
    "batch norm with all": lambda: nn.Sequential(conv(8, 8), calibrated_norm()),
    "lone batch norm": calibrated_norm,
    "permuted": lambda: Calls(lambda x: x.roll((1, 2), (2, 3)).permute(0, 1, 3, 2)[:, :, 1:]),
}


def around(block: Callable[[], nn.Module]) -> Network:
    """Stem, block, convolution, head: all but the block without biases, activations of both signs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        layers = [conv(3, 8), block(), nn.LazyConv2d(6, 1, bias=False), nn.AdaptiveAvgPool2d(2)]
        module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(24, 3, bias=False)).eval()
        module(torch.randn(1, 3, 12, 12))
    return network(module, 3, "5")


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_every_operation_hands_on_all_that_it_is_given(name: str) -> None:
    explained = around(BLOCKS[name])
    inputs = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        answer = explained.module(inputs)[0]
    found = answered(explained, inputs, (0, 1, 2))
    scale = float(answer.abs().max())
    np.testing.assert_allclose(found.expected_sums or (), answer, atol=1e-5 * scale)
    for relevance, score in zip(found.maps, answer, strict=True):
        assert float(relevance.sum()) == pytest.approx(float(score), abs=3e-4 * scale)
        assert float(relevance.abs().sum()) < 200 * scale


def test_nothing_but_zeros_gives_no_nan() -> None:
    """A layer whose weights are all zero, a dead ReLU, and an image of nothing but the mean colour."""
    dead = nn.Conv2d(8, 8, 3)
    nn.init.zeros_(dead.weight)
    nn.init.constant_(dead.bias, -1)  # type: ignore[arg-type]
    bodies: list[nn.Module] = [conv(3, 8), nn.Sequential(conv(3, 8), dead, nn.ReLU())]
    for body in bodies:
        for rule in ("z+", "epsilon"):
            module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
            for inputs in (torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)):
                found = answered(network(module, 2), inputs, (0, Contrast(0, 1)), rule=rule, epsilon=0.01)
                assert all(bool(each.isfinite().all()) for each in found.maps)


def test_a_pixel_of_the_mean_colour_may_be_relevant() -> None:
    module = nn.Sequential(conv(3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 2, bias=False))
    inputs = torch.ones(1, 3, 8, 8)
    inputs[..., 4, 4] = 0
    (relevance,) = answered(network(module, 2), inputs, (0,)).maps
    neighbours = torch.cat([relevance[3:6, 3:6].flatten()[:4], relevance[3:6, 3:6].flatten()[5:]])
    assert abs(float(relevance[4, 4])) > 0.01 * float(neighbours.abs().max())


def test_the_stabiliser_lets_relevance_vanish() -> None:
    explained, inputs = network(squeezenet_like(), N_CLASSES), images("vgg16")
    found = [answered(explained, inputs, (0, 3), epsilon=epsilon) for epsilon in (0.0, 0.1, 0.5)]
    totals = [sum(float(each.abs().sum()) for each in estimate.maps) for estimate in found]
    assert totals[0] > 1.02 * totals[1] > 1.04 * totals[2] > 0


def test_a_note_says_where_biases_keep_much_and_where_the_paper_ends() -> None:
    mobile = answered(shared_network("mobilenet_v2"), images("mobilenet_v2"), (1,))
    share = float(mobile.maps[0].sum()) / (mobile.expected_sums or (1,))[0]
    assert mobile.note == f"The relevance adds up to {100 * share:.0f}% of the score: biases take the rest."
    assert answered(shared_network("resnet18"), images("resnet18"), ALL).note == ""
    smooth = answered(shared_network("efficientnet_b0"), images("efficientnet_b0"), (0,))
    assert smooth.note == "Extension: the paper covers ReLU only, this network uses SiLU."
    vit = answered(shared_network("vit_b_16"), images("vit_b_16"), (0,))
    assert vit.note.startswith("Extension: the paper covers ReLU only, this network uses GELU; the relevance")


def test_nothing_is_left_behind_and_the_maps_stay_the_same(family: Network, nothing_left: Watch) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    first, second = (answered(family, inputs, (2,)).maps[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(inputs, images(family.architecture))
