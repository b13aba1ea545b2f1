"""What a training takes: each image counted as often as it is shown, and measured on the real network."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.evaluation import opened_network
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.cost import PhaseCost, TrainingCost, estimated
from models.finetune.cut import cut_before
from models.finetune.measured_cost import training_cost
from models.finetune.recipe import DEFAULTS, Recipe
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.stages import stages
from models.norm_statistics import NormStatistics
from models.own_networks import checkpoint_content, plan_of_module, trainable_copy
from tests.conftest import SAMPLE
from tests.models.planted_norms import convolutions_with_norms, fold

HEAD = PhaseCost("Head", 10, 100, ("head",), 400, 0.5, 0.001, 0.0005, 1000)
BLOCK = PhaseCost("Last block", 0, 5000, ("layer4", "head"), 0, 0.0, 0.3, 0.1, 70_000)
COST = TrainingCost(20_000, (HEAD, BLOCK), has_new_head=True)
FLIPPED = Augmentation((Operation("horizontal_flip", 1.0, 0.5),))


@pytest.mark.parametrize(("is_augmented", "views"), [(True, 4), (False, 1)])
def test_every_image_counts_as_often_as_it_is_shown(is_augmented: bool, views: int) -> None:
    recipe = Recipe("last_block", epochs=3, views=4, batch_size=8)
    found = estimated(
        COST, recipe, n_train=10, n_validation=5, is_augmented=is_augmented, seconds_to_decode=0.1
    )
    kept = (10 * views + 5) * (0.5 + 0.1) + 10 * (10 * 0.001 + 5 * 0.0005)
    anew = 3 * (10 * (0.3 + 0.1) + 5 * (0.1 + 0.1))
    assert found.seconds == pytest.approx(kept + anew)
    assert found.bytes_kept == (10 * views + 5) * 400
    # all weights, and of those that learn: gradient, momentum, best values; and a batch
    assert found.bytes_memory == 4 * 20_000 + 3 * 4 * 5000 + 8 * 70_000
    half = estimated(
        COST, replace(recipe, cache="half"), n_train=10, n_validation=5, is_augmented=is_augmented, seconds_to_decode=0
    )  # fmt: skip
    assert half.bytes_kept * 2 == found.bytes_kept


def spec(recipe: Recipe, augmentation: Augmentation = FLIPPED) -> FinetuneSpec:
    start = EvaluationSpec(str(SAMPLE / "shufflenet_v2_x0_5.pth"), str(SAMPLE / "pets" / "val"))
    return FinetuneSpec(start, start, TrainingImages(str(SAMPLE / "pets" / "train")), recipe, augmentation)


def test_the_last_block_of_the_sample_is_what_its_stages_and_its_cut_say() -> None:
    cost = training_cost(spec(DEFAULTS["last_block"]))
    network = opened_network(spec(DEFAULTS["last_block"]).start)
    module = trainable_copy(network).cpu()
    assert network.head is not None
    *_, last, head = stages(module, network.head, (160, 160))
    cut = cut_before(module, [*last.training_modules, *head.training_modules], torch.zeros(2, 3, 160, 160))
    assert cut is not None
    (phase,) = cost.phases
    assert phase.n_trained == last.n_weights + head.n_weights == cost.n_trained
    assert phase.stages == (last.name, "head")
    assert phase.bytes_kept == 4 * math.prod(cut.shape)
    assert cost.n_weights == sum(weight.numel() for weight in network.module.parameters())
    assert not cost.has_new_head
    assert min(phase.seconds_kept, phase.seconds_step, phase.seconds_look) > 0


def test_the_norms_among_the_layers_that_learn_are_looked_at(tmp_path: Path) -> None:
    """In the sample's network and in one that answers as it does, with all its norms folded."""
    network = opened_network(spec(DEFAULTS["last_block"]).start)
    module = trainable_copy(network).cpu()
    assert network.head is not None
    *_, last, _ = stages(module, network.head, (160, 160))
    n = sum(isinstance(each, nn.BatchNorm2d) for each in last.training_modules)
    assert training_cost(spec(DEFAULTS["last_block"])).norms == NormStatistics(n) and n
    for convolution, norm in convolutions_with_norms(module):
        fold(convolution, norm)
    plan = plan_of_module(module, network.architecture, network.head, len(network.class_names))
    content = checkpoint_content(module, plan, network.class_names, network.preprocessing)
    torch.save(content, tmp_path / "folded.pth")
    for kind, known in (("last_block", NormStatistics(n, n, n)), ("bottleneck", NormStatistics())):
        asked = spec(DEFAULTS[kind])
        asked = replace(asked, start=replace(asked.start, checkpoint=str(tmp_path / "folded.pth")))
        assert training_cost(asked).norms == known


def test_a_head_alone_learns_from_one_row_of_features() -> None:
    cost = training_cost(spec(DEFAULTS["bottleneck"]))
    (phase,) = cost.phases
    assert phase.n_trained == 1024 * 14 + 14
    assert phase.bytes_kept == 4 * 1024
    assert 4 * 1024 <= phase.bytes_step < 8 * 1024  # the features, and little more, wait for the way back


def test_a_new_head_learns_first_and_nothing_is_kept_where_every_epoch_is_new() -> None:
    recipe = replace(DEFAULTS["last_block"], hidden=(32,), views=0)
    cost = training_cost(spec(recipe))
    assert [phase.epochs for phase in cost.phases] == [10, recipe.epochs]
    assert cost.has_new_head
    assert [phase.bytes_kept for phase in cost.phases] == [0, 0]
    unchanged = training_cost(spec(recipe, Augmentation()))
    assert all(phase.bytes_kept for phase in unchanged.phases)
    assert unchanged.phases[0].n_trained == 1024 * 32 + 32 + 32 * 14 + 14
