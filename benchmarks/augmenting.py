"""How long augmented images take to prepare, beside images that are not augmented.

Run: python -m benchmarks.augmenting [--images FOLDER] [--limit N] [--rounds N]

One thread, in seconds of the processor. Both sides decode, resize, crop and normalise; rounds are taken in turns.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

from models.cores import available_cores
from models.decoding import decoded
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.augmentation_table import OPERATIONS
from models.finetune.augmented import augmented_input, decoding_size
from models.images import open_image_set
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from tests.conftest import REAL, SAMPLE

PREPROCESSING = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD)
PLAIN = "plain preprocessing"


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    torch.set_num_threads(1)
    images = open_image_set(arguments.images, limit=arguments.limit)
    paths = [images.absolute(path) for path in images.table["path"]]
    print(f"{date.today()}, {platform.platform()}, {available_cores()} cores")
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}, python -m benchmarks.augmenting")
    print(f"{len(paths)} images to 224 pixels, decoding included, one thread, {arguments.rounds} rounds\n")
    seconds = measured(paths, contenders(), arguments.rounds)
    width = max(map(len, seconds))
    for name, each in seconds.items():
        ratio = statistics.median(one / plain for one, plain in zip(each, seconds[PLAIN], strict=True))
        speed = len(paths) / statistics.median(each)
        print(f"{name:<{width}}  {speed:>7.0f} images/CPU-s  {ratio:>5.2f} x the time of plain")


def contenders() -> dict[str, Augmentation]:
    """Name to augmentation: none, each preset, each operation by itself at its usual strength, every time."""
    presets = {
        f"preset: {preset.label}": preset.augmentation for preset in PRESETS.values() if preset.augmentation
    }
    single = {
        kind.label: Augmentation((Operation(kind.key, kind.default, 1.0),)) for kind in OPERATIONS.values()
    }
    return {PLAIN: Augmentation(), **presets, **single}


def measured(paths: Sequence[Path], each: dict[str, Augmentation], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each contender, one for each round."""
    seconds: dict[str, list[float]] = {name: [] for name in each}
    for augmentation in each.values():
        _prepare(paths[:2], augmentation)
    for _ in range(rounds):
        for name, augmentation in each.items():
            began = time.process_time()
            _prepare(paths, augmentation)
            seconds[name].append(time.process_time() - began)
    return seconds


def _prepare(paths: Sequence[Path], augmentation: Augmentation) -> None:
    at_least = decoding_size(augmentation, PREPROCESSING)
    for seed, path in enumerate(paths):
        picture = decoded(path, at_least=at_least)
        augmented_input(picture, augmentation, PREPROCESSING, torch.Generator().manual_seed(seed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__)
    images = REAL / "pets" / "val" if REAL.is_dir() else SAMPLE / "pets" / "val"
    parser.add_argument("--images", type=Path, default=images)
    parser.add_argument("--limit", type=int, default=100, help="images to use")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
