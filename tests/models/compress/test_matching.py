"""What is left after pruning gets back the mean and spread it had: planted damage is mended, nothing else changes."""

from collections.abc import Generator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.architecture_table import architectures
from models.checkpoint import load_checkpoint
from models.compress.channels import remove_channels
from models.compress.kept_channels import correctable_layers, numbered_channels
from models.compress.magnitude import pruned_weights, zero_smallest
from models.compress.matching import ReferenceMoments, matching_steps, moments_steps
from models.finetune.small_cnn import HEAD, small_cnn
from models.image_input import image_input
from models.images import open_image_set
from models.network import Network
from models.norm_statistics import norm_statistics
from models.own_networks import trainable_copy
from models.progress import Progress
from pages.shared.sample import sample_spec
from tests.conftest import SAMPLE
from tests.models.compress.test_channels import images, network
from tests.models.planted_norms import convolutions_with_norms, fold

BATCHES = [images(8, 48), images(8, 48) + 0.3]


def ended(steps: Generator[Progress, None, Any]) -> Any:
    """What a generator returns; it must have said where it stands on the way."""
    said = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            assert said
            return end.value
        said += 1


def reference(module: nn.Module, head: str, batches: list[Tensor] = BATCHES) -> ReferenceMoments:
    found: ReferenceMoments = ended(moments_steps(module, head, batches))
    return found


@torch.no_grad()
def logits(module: nn.Module) -> Tensor:
    answers: Tensor = module(torch.cat(BATCHES))
    return answers


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "swin_t"])
def test_a_network_that_lost_nothing_stays_as_it_is(name: str) -> None:
    module = network(name)
    head, before = (
        architectures()[name].head,
        {key: each.clone() for key, each in module.state_dict().items()},
    )
    ended(matching_steps(module, head, reference(module, head), None))
    for key, tensor in module.state_dict().items():
        assert torch.allclose(tensor, before[key], rtol=1e-3, atol=1e-4), key
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_a_constant_channel_that_is_taken_out_is_made_up_for() -> None:
    """Planted: a channel that is the same everywhere but not 0 hands a constant on; without it all behind is shifted."""
    module = small_cnn(5, 0.0, seed=1).eval()
    convolution, norm = (
        next(each for each in module.modules() if isinstance(each, nn.Conv2d)),
        next(each for each in module.modules() if isinstance(each, nn.BatchNorm2d)),
    )
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            each.padding_mode = "replicate"  # beside zeros the constant would not be one
    with torch.no_grad():
        for place in range(0, len(norm.weight), 4):
            convolution.weight[place] = 0.0
            norm.weight[place] = 0.0
            norm.bias[place] = 3.0
    before, wanted = logits(module), reference(module, HEAD)
    kept = remove_only_first(module, 0.25)
    shifted = (logits(module) - before).abs().max()
    ended(matching_steps(module, HEAD, wanted, kept))
    assert float(shifted) > 0.05
    assert torch.allclose(logits(module), before, atol=1e-4)


def remove_only_first(module: nn.Module, share: float) -> dict[str, Tensor]:
    """Take the channels of the first layer alone that its norm lets nothing through of."""
    from torch_pruning import DependencyGraph, prune_conv_out_channels

    first = next(each for each in module.modules() if isinstance(each, nn.Conv2d))
    norm = next(each for each in module.modules() if isinstance(each, nn.BatchNorm2d))
    gone = (norm.weight == 0).nonzero().flatten().tolist()
    assert len(gone) == round(share * len(norm.weight))
    graph = DependencyGraph().build_dependency(module.requires_grad_(True), example_inputs=images(1, 48))
    with numbered_channels(module) as kept:
        graph.get_pruning_group(first, prune_conv_out_channels, idxs=gone).prune()
    module.requires_grad_(False)
    assert set(gone).isdisjoint(kept[name_of(module, norm)].tolist())
    return kept


def name_of(module: nn.Module, layer: nn.Module) -> str:
    return next(name for name, each in module.named_modules() if each is layer)


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_layers_of_another_scale_come_back_to_the_same_answers(name: str) -> None:
    """Planted: what some layers give is twice as large, and shifted; with a norm behind them and without one."""
    module, head = network(name), architectures()[name].head
    before, wanted = logits(module), reference(module, head)
    damaged = [each for each in module.modules() if isinstance(each, nn.Conv2d)][1:4]
    with torch.no_grad():
        for layer in damaged:
            layer.weight.mul_(2.0)
            if layer.bias is not None:
                layer.bias.add_(0.3)
    assert float((logits(module) - before).abs().max()) > 1e-3
    ended(matching_steps(module, head, wanted, None))
    assert torch.allclose(logits(module), before, rtol=1e-3, atol=1e-4)


