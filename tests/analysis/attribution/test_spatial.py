"""Which layers give a map, and which way round it lies."""

from pathlib import Path

import pytest
import torch
from torch import nn

from analysis.attribution import attribute, spatial_layers
from analysis.attribution.spatial import spatial_map
from models.errors import AttributionError
from models.network import Network
from models.preprocessing import Preprocessing
from tests.models.calibrated import calibrated_network, images

PLAIN = Preprocessing(None, None, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def network(module: nn.Module, n_classes: int, head: str | None = None) -> Network:
    names = tuple(f"class_{i}" for i in range(n_classes))
    return Network(module.eval(), names, PLAIN, "own", "own", Path("own.pth"), head=head)


@pytest.mark.parametrize(
    ("shape", "input_size", "expected"),
    [
        ((1, 512, 7, 7), (224, 224), (1, 512, 7, 7)),
        ((1, 7, 7, 768), (224, 224), (1, 768, 7, 7)),
        ((1, 512, 4, 8), (128, 256), (1, 512, 4, 8)),
        ((1, 4, 8, 96), (128, 256), (1, 96, 4, 8)),
        ((1, 8, 8, 8), (64, 64), (1, 8, 8, 8)),
        ((2, 197, 768), (224, 224), (2, 768, 14, 14)),
        ((2, 196, 768), (224, 224), (2, 768, 14, 14)),
        ((1, 33, 16), (128, 256), (1, 16, 4, 8)),
        ((1, 512, 1, 1), (224, 224), None),
        ((1, 2, 768), (224, 224), None),
        ((1, 1, 768), (224, 224), None),
        ((1, 198, 768), (224, 224), None),
        ((1, 512), (224, 224), None),
    ],
)
def test_a_map_is_recognised_whichever_way_it_lies(
    shape: tuple[int, ...], input_size: tuple[int, int], expected: tuple[int, ...] | None
) -> None:
    found = spatial_map(torch.zeros(shape), input_size)
    assert (None if found is None else tuple(found.shape)) == expected


def test_tokens_keep_their_places_and_the_class_token_is_left_out() -> None:
    places = torch.arange(4.0).reshape(2, 2)
    tokens = torch.cat([torch.tensor([99.0]), places.flatten()])[None, :, None]
    found = spatial_map(tokens, (32, 32))
    assert found is not None
    assert torch.equal(found[0, 0], places)


def test_what_is_no_tensor_is_no_map() -> None:
    assert spatial_map((torch.zeros(1, 8, 7, 7),), (224, 224)) is None
    assert spatial_map(torch.zeros(1, 8, 7, 7, dtype=torch.int64), (224, 224)) is None


def test_as_many_classes_as_channels_do_not_hide_the_layer() -> None:
    assert spatial_layers(calibrated_network("resnet18", n_classes=512), (96, 96))[-1] == "layer4"


def test_a_map_of_class_scores_is_passed_over_even_without_a_known_head() -> None:
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert spatial_layers(network(body, 4), (32, 32)) == ("0",)


def test_a_smaller_input_moves_the_layer_forward() -> None:
    resnet = calibrated_network("resnet18")
    assert spatial_layers(resnet, (96, 96))[-1] == "layer4"
    assert spatial_layers(resnet, (32, 32))[-1] == "layer3"


def test_the_search_runs_once_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.attribution import layers

    searches = []
    search = layers._search
    monkeypatch.setattr(layers, "_search", lambda *asked: searches.append(asked) or search(*asked))
    squeezenet = calibrated_network("squeezenet1_1")
    for size in [(96, 96), (96, 96), (64, 64)]:
        spatial_layers(squeezenet, size)
    assert [size for _, size in searches] == [(96, 96), (64, 64)]


def test_every_layer_that_is_offered_can_be_read() -> None:
    swin = calibrated_network("swin_t")
    inputs = images("swin_t")
    for layer in spatial_layers(swin, (96, 96))[::6]:
        assert attribute(swin, inputs, 1, "grad_cam", layer=layer).layer == layer


def test_only_the_outermost_of_equal_layers_is_offered() -> None:
    offered = spatial_layers(calibrated_network("resnet18"), (96, 96))
    assert "layer4" in offered and "layer4.1" not in offered and "layer4.1.relu" not in offered
    assert "layer4.0" in offered and "layer4.1.conv1" in offered


def test_a_layer_behind_the_last_attention_is_refused_rather_than_blank() -> None:
    vit = calibrated_network("vit_b_16")
    with pytest.raises(AttributionError, match="does not hang on the places"):
        attribute(vit, images("vit_b_16"), 0, "grad_cam", layer="encoder.layers.encoder_layer_11")


def test_a_network_without_a_map_is_refused() -> None:
    flat = network(nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2)), 2, "1")
    with pytest.raises(AttributionError, match="No layer gives a map of places") as caught:
        attribute(flat, torch.randn(3, 16, 16), 0, "grad_cam")
    assert "SmoothGrad" in caught.value.next_step


def test_a_network_that_does_not_answer_logits_is_refused() -> None:
    with pytest.raises(AttributionError, match=r"answers \(1, 8, 14, 14\) where \(1, 3\)"):
        attribute(network(nn.Conv2d(3, 8, 3), 3), torch.randn(3, 16, 16), 0, "saliency")


def test_a_layer_that_the_next_one_overwrites_is_judged_by_its_own_output() -> None:
    """Half of the one channel's places are dead after the ReLU, so the answer hangs on half of them only."""
    conv = nn.Conv2d(3, 1, 1, bias=False)
    body = nn.Sequential(conv, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    assert spatial_layers(network(body, 2, "4"), (32, 32)) == ("1",)
