"""A saved evaluation of 50,000 images and 1,000 classes, made without a network."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.evaluation import EvaluationSpec
from models.images import ImageSet, open_image_set
from models.prediction_scores import log_softmax, scores
from models.predictions import Predictions, save_predictions
from models.recent import remember
from models.store import Store

CLASSES = 1000
IMAGES_A_CLASS = 50
BLOCK = 10
RIGHT = 0.8
EMBEDDING = 64
SIDE = 64


def large_evaluation(store: Store, folder: Path) -> EvaluationSpec:
    """Write images, a stand-in checkpoint and the saved evaluation of both.

    Four of five images are right; most mistakes stay within blocks of ten classes.

    Args:
        store: the workspace to save it in.
        folder: where images and checkpoint go.

    Returns:
        What the app opens it with.
    """
    images = folder / "images"
    write_images(images)
    checkpoint = folder / "synthetic.pth"
    checkpoint.write_bytes(b"stands for weights: the evaluation of this benchmark is saved already")
    spec = EvaluationSpec(checkpoint=str(checkpoint), images=str(images))
    image_set = open_image_set(images)
    predictions = synthetic_predictions(image_set)
    save_predictions(store, predictions)
    remember(store, spec.key(image_set), spec.to_json(), predictions)
    return spec


def write_images(folder: Path) -> None:
    """One small picture a file, 50 in each of 1,000 class folders."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda index: _write_class(folder / f"class_{index:04d}", index), range(CLASSES)))


def _write_class(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(IMAGES_A_CLASS):
        coarse = Image.fromarray(random.integers(0, 255, (4, 4, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:03d}.jpg", quality=75)


def synthetic_logits(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Logits (N, C) whose largest is the label's for four of five images."""
    random = np.random.default_rng(0)
    logits = random.standard_normal((len(labels), CLASSES), dtype=np.float32)
    near = labels // BLOCK * BLOCK + random.integers(0, BLOCK, len(labels))
    far = random.integers(0, CLASSES, len(labels))
    wrong = np.where(random.random(len(labels)) < 0.9, near, far)
    winner = np.where(random.random(len(labels)) < RIGHT, labels, wrong)
    logits[np.arange(len(labels)), winner] += 9
    return logits


def synthetic_predictions(images: ImageSet) -> Predictions:
    """Predictions for the images of ``write_images``."""
    names = images.class_names
    labels = images.table["label"].map({name: index for index, name in enumerate(names)}).to_numpy(np.int64)
    logits = synthetic_logits(labels)
    probabilities = np.empty_like(logits)
    columns = []
    for start in range(0, len(labels), 5000):
        rows = slice(start, start + 5000)
        logarithms = log_softmax(logits[rows])
        probabilities[rows] = np.exp(logarithms)
        columns.append(scores(logarithms, labels[rows]))
    table = images.table.reset_index(drop=True)
    for name in columns[0].columns:
        table[name] = np.concatenate([part[name].to_numpy() for part in columns])
    embeddings = np.random.default_rng(1).standard_normal((len(labels), EMBEDDING), dtype=np.float32)
    return Predictions(
        fingerprint=hashlib.sha256(b"large synthetic evaluation").hexdigest()[:32],
        class_names=tuple(names),
        groups={name: f"block {index // 100}" for index, name in enumerate(names)},
        images=table,
        root=images.root,
        logits=logits,
        probabilities=probabilities,
        embeddings=embeddings,
        architecture="synthetic",
    )
