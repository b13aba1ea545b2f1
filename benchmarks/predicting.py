"""How fast images are predicted, beside what the bare network takes, and how fast the result reopens.

Run: python -m benchmarks.predicting [--checkpoint FILE --images FOLDER] [--limit N] [--rounds N]
"""

from __future__ import annotations

import argparse
import copy
import io
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from models.checkpoint import load_checkpoint
from models.cores import available_cores
from models.decoding import decoded
from models.devices import best_device
from models.evaluation import EvaluationSpec, evaluation_of, matched
from models.image_input import image_input
from models.images import ImageSet, open_image_set
from models.network import Network
from models.prediction_scores import log_softmax
from models.predictions import predict, saved_predictions
from models.preprocessing import network_input
from models.recent import remember
from models.store import Store
from tests.conftest import REAL, SAMPLE

BATCH_SIZE = 32
SPEED_GOAL = 0.9
REOPEN_GOAL = 0.02
DRAFT_GOAL = 0.5
SMALL = 80


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    images = open_image_set(arguments.images, limit=arguments.limit)
    network = matched(load_checkpoint(arguments.checkpoint, device=best_device()), images)
    print(f"{date.today()}, {platform.platform()}, {available_cores()} cores, device {best_device()}")
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}, python -m benchmarks.predicting")
    print(
        f"{network.architecture}, {len(images)} images, batches of {BATCH_SIZE}, {arguments.rounds} rounds\n"
    )
    rows = speed(network, images, arguments.rounds)
    rows += reopening(network, images, EvaluationSpec(str(arguments.checkpoint), str(arguments.images)))
    rows += drafts(network, images)
    width = max(len(name) for name, _, _ in rows)
    for name, value, verdict in rows:
        print(f"{name:<{width}}  {value:>22}  {verdict}")


Row = tuple[str, str, str]


