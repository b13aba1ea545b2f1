"""Remakes cam_references.npz: what pytorch-grad-cam 1.5.7 gives for the networks of the tests.

That package needs OpenCV, 160 MB for the sake of one resize: too much to install with every checkout, so
what it gives is kept. It is needed again only when `tests.models.calibrated` changes its networks or
images, or to compare with another version:

    .venv/bin/python -m pip install --no-deps --target /tmp/grad-cam \
        grad-cam==1.5.7 ttach==0.0.3 opencv-python-headless==4.14.0.94
    PYTHONPATH=/tmp/grad-cam .venv/bin/python -m tests.analysis.attribution.record_cam_references

The library's own functions do all the arithmetic. Kept are its coarse maps before it sets negative values
to zero and scales to 0 .. 1 (both of which would hide differences), and its finished Grad-CAM.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch

from models.torchvision_import import torchvision  # noqa: F401 (before pytorch_grad_cam imports it)
from tests.analysis.attribution.test_families import LAYERS
from tests.models.calibrated import HEADS, calibrated_network, images, input_size

REFERENCES = Path(__file__).with_name("cam_references.npz")

TARGETS = (1, (3, 0))
"""A class, and a contrast (a, b)."""

SCORE_CAM_LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "resnet18": "layer1",
        "squeezenet1_1": "features.7",
        "shufflenet_v2_x0_5": "stage3",
        "swin_t": "features.1",
    }
)
"""Layers of so few channels that all of them can be tried."""

EVERY = 6
"""Of the finished maps, every sixth row and column is kept."""

# Multiplies gradients and divides activations, which cancels in Grad-CAM++'s formula: then the library's
# epsilon of 1e-6 is small beside the squared gradients, and its result that of the paper.
_MAGNIFIED = 1e3

Map = npt.NDArray[np.float32]
Score = Callable[[torch.Tensor], torch.Tensor]


def kept(family: str, method: str, target: object = "") -> str:
    """The name of a map in the file."""
    return f"{family} {method} {target}"


def main() -> None:
    """Write the file beside this one."""
    maps = {name: found for family in HEADS for name, found in _of_family(family)}
    np.savez_compressed(REFERENCES, **maps)


def _of_family(family: str) -> Iterator[tuple[str, Map]]:
    import pytorch_grad_cam as library

    layer = LAYERS[family]
    for target in TARGETS:
        for method, cam in {
            "grad_cam": library.GradCAM,
            "grad_cam_plus_plus": _magnified(library.GradCAMPlusPlus),
            "hires_cam": library.HiResCAM,
            "layer_cam": library.LayerCAM,
        }.items():
            coarse, finished = _maps(cam, family, layer, target)
            yield kept(family, method, target), coarse
            if method == "grad_cam":
                yield kept(family, "finished", target), finished[::EVERY, ::EVERY]
    yield kept(family, "eigen_cam"), _maps(library.EigenCAM, family, layer, TARGETS[0])[0]
    if family in SCORE_CAM_LAYERS:
        yield from _score_cams(library, family)


def _score_cams(library: Any, family: str) -> Iterator[tuple[str, Map]]:
    # The library enlarges its masks with aligned corners, which shifts them against the image; the authors
    # and ours do not. The finished maps are enlarged without, by both.
    with mock.patch.object(torch.nn, "UpsamplingBilinear2d", _enlarging):
        for target in TARGETS:
            found = _maps(library.ScoreCAM, family, SCORE_CAM_LAYERS[family], target)[0]
            yield kept(family, "score_cam", target), found


def _enlarging(size: tuple[int, int]) -> torch.nn.Module:
    return torch.nn.Upsample(size, mode="bilinear", align_corners=False)


def _maps(cam: Any, family: str, layer: str, target: object) -> tuple[Map, Map]:
    """The library's coarse map as it comes out of the formula, and the finished one."""
    module, coarse = calibrated_network(family).module, []
    asked = cam(module, [module.get_submodule(layer)], reshape_transform=_channels_first(family, layer))
    formula = asked.get_cam_image
    asked.get_cam_image = lambda *given: coarse.append(formula(*given)) or coarse[-1]
    finished = asked(images(family).requires_grad_(), [_score(target)])
    return np.float32(coarse[0][0]), np.float32(finished[0])  # type: ignore[return-value]


def _channels_first(family: str, layer: str) -> Callable[[torch.Tensor], torch.Tensor]:
    from pytorch_grad_cam.utils.reshape_transforms import vit_reshape_transform

    if family == "vit_b_16":
        patches = input_size(family)[0] // 16
        return lambda tokens: vit_reshape_transform(tokens, patches, patches)
    if (family, layer) == ("swin_t", SCORE_CAM_LAYERS["swin_t"]):
        return lambda activation: activation.permute(0, 3, 1, 2)
    # DenseNet's next layer writes over what the library would keep.
    return torch.clone


def _score(target: object) -> Score:
    if isinstance(target, tuple):
        a, b = target
        return lambda answer: answer[a] - answer[b]
    return lambda answer: answer[target]


def _magnified(cam: Any) -> Any:
    class Magnified(cam):  # type: ignore[misc]
        def get_cam_image(self, image: Any, layer: Any, targets: Any, features: Any, slopes: Any, *rest: Any):  # type: ignore[no-untyped-def]
            return super().get_cam_image(
                image, layer, targets, features / _MAGNIFIED, slopes * _MAGNIFIED, *rest
            )

    return Magnified


if __name__ == "__main__":
    main()
