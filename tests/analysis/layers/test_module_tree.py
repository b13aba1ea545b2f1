"""The tree of modules: every figure against torch's own, stages and blocks as a person would draw them; programs."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

from analysis.layers.module_tree import ModuleRow, ModuleTree, module_tree
from analysis.layers.stage_costs import BETWEEN, stage_costs
from models.errors import ErrorscopeError
from models.finetune.recipe import KINDS
from models.finetune.stages import stages, trained
from models.network import Network
from tests.models.calibrated import calibrated_network, input_size, shared_network


def tree_of(name: str) -> tuple[Network, ModuleTree, dict[str, ModuleRow]]:
    network = shared_network(name)
    tree = module_tree(network, input_size(name))
    return network, tree, {row.name: row for row in tree.rows}


def test_the_rows_are_the_modules_with_their_weights(family: Network) -> None:
    tree = module_tree(family, input_size(family.architecture))
    expected = dict(family.module.named_modules())
    assert [row.name for row in tree.rows] == list(expected)
    for row in tree.rows:
        module = expected[row.name]
        assert row.n_weights == sum(each.numel() for each in module.parameters())
        assert row.is_leaf == (not list(module.children()))
        assert row.depth == len(row.name.split(".")) - (row.name == "")
    assert tree.whole.output_shape == (len(family.class_names),)
    assert sum(tree.stages.values()) == tree.whole.n_weights


def test_a_module_computes_at_least_what_the_modules_in_it_do(family: Network) -> None:
    tree = module_tree(family, input_size(family.architecture))
    inside: dict[str, int] = {}
    for row in tree.rows[1:]:
        parent = row.name.rpartition(".")[0]
        inside[parent] = inside.get(parent, 0) + (row.multiply_adds or 0)
    counts = {row.name: row.multiply_adds or 0 for row in tree.rows}
    assert all(counts[name] >= children for name, children in inside.items())
    assert counts[""] > 0


@pytest.mark.parametrize("name", ["mobilenet_v2", "vit_b_16", "resnet18"])
def test_what_learns_is_what_the_recipe_trains(name: str) -> None:
    network, _, rows = tree_of(name)
    found = stages(network.module, network.head or "", input_size(name))
    for key, kind in KINDS.items():
        if key == "scratch":
            continue
        learning = {id(each) for stage in trained(found, kind.n_stages) for each in stage.parameters}
        for path, module in network.module.named_modules():
            own = {id(each) for each in module.parameters()}
            assert (key in rows[path].learns_in) == bool(own and own <= learning), (key, path)


def test_blocks_are_shown_and_what_lies_in_them_is_not() -> None:
    _, _, rows = tree_of("resnet18")
    shown = [name for name, row in rows.items() if not row.in_block]
    assert {"layer1", "layer1.0", "layer4.1", "fc"} <= set(shown)
    assert rows["layer1.0.conv1"].in_block and rows["layer2.0.downsample.0"].in_block
    _, _, rows = tree_of("vit_b_16")
    assert not rows["encoder.layers.encoder_layer_3"].in_block
    assert rows["encoder.layers.encoder_layer_3.mlp.0"].in_block
    assert rows["encoder"].stage == ""  # it lies in several


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "swin_t", "efficientnet_b0"])
def test_the_stages_add_up_to_the_network(name: str) -> None:
    _, tree, _ = tree_of(name)
    costs = stage_costs(tree, None)
    assert [each.name for each in costs if each.name != BETWEEN] == list(tree.stages)
    assert sum(each.multiply_adds for each in costs) == tree.whole.multiply_adds
    assert sum(each.n_weights for each in costs) == tree.whole.n_weights
    for share in ("share_of_weights", "share_of_multiply_adds"):
        assert sum(getattr(each, share) for each in costs) == pytest.approx(1)
    assert all(each.seconds is None and each.share_of_time is None for each in costs)


def test_time_is_counted_once_where_it_was_spent() -> None:
    _, tree, rows = tree_of("resnet18")
    seconds = dict.fromkeys(rows, 0.0)
    # 1 s in a convolution of layer3, 0.5 s in its block besides, 0.25 s in nothing but the network
    seconds |= {"layer3.0.conv1": 1.0, "layer3.0": 1.5, "layer3": 1.5, "": 1.75}
    found = {each.name: each for each in stage_costs(tree, seconds)}
    assert found["layer3"].seconds == pytest.approx(1.5)
    assert found[BETWEEN].seconds == pytest.approx(0.25)
    assert found["layer3"].share_of_time == pytest.approx(1.5 / 1.75)


def test_a_head_for_training_did_not_run() -> None:
    class WithExtraHead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Conv2d(3, 4, 3, stride=2)
            self.aux, self.fc = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.features(x).mean((2, 3)))

    network = replace(calibrated_network("resnet18"), module=WithExtraHead().eval(), head="fc")
    rows = {row.name: row for row in module_tree(network, (32, 32)).rows}
    assert [rows[name].calls for name in ("features", "aux", "fc")] == [1, 0, 1]
    assert rows["aux"].output_shape is None and rows["aux"].multiply_adds == 0


def test_a_size_that_the_network_does_not_take_is_one_sentence() -> None:
    with pytest.raises(ErrorscopeError, match="97 x 96 pixels"):
        module_tree(shared_network("vit_b_16"), (97, 96))


def test_a_network_without_a_known_head_has_no_stages_and_says_so() -> None:
    tree = module_tree(replace(shared_network("resnet18"), head=None), (96, 96))
    assert "last layer was not recognised" in tree.limits
    assert stage_costs(tree, None) == () and not tree.stages
    assert tree.whole.multiply_adds


@pytest.mark.parametrize(("kind", "words"), [("torchscript", "TorchScript"), ("export", "torch.export")])
def test_a_program_says_what_cannot_be_known(kind: str, words: str) -> None:
    network = shared_network("shufflenet_v2_x0_5")
    if kind == "torchscript":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module = torch.jit.trace(network.module, torch.zeros(1, 3, 96, 96))
    else:
        module = network.module  # only its kind is asked for
    tree = module_tree(replace(network, module=module, kind=kind, head=None), (96, 96))  # type: ignore[arg-type]
    assert words in tree.limits
    assert tree.whole.n_weights == sum(each.numel() for each in network.module.parameters())
    assert tree.whole.multiply_adds is None and tree.whole.calls is None
    if kind == "torchscript":
        assert {row.kind for row in tree.rows} >= {"Conv2d", "BatchNorm2d", "ReLU"}
        assert [row.name for row in tree.rows] == [name for name, _ in network.module.named_modules()]