def speed(network: Network, images: ImageSet, rounds: int) -> list[Row]:
    """Images a second of the bare network and of predicting, taken in turns."""
    inputs = [image_input(images.absolute(path), network.preprocessing) for path in images.table["path"]]
    batches = [torch.stack(inputs[at : at + BATCH_SIZE]) for at in range(0, len(inputs), BATCH_SIZE)]
    last = copy.deepcopy(network.module).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    contenders: dict[str, Callable[[], object]] = {
        "bare loop over decoded batches": lambda: _bare(network.module, batches, torch.contiguous_format),
        "the same, channels last": lambda: _bare(last, batches, torch.channels_last),
        "predict: decoding, forward, scores": lambda: predict(network, images, batch_size=BATCH_SIZE),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    _bare(network.module, batches[:1], torch.contiguous_format)
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(seconds_of(run))
    plain, channels_last, whole = seconds.values()
    rows = [
        (name, f"{len(images) / statistics.median(each):.1f} images/s", "") for name, each in seconds.items()
    ]
    return [
        *rows,
        _ratio("predict / bare loop", plain, whole),
        _ratio("predict / bare loop, channels last", channels_last, whole),
    ]


def reopening(network: Network, images: ImageSet, spec: EvaluationSpec) -> list[Row]:
    """Seconds to compute an evaluation, and to open it again."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        computing = seconds_of(lambda: predict(network, images, store=store, batch_size=BATCH_SIZE))
        found = predict(network, images, store=store)
        remember(store, spec.key(open_image_set(spec.images)), spec.to_json(), found)
        opening = min(seconds_of(lambda: saved_predictions(store, found.fingerprint)) for _ in range(5))
        finding = min(seconds_of(lambda: evaluation_of(spec, store)) for _ in range(5))
    share = (opening + finding) / computing
    verdict = f"goal: under {REOPEN_GOAL:.0%}, {'met' if share < REOPEN_GOAL else 'MISSED'}"
    return [
        ("computing an evaluation", f"{computing:.2f} s", ""),
        ("opening it again", f"{opening * 1e3:.1f} ms", ""),
        ("finding it by paths (lists the images)", f"{finding * 1e3:.1f} ms", ""),
        ("both / computing", f"{share:.2%}", verdict),
    ]


def drafts(network: Network, images: ImageSet) -> list[Row]:
    """What draft decoding changes, beside what saving the resized picture as a good JPEG would change.

    Drafts are for photos of many megapixels. So that ordinary photos will do, they are resized to 80
    pixels (some are then decoded as drafts) and from there to what the network takes: blurred pictures,
    of which it is less sure, so the changes are larger than those of sharp ones.
    """
    pictures = [each for path in images.table["path"] if (each := _three_ways(images.absolute(path)))]
    if not pictures:
        return [("draft decoding", "no photo is large enough", "")]
    full, draft, jpeg = (_probabilities(network, [each[way] for each in pictures]) for way in range(3))
    by_draft, by_jpeg = (np.abs(each - full).max(axis=1) for each in (draft, jpeg))
    share = float(np.median(by_draft) / np.median(by_jpeg))
    verdict = f"goal: at most {DRAFT_GOAL}, {'met' if share <= DRAFT_GOAL else 'MISSED'}"
    return [
        ("photos decoded as drafts for 80 pixels", f"{len(pictures)}", ""),
        ("change of a probability by a draft", _middle_and_tail(by_draft), "median, 99th percentile"),
        ("the same by JPEG of quality 95", _middle_and_tail(by_jpeg), "median, 99th percentile"),
        ("draft / JPEG", f"{share:.2f}", verdict),
        ("decoding 12 megapixels, full", f"{_decoding_seconds(None) * 1e3:.0f} ms", ""),
        ("the same as a draft for 256 pixels", f"{_decoding_seconds((256, 256)) * 1e3:.0f} ms", ""),
    ]


def _three_ways(path: Path) -> tuple[Image.Image, Image.Image, Image.Image] | None:
    """A photo at 80 pixels: from all its pixels, from a draft, and saved as JPEG; None if no draft is taken."""
    draft, full = decoded(path, at_least=(SMALL, SMALL)), decoded(path)
    if draft.size == full.size:
        return None
    scale = SMALL / min(full.size)
    size = (round(full.width * scale), round(full.height * scale))
    small = full.resize(size, Image.Resampling.BILINEAR)
    saved = io.BytesIO()
    small.save(saved, "JPEG", quality=95)
    return small, draft.resize(size, Image.Resampling.BILINEAR), Image.open(saved).convert("RGB")


@torch.inference_mode()
def _probabilities(network: Network, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float64]:
    device = next(network.module.parameters()).device
    inputs = [network_input(each, network.preprocessing) for each in pictures]
    batches = [torch.stack(inputs[at : at + BATCH_SIZE]) for at in range(0, len(inputs), BATCH_SIZE)]
    return np.exp(log_softmax(torch.cat([network.module(each.to(device)).cpu() for each in batches]).numpy()))


def _decoding_seconds(at_least: tuple[int, int] | None) -> float:
    grain = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        Image.fromarray(grain).resize((4000, 3000), Image.Resampling.BICUBIC).save(path, quality=92)
        return min(seconds_of(lambda: decoded(path, at_least=at_least)) for _ in range(5))


def _middle_and_tail(values: npt.NDArray[np.float64]) -> str:
    return f"{np.median(values):.3f}, {np.quantile(values, 0.99):.3f}"


@torch.inference_mode()
def _bare(module: torch.nn.Module, batches: Sequence[torch.Tensor], layout: torch.memory_format) -> None:
    device = next(module.parameters()).device
    for batch in batches:
        module(batch.to(device=device, memory_format=layout)).cpu()


def seconds_of(run: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _ratio(name: str, bare: Sequence[float], whole: Sequence[float]) -> Row:
    """Images per second of predicting over those of the bare loop: the median over the rounds."""
    ratio = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
    return name, f"{ratio:.2f}", f"goal: at least {SPEED_GOAL}, {'met' if ratio >= SPEED_GOAL else 'MISSED'}"


def _arguments() -> argparse.Namespace:
    real = (REAL / "weights" / "mobilenet_v2_pets34.pth", REAL / "pets" / "val")
    checkpoint, images = real if REAL.is_dir() else (SAMPLE / "shufflenet_v2_x0_5.pth", SAMPLE / "pets")
    parser = argparse.ArgumentParser(description=sys.modules[__name__].__doc__)
    parser.add_argument("--checkpoint", type=Path, default=checkpoint)
    parser.add_argument("--images", type=Path, default=images)
    parser.add_argument("--limit", type=int, default=None, help="images to use")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
