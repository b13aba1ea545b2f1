"""The list of layers says beforehand what a forward pass then shows, on all families."""

from dataclasses import replace

import pytest

from analysis.layers.catalogue import LayerOutline, catalogue
from analysis.layers.observed import LayerOutput, observed_forward
from models.errors import AttributionError, ErrorscopeError
from models.meta_modules import built_on_meta
from models.network import Network
from tests.models.calibrated import images, input_size, shared_network


def test_it_says_what_a_forward_pass_shows(family: Network) -> None:
    found: dict[str, LayerOutput] = {}
    observed_forward(family.module, images(family.architecture), lambda each: found.update({each.name: each}))
    names = list(found)
    listed = catalogue(family, input_size(family.architecture))
    # the head, and SqueezeNet's block that ends with it, are no layers on the way
    assert [each.name for each in listed] == names[: names.index(family.head or "")]
    assert len(names) - len(listed) <= 2
    for each in listed:
        seen = found[each.name]
        shape = tuple(seen.values.shape[1:])
        assert (each.n_channels, each.activation, each.is_block) == (shape[0], seen.activation, seen.is_block)
        assert each.places == (shape[1:] if seen.is_map else None)


def test_fields_are_those_of_the_modules() -> None:
    known = {each.name: each for each in catalogue(shared_network("resnet18"), (96, 96))}
    field = known["layer4.1"].receptive_field
    assert field is not None and field.size == (435, 435)
    assert known["conv1"].places == (48, 48) and known["conv1"].activation == "relu"
    assert known["layer1.0"].is_block and not known["layer1.0.conv2"].is_block


def test_listing_a_large_network_takes_no_memory() -> None:
    """A VGG16 for 1000 classes whose weights are nowhere: what is listed cannot have been computed."""
    module = built_on_meta("vgg16")
    assert {each.device.type for each in module.parameters()} == {"meta"}
    model = shared_network("vgg16")
    network = Network(
        module=module, class_names=tuple(map(str, range(1000))), preprocessing=model.preprocessing,
        architecture="vgg16", fingerprint="large", path=model.path, head="classifier.6",
    )  # fmt: skip
    listed = catalogue(network, (224, 224))
    assert [each.n_channels for each in listed][-2:] == [4096, 4096]
    assert isinstance(listed[0], LayerOutline) and listed[0].places == (224, 224)


def test_an_impossible_size_is_one_sentence() -> None:
    with pytest.raises(ErrorscopeError, match="100 x 100 pixels"):
        catalogue(shared_network("vit_b_16"), (100, 100))


def test_a_program_is_refused() -> None:
    program = replace(shared_network("shufflenet_v2_x0_5"), kind="torchscript", architecture="torchscript")
    with pytest.raises(AttributionError, match="TorchScript"):
        catalogue(program, (96, 96))
