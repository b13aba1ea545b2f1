"""Versions of a small network, as trainings leave them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation_presets import PRESETS
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.version_record import Version
from models.finetune.versions import save_version
from models.store import Store

NAMES = ("cat", "dog", "fox")
TARGET = Target("cell", "cat/dog", (("cat", "dog"),))
METRICS = {
    "train": {"n": 60, "accuracy": 0.95, "loss": 0.2},
    "select": {"n": 30, "accuracy": 0.9, "loss": 0.3},
    "report": {"n": 30, "accuracy": 0.85, "loss": 0.4},
    "before": {"report": {"n": 30, "accuracy": 0.8, "loss": 0.6}},
    "best_epoch": 2,
    "epochs": 3,
    "stopped": "early",
    "seconds": 12.0,
}


def history(n: int = 3) -> list[dict[str, Any]]:
    """One row for each epoch."""
    return [
        {
            "phase": "Last block", "epoch": epoch, "train_loss": 1 / epoch, "train_accuracy": 1 - 0.5 / epoch,
            "validation_loss": 1.2 / epoch, "validation_accuracy": 0.9 - 0.3 / epoch, "learning_rate": 0.01 / epoch,
            "images_per_second": 200.0, "seconds": 3.0,
        }
        for epoch in range(1, n + 1)
    ]  # fmt: skip


def finetune_spec(folder: Path, name: str = "Cats and dogs", **changes: Any) -> FinetuneSpec:
    """What a version was trained with; none of its files need be there."""
    start = EvaluationSpec(str(folder / "start.pth"), str(folder / "val"))
    spec = FinetuneSpec(
        start=start,
        baseline=start,
        training=TrainingImages(str(folder / "train")),
        recipe=DEFAULTS["last_block"],
        augmentation=PRESETS["mild"].augmentation,
        target=TARGET,
        name=name,
    )
    return replace(spec, **changes)


def small_content(seed: int = 0, width: int = 16) -> dict[str, Any]:
    """A file of weights that says whose they are."""
    draws = torch.Generator().manual_seed(seed)
    tensors = {f"layer{i}.weight": torch.randn(width, width, generator=draws) for i in range(4)}
    return {"state_dict": tensors, "class_names": list(NAMES), "architecture": "resnet18"}


def saved(store: Store, name: str = "Cats and dogs", **changes: Any) -> Version:
    """A version with random weights."""
    return save_version(
        store, small_content(), spec=finetune_spec(store.root, name, **changes), architecture="resnet18",
        class_names=NAMES, metrics=METRICS, history=history(), data={"train": {"n": 60}},
    )  # fmt: skip
