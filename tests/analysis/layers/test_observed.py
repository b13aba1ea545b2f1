"""What is heard of each layer, against hooks and plain arithmetic, on all families; nothing of it stays behind."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from analysis.layers.observed import LayerOutput, forward_from, observed_forward
from models.network import Network
from tests.models.calibrated import images, shared_network


def heard(
    module: nn.Module, inputs: torch.Tensor
) -> tuple[dict[str, torch.Tensor], torch.Tensor, list[LayerOutput]]:
    values: dict[str, torch.Tensor] = {}
    outputs: list[LayerOutput] = []

    def hear(output: LayerOutput) -> None:
        values[output.name] = output.values.detach().clone()
        outputs.append(output)

    logits = observed_forward(module, inputs, hear)
    return values, logits, outputs


def test_the_logits_are_the_networks_own_and_nothing_is_left(
    family: Network, nothing_left: Callable[[Network], None]
) -> None:
    nothing_left(family)
    inputs = images(family.architecture)
    with torch.no_grad():
        expected = family.module(inputs)
    values, logits, outputs = heard(family.module, inputs)
    # attention has a second way, of other rounding, that torch takes where nobody looks on
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5 if "vit" in family.architecture else 0)
    assert outputs and all(each.values.shape[0] == len(inputs) for each in outputs)
    answered = values[family.head or ""]
    if answered.ndim == 2:  # SqueezeNet's is a map, pooled afterwards
        assert torch.equal(answered, logits)


def test_a_layer_is_seen_behind_its_norm_and_activation_and_a_block_behind_its_sum() -> None:
    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.norm1, self.norm2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
            self.relu = nn.ReLU(inplace=True)  # one for both, in place, as in a ResNet

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
            out += x
            return self.relu(out)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.head = Block(), nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.block(x).mean((2, 3)))

    net, inputs = Net().eval(), torch.randn(2, 3, 8, 8)
    values, _, outputs = heard(net, inputs)
    block = net.block
    with torch.no_grad():
        first = block.norm1(block.conv1(inputs)).relu()
        second = block.norm2(block.conv2(first))
        both = (second + inputs).relu()
    assert [(each.name, each.activation, each.is_block) for each in outputs] == [
        ("block.conv1", "relu", False), ("block.conv2", "", False), ("block", "", True), ("head", "", False),
    ]  # fmt: skip
    for name, expected in {"block.conv1": first, "block.conv2": second, "block": both}.items():
        torch.testing.assert_close(values[name], expected)


def test_tokens_are_maps_without_the_class_token() -> None:
    network = shared_network("vit_b_16")
    _, _, outputs = heard(network.module, images("vit_b_16"))
    block = next(each for each in outputs if each.name == "encoder.layers.encoder_layer_0")
    assert block.values.ndim == 4 and block.tensor.ndim == 3
    tokens = block.channels_second(block.tensor)
    torch.testing.assert_close(tokens.flatten(2).transpose(1, 2), block.tensor[:, 1:])


def test_gradients_from_a_layer_on_are_those_of_a_hook(
    family: Network, nothing_left: Callable[[Network], None]
) -> None:
    """Of a block, whose output a hook can read as well."""
    nothing_left(family)
    inputs = images(family.architecture, n=1)
    blocks = [each.name for each in heard(family.module, inputs)[2] if each.is_block]
    if not blocks:
        pytest.skip("it has no blocks")
    name = blocks[len(blocks) // 2]
    cut, logits = forward_from(family.module, inputs, name)
    assert cut is not None
    (found,) = torch.autograd.grad(logits[0, 1], cut.tensor)
    from analysis.attribution.private_copy import private_copy

    twin, kept = private_copy(family.module), []

    def keep(_: nn.Module, __: object, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().clone().requires_grad_())
        return kept[-1].clone()

    twin.get_submodule(name).register_forward_hook(keep)
    with torch.enable_grad():
        expected_logits = twin(inputs)
        (expected,) = torch.autograd.grad(expected_logits[0, 1], kept[-1])
    torch.testing.assert_close(logits.detach(), expected_logits.detach())
    torch.testing.assert_close(found, expected)


def test_a_layer_that_is_not_there_is_none(family: Network) -> None:
    cut, logits = forward_from(family.module, images(family.architecture, n=1), "nowhere")
    assert cut is None and logits.shape[0] == 1
