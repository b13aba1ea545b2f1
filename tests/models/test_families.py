"""Every torchvision family opens from its weights alone and predicts what the original predicts."""

from pathlib import Path

import pytest
import torch
from torch import nn

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.forward import logits_and_embeddings
from models.torchvision_import import torchvision
from tests.models.families import CLASSES, FAMILIES, fresh, images_for

# VGG's file would be half a gigabyte
HALVED = ("vgg16", "vgg16_bn", "vit_b_16", "alexnet")


@pytest.mark.parametrize("name", FAMILIES)
def test_family_opens_and_predicts_as_the_original(name: str, tmp_path: Path) -> None:
    original = fresh(name)
    if name in HALVED:
        original = original.half()
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    original = original.float()
    network = load_checkpoint(tmp_path / "weights.pth")
    images = images_for(name)
    with torch.inference_mode():
        expected = original(images)
        logits, embeddings = logits_and_embeddings(network, images)
        assert logits.std(0).max() > 5e-3 * logits.abs().max(), "a degenerate network would prove nothing"
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
        _assert_embeddings_give_logits(network.module.get_submodule(str(network.head)), embeddings, logits)
    assert network.architecture == name
    assert len(network.class_names) == logits.shape[1] == CLASSES
    assert not network.module.training
    assert {weight.dtype for weight in network.module.parameters()} == {torch.float32}


def _assert_embeddings_give_logits(
    head: nn.Module, embeddings: torch.Tensor | None, logits: torch.Tensor
) -> None:
    assert embeddings is not None
    assert embeddings.ndim == 2
    assert len(embeddings) == len(logits)
    if isinstance(head, nn.Linear):
        torch.testing.assert_close(head(embeddings), logits, rtol=1e-5, atol=1e-5)
    else:
        assert embeddings.shape[1] == head.in_channels
        assert embeddings.std() > 0


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_and_rescaling_inside(name: str, tmp_path: Path) -> None:
    original = fresh(name)
    images = images_for(name)
    state = original.state_dict()
    without = {key: value for key, value in state.items() if not key.startswith(("aux", "AuxLogits"))}
    torch.save(without, tmp_path / "without.pth")
    others = {
        key: torch.zeros(1000, *value.shape[1:]) if key.startswith(("aux1.fc2", "aux2.fc2", "AuxLogits.fc")) else value
        for key, value in state.items()
    }  # fmt: skip
    torch.save(others, tmp_path / "others.pth")
    for file in ("without.pth", "others.pth"):
        network = load_checkpoint(tmp_path / file)
        with torch.inference_mode():
            torch.testing.assert_close(network.module(images), original(images), rtol=1e-4, atol=1e-5)

    assert_half_equals_transform_input(name, original)


def assert_half_equals_transform_input(name: str, network: nn.Module) -> None:
    """Mean = std = 0.5 outside the network is the published weights' rescaling inside it."""
    side = images_for(name).shape[-1]
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(3))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        given_half = network((pixels - 0.5) / 0.5)
        network.transform_input = True
        scaled_inside = network((pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    torch.testing.assert_close(given_half, scaled_inside, rtol=1e-3, atol=1e-3)


def test_vision_transformer_of_another_size_sets_its_preprocessing(tmp_path: Path) -> None:
    original = torchvision.models.vit_b_32(weights=None, image_size=96, num_classes=3).half()
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    summary = inspect_checkpoint(tmp_path / "weights.pth")
    assert summary.architectures == ("vit_b_32",)
    assert (summary.preprocessing.resize, summary.preprocessing.crop) == (96, 96)
    network = load_checkpoint(tmp_path / "weights.pth")
    with torch.inference_mode():
        assert network.module(torch.zeros(1, 3, 96, 96)).shape == (1, 3)
