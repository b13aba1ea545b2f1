"""Networks that differ a little from the sample's, with their versions, as a fine-tuning would leave them."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.evaluation import EvaluationSpec, images_of, opened_network
from models.finetune.augmentation import Augmentation
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.version_record import RECORD, WEIGHTS, Version
from models.predictions import Predictions, predict
from models.recent import remember
from models.store import Store, write_json
from tests.conftest import SAMPLE


@dataclass(frozen=True)
class Retrained:
    """A saved version and what it says of the validation images."""

    version: Version
    predictions: Predictions


def retrained(
    store: Store,
    id: str,
    baseline: EvaluationSpec,
    *,
    seed: int,
    lift: dict[str, float],
    noise: float = 0.15,
    target: Target | None = None,
    control_of: str = "",
) -> Retrained:
    """Save a version whose head is the sample's with noise, and evaluate it.

    Args:
        store: the workspace.
        id: of the version.
        baseline: the sample.
        seed: of the noise.
        lift: class name to what is added to its bias.
        noise: in standard deviations of the head's weights.
        target: what it is said to have been trained for.
        control_of: id of the version that it is the control of.
    """
    folder = store.folder("versions", id)
    network = opened_network(baseline)
    weights = torch.load(baseline.checkpoint, weights_only=True)
    draws = torch.Generator().manual_seed(seed)
    weights["fc.weight"] += (
        noise * weights["fc.weight"].std() * torch.randn(weights["fc.weight"].shape, generator=draws)
    )
    for name, more in lift.items():
        weights["fc.bias"][network.class_names.index(name)] += more
    torch.save(weights, folder / WEIGHTS)
    for suffix in (".classes.txt", ".preprocessing.json"):
        shutil.copy(Path(baseline.checkpoint).with_suffix(suffix), folder / f"weights{suffix}")
    spec = EvaluationSpec(checkpoint=str(folder / WEIGHTS), images=baseline.images, groups=baseline.groups)
    images = images_of(spec)
    predictions = predict(opened_network(spec), images, store=store)
    remember(store, spec.key(images), spec.to_json(), predictions)
    trained = FinetuneSpec(
        start=baseline, baseline=baseline, training=TrainingImages(str(SAMPLE / "pets" / "train")),
        recipe=DEFAULTS["bottleneck"], augmentation=Augmentation(), target=target, name=f"Run {id}", control_of=control_of,
    )  # fmt: skip
    version = Version(
        id=id, name=trained.name, created=time.time(), folder=folder, architecture="shufflenet_v2_x0_5",
        class_names=predictions.class_names, spec=trained.to_json(), control_of=control_of,
        evaluation=predictions.fingerprint,
        metrics={"report": {"n": 260, "accuracy": float(np.float32(predictions.accuracy)), "loss": 0.5}},
    )  # fmt: skip
    write_json(folder / RECORD, version.to_json())
    return Retrained(version, predictions)
