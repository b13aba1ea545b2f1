"""What kept features save in a training, in processor seconds, and how quick the pages stay while one runs.

Run: python -m benchmarks.finetuning [--only features | --only block | --only pages]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from playwright.sync_api import Page
from torch.nn import functional as F

from benchmarks.browsing import (
    CLICKS,
    chromium,
    click_milliseconds,
    evaluated,
    seconds_to_matrix,
    small_evaluation,
)
from models.cores import available_cores, use_background_threads
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.cut import cut_before
from models.finetune.phase import Phase
from models.finetune.phases import PhaseInputs, phase_steps
from models.finetune.recipe import DEFAULTS, Recipe
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.stages import stages, trained
from models.finetune.starting_network import starting_network
from models.finetune.training import training_steps
from models.finetune.training_images import roles_steps
from models.images import open_image_set
from models.job_list import JobList
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from models.progress import finished
from models.store import Store
from models.torchvision_import import torchvision
from tests.conftest import REAL, SAMPLE

SIDE, N_VALIDATION = 128, 100
EPOCH_GOAL, WHOLE_GOAL, BLOCK_GOAL, CLICK_GOAL = 500, 2, 2, 1.5
CPU = torch.device("cpu")


class Diary:
    """A run that keeps its state in a folder and tells nobody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def should_stop(self) -> bool:
        """Never."""
        return False

    def note(self, event: str, **details: object) -> None:
        """Nobody reads it."""

    def log(self, message: str) -> None:
        """Nobody reads it."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["features", "block", "pages"])
    arguments = parser.parse_args()
    print(f"{date.today()}, {platform.platform()}, {available_cores()} cores, torch {torch.__version__}")
    print("python -m benchmarks.finetuning; processor seconds\n")
    use_background_threads()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only in (None, "features"):
            for name, spec in _specs(Path(folder)).items():
                kept_features(name, spec, Path(folder))
        if arguments.only in (None, "block"):
            kept_block()
        if arguments.only in (None, "pages"):
            pages(Path(folder))


def kept_features(name: str, spec: FinetuneSpec, folder: Path) -> None:
    """A head on frozen features: computed anew for each epoch, and kept."""
    _row(f"**{name}**", "")
    naive = _seconds_of_training(spec, folder, epochs=1, cache="off", augmentation=Augmentation())
    once = _seconds_of_training(spec, folder, epochs=1, cache="exact", augmentation=Augmentation())
    many = _seconds_of_training(spec, folder, epochs=101, cache="exact", augmentation=Augmentation())
    epoch = (many["training"] - once["training"]) / 100
    _row("epoch on the frozen backbone", f"{naive['training']:.2f} s")
    _row("computing the features once", f"{once['preparing']:.2f} s")
    _row("epoch on kept features", f"{epoch * 1e3:.1f} ms")
    _goal("epoch: anew / kept", naive["training"] / epoch, EPOCH_GOAL)
    mild = PRESETS["mild"].augmentation
    anew = _seconds_of_training(spec, folder, epochs=10, cache="off", augmentation=mild)
    kept = _seconds_of_training(spec, folder, epochs=10, cache="exact", augmentation=mild)
    _row("ten epochs, four augmented versions, anew", f"{sum(anew.values()):.1f} s")
    _row("the same, kept", f"{sum(kept.values()):.1f} s ({kept['preparing']:.1f} s for the features)")
    _goal("ten epochs in all: anew / kept", sum(anew.values()) / sum(kept.values()), WHOLE_GOAL)


def kept_block(steps: int = 12) -> None:
    """Steps of the last block and the head: on kept activations, and through the whole network."""
    module = torchvision.models.get_model("resnet18", weights=None).eval()
    learning = trained(stages(module, "fc", (SIDE, SIDE)), 1)
    weights = [each for stage in learning for each in stage.parameters]
    module.requires_grad_(False)
    for each in weights:
        each.requires_grad_(True)
    images, labels = torch.randn(32, 3, SIDE, SIDE), torch.arange(32)
    cut = cut_before(module, [each for stage in learning for each in stage.training_modules], images[:2])
    assert cut is not None
    with torch.no_grad():
        activations = cut.prefix(images)
    optimiser = torch.optim.SGD(weights, lr=0.0, momentum=0.9)

    def step(forward: torch.nn.Module, batch: torch.Tensor) -> None:
        optimiser.zero_grad()
        F.cross_entropy(forward(batch), labels).backward()
        optimiser.step()

    full, kept = [], []
    for _ in range(steps):
        full.append(_processor_seconds(lambda: step(module, images)))
        kept.append(_processor_seconds(lambda: step(cut.suffix, activations)))
    _row("step of the last block, whole network", f"{statistics.median(full):.3f} s")
    _row("step of the last block, kept activations", f"{statistics.median(kept):.3f} s")
    _goal("last block: whole / kept", statistics.median(full) / statistics.median(kept), BLOCK_GOAL)


def pages(folder: Path) -> None:
    """Clicks in the browser while nothing runs, and while the whole network is trained."""
    spec, n_classes = small_evaluation()
    home = folder / "pages"
    evaluated(home, spec)
    arguments = ["--model", spec.checkpoint, "--images", spec.images]
    rows = [place * max(1, n_classes // (CLICKS + 1)) % n_classes for place in range(CLICKS + 1)]
    with chromium() as new_page:
        _, page, server = seconds_to_matrix(home, new_page, *arguments)
        idle = [milliseconds for milliseconds, _ in click_milliseconds(page, rows)]
        curves, jobs = new_page(), JobList(Store(home / "workspace"))
        train_whole_network(curves, server.url, jobs)
        watched = [milliseconds for milliseconds, _ in click_milliseconds(page, rows)]
        curves.close()
        busy = [milliseconds for milliseconds, _ in click_milliseconds(page, rows)]
        assert jobs.list(limit=1)[0].is_active, "the training ended before the last click"
        server.stop()
    ratio = statistics.median(busy) / statistics.median(idle)
    _row("click to images, idle, median", f"{statistics.median(idle):.0f} ms")
    _row("the same while a network is trained", f"{statistics.median(busy):.0f} ms")
    _row("the same with its curves in another window", f"{statistics.median(watched):.0f} ms")
    verdict = f"at most {CLICK_GOAL}: {_verdict(ratio <= CLICK_GOAL)}"
    print(f"| busy / idle | **{ratio:.2f}** | {verdict} |", flush=True)


def train_whole_network(page: Page, url: str, jobs: JobList) -> None:
    """Start a training of the whole network from its page, and wait until it trains."""
    page.goto(f"{url}/finetune?mend=none")
    page.locator(".st-key-finetune_kind label").filter(has_text="Whole network").first.click(timeout=120_000)
    page.locator(".finetune-summary").filter(has_text="Whole network").wait_for(timeout=120_000)
    page.locator(".st-key-finetune_start button").click(timeout=120_000)
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found = jobs.list(limit=1, kinds=("finetune",))
        if found and found[0].phase.startswith("Training"):
            return
        time.sleep(0.5)
    raise TimeoutError("the training did not begin")


def _specs(folder: Path) -> dict[str, FinetuneSpec]:
    """A bottleneck recipe for a small network and, where the real photos are, for the one that was trained on them."""
    file = folder / "resnet18.pth"
    torch.save(torchvision.models.get_model("resnet18", weights=None).state_dict(), file)
    pets = REAL / "pets" if REAL.is_dir() else SAMPLE / "pets"
    preprocessing = Preprocessing(SIDE, SIDE, IMAGENET_MEAN, IMAGENET_STD).to_json()
    starts = {
        f"ResNet-18, {SIDE} pixels": EvaluationSpec(
            str(file), str(pets / "val"), preprocessing=preprocessing, limit=N_VALIDATION
        )
    }
    if REAL.is_dir():
        own = str(REAL / "weights" / "mobilenet_v2_pets34.pth")
        starts["MobileNetV2, 224 pixels"] = EvaluationSpec(own, str(pets / "val"), limit=N_VALIDATION)
    images, recipe = TrainingImages(str(pets / "train")), DEFAULTS["bottleneck"]
    return {
        name: FinetuneSpec(start, start, images, recipe, Augmentation()) for name, start in starts.items()
    }


def _seconds_of_training(
    spec: FinetuneSpec, folder: Path, *, epochs: int, cache: str, augmentation: Augmentation
) -> dict[str, float]:
    """Processor seconds of making the phases, features included, and of training; each in a workspace of its own."""
    recipe = Recipe.from_json({**spec.recipe.to_json(), "epochs": epochs, "cache": cache, "patience": None})
    spec = replace(spec, recipe=recipe, augmentation=augmentation)
    with tempfile.TemporaryDirectory(dir=folder) as home:
        store = Store(Path(home))
        validation = open_image_set(spec.start.images, limit=spec.start.limit)
        start = starting_network(spec, validation)
        roles = finished(roles_steps(store, validation, spec.training, start.class_names), _quiet)
        inputs = PhaseInputs(spec, start, roles, None, CPU)
        phases: list[Phase] = []
        preparing = _processor_seconds(
            lambda: phases.extend(finished(phase_steps(inputs, store, _quiet), _quiet))
        )
        run = Diary(store.folder("run"))
        steps = training_steps(phases, recipe, run, device=CPU)
        training = _processor_seconds(lambda: finished(steps, _quiet))
    return {"preparing": preparing, "training": training}


def _processor_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _quiet(_: object) -> None:
    """Nobody is told."""


def _row(name: str, value: str) -> None:
    print(f"| {name} | {value} | |", flush=True)


def _goal(name: str, ratio: float, goal: float) -> None:
    print(f"| {name} | **{ratio:,.1f}x** | at least {goal}x: {_verdict(ratio >= goal)} |", flush=True)


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    main()
