"""Stages of every family: each weight in exactly one, boundaries where a person expects them."""

import pytest
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from models.architecture_table import architectures
from models.finetune.heads import with_new_head
from models.finetune.layer_walk import Walk
from models.finetune.recipe import KINDS
from models.finetune.small_cnn import HEAD, small_cnn
from models.finetune.stages import Stage, stages, trained
from models.meta_modules import built_on_meta
from tests.models.families import FAMILIES

NAMES = {
    "alexnet": ["features.0", "features.3", "features.6 to classifier.4"],
    "convnext_tiny": [
        *("features.0 to features.1", "features.2 to features.3"),
        *("features.4 to features.5", "features.6 to classifier.0"),
    ],
    "densenet121": [
        *("features.conv0 to features.norm0", "features.denseblock1"),
        *("features.transition1 to features.denseblock2", "features.transition2 to features.denseblock3"),
        "features.transition3 to features.norm5",
    ],
    "inception_v3": [
        *("Conv2d_1a_3x3 to Conv2d_2b_3x3", "Conv2d_3b_1x1 to Conv2d_4a_3x3"),
        *("Mixed_5b to Mixed_5d", "Mixed_6a to Mixed_6e", "Mixed_7a to Mixed_7c"),
    ],
    "mobilenet_v2": [
        *("features.0 to features.1", "features.2 to features.3", "features.4 to features.6"),
        *("features.7 to features.13", "features.14 to features.18"),
    ],
    "mobilenet_v3_small": [
        *("features.0", "features.1", "features.2 to features.3", "features.4 to features.8"),
        "features.9 to classifier.0",
    ],
    "resnet18": ["conv1 to bn1", "layer1", "layer2", "layer3", "layer4"],
    "resnet50": ["conv1 to bn1", "layer1", "layer2", "layer3", "layer4"],
    "shufflenet_v2_x0_5": ["conv1", "stage2", "stage3", "stage4 to conv5"],
    "squeezenet1_1": [
        *("features.0", "features.3 to features.4", "features.6 to features.7", "features.9 to features.12"),
    ],
    "swin_t": [
        *("features.0 to features.1", "features.2 to features.3"),
        *("features.4 to features.5", "features.6 to norm"),
    ],
    "vgg16": [
        *("features.0 to features.2", "features.5 to features.7", "features.10 to features.14"),
        *("features.17 to features.21", "features.24 to classifier.3"),
    ],
    "vit_b_16": [
        "conv_proj to encoder.layers.encoder_layer_2",
        "encoder.layers.encoder_layer_3 to encoder.layers.encoder_layer_5",
        "encoder.layers.encoder_layer_6 to encoder.layers.encoder_layer_8",
        "encoder.layers.encoder_layer_9 to encoder.ln",
    ],
}


def found_in(name: str, size: tuple[int, int] = (224, 224)) -> tuple[nn.Module, tuple[Stage, ...]]:
    module = built_on_meta(name)
    return module, stages(module, architectures()[name].head, size)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_weight_is_in_one_stage_and_the_last_is_the_head(name: str) -> None:
    module, found = found_in(name)
    ids = [id(weight) for stage in found for weight in stage.parameters]
    assert len(ids) == len(set(ids))
    assert set(ids) == {id(weight) for weight in module.parameters()}
    head = module.get_submodule(architectures()[name].head)
    assert found[-1].name == "head"
    assert found[-1].modules == (head,)
    assert sum(stage.n_weights for stage in found) == sum(weight.numel() for weight in module.parameters())
    owners = {each for each in module.modules() if any(True for _ in each.parameters(recurse=False))}
    assert {each for stage in found for each in stage.modules} == owners
    if name in NAMES:
        assert [stage.name for stage in found] == [*NAMES[name], "head"]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_put_into_training_mode_is_told_apart(name: str) -> None:
    module, found = found_in(name)
    learning = [id(each) for stage in found for each in stage.training_modules]
    assert len(learning) == len(set(learning))
    for stage in found:
        inside = {id(each) for each in stage.training_modules}
        for each in stage.training_modules:
            assert {id(child) for child in each.modules()} <= inside, (
                "train() of one would reach another stage"
            )
    norms = [
        each for each in module.modules() if isinstance(each, nn.BatchNorm2d | nn.LayerNorm | _DropoutNd)
    ]
    assert {id(each) for each in norms} <= set(learning)


def test_dropout_before_the_head_belongs_to_it() -> None:
    for name, dropout in (
        ("mobilenet_v2", "classifier.0"),
        ("vgg16", "classifier.5"),
        ("googlenet", "dropout"),
    ):
        module, found = found_in(name)
        assert module.get_submodule(dropout) in found[-1].training_modules
    module, found = found_in("alexnet")
    assert module.get_submodule("classifier.3") in found[-2].training_modules


def test_a_new_head_is_a_stage_whole() -> None:
    module, head = with_new_head(built_on_meta("resnet18"), "fc", 4, hidden=(8, 6), dropout=0.5, seed=0)
    found = stages(module, head, (224, 224))
    assert [stage.name for stage in found] == [*NAMES["resnet18"], "head"]
    assert found[-1].names == ("fc.1", "fc.4", "fc.7")
    assert found[-1].n_weights == 512 * 8 + 8 + 8 * 6 + 6 + 6 * 4 + 4
    assert module.fc[0] in found[-1].training_modules


def test_the_small_cnn_has_a_stage_for_each_pooling() -> None:
    found = stages(small_cnn(4, 0.4), HEAD, (160, 160))
    assert [stage.name for stage in found] == [*(f"features.{place}" for place in range(5)), "head"]


@pytest.mark.parametrize(
    ("name", "size"), [("resnet18", (32, 32)), ("mobilenet_v2", (96, 160)), ("swin_t", (64, 96))]
)
def test_stages_do_not_depend_on_the_size_of_the_images(name: str, size: tuple[int, int]) -> None:
    """At 32 pixels, ResNet's last two maps have one place or two."""
    _, found = found_in(name, size)
    assert [stage.name for stage in found] == [*NAMES[name], "head"]


def test_a_transformer_for_small_images_keeps_its_quarters() -> None:
    module = built_on_meta("vit_b_32", image_size=64)
    found = stages(module, "heads.head", (64, 64))
    assert [stage.name for stage in found] == [*NAMES["vit_b_16"], "head"]
    assert id(module.class_token) in {id(weight) for weight in found[0].parameters}
    assert id(module.encoder.pos_embedding) in {id(weight) for weight in found[0].parameters}


def test_the_network_itself_is_left_alone() -> None:
    module = small_cnn(4, 0.4).train()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    stages(module, HEAD, (64, 64))
    assert all(torch.equal(before[key], tensor) for key, tensor in module.state_dict().items())
    assert all(each.training for each in module.modules())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_each_kind_of_recipe_trains_its_stages() -> None:
    _, found = found_in("resnet18")
    learning = {key: [stage.name for stage in trained(found, kind.n_stages)] for key, kind in KINDS.items()}
    assert learning["bottleneck"] == ["head"]
    assert learning["last_block"] == ["layer4", "head"]
    assert learning["two_blocks"] == ["layer3", "layer4", "head"]
    assert learning["whole"] == learning["scratch"] == [stage.name for stage in found]
    assert trained(found, 99) == found


def test_a_network_that_cannot_take_the_images_says_so() -> None:
    with pytest.raises(AssertionError, match="Wrong image height"):
        Walk(built_on_meta("vit_b_16"), (160, 160))
