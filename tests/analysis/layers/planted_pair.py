"""Two classes that one layer of a network tells apart and no layer before it: whether red or green is there, not both.

No straight line separates "just one of two" from "none or both" by the amounts of both; by the amounts of both and the
amount of their overlap one does. The network sums up amounts until `APART_AT`, which is the first to know the overlap.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from analysis.layers.scan import scan_steps
from analysis.layers.scan_record import LayerScan, saved_scan
from models.evaluation import EvaluationSpec
from models.store import Store
from models.torchvision_import import torchvision
from tests.analysis.evaluated import Evaluated, context_of, driven

SIDE, PATCH = 64, 28
APART_AT = "features.4.expand1x1"
"""Its sister ``features.4.expand3x3`` knows the same, and all that come after."""
CLASS_NAMES = ("none_or_both", "one")


def pictures(folder: Path, n: int) -> None:
    """Write n pictures of each class: a patch of red, of green, of both or of none, at any place, on dark blue."""
    draws = np.random.default_rng(0)
    for number in range(2 * n):
        red, green = number // 2 % 2, (number // 2 % 2) ^ (number % 2)
        pixels = draws.integers(0, 99, (SIDE, SIDE, 3)) * (
            0,
            0,
            1,
        )  # blue, which the network does not look at
        row, column = draws.integers(0, SIDE - PATCH, 2)
        amounts = draws.uniform(0.9, 1, 3) * (red, green, 0) * 255
        pixels[row : row + PATCH, column : column + PATCH] += amounts.astype(int)
        place = folder / CLASS_NAMES[red ^ green]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(place / f"{number:03}.png")


def planted_weights() -> dict[str, Tensor]:
    """A SqueezeNet whose channels 0 and 1 carry red and green, and from `APART_AT` on their sum and their overlap."""
    module: nn.Module = torchvision.models.squeezenet1_1(num_classes=2)
    weights = {name: torch.zeros_like(each) for name, each in module.state_dict().items()}
    for channel in (0, 1):
        weights["features.0.weight"][channel, channel, 1, 1] = 1
    for name, each in weights.items():
        if "squeeze.weight" in name or "expand1x1.weight" in name:
            each[0, 0, 0, 0] = each[1, 1, 0, 0] = 1
        if "expand3x3.weight" in name:
            each[0, 0, 1, 1] = each[1, 1, 1, 1] = 1
    for kind, middle in (("expand1x1", 0), ("expand3x3", 1)):
        mixed = weights[f"features.4.{kind}.weight"]
        mixed[:2, :2, middle, middle] = 1
        weights[f"features.4.{kind}.bias"][1] = -1.1
    weights["classifier.1.weight"][1, :2, 0, 0] = torch.tensor([1.0, -2.5])
    weights["classifier.1.bias"][0] = 0.06
    return weights


class PlantedPair(Evaluated):
    """The pictures, evaluated by the network."""

    def __init__(self, folder: Path, n: int = 40) -> None:
        pictures(folder / "pictures", n)
        torch.save(planted_weights(), folder / "net.pth")
        preprocessing = {
            "resize": SIDE, "crop": SIDE, "mean": [0.0] * 3, "std": [1.0] * 3, "interpolation": "bilinear",
            "grayscale": False,
        }  # fmt: skip
        super().__init__(
            Store(folder / "workspace"),
            EvaluationSpec(
                str(folder / "net.pth"), str(folder / "pictures"), architecture="squeezenet1_1",
                preprocessing=preprocessing,
            ),
        )  # fmt: skip

    def scan(self) -> LayerScan:
        """What the job saw of every layer."""
        spec: dict[str, Any] = {"evaluation": self.evaluation.to_json(), "predictions": self.fingerprint}
        driven(scan_steps(spec, context_of(self.store)))
        found = saved_scan(self.store, self.fingerprint)
        assert found is not None
        return found
