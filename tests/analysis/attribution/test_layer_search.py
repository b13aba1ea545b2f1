"""How the layers that give a map are found: on what input, at what cost, in networks that make it hard."""

import weakref
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import attribute, layers, spatial_layers
from analysis.attribution.layer_search import layers_with_a_map
from models.errors import AttributionError
from models.network import Network
from models.preprocessing import Preprocessing
from models.torchvision_import import torchvision
from tests.analysis.attribution.test_spatial import network
from tests.models import calibrated
from tests.models.calibrated import calibrated_network, images, shared_network

SIDE = {"maxvit_t": 224}


def calibrated_newcomer(architecture: str, head: str) -> tuple[Network, torch.Tensor]:
    """One that is none of the 17 families, and an input for it."""
    side = SIDE.get(architecture, 96)
    inputs = nn.functional.interpolate(images("newcomer", 4), (side, side), mode="bilinear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = getattr(torchvision.models, architecture)(num_classes=5)
    calibrated._wake(module)
    calibrated._feed_batch_norm(module, inputs[:2])
    if module.get_submodule(head).bias is not None:  # MaxViT's has none
        calibrated._scale_answers(module, head, inputs)
    preprocessing = Preprocessing(side, (side, side), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    names = tuple("abcde")
    path = Path(f"{architecture}.pth")
    return Network(module, names, preprocessing, architecture, architecture, path, head=head), inputs[:1]


def test_swin_v2_s_relative_positions_are_no_map() -> None:
    """They are computed from a table, 15 x 15 places of it, and do not hang on the image."""
    swin, inputs = calibrated_newcomer("swin_v2_t", "head")
    offered = spatial_layers(swin, (96, 96))
    assert offered[-1] == "permute" and "features.1" in offered
    assert not [name for name in offered if "cpb_mlp" in name]

    kept: list[torch.Tensor] = []
    handle = swin.module.get_submodule("permute").register_forward_hook(
        lambda _, __, output: kept.append(output)
    )
    answer = swin.module(inputs)[0, 1]
    handle.remove()
    weights = torch.autograd.grad(answer, kept[0])[0].mean((2, 3), keepdim=True)
    coarse = (weights * kept[0]).sum(1, keepdim=True).relu()
    expected = nn.functional.interpolate(coarse, (96, 96), mode="bilinear")[0, 0].detach().numpy()
    found = attribute(swin, inputs, 1, "grad_cam")
    assert found.layer == "permute" and not found.is_blank
    np.testing.assert_allclose(found.relevance, expected, rtol=0, atol=1e-4 * expected.max())


def test_maxvit_s_windows_are_no_map() -> None:
    maxvit, inputs = calibrated_newcomer("maxvit_t", "classifier.5")
    offered = spatial_layers(maxvit, (224, 224))
    assert offered[-1] == "blocks.3"
    pieces = ("partition_op", "partition_swap", "departition_swap", "attn_layer", "mlp_layer")
    assert not [name for name in offered if any(piece in name for piece in pieces)]
    shapes: dict[str, torch.Size] = {}
    for name in offered:
        maxvit.module.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: shapes.update({name: output.shape})
        )
    with torch.no_grad():
        maxvit.module(inputs)
    assert {tuple(shape[2:]) for shape in shapes.values()} == {(s, s) for s in (112, 56, 28, 14, 7)}
    window = "blocks.0.layers.0.layers.window_attention"
    assert window in offered  # as a whole it puts its windows together again
    with pytest.raises(AttributionError, match="gives no map of places"):
        attribute(maxvit, inputs, 1, "grad_cam", layer=f"{window}.attn_layer")


class Windows(nn.Module):
    """Four quarters of the map as a batch of four."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return torch.cat([half for rows in given.chunk(2, 2) for half in rows.chunk(2, 3)])


class Whole(nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        upper_left, upper_right, lower_left, lower_right = given.chunk(4)
        rows = (torch.cat([upper_left, upper_right], 3), torch.cat([lower_left, lower_right], 3))
        return torch.cat(rows, 2)


def test_windows_in_the_batch_are_no_map() -> None:
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)]
    windowed = network(nn.Sequential(nn.Conv2d(3, 8, 2, 2), Windows(), nn.Sigmoid(), Whole(), *tail), 2, "6")
    assert spatial_layers(windowed, (32, 32)) == ("0", "3")
    with pytest.raises(AttributionError, match="gives no map of places"):
        attribute(windowed, torch.randn(3, 32, 32), 0, "grad_cam", layer="2")


class Detached(nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given.detach()


def test_a_network_that_lets_no_gradient_through_is_refused() -> None:
    body = [nn.Conv2d(3, 4, 3), Detached(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    with pytest.raises(AttributionError, match="lets no gradient through") as caught:
        spatial_layers(network(nn.Sequential(*body), 2, "4"), (32, 32))
    assert "Occlusion" in caught.value.next_step


def searched_sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    searches: list[tuple[int, int]] = []

    def search(asked: Network, input_size: tuple[int, int]) -> tuple[str, ...]:
        searches.append(input_size)
        return layers_with_a_map(asked, input_size)

    monkeypatch.setattr(layers, "layers_with_a_map", search)
    return searches


def test_the_search_runs_once_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = searched_sizes(monkeypatch)
    squeezenet = calibrated_network("squeezenet1_1")
    for size in [(96, 96), (96, 96), (64, 64)]:
        spatial_layers(squeezenet, size)
    assert searches == [(96, 96), (64, 64)]


def test_large_inputs_of_like_proportions_share_one_search_on_a_small_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = searched_sizes(monkeypatch)
    squeezenet = calibrated_network("squeezenet1_1")
    for size in [(768, 1024), (778, 1034), (1536, 2048), (192, 256), (128, 4000)]:
        assert spatial_layers(squeezenet, size)[-1] == "features"
    assert searches == [(192, 256), (128, 4000)]


@pytest.mark.parametrize("architecture", ["resnet18", "densenet121", "swin_t"])
def test_the_small_input_has_the_layers_of_the_large_one(architecture: str) -> None:
    family = shared_network(architecture)
    assert spatial_layers(family, (256, 320)) == layers_with_a_map(family, (256, 320))


def test_a_network_that_takes_one_large_size_only_is_searched_at_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searches = searched_sizes(monkeypatch)
    body = nn.Sequential(nn.Conv2d(3, 8, 16, 16), nn.Sigmoid(), nn.Flatten(), nn.Linear(8 * 16 * 20, 2))
    fixed = network(body, 2, "3")
    for _ in range(2):
        assert spatial_layers(fixed, (256, 320)) == ("0", "1")
    assert searches == [(192, 224), (256, 320)]


class Watched(nn.Module):
    """Counts how many outputs of its like are still in memory."""

    alive: ClassVar[weakref.WeakSet[torch.Tensor]] = weakref.WeakSet()
    most = 0

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        output = given + 1
        Watched.alive.add(output)
        Watched.most = max(Watched.most, len(Watched.alive))
        return output


def test_the_search_keeps_no_outputs() -> None:
    """Addition remembers nothing for the way back, so all that is alive is what the search keeps."""
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)]
    chain = nn.Sequential(*[Watched() for _ in range(12)], *tail)
    assert len(spatial_layers(network(chain, 2, "14"), (32, 32))) == 12
    assert Watched.most <= 3
