"""Torchvision's classifiers as starting points: figures that somebody else has published too, and who is worth it."""

import pytest

from models.backbone_files import digest_of
from models.backbones import backbones, frontier
from models.meta_modules import WITH_AUXILIARY_HEADS, built_on_meta, classifier_names


def test_every_classifier_is_there_with_all_figures() -> None:
    found = backbones()
    assert tuple(found) == classifier_names() and len(found) >= 80
    for each in found.values():
        assert 0.5 < each.top_1 < each.top_5 < 1
        assert each.n_weights > 1e6 and each.multiply_adds > 1e7 and each.file_bytes > 1e6
        assert each.url.startswith("https://") and digest_of(each.file_name)
        if each.name not in WITH_AUXILIARY_HEADS:
            # nothing but weights lies in the file: 4 bytes each, and some for their names
            assert each.file_bytes == pytest.approx(4 * each.n_weights, rel=0.12)


def test_the_known_ones_are_as_everybody_knows_them() -> None:
    vgg, resnet = backbones()["vgg16"], backbones()["resnet50"]
    assert (vgg.family, vgg.n_weights, vgg.input_side) == ("VGG", 138_357_544, 224)
    assert vgg.multiply_adds == pytest.approx(15.5e9, rel=0.01)
    assert (resnet.family, resnet.weights_name, resnet.n_weights) == ("ResNet", "IMAGENET1K_V2", 25_557_032)
    assert resnet.top_1 == pytest.approx(0.80858)
    families = {each.family for each in backbones().values()}
    assert {"VGG", "ResNet", "GoogLeNet", "Inception", "EfficientNet", "MobileNet", "ViT"} <= families
    assert not [name for name in families if name.islower()]  # a family without a name of its own


@pytest.mark.parametrize("name", ["alexnet", "mobilenet_v3_small", "squeezenet1_1", "regnet_x_400mf"])
def test_weights_are_those_of_the_module(name: str) -> None:
    assert name not in WITH_AUXILIARY_HEADS
    module = built_on_meta(name)
    assert sum(each.numel() for each in module.parameters()) == backbones()[name].n_weights


def test_no_other_reaches_as_much_for_less() -> None:
    costs, reached = [5.0, 1.0, 3.0, 1.0, 9.0], [0.8, 0.5, 0.8, 0.6, 0.9]
    assert frontier(costs, reached) == [3, 2, 4]
    found = list(backbones().values())
    best = frontier([each.multiply_adds for each in found], [each.top_1 for each in found])
    for at, each in enumerate(found):
        beaten = [
            other for other in found if other.multiply_adds <= each.multiply_adds and other.top_1 > each.top_1
        ]
        assert (at in best) <= (not beaten)
    assert frontier([], []) == []
