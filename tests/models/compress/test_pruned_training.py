"""Fine-tuning's own parts work on a network out of which channels were taken."""

from pathlib import Path

import pytest
import torch

from models.architecture_table import architectures
from models.checkpoint import load_checkpoint
from models.compress.channels import remove_channels
from models.finetune.heads import with_new_head
from models.finetune.stages import stages
from models.network import Network
from models.own_networks import checkpoint_content, plan_of, plan_of_module, trainable_copy
from tests.models.compress.test_channels import NAMES, PREPROCESSING, images, network


def opened(name: str, folder: Path) -> Network:
    module, head = network(name), architectures()[name].head
    remove_channels(module, name, head, 0.3, (64, 64))
    torch.save(
        checkpoint_content(module, plan_of_module(module, name, head, len(NAMES)), NAMES, PREPROCESSING),
        folder / "weights.pth",
    )
    return load_checkpoint(folder / "weights.pth")


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18"])
def test_it_has_the_stages_of_its_architecture_and_takes_a_new_head(name: str, tmp_path: Path) -> None:
    pruned = opened(name, tmp_path)
    whole, head = network(name), architectures()[name].head
    assert pruned.head == head
    found, usual = stages(pruned.module, head, (64, 64)), stages(whole, head, (64, 64))
    assert [each.name for each in found] == [each.name for each in usual]

    module, last = with_new_head(trainable_copy(pruned), head, 3, hidden=(7,), dropout=0.4, seed=1)
    content = checkpoint_content(
        module.eval(), plan_of_module(module, name, last, 3), ("x", "y", "z"), PREPROCESSING
    )
    torch.save(content, tmp_path / "again.pth")
    again = load_checkpoint(tmp_path / "again.pth")
    assert plan_of(again).hidden == (7,) and plan_of(again).shapes
    with torch.no_grad():
        assert torch.equal(again.module(images()), module(images()))
