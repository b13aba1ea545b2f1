"""Shapes, weights, multiply-adds and receptive fields against torchvision's own figures and against gradients."""

import pytest
import torch
from torch import nn

from analysis.layers.passage import passage
from analysis.layers.receptive_field import WHOLE, ReceptiveField
from models.backbones import backbones
from models.errors import ErrorscopeError
from models.meta_modules import built_on_meta

TEN = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v2",
    "regnet_y_400mf", "resnet50", "squeezenet1_1", "swin_t", "vgg16", "vit_b_16",
)  # fmt: skip


@pytest.mark.parametrize("name", TEN)
def test_weights_and_multiply_adds_are_torchvisions(name: str) -> None:
    known = backbones()[name]
    extra_heads = name in ("googlenet", "inception_v3")
    module = built_on_meta(name, auxiliary=name == "inception_v3")
    passed = passage(module, (known.input_side, known.input_side))
    assert passed[""].multiply_adds == pytest.approx(known.multiply_adds, rel=0.01)
    assert passed[""].output_shape == (1000,)
    if not extra_heads:
        assert sum(each.numel() for each in module.parameters()) == known.n_weights


@pytest.mark.parametrize(
    ("name", "layer", "size", "stride"),
    [
        ("vgg16", "features.30", 212, 32),
        ("resnet18", "layer4", 435, 32),
        ("mobilenet_v2", "features.18", 491, 32),
        ("efficientnet_b0", "features.8", 851, 32),
        ("alexnet", "features.12", 195, 32),
    ],
)
def test_receptive_fields_are_those_of_the_literature(name: str, layer: str, size: int, stride: int) -> None:
    field = passage(built_on_meta(name), (224, 224))[layer].receptive_field
    assert isinstance(field, ReceptiveField)
    assert (field.size, field.stride) == ((size, size), (stride, stride))
    assert field.whole is (name == "efficientnet_b0")  # behind gates that see all


def small_network() -> nn.Module:
    """Strides, dilation, padding, pooling, a skip and a concatenation."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.b = nn.Conv2d(4, 4, 3, padding=2, dilation=2)
            self.c = nn.Conv2d(8, 4, (1, 5), padding=(0, 2))
            self.pool = nn.MaxPool2d(2)
            self.d = nn.Conv2d(4, 4, 2, stride=2)
            self.head = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a = torch.relu(self.a(x))
            b = self.b(a) + a
            c = self.c(torch.cat([a, b], 1))
            return self.head(self.d(self.pool(c)).mean((2, 3)))

    return Net()


@pytest.mark.parametrize("layer", ["a", "b", "c", "pool", "d"])
def test_a_field_is_where_the_gradient_lies(layer: str) -> None:
    """Positive weights, so that nothing cancels, and a mean for the maximum, so that nothing is hidden."""
    net = small_network()
    for weight in net.parameters():
        nn.init.constant_(weight, 0.1)
    field = passage(net, (64, 64))[layer].receptive_field
    assert isinstance(field, ReceptiveField)
    net.pool = nn.AvgPool2d(2)
    seen: list[torch.Tensor] = []
    net.get_submodule(layer).register_forward_hook(lambda *given: seen.append(given[-1]))
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    net(image)
    rows, columns = (side // 2 for side in seen[0].shape[2:])
    seen[0][0, :, rows, columns].sum().backward()
    assert image.grad is not None
    lit = image.grad[0].abs().sum(0) > 0
    found = torch.nonzero(lit)
    top, left, bottom, right = field.box((rows, columns), (64, 64))
    assert [top, left] == found.amin(0).tolist()
    assert [bottom - 1, right - 1] == found.amax(0).tolist()


def test_what_is_pooled_over_all_places_sees_all_of_them() -> None:
    passed = passage(built_on_meta("resnet18"), (224, 224))
    assert passed["avgpool"].receptive_field == WHOLE == passed["fc"].receptive_field


def test_behind_attention_no_field_is_claimed() -> None:
    passed = passage(built_on_meta("vit_b_16"), (224, 224))
    assert passed["conv_proj"].receptive_field == ReceptiveField((16, 16), (16, 16), (0, 0))
    assert passed["encoder.layers.encoder_layer_3"].receptive_field is None


def test_an_impossible_size_is_one_sentence() -> None:
    with pytest.raises(ErrorscopeError, match="224 x 225 pixels"):
        passage(built_on_meta("vit_b_16"), (224, 225))


def test_the_network_itself_is_left_as_it_was() -> None:
    net = small_network()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    passage(net, (64, 64))
    assert not any(each._forward_hooks for each in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert net.training
