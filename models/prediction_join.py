"""The parts of a finished run, joined into one saved evaluation without holding it in memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import ClassNamesMismatch, PredictionsError
from models.images import ImageSet
from models.prediction_parts import Parts
from models.prediction_record import SCORE_COLUMNS, Predictions
from models.prediction_scores import log_softmax, scores
from models.saved_predictions import save_record
from models.store import write_atomically

ROWS_AT_A_TIME = 1024

Floats = npt.NDArray[np.float32]


def label_indices(images: ImageSet, class_names: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """(N,) index of each image's label among the network's classes.

    Raises:
        ClassNamesMismatch: a label is none of them.
    """
    position = {name: index for index, name in enumerate(class_names)}
    indices = images.table["label"].map(position)
    if indices.isna().any():
        row = images.table[indices.isna()].iloc[0]
        raise ClassNamesMismatch(
            f'The image {row["path"]} has the label "{row["label"]}", which is none of the network\'s '
            f"{len(class_names)} classes.",
            expected=class_names,
            found=images.class_names,
            next_step="Choose the file of class names of this network, or correct the label.",
        )
    return indices.to_numpy().astype(np.int32)


def joined(
    parts: Parts,
    images: ImageSet,
    labels: npt.NDArray[np.int32],
    folder: Path,
    *,
    fingerprint: str,
    class_names: tuple[str, ...],
    architecture: str,
    network_fingerprint: str,
) -> None:
    """Write the evaluation that the parts add up to, and remove them.

    Args:
        parts: all of them, whole.
        images: what was predicted.
        labels: (N,) index of each image's label.
        folder: the evaluation's folder.
        fingerprint: its name.
        class_names: C names, in the order of the logits.
        architecture: the network's.
        network_fingerprint: the network's.

    Raises:
        PredictionsError: not one image could be read.
        WorkspaceError: the workspace cannot be written.
    """
    began = time.perf_counter()
    rows = np.concatenate([part.positions for part in parts.without_arrays()])
    unreadable = tuple(each for part in parts.without_arrays() for each in part.unreadable)
    if not len(rows):
        parts.remove()
        raise PredictionsError(
            f"None of the {len(unreadable)} images can be read; the first, {unreadable[0].path}: "
            f"{unreadable[0].reason}.",
            next_step="Check the folder of images.",
        )
    logits = _write_joined(folder / "logits.npy", len(rows), parts.arrays("logits"))
    embeddings = _write_joined(folder / "embeddings.npy", len(rows), parts.arrays("embeddings"))
    assert logits is not None  # a part always has logits
    probabilities = _write_joined(folder / "probabilities.npy", len(rows), _probabilities(logits))
    seconds = sum((Counter(part.seconds) for part in parts.without_arrays()), Counter[str]())
    predictions = Predictions(
        fingerprint=fingerprint,
        class_names=class_names,
        groups=images.groups,
        images=_scored(images.table.iloc[rows], logits, labels[rows]),
        root=images.root,
        logits=logits,
        probabilities=probabilities,
        embeddings=embeddings,
        unreadable=images.unreadable + unreadable,
        seconds={**seconds, "saving": time.perf_counter() - began},
        architecture=architecture,
        network_fingerprint=network_fingerprint,
    )
    save_record(folder, predictions)
    parts.remove()


def _write_joined(path: Path, n_rows: int, chunks: Iterable[Floats]) -> Floats | None:
    """Write the chunks one under the other as ``.npy`` and map the file; None if there are no chunks.

    Written through an ordinary file, because on a full disk writing to a mapped one kills the process.
    """
    remaining = iter(chunks)
    first = next(remaining, None)
    if first is None:
        return None

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, *first.shape[1:])}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(_little_endian(first))
            for chunk in remaining:
                file.write(_little_endian(chunk))

    write_atomically(path, write)
    mapped: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _little_endian(chunk: Floats) -> bytes:
    return chunk.astype("<f4").tobytes()


def _probabilities(logits: Floats) -> Iterator[Floats]:
    for start in range(0, len(logits), ROWS_AT_A_TIME):
        yield np.exp(log_softmax(logits[start : start + ROWS_AT_A_TIME])).astype(np.float32)


def _scored(table: pd.DataFrame, logits: Floats, labels: npt.NDArray[np.int32]) -> pd.DataFrame:
    """The images' rows with their score columns; the user's columns of these names are renamed."""
    starts = range(0, len(logits), ROWS_AT_A_TIME)
    chunks = [slice(start, start + ROWS_AT_A_TIME) for start in starts]
    columns = pd.concat(
        [scores(log_softmax(logits[chunk]), labels[chunk]) for chunk in chunks], ignore_index=True
    )
    theirs: dict[Any, str] = {name: f"{name} (table)" for name in SCORE_COLUMNS if name in table.columns}
    return table.rename(columns=theirs).reset_index(drop=True).join(columns)
