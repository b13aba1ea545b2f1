"""Small pictures whose colour says their class, a network that does not know it yet, and what is trained on them."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.recipe import Recipe
from models.finetune.small_cnn import ARCHITECTURE, HEAD, small_cnn
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.version_record import Version
from models.finetune.versions import version
from models.job_record import JobStatus
from models.jobs import Jobs
from models.own_networks import checkpoint_content, plan_of_module
from models.preprocessing import Preprocessing
from models.store import Store

CLASSES = ("blue", "green", "red")
COLOURS = {"blue": (60, 60, 150), "green": (60, 150, 60), "grey": (95, 95, 95), "red": (150, 60, 60)}
SIDE = 40
PREPROCESSING = Preprocessing(32, 32, (0.4, 0.4, 0.4), (0.25, 0.25, 0.25))
FLIPPED = Augmentation((Operation("horizontal_flip", 1.0, 0.5), Operation("brightness", 0.2)))
SECONDS = 90.0


def coloured(path: Path, colour: str, seed: int) -> Path:
    """Write a picture of about one colour, with some grain."""
    draws = np.random.default_rng([seed, *colour.encode()])
    pixels = np.array(COLOURS[colour]) + draws.normal(0, 35, (SIDE, SIDE, 3)) + draws.normal(0, 12, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def coloured_folder(root: Path, n: int, first: int, classes: tuple[str, ...] = CLASSES) -> Path:
    """Class folders with n pictures each.

    Args:
        root: the folder.
        n: of each class.
        first: number of the first picture; no two numbers are alike.
        classes: keys of ``COLOURS``.
    """
    for name in classes:
        for number in range(first, first + n):
            coloured(root / name / f"{number:03d}.png", name, number)
    return root


def planted(root: Path) -> Path:
    """``train`` (24 pictures), ``val`` (36) and ``test`` (9), and ``start.pth``: a narrow small CNN of random weights."""
    coloured_folder(root / "train", 8, 0)
    coloured_folder(root / "val", 12, 100)
    coloured_folder(root / "test", 3, 200)
    save_start(root / "start.pth", CLASSES)
    return root


def save_start(path: Path, names: tuple[str, ...], seed: int = 1) -> None:
    """Write a checkpoint of a narrow small CNN with random weights."""
    module = small_cnn(len(names), 0.1, seed, width=4)
    plan = plan_of_module(module, ARCHITECTURE, HEAD, len(names))
    torch.save(checkpoint_content(module, plan, names, PREPROCESSING), path)


def planted_spec(root: Path, kind: str = "last_block", **changes: Any) -> FinetuneSpec:
    """Training on ``planted`` images.

    Args:
        root: of the images.
        kind: of the recipe.
        **changes: of the recipe, or of the spec where it has such a field.
    """
    start = EvaluationSpec(str(root / "start.pth"), str(root / "val"))
    settings = {
        "epochs": 2, "batch_size": 8, "learning_rate": 0.02, "stage_factor": 1.0, "views": 2, "patience": None,
        "warmup_epochs": 0.0, "batch_norm": "learning",
    }  # fmt: skip
    spec = FinetuneSpec(
        start=start,
        baseline=start,
        training=TrainingImages(str(root / "train"), test_path=str(root / "test")),
        recipe=Recipe(kind),  # type: ignore[arg-type]
        augmentation=FLIPPED,
        name=kind,
    )
    own = {name: changes.pop(name) for name in vars(spec) if name in changes}
    return replace(spec, recipe=replace(spec.recipe, **{**settings, **changes}), **own)


def done(store: Store, spec: FinetuneSpec) -> Version:
    """The version that comes of a training that must end well."""
    job = ended(store, spec)
    assert job.state == "done", job.error
    assert job.result is not None
    return version(store, job.result["version"])


def refused(store: Store, spec: FinetuneSpec) -> dict[str, str]:
    """What a person is told of a training that must fail: a sentence, not a bug."""
    job = ended(store, spec)
    assert job.state == "failed" and job.error is not None
    assert job.error["title"] != "An unexpected error", job.error
    assert job.error["message"].count("\n") == 0 and job.error["next_step"].endswith(".")
    return job.error


def ended(store: Store, spec: FinetuneSpec) -> JobStatus:
    """A training as a job, when it has ended."""
    manager = Jobs(store)
    try:
        return waited(manager, manager.submit("finetune", spec.to_json(), title=spec.name))
    finally:
        manager.close()


def waited(manager: Jobs, id: str, until: Callable[[JobStatus], bool] = lambda job: False) -> JobStatus:
    """A job when it has ended, or when something else holds."""
    end = time.monotonic() + SECONDS
    while (job := manager.status(id)).is_active and not until(job):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)
    return job


def kept_weights(made: Version) -> dict[str, torch.Tensor]:
    """The weights in a version's file."""
    weights: dict[str, torch.Tensor] = torch.load(made.checkpoint, weights_only=True)["state_dict"]
    return weights


def events(store: Store, id: str, name: str) -> list[dict[str, Any]]:
    """The events of one name in a job's diary."""
    lines = (store.root / "jobs" / id / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == name]