def test_norms_that_were_folded_are_matched_alike_and_stay_recognisable() -> None:
    true, folded = network("resnet18"), network("resnet18")
    for convolution, norm in convolutions_with_norms(folded):
        fold(convolution, norm)
    n_folded = norm_statistics(folded.modules()).n_folded
    found = []
    for module in (true, folded):
        wanted = reference(module, "fc")
        damaged = next(each for each in module.modules() if isinstance(each, nn.Conv2d))
        with torch.no_grad():
            damaged.weight[::2] *= 0.5
        ended(matching_steps(module, "fc", wanted, None))
        found.append(logits(module))
    assert torch.allclose(found[0], found[1], rtol=1e-3, atol=1e-4)
    assert norm_statistics(folded.modules()).n_folded == n_folded > 10
    assert norm_statistics(true.modules()).n_folded == 0


def test_zeros_stay_where_they_are_and_become_no_more() -> None:
    module = network("squeezenet1_1")
    wanted = reference(module, "classifier.1")
    zero_smallest(module, "classifier.1", 0.5)
    zeros = [each == 0 for each in pruned_weights(module, "classifier.1")]
    ended(matching_steps(module, "classifier.1", wanted, None))
    for before, after in zip(zeros, pruned_weights(module, "classifier.1"), strict=True):
        assert torch.equal(before, after == 0)


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"])
def test_the_channels_that_stayed_are_told_with_their_former_numbers(name: str) -> None:
    whole, module = network(name), network(name)
    kept = remove_channels(module, name, architectures()[name].head, 0.4, (64, 64))
    assert set(kept) == set(correctable_layers(whole)) and any(
        len(kept[key]) < len(layer.get_parameter("bias")) for key, layer in correctable_layers(whole).items()
    )
    for key, layer in correctable_layers(module).items():
        former = whole.get_submodule(key)
        vectors = (
            ("weight", "bias", "running_mean", "running_var")
            if isinstance(layer, nn.BatchNorm2d)
            else ("bias",)
        )
        for vector in vectors:
            assert torch.equal(getattr(layer, vector), getattr(former, vector)[kept[key]]), (key, vector)


def test_a_channel_that_hardly_varied_is_not_blown_up() -> None:
    convolution = nn.Conv2d(3, 2, 1)
    module = nn.Sequential(convolution, nn.Flatten(), nn.Linear(2, 2)).eval()
    batch = [images(4, 1)]
    with torch.no_grad():
        wanted = reference(module, "2", batch)
        before = convolution.weight.clone()
        convolution.weight[0] *= 1e-6
    ended(matching_steps(module, "2", wanted, None))
    assert float((convolution.weight[0].detach() / before[0]).abs().max()) <= 10 * 1e-6 * 1.001


@pytest.fixture(scope="module")
def opened() -> Network:
    return load_checkpoint(sample_spec().checkpoint)


def some_images(opened: Network, split: str) -> tuple[Tensor, list[str]]:
    """Six images of each class of the sample as inputs, and their labels."""
    table = open_image_set(SAMPLE / "pets" / split).table.groupby("label").head(6)
    paths = [SAMPLE / "pets" / split / path for path in table["path"]]
    return torch.stack([image_input(path, opened.preprocessing) for path in paths]), table["label"].tolist()


@pytest.mark.parametrize(("method", "share"), [("channels", 0.3), ("magnitude", 0.8)])
def test_the_sample_is_right_much_more_often_than_without(method: str, share: float, opened: Network) -> None:
    assert opened.head is not None
    (inputs, labels), (training, _) = some_images(opened, "val"), some_images(opened, "train")
    module = trainable_copy(opened).requires_grad_(False)
    wanted, kept = reference(module, opened.head, [training]), None
    if method == "channels":
        side = opened.preprocessing.usual_size()
        kept = remove_channels(module, opened.architecture, opened.head, share, side)
        module.requires_grad_(False)
    else:
        zero_smallest(module, opened.head, share)

    def n_right() -> int:
        places = module(inputs).argmax(1).tolist()
        return sum(opened.class_names[place] == label for place, label in zip(places, labels, strict=True))

    without = n_right()
    ended(matching_steps(module, opened.head, wanted, kept))
    assert n_right() > without + 0.2 * len(labels)
