"""New heads: their shapes, their random weights, their names within a network."""

import pytest
import torch
from torch import nn

from models.errors import TrainingError
from models.finetune.heads import (
    Head,
    dropout_before,
    first_layer,
    head_dropout,
    head_name,
    hidden_widths,
    new_head,
    with_new_head,
)
from models.meta_modules import built_on_meta, last_layer
from tests.models.families import fresh, images_for

NAMES = {
    # architecture: name of the last layer with linear head, with dropout alone, with one hidden layer
    "resnet18": ("fc", "fc.1", "fc.4"),
    "shufflenet_v2_x0_5": ("fc", "fc.1", "fc.4"),
    "mobilenet_v2": ("classifier.1", "classifier.1", "classifier.1.3"),
    "mobilenet_v3_small": ("classifier.3", "classifier.3", "classifier.3.3"),
    "googlenet": ("fc", "fc", "fc.3"),
    "squeezenet1_1": ("classifier.1", "classifier.1", "classifier.1.3"),
    "vit_b_16": ("heads.head", "heads.head.1", "heads.head.4"),
    "maxvit_t": ("classifier.5", "classifier.5.1", "classifier.5.4"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_head_takes_the_place_of_the_old_one(name: str) -> None:
    settings: list[dict[str, object]] = [{}, {"dropout": 0.3}, {"dropout": 0.3, "hidden": (6,)}]
    for expected, options in zip(NAMES[name], settings, strict=True):
        module = built_on_meta(name)
        old = module.get_submodule(last_layer(module))
        changed, head = with_new_head(module, last_layer(module), 9, seed=0, **options)  # type: ignore[arg-type]
        assert changed is module
        assert head == expected == last_layer(module)
        layer = module.get_submodule(head)
        assert layer.weight.shape[0] == 9
        assert type(layer) is type(old)
        assert (layer.bias is None) == (old.bias is None)
        assert hidden_widths(module, head) == options.get("hidden", ())
        assert head_dropout(module, head) == options.get("dropout", 0.0)


def test_logits_are_those_of_the_layers_one_after_another() -> None:
    module, images = fresh("resnet18"), images_for("resnet18")
    module, head = with_new_head(module, "fc", 4, hidden=(8, 6), dropout=0.5, seed=1)
    assert head == "fc.7"
    features = nn.Sequential(*list(module.children())[:-1])(images).flatten(1)
    weights = [each for each in module.fc if isinstance(each, nn.Linear)]
    by_hand = features
    for place, layer in enumerate(weights):
        by_hand = by_hand @ layer.weight.T + layer.bias
        by_hand = by_hand if place == 2 else by_hand.clamp(min=0)
    torch.testing.assert_close(module(images), by_hand)


def test_a_second_new_head_replaces_the_first_whole() -> None:
    module, first = with_new_head(fresh("resnet18"), "fc", 4, hidden=(8,), dropout=0.5, seed=1)
    assert first_layer(module, first).in_features == 512
    module, second = with_new_head(module, first, 3, dropout=0.2, seed=1)
    assert (second, head_name(module, second)) == ("fc.1", "fc")
    module, third = with_new_head(module, second, 6, seed=1)
    assert third == "fc"
    assert module(images_for("resnet18")).shape == (2, 6)


def test_the_architectures_own_dropout_takes_the_share() -> None:
    module = fresh("mobilenet_v2")
    module, head = with_new_head(module, "classifier.1", 4, hidden=(8,), dropout=0.7, seed=1)
    own = dropout_before(module, head)
    assert own is module.classifier[0]
    drops = [each.p for each in module.modules() if isinstance(each, nn.Dropout)]
    assert drops == [0.7, 0.7]
    assert dropout_before(fresh("resnet18"), "fc") is None


def test_weights_come_of_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, again, other = (
        new_head(nn.Linear(16, 4), 5, hidden=(7,), dropout=0.1, seed=seed).state_dict() for seed in (3, 3, 4)
    )
    torch.set_rng_state(before)  # nn.Linear of this test drew
    new_head(nn.Linear(1, 1, device="meta"), 5, hidden=(7,), seed=3)
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not any(torch.equal(one[key], other[key]) for key in one)


def test_the_global_random_state_stays() -> None:
    layer = nn.Linear(16, 4)
    before = torch.get_rng_state()
    new_head(layer, 5, hidden=(7,), dropout=0.1, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_as_wide_as_torchs_own() -> None:
    layer = new_head(nn.Linear(400, 2), 300, seed=0)
    assert isinstance(layer, nn.Linear)
    bound = 400**-0.5
    for weight in (layer.weight, layer.bias):
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.97 * bound
        assert abs(float(weight.detach().mean())) < 0.1 * bound
    hidden = new_head(nn.Linear(400, 2), 3, hidden=(300,), seed=0)
    assert isinstance(hidden, Head)
    variance = float(hidden[1].weight.detach().var())
    assert variance == pytest.approx(2 / 400, rel=0.02)


def test_a_layer_that_is_not_linear_is_refused() -> None:
    with pytest.raises(TrainingError, match="BatchNorm2d"):
        new_head(nn.BatchNorm2d(4), 3, seed=0)
