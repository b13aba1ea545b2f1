"""Every torchvision classifier is known from names and shapes alone, and from nothing else."""

import json

import pytest
import torch

from models.architecture_table import TABLE, architectures, most_alike, table_document, with_the_same_body
from models.architectures import compared_with, fitting, nearest, one_layer
from models.errors import ArchitectureAmbiguous, ArchitectureUnknown, WeightsMismatch
from models.meta_modules import OnMeta, built_on_meta, classifier_names, last_layer, with_outputs
from models.recognition import only_one, recognised

Shapes = dict[str, tuple[int, ...]]


def shapes_of(name: str, n_classes: int = 7) -> Shapes:
    module = built_on_meta(name, auxiliary=True)
    head = last_layer(module)
    parent, _, child = head.rpartition(".")
    setattr(
        module.get_submodule(parent), child, with_outputs(module.get_submodule(head), n_classes, bias=True)
    )
    return {key: tuple(weight.shape) for key, weight in module.state_dict().items()}


def test_table_is_that_of_the_installed_torchvision() -> None:
    state = torch.get_rng_state()
    assert json.loads(TABLE.read_text()) == table_document(), "run python -m models.architecture_table"
    assert torch.equal(torch.get_rng_state(), state), "building drew random numbers"


@pytest.mark.parametrize("name", classifier_names())
def test_every_classifier_is_recognised_and_no_other(name: str) -> None:
    shapes = shapes_of(name)
    fits = fitting(shapes)
    assert [each.architecture.name for each in fits] == [name]
    assert fits[0].head is not None
    assert fits[0].head.shape[0] == 7
    # old files have no counters of batch normalisation; their order means nothing
    old = {key: shape for key, shape in sorted(shapes.items()) if not key.endswith("num_batches_tracked")}
    assert with_the_same_body(old) == (name,)


@pytest.mark.parametrize(
    "name", ["resnet50", "wide_resnet50_2", "resnext50_32x4d", "vgg13_bn", "swin_s", "mnasnet0_75"]
)
def test_one_missing_key_names_the_nearest(name: str) -> None:
    shapes = shapes_of(name)
    lost = [key for key in shapes if key.endswith("weight")][3]
    del shapes[lost]
    assert fitting(shapes) == ()
    found = nearest(shapes)
    assert (found.architecture.name, found.missing, found.extra, found.misshaped) == (name, (lost,), (), ())


def test_no_memory_is_taken() -> None:
    module = built_on_meta("vgg16")
    assert all(weight.is_meta for weight in module.parameters())


def test_numbers_computed_while_building_are_real() -> None:
    with OnMeta():
        assert torch.arange(3).tolist() == [0, 1, 2]
        assert torch.zeros(3).is_meta


def test_all_names_are_candidates_for_their_own_keys() -> None:
    for name in ("densenet201", "regnet_y_8gf"):
        assert name in most_alike(shapes_of(name), 4)
        assert with_the_same_body(shapes_of(name)) == (name,)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("resnet18", "fc", "fc.1"),
        ("efficientnet_b0", "classifier.1", "classifier"),
        ("efficientnet_b0", "classifier.1", "classifier.0"),
        ("mobilenet_v3_small", "classifier.3", "classifier.3.1"),
        ("vit_b_16", "heads.head", "heads"),
        ("vit_b_16", "heads.head", "heads.0"),
        ("convnext_tiny", "classifier.2", "classifier.2.1"),
        ("vgg11", "classifier.6", "classifier.6.1"),
        ("swin_t", "head", "head.1"),
    ],
)
def test_a_single_linear_layer_under_another_name_is_the_head(name: str, old: str, new: str) -> None:
    shapes = {
        new + key.removeprefix(old) if key.startswith(f"{old}.") else key: shape
        for key, shape in shapes_of(name).items()
    }
    (found,) = fitting(shapes)
    assert found.architecture.name == name
    assert found.head is not None
    assert found.head.source == new
    assert found.file_keys()[f"{old}.weight"] == f"{new}.weight"


def test_a_head_without_bias_is_kept_so() -> None:
    shapes = shapes_of("resnet18")
    del shapes["fc.bias"]
    (found,) = fitting(shapes)
    assert "fc.bias" not in found.module.state_dict()


def test_a_head_of_several_layers_is_refused_with_its_keys() -> None:
    shapes = {key: shape for key, shape in shapes_of("resnet18").items() if not key.startswith("fc.")}
    shapes |= {"fc.0.weight": (256, 512), "fc.0.bias": (256,), "fc.3.weight": (7, 256), "fc.3.bias": (7,)}
    with pytest.raises(
        WeightsMismatch, match=r"body is that of resnet18, but its head is fc.0.weight \(256, 512\)"
    ):
        recognised(shapes, None)


