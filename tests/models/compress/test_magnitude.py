"""Magnitude pruning zeroes exactly the smallest weights, and nothing gets smaller by it."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from models.compress.half import in_half, round_to_half
from models.compress.magnitude import pruned_weights, zero_smallest
from models.finetune.small_cnn import HEAD, small_cnn


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_it_zeroes_what_torchs_own_pruning_zeroes(share: float) -> None:
    ours, torchs = small_cnn(5, 0.0, seed=1), small_cnn(5, 0.0, seed=1)
    layers = [
        (each, "weight")
        for name, each in torchs.named_modules()
        if isinstance(each, nn.Conv2d | nn.Linear) and name != HEAD
    ]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=share)  # type: ignore[no-untyped-call]
    n_gone = zero_smallest(ours, HEAD, share)
    assert sum(int((weight == 0).sum()) for weight in pruned_weights(ours, HEAD)) == n_gone
    for weight, (layer, _) in zip(pruned_weights(ours, HEAD), layers, strict=True):
        assert torch.equal(weight, layer.weight)


def test_as_many_go_as_were_asked_for_where_weights_are_equally_small() -> None:
    module = nn.Sequential(nn.Linear(4, 5, bias=False), nn.Linear(5, 2))
    nn.init.constant_(module[0].weight, 0.5)
    zero_smallest(module, "1", 0.35)
    assert int((module[0].weight == 0).sum()) == 7


def test_the_head_biases_and_norms_stay() -> None:
    module, before = small_cnn(5, 0.0, seed=1), small_cnn(5, 0.0, seed=1).state_dict()
    pruned = {id(weight) for weight in pruned_weights(module, HEAD)}
    zero_smallest(module, HEAD, 0.9)
    for key, weight in module.named_parameters():
        assert id(weight) in pruned or torch.equal(weight, before[key])


def test_half_precision_keeps_what_16_bits_cannot_hold() -> None:
    state = {
        "weight": torch.tensor([1 / 3, 2.0]),
        "large.weight": torch.tensor([1e6, 1.0]),
        "norm.running_var": torch.tensor([1e-9]),
        "norm.num_batches_tracked": torch.tensor(7),
    }
    kept = in_half(state)
    assert kept["weight"].dtype == torch.float16
    assert [kept[key].dtype for key in list(state)[1:]] == [torch.float32, torch.float32, torch.int64]


def test_a_rounded_network_is_what_its_half_file_holds() -> None:
    module = small_cnn(5, 0.0, seed=2)
    kept = in_half({key: tensor.clone() for key, tensor in module.state_dict().items()})
    round_to_half(module)
    for key, tensor in module.state_dict().items():
        assert torch.equal(tensor, kept[key].to(tensor.dtype)), key
