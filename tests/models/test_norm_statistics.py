"""Folded norms, norms as they are made, and norms that saw images are told apart, whatever the network."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.norm_statistics import NormStatistics, norm_statistics
from models.torchvision_import import torchvision
from tests.models.families import fresh, images_for
from tests.models.planted_norms import convolutions_with_norms, fold, learned

NARROW = ["mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
"""The second has an eps of .001."""


def statistics(module: nn.Module) -> NormStatistics:
    return norm_statistics(module.modules())


def pair(eps: float = 1e-5) -> nn.Sequential:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, eps=eps), nn.ReLU()).eval()
    learned(norm_of(module))
    return module


def norm_of(module: nn.Sequential) -> nn.BatchNorm2d:
    norm = module[1]
    assert isinstance(norm, nn.BatchNorm2d)
    return norm


def folded_pair(eps: float = 1e-5) -> nn.Sequential:
    module = pair(eps)
    fold(*next(convolutions_with_norms(module)))
    return module


@pytest.mark.parametrize("name", NARROW)
def test_a_network_is_called_folded_when_it_is_and_answers_as_before(name: str) -> None:
    module = fresh(name)
    n = sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())
    assert statistics(module) == NormStatistics(n=n) and n > 20
    before = module(images_for(name))
    pairs = list(convolutions_with_norms(module))
    for count, (convolution, norm) in enumerate(pairs, start=1):
        fold(convolution, norm)
        if count in (1, 7, n):
            assert statistics(module) == NormStatistics(n, n_folded=count, n_shifting=count)
    assert len(pairs) == n
    torch.testing.assert_close(module(images_for(name)), before, rtol=1e-3, atol=1e-3)
    # a training with fixed statistics, in which the last norm's scale learns
    pairs[-1][1].weight.data.mul_(1.01)
    assert statistics(module) == NormStatistics(n, n_folded=n, n_shifting=n - 1)


@pytest.mark.parametrize("name", [*NARROW, "resnet18", "inception_v3"])
def test_a_network_as_it_is_made_saw_no_images(name: str) -> None:
    options = {"init_weights": False, "aux_logits": False} if name == "inception_v3" else {}
    with torch.random.fork_rng():
        module = torchvision.models.get_model(name, weights=None, **options)
    n = sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())
    assert statistics(module) == NormStatistics(n, n_untouched=n) and n


def test_one_look_at_images_is_enough_to_have_seen_some() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).train()
    assert statistics(module) == NormStatistics(1, n_untouched=1)
    with torch.no_grad():
        module(images_for("", 2))
    assert statistics(module) == NormStatistics(1)


@pytest.mark.parametrize("eps", [1e-5, 1e-3])
def test_half_precision_hides_no_folding(eps: float) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        module = folded_pair(eps).to(dtype)
        assert statistics(module) == statistics(module.float()) == NormStatistics(1, 1, 1)
        assert statistics(pair(eps).to(dtype)) == NormStatistics(1)


NEAR: dict[str, Callable[[nn.BatchNorm2d], object]] = {
    "a mean of one channel": lambda norm: norm.get_buffer("running_mean")[3].fill_(1e-3),
    "a variance of one channel": lambda norm: norm.get_buffer("running_var")[3].fill_(0.99),
    "all variances": lambda norm: norm.get_buffer("running_var").fill_(0.998),
    "all means": lambda norm: norm.get_buffer("running_mean").fill_(0.01),
}


@pytest.mark.parametrize("change", NEAR)
def test_nearly_folded_is_not_folded(change: str) -> None:
    module = folded_pair()
    NEAR[change](norm_of(module))
    assert statistics(module) == NormStatistics(1)


def test_a_norm_that_was_kept_as_made_while_its_shift_learned_carries_the_answers_too() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    norm_of(module).bias.data[2] = 0.5
    assert statistics(module) == NormStatistics(1, n_folded=1, n_shifting=1)
    norm_of(module).weight.data[2] = 0.5
    assert statistics(module) == NormStatistics(1, n_folded=1)


def test_a_norm_without_a_scale_of_its_own() -> None:
    norm = nn.BatchNorm2d(4, affine=False)
    assert statistics(norm) == NormStatistics(1, n_untouched=1)
    norm.get_buffer("running_var").fill_(1 - norm.eps)
    assert statistics(norm) == NormStatistics(1, n_folded=1, n_shifting=1)


def test_where_there_are_no_running_statistics_there_is_nothing_to_say() -> None:
    convolution, norm = pair()[:2]
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    fused = fuse_conv_bn_eval(convolution, norm)  # torch's own way leaves no norm
    without = nn.BatchNorm2d(8, track_running_stats=False)
    others = nn.Sequential(nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.Linear(4, 4))
    assert statistics(nn.Sequential(fused, without, others)) == NormStatistics()


def test_a_shared_norm_counts_once() -> None:
    norm = norm_of(folded_pair())
    assert norm_statistics([norm, nn.Identity(), norm]) == NormStatistics(1, 1, 1)
    assert statistics(nn.Sequential(nn.Conv2d(8, 8, 1), norm, norm)) == NormStatistics(1, 1, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_programs_are_read_as_well() -> None:
    for eps in (1e-5, 1e-3):
        module = folded_pair(eps)
        other = deepcopy(pair(eps))
        for network, known in ((module, NormStatistics(1, 1, 1)), (other, NormStatistics(1))):
            scripted = torch.jit.script(network)
            traced = torch.jit.trace(network, torch.zeros(1, 3, 8, 8))
            assert statistics(scripted) == known
            if eps == 1e-5:  # a traced program does not say its eps: the usual one is taken
                assert statistics(traced) == known