def test_a_backbone_without_head_is_refused() -> None:
    shapes = {key: shape for key, shape in shapes_of("resnet34").items() if not key.startswith("fc.")}
    with pytest.raises(WeightsMismatch, match="body is that of resnet34, but it has no head") as caught:
        recognised(shapes, None)
    assert set(caught.value.missing) == {"fc.weight", "fc.bias"}


def test_a_head_for_other_features_is_refused() -> None:
    shapes = shapes_of("resnet18") | {"fc.weight": (7, 2048)}
    with pytest.raises(WeightsMismatch) as caught:
        recognised(shapes, None)
    assert caught.value.misshaped == ("fc.weight: (7, 2048) in the file, (7, 512) in resnet18",)


def test_squeezenets_head_must_be_a_convolution() -> None:
    shapes = shapes_of("squeezenet1_1") | {"classifier.1.weight": (7, 512)}
    with pytest.raises(WeightsMismatch):
        recognised(shapes, None)


def test_a_network_for_small_pictures_is_not_half_loaded() -> None:
    shapes = shapes_of("resnet18") | {"conv1.weight": (64, 3, 3, 3)}
    with pytest.raises(WeightsMismatch, match="the nearest is resnet18") as caught:
        recognised(shapes, None)
    assert caught.value.misshaped == ("conv1.weight: (64, 3, 3, 3) in the file, (64, 3, 7, 7) in resnet18",)
    assert caught.value.missing == caught.value.extra == ()


def test_the_persons_choice_is_compared_too() -> None:
    with pytest.raises(WeightsMismatch, match="not those of resnet34") as caught:
        recognised(shapes_of("resnet18"), "resnet34")
    assert all(key.startswith("layer") for key in caught.value.missing)
    assert len(caught.value.missing) == sum(1 for key in compared_with("resnet34", {}).missing) - len(
        [key for key in shapes_of("resnet18") if not key.endswith("num_batches_tracked")]
    )
    (right,) = recognised(shapes_of("resnet18"), "resnet18")
    assert right.differences == 0


def test_a_slip_of_the_pen_is_mended_by_a_suggestion() -> None:
    with pytest.raises(ArchitectureUnknown, match=r'no classifier called "resnet81".* Did you mean resnet18'):
        recognised(shapes_of("resnet18"), "resnet81")


def test_strange_weights_are_near_none() -> None:
    with pytest.raises(
        ArchitectureUnknown, match="fit none of torchvision's 80 classifiers, and are near none"
    ):
        recognised({f"tower.{i}.kernel": (3, 3) for i in range(40)}, None)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["blocks.0.attn.qkv.weight", "patch_embed.proj.weight"], "timm"),
        (["vit.embeddings.patch_embeddings.projection.weight"], "Hugging Face"),
        (["backbone.body.conv1.weight", "rpn.head.conv.weight"], "object detector"),
        (["layer1.0.conv1.weight_orig", "layer1.0.conv1.weight_mask"], "pruning"),
        (["layer1.0.conv1.parametrizations.weight.original0"], "parametrised"),
        (["conv1.scale", "conv1.zero_point", "fc._packed_params._packed_params"], "quantised"),
        (["layer.lora_A.weight", "layer.lora_B.weight"], "LoRA"),
    ],
)
def test_weights_of_other_makers_are_named(keys: list[str], words: str) -> None:
    with pytest.raises(ArchitectureUnknown, match=words) as caught:
        recognised(dict.fromkeys(keys, (4, 4)), None)
    assert caught.value.next_step


def test_several_fits_are_the_persons_choice() -> None:
    """No two of torchvision's have equal weights today: a twin is planted."""
    fits = (fitting(shapes_of("resnet18"))[0], fitting(shapes_of("resnet34"))[0])
    with pytest.raises(ArchitectureAmbiguous, match="fit 2 architectures: resnet18, resnet34") as caught:
        only_one(fits)
    assert caught.value.candidates == ("resnet18", "resnet34")
    assert only_one(fits, "resnet34").architecture.name == "resnet34"
    assert only_one(fits[:1], "densenet121").architecture.name == "resnet18"


def test_one_layer_sees_what_is_none() -> None:
    assert one_layer({"fc.weight": (7, 5), "fc.bias": (8,)}, "fc") is None
    assert one_layer({"fc.weight": (7,)}, "fc") is None
    assert one_layer({"fc.weight": (7, 5, 3, 3)}, "fc") is None
    assert one_layer({"fc.weight": (7, 5), "fc.gain": (7,)}, "fc") is None
    assert one_layer({"fcx.weight": (7, 5)}, "fc") is None


def test_architectures_are_sorted_and_know_their_heads() -> None:
    assert list(architectures()) == sorted(architectures())
    heads = {name: architectures()[name].head for name in ("vgg16", "resnet18", "squeezenet1_1", "vit_b_16")}
    assert heads == {
        "vgg16": "classifier.6",
        "resnet18": "fc",
        "squeezenet1_1": "classifier.1",
        "vit_b_16": "heads.head",
    }
