"""The one place that imports torchvision.

torchvision's wheel holds a compiled extension for one build of torch. Beside another build (its CUDA
wheel beside a CPU torch, say) the extension cannot load, and the import stops because two operators
that only detection models use were never defined. Defining them first lets the rest of torchvision,
all of it plain Python, work. Where the two builds match, nothing is done.
"""

from __future__ import annotations

import torch

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _define_missing_operators() -> None:
    for name in ("torchvision::nms", "torchvision::qnms"):
        torch.library.define(name, _SIGNATURE)


try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    _define_missing_operators()
    import torchvision

__all__ = ["torchvision"]
