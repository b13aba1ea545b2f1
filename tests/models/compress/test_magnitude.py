"""Layer-adaptive pruning zeroes exactly the smallest weights of each layer, and nothing gets smaller by it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from models.compress.half import in_half, round_to_half
from models.compress.magnitude import layer_counts, pruned_weights, zero_smallest
from models.finetune.small_cnn import HEAD, small_cnn


def counts_by_sorting(weights: list[Tensor], n_gone: int) -> list[int]:
    """Layer-adaptive magnitudes (Lee et al. 2021) as the paper writes them, with every weight sorted."""
    scores = []
    for weight in weights:
        squares = weight.detach().double().flatten().square().sort(descending=True).values
        scores.append(squares / squares.cumsum(0))
    threshold = torch.cat(scores).sort().values[n_gone - 1]
    return [int((each <= threshold).sum()) for each in scores]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_each_layer_loses_as_many_as_the_paper_says_and_its_smallest_as_torchs_pruning_does(
    share: float,
) -> None:
    ours, torchs = small_cnn(5, 0.0, seed=1), small_cnn(5, 0.0, seed=1)
    with torch.no_grad():  # layers of other scales, as batch norm allows
        for place, (mine, other) in enumerate(
            zip(pruned_weights(ours, HEAD), pruned_weights(torchs, HEAD), strict=True)
        ):
            for weight in (mine, other):
                weight.mul_(10.0 ** (place - 2))
    layers = [
        each
        for name, each in torchs.named_modules()
        if isinstance(each, nn.Conv2d | nn.Linear) and name != HEAD
    ]
    expected = counts_by_sorting(
        [each.weight for each in layers], round(share * sum(w.weight.numel() for w in layers))
    )
    n_gone = zero_smallest(ours, HEAD, share)
    found = [int((weight == 0).sum()) for weight in pruned_weights(ours, HEAD)]
    assert sum(found) == n_gone
    assert found == pytest.approx(expected, rel=0.02, abs=2)
    for weight, layer, n in zip(pruned_weights(ours, HEAD), layers, found, strict=True):
        prune.l1_unstructured(layer, "weight", n)  # type: ignore[no-untyped-call]
        assert torch.equal(weight, layer.weight)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    scales=st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4),
    share=st.floats(0.0, 0.95),
    seed=st.integers(0, 1000),
)
def test_the_counts_add_up_and_do_not_hang_on_the_scale_of_a_layer(
    sizes: list[int], scales: list[float], share: float, seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    weights = [torch.randn(size, generator=draws) for size in sizes]
    n_gone = round(share * sum(sizes))
    found = layer_counts(weights, n_gone)
    assert sum(found) == n_gone and all(0 <= n <= size for n, size in zip(found, sizes, strict=True))
    powers = [2.0 ** round(scale).bit_length() for scale in scales]  # exact in floating point
    assert layer_counts([each * by for each, by in zip(weights, powers, strict=False)], n_gone) == found


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
