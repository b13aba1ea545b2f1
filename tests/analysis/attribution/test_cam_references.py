"""The CAM family against pytorch-grad-cam, on every family of networks.

What that library gives was recorded (`record_cam_references`): its coarse maps straight out of its
formulas, so that scale and sign are compared as well as shape.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
import torch

from analysis.attribution import Contrast, Target, attributions
from models.network import Network
from tests.analysis.attribution.record_cam_references import (
    EVERY,
    REFERENCES,
    SCORE_CAM_LAYERS,
    TARGETS,
    kept,
)
from tests.models.calibrated import HEADS, calibrated_network, images, shared_network

TOLERANCE = 1e-4
"""As a share of the reference's largest value."""

Map = npt.NDArray[np.float32]


def recorded_network(architecture: str) -> Network:
    """As it was recorded: VGG in its full width."""
    full = architecture.startswith("vgg")
    return calibrated_network(architecture) if full else shared_network(architecture)


@pytest.fixture(scope="module", params=HEADS)
def family(request: pytest.FixtureRequest) -> Network:
    return recorded_network(request.param)


@pytest.fixture(scope="module")
def references() -> Mapping[str, Map]:
    with np.load(REFERENCES) as file:
        return {name: file[name] for name in file.files}


def targets() -> list[Target]:
    return [Contrast(*each) if isinstance(each, tuple) else each for each in TARGETS]


def ours(network: Network, method: str, **options: str | int) -> list[Map]:
    found = attributions(network, images(network.architecture), targets(), method, **options)
    return [each.relevance for each in found]


def enlarged(coarse: Map, like: Map) -> Map:
    """Independent of ours in its order: enlarged first along the rows, then along the columns."""
    maps = torch.from_numpy(coarse)[None, None]
    for size in ((like.shape[0], coarse.shape[1]), like.shape):
        maps = torch.nn.functional.interpolate(maps, size, mode="bilinear", align_corners=False)
    return maps[0, 0].numpy()


def assert_alike(found: Map, expected: Map, scale: float | None = None) -> None:
    assert expected.std() > 0
    scale = float(np.abs(expected).max()) if scale is None else scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale)


def size_of_terms(references: Mapping[str, Map], architecture: str, method: str, target: object) -> float:
    """How large the numbers are whose sum a map is.

    Channels for and against a class nearly cancel in Grad-CAM and HiResCAM, not in LayerCAM, which drops the
    latter. Processors round them differently, and the networks' random weights as well, so that doubles
    would not help: with the plainest instructions, ResNet-50's Grad-CAM comes out by 0.0014 of its largest
    value otherwise, Inception's HiResCAM by 0.00014, but both by less than 0.0001 of their terms.
    """
    terms = "layer_cam" if method in ("grad_cam", "hires_cam") else method
    return float(references[kept(architecture, terms, target)].max())


def scaled(relevance: Map) -> Map:
    """To 0 .. 1, as the library finishes its maps."""
    return (relevance - relevance.min()) / (relevance.max() - relevance.min())


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus", "layer_cam"])
def test_maps_of_positive_evidence(family: Network, method: str, references: Mapping[str, Map]) -> None:
    for found, target in zip(ours(family, method), TARGETS, strict=True):
        coarse = references[kept(family.architecture, method, target)]
        if coarse.max() <= 0:
            assert not found.any()
        else:
            scale = size_of_terms(references, family.architecture, method, target)
            assert_alike(found, enlarged(coarse.clip(0), found), scale)


def test_the_signed_map(family: Network, references: Mapping[str, Map]) -> None:
    for found, target in zip(ours(family, "hires_cam"), TARGETS, strict=True):
        expected = enlarged(references[kept(family.architecture, "hires_cam", target)], found)
        assert_alike(found, expected, size_of_terms(references, family.architecture, "hires_cam", target))


def test_the_first_component_but_for_its_sign(family: Network, references: Mapping[str, Map]) -> None:
    """The library takes the sign that its linear algebra happens to give."""
    coarse = references[kept(family.architecture, "eigen_cam")]
    found, again = ours(family, "eigen_cam")
    np.testing.assert_array_equal(found, again)
    as_given, turned = (enlarged(each.clip(0), found) for each in (coarse, -coarse))
    assert_alike(found, min(as_given, turned, key=lambda each: float(np.abs(found - each).max())))


def test_the_finished_map(family: Network, references: Mapping[str, Map]) -> None:
    """Enlarged by OpenCV and scaled twice to 0 .. 1."""
    for found, target in zip(ours(family, "grad_cam"), TARGETS, strict=True):
        expected = references[kept(family.architecture, "finished", target)]
        if not expected.any():
            assert not found.any()
        else:
            scale = size_of_terms(references, family.architecture, "grad_cam", target) / found.max()
            assert_alike(scaled(found)[::EVERY, ::EVERY], expected, scale)


@pytest.mark.parametrize("architecture", SCORE_CAM_LAYERS)
def test_score_cam_with_all_channels(architecture: str, references: Mapping[str, Map]) -> None:
    network = recorded_network(architecture)
    found = ours(network, "score_cam", layer=SCORE_CAM_LAYERS[architecture], channels=512)
    for relevance, target in zip(found, TARGETS, strict=True):
        coarse = references[kept(architecture, "score_cam", target)]
        assert_alike(relevance, enlarged(coarse.clip(0), relevance))


def test_the_references_say_something(references: Mapping[str, Map]) -> None:
    """Few maps are blank, so that the comparisons above are about numbers."""
    for method in ("grad_cam", "grad_cam_plus_plus", "layer_cam"):
        maps = [found for name, found in references.items() if f" {method} " in name]
        assert len(maps) == len(HEADS) * len(TARGETS)
        assert sum(found.max() <= 0 for found in maps) <= 5
