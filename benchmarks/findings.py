"""What each analysis takes at 1,000 classes, in time and memory, and how both grow from 5,000 to 50,000 images.

Each measurement is a process of its own, so that memory is its own too; beside it, in the same run, stands
what scikit-learn, cleanlab or torchmetrics take for the same result where they have one.

Run: python -m benchmarks.findings [--images 5000 50000] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.confusion import confusion_counts
from benchmarks.synthetic import CLASSES, synthetic_predictions, write_images
from models.cores import available_cores
from models.images import ImageSet, open_image_set
from models.predictions import Predictions, save_predictions
from models.progress import finished
from models.saved_predictions import kept_predictions
from models.store import Store

EMBEDDING = 512
FINGERPRINT = "0" * 32
Task = Callable[[Store, Predictions, pd.DataFrame], object]


def quiet(progress: object) -> None:
    """Nobody is watching."""


def pairs_and_groups(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Confusable pairs, groups and their graph."""
    from analysis.confusable import confusable_pairs
    from analysis.confusable_groups import confusable_groups

    names = predictions.class_names
    counts = confusion_counts(predictions.labels, predictions.predicted, len(names))
    pairs = confusable_pairs(counts, names)
    return confusable_groups(counts, names, pairs)


def rare(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Rare errors."""
    from analysis.rare_errors import rare_errors

    return rare_errors(predictions)


def labels(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Label candidates with their null test."""
    from analysis.label_candidates import label_candidates

    return label_candidates(predictions)


def labels_cleanlab(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """cleanlab: find_label_issues, ranked by normalised margin (no null test)."""
    from cleanlab.filter import find_label_issues

    return find_label_issues(
        predictions.labels, np.array(predictions.probabilities), return_indices_ranked_by="normalized_margin", n_jobs=1
    )  # fmt: skip


def duplicates(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Duplicates by content, hash and embedding."""
    from analysis.duplicates import duplicate_steps

    return finished(duplicate_steps(predictions, facts), quiet)


def neighbours_sklearn(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """scikit-learn: nearest neighbour by cosine, brute force (what duplicates need of the embeddings)."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=2, algorithm="brute", metric="cosine")
    return search.fit(predictions.embeddings).kneighbors()


def slices(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Slices by rules and by embedding, confirmed."""
    from analysis.slices import slice_steps

    return finished(slice_steps(predictions, facts), quiet)


def mixture_sklearn(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """scikit-learn: a mixture of 25 Gaussians on 20 main components alone (no confirmation)."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    main = PCA(20, random_state=0).fit_transform(np.array(predictions.embeddings))
    return GaussianMixture(25, covariance_type="diag", random_state=0).fit_predict(main)


def embedding_map(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Embedding map and its faithfulness."""
    from analysis.embedding_map import map_steps

    return finished(map_steps(predictions, facts), quiet)


def map_sklearn(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """scikit-learn: t-SNE on 50 main components."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    main = PCA(50, random_state=0).fit_transform(np.array(predictions.embeddings))
    return TSNE(random_state=0, init="pca").fit_transform(main)


def calibration(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Calibration with its null band, and temperature on one half."""
    from analysis.calibration_summary import calibration_summary

    return calibration_summary(predictions)


def calibration_torchmetrics(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """torchmetrics: the calibration error alone (no null band, no temperature)."""
    import torch

    importlib.import_module("models.torchvision_import")  # before torchmetrics imports torchvision
    from torchmetrics.functional.classification import multiclass_calibration_error

    probabilities = torch.from_numpy(np.array(predictions.probabilities))
    return multiclass_calibration_error(probabilities, torch.from_numpy(predictions.labels).long(), CLASSES)


def pictures(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """Measuring the pictures: content, hash, quality (64 x 64 pixels each)."""
    from models.image_facts import image_facts_steps

    paths = [predictions.absolute(path) for path in predictions.images["path"]]
    return finished(image_facts_steps(store, paths), quiet)


def everything(store: Store, predictions: Predictions, facts: pd.DataFrame) -> object:
    """The ten findings, when the survey is there."""
    from analysis.finding_sources import finding_sources
    from analysis.findings import findings

    return findings(predictions, finding_sources(predictions, {}))


TASKS: dict[str, Task] = {
    "pictures": pictures,
    "pairs and groups": pairs_and_groups,
    "rare errors": rare,
    "label candidates": labels,
    "label candidates, cleanlab": labels_cleanlab,
    "duplicates": duplicates,
    "duplicates, scikit-learn": neighbours_sklearn,
    "slices": slices,
    "slices, scikit-learn": mixture_sklearn,
    "embedding map": embedding_map,
    "embedding map, scikit-learn": map_sklearn,
    "calibration": calibration,
    "calibration, torchmetrics": calibration_torchmetrics,
    "findings without survey": everything,
}
"""Name to what is measured."""
_ONLY_SMALL = {"embedding map, scikit-learn"}
"""Takes most of an hour at 50,000."""


def made(folder: Path, n: int, images: ImageSet) -> None:
    """Save predictions, embeddings and facts of n images; one image in 500 copies another, one in 50 is dark."""
    every = len(images) // n
    table = images.table.iloc[::every].reset_index(drop=True)
    predictions = synthetic_predictions(replace(images, table=table))
    random = np.random.default_rng(1)
    centres = random.standard_normal((CLASSES, EMBEDDING), dtype=np.float32)
    embeddings = centres[predictions.labels] + random.standard_normal((n, EMBEDDING), dtype=np.float32)
    copies = np.arange(0, n - 1, 500)
    embeddings[copies + 1] = embeddings[copies] + 0.01
    predictions = replace(predictions, fingerprint=FINGERPRINT, embeddings=embeddings)
    save_predictions(Store(folder), predictions)
    facts = synthetic_facts(n, copies)
    facts.to_parquet(folder / "facts.parquet", index=False)


def synthetic_facts(n: int, copies: Any) -> pd.DataFrame:
    """What would be measured of n pictures, of which some are copies of the one before."""
    random = np.random.default_rng(2)
    hashes = random.integers(0, 2**64, n, dtype=np.uint64)
    hashes[copies + 1] = hashes[copies] ^ np.uint64(5)
    contents = [f"{number:032x}" for number in range(n)]
    for copy in copies[::2]:
        contents[copy + 1] = contents[copy]
    sides = random.integers(200, 600, (2, n))
    quality = {name: random.random(n).astype(np.float32) for name in ("brightness", "contrast", "saturation")}
    return pd.DataFrame(
        {
            "content": contents, "phash": hashes, "width": sides[0], "height": sides[1], **quality,
            "sharpness": (random.random(n) * 4).astype(np.float32),
            "aspect": (sides[0] / sides[1]).astype(np.float32),
            "pixels": (sides[0] * sides[1]).astype(np.float32), "problem": "",
        }
    )  # fmt: skip


def measured(name: str, folder: Path) -> dict[str, float]:
    """Seconds and megabytes of one task, in this process."""
    store = Store(folder)
    predictions, facts = kept_predictions(store, FINGERPRINT), pd.read_parquet(folder / "facts.parquet")
    before = peak = own_megabytes()
    is_done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(0.01):
            peak = max(peak, own_megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        began = time.perf_counter()
        TASKS[name](store, predictions, facts)
        seconds = time.perf_counter() - began
    finally:
        is_done.set()
        watcher.join()
    return {"seconds": seconds, "megabytes": peak - before}


def own_megabytes() -> float:
    """Memory of this process that is no file mapped into it: those pages cost nobody anything."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def in_own_process(name: str, folder: Path) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.findings", "--measure", name, str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print a table."""
    arguments = _arguments()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure[0], Path(arguments.measure[1]))))
        return
    print(f"{date.today()}, {platform.platform()}, {available_cores()} cores, load {os.getloadavg()[0]:.1f}")
    names = [name for name in TASKS if not arguments.only or name in arguments.only]
    sizes: list[int] = arguments.images
    heads = [f"{n:,} images | MB |" for n in sizes]
    print(f"\n| what | {' '.join(heads)} growth |\n|---|{'---|---|' * len(sizes)}---|")
    with tempfile.TemporaryDirectory() as place:
        write_images(Path(place) / "images")
        images = open_image_set(Path(place) / "images")
        folders = {n: Path(place) / str(n) for n in sizes}
        for n, folder in folders.items():
            made(folder, n, images)
        for name in names:
            found = [
                None if name in _ONLY_SMALL and n > min(sizes) else in_own_process(name, folders[n])
                for n in sizes
            ]
            cells = [
                f"{each['seconds']:.1f} s | {each['megabytes']:,.0f}" if each else "| " for each in found
            ]
            growth = (
                f"{found[-1]['seconds'] / max(found[0]['seconds'], 1e-3):.0f} x"
                if found[0] and found[-1]
                else ""
            )
            print(f"| {name} | {' | '.join(cells)} | {growth} |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[5000, 50_000])
    parser.add_argument("--only", nargs="+", choices=list(TASKS))
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
