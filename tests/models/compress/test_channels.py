"""Structured pruning takes planted empty channels out, changes nothing by that, and its networks open again."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.architecture_table import architectures
from models.checkpoint import load_checkpoint
from models.compress.channels import remove_channels
from models.compress.measured import file_bytes
from models.errors import CheckpointError, CompressionError
from models.finetune.small_cnn import HEAD, small_cnn
from models.own_networks import PLAN_KEY, NetworkPlan, checkpoint_content, plan_of_module
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from models.torchvision_import import torchvision
from tests.models.planted_norms import convolutions_with_norms

NAMES = ("a", "b", "c", "d", "e")
PREPROCESSING = Preprocessing(64, 64, IMAGENET_MEAN, IMAGENET_STD)


def images(n: int = 2, side: int = 64) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(5))


def network(name: str) -> nn.Module:
    """A torchvision network with random weights whose statistics are those of some images."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=len(NAMES))
        for each in module.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.momentum = None
                nn.init.uniform_(each.weight, 0.5, 1.5)
        with torch.no_grad():
            module.train()(images(4))
    return module.eval()


def empty_channels(module: nn.Module, share: float) -> None:
    """Let a share of the channels of every layer hand on nothing, by weights of zero."""
    draws = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for convolution, norm in convolutions_with_norms(module):
            gone = torch.randperm(len(norm.weight), generator=draws)[: round(share * len(norm.weight))]
            convolution.weight[gone] = 0.0
            for tensor in (norm.weight, norm.bias):
                tensor[gone] = 0.0


def test_planted_empty_channels_go_and_the_logits_stay() -> None:
    module = small_cnn(len(NAMES), 0.0, seed=1).eval()
    empty_channels(module, 0.25)
    with torch.no_grad():
        before = module(images())
        remove_channels(module, "small_cnn", HEAD, 0.25, (64, 64))
        after = module(images())
    for _, norm in convolutions_with_norms(module):
        assert bool((norm.weight != 0).all()), "an empty channel stayed"
    assert torch.allclose(before, after, atol=1e-5) and float(before.std()) > 1e-3


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "shufflenet_v2_x0_5", "squeezenet1_1"])
def test_a_pruned_network_is_smaller_and_opens_again_with_the_same_logits(name: str, tmp_path: Path) -> None:
    module, head = network(name), architectures()[name].head
    whole = file_bytes(
        checkpoint_content(module, plan_of_module(module, name, head, 5), NAMES, PREPROCESSING)
    )
    remove_channels(module, name, head, 0.4, (64, 64))
    content = checkpoint_content(module, plan_of_module(module, name, head, 5), NAMES, PREPROCESSING)
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    opened = load_checkpoint(path)
    assert path.stat().st_size < 0.8 * whole
    assert path.stat().st_size == pytest.approx(file_bytes(content), abs=4096)
    assert (opened.architecture, opened.head, opened.class_names) == (name, head, NAMES)
    with torch.no_grad():
        assert torch.equal(opened.module(images()), module(images()))


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "maxvit_t"])
def test_a_transformer_is_refused_in_words_before_anything_is_traced(name: str) -> None:
    with pytest.raises(CompressionError, match=f"out of a {name}: attention ties"):
        remove_channels(nn.Linear(1, 1), name, "", 0.3, (224, 224))


def test_what_cannot_be_followed_is_said_and_never_a_traceback() -> None:
    with pytest.raises(CompressionError, match="cannot be followed") as caught:
        remove_channels(
            nn.Sequential(nn.Conv2d(4, 4, 3)), "small_cnn", "0", 0.3, (32, 32)
        )  # takes four channels
    assert "half precision" in caught.value.next_step


@pytest.fixture(scope="module")
def pruned_resnet() -> dict[str, Any]:
    """What the file of a ResNet-18 with fewer channels holds."""
    module = network("resnet18")
    remove_channels(module, "resnet18", "fc", 0.3, (64, 64))
    return checkpoint_content(module, plan_of_module(module, "resnet18", "fc", 5), NAMES, PREPROCESSING)


def test_a_plan_of_a_whole_network_says_nothing_of_shapes_and_older_plans_are_read() -> None:
    plan = plan_of_module(network("resnet18"), "resnet18", "fc", 5)
    assert plan.shapes == () and "shapes" not in plan.to_json()
    assert NetworkPlan.from_json(plan.to_json()) == plan


def test_a_plan_with_shapes_survives_json_and_needs_itself_to_open(pruned_resnet: dict[str, Any]) -> None:
    plan = NetworkPlan.from_json(pruned_resnet[PLAN_KEY])
    assert plan.shapes and NetworkPlan.from_json(plan.to_json()) == plan and not plan.is_torchvisions


@pytest.mark.parametrize(
    ("key", "shape", "words"),
    [
        ("conv1.weight", [65, 3, 7, 7], '"conv1.weight" is'),  # wider than a ResNet-18
        ("conv1.weight", [40, 3, 5, 5], '"conv1.weight" is'),  # another window
        ("conv1.weight", [40, 3], '"conv1.weight" is'),
        ("conv1.weight", [0, 3, 7, 7], "its shapes is"),
        ("conv1.weight", ["many"], "its shapes is"),
        ("conv1.weight", 7, "its shapes is"),
        ("no.such.layer", [1], "of no layer"),
        ("layer1.0.conv1.weight", [3, 3, 3, 3], "do not fit each other"),
    ],
)
def test_shapes_that_make_no_sense_are_refused(
    key: str, shape: object, words: str, pruned_resnet: dict[str, Any], tmp_path: Path
) -> None:
    plan = copy.deepcopy(pruned_resnet[PLAN_KEY])
    plan["shapes"][key] = shape
    torch.save({**pruned_resnet, PLAN_KEY: plan}, tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(tmp_path / "weights.pth")
