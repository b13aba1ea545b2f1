"""Predictions in the workspace: written once, opened in an instant.

``evaluations/<fingerprint>/`` holds ``logits.npy``, ``probabilities.npy``, ``embeddings.npy`` (those
there are), ``images.parquet`` and, written last, ``evaluation.json``: where that file stands, the
evaluation is complete.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import PredictionsError, WorkspaceError
from models.images import Unreadable
from models.prediction_record import SCORE_COLUMNS, Predictions
from models.store import FOLDER_VARIABLE, Store, write_array, write_json, write_table

FORMAT = 1
ARRAYS = ("logits", "probabilities", "embeddings")
RECORD = "evaluation.json"
TABLE = "images.parquet"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


def is_saved(store: Store, fingerprint: str) -> bool:
    """Whether the workspace holds a complete evaluation of this fingerprint."""
    # A fingerprint may come from a link, so it must not name a folder elsewhere.
    return bool(_FINGERPRINT.fullmatch(fingerprint)) and (_folder(store, fingerprint) / RECORD).is_file()


def saved_predictions(store: Store, fingerprint: str) -> Predictions | None:
    """The predictions saved under ``fingerprint``, their arrays memory-mapped.

    Args:
        store: the workspace.
        fingerprint: 32 hex digits.

    Returns:
        The predictions, or None where there are none (or only parts of them).

    Raises:
        PredictionsError: they are there but damaged; ``discard_evaluation`` makes room for new ones.
    """
    if not is_saved(store, fingerprint):
        return None
    folder = _folder(store, fingerprint)
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        predictions = _opened(folder, fingerprint, record)
        _check_consistent(predictions)
    # Parquet, NumPy and JSON each have their own errors; all of those are ValueError or OSError.
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise PredictionsError(
            f"The saved evaluation in {folder} is damaged ({_last_line(error)}).",
            next_step="Delete it and predict again; nothing but computing time is lost.",
        ) from error
    return predictions


def kept_predictions(store: Store, fingerprint: str) -> Predictions:
    """As `saved_predictions`, for those who cannot do without.

    Raises:
        PredictionsError: they are gone or damaged.
    """
    found = saved_predictions(store, fingerprint)
    if found is None:
        raise PredictionsError(
            "The saved predictions are gone from the workspace.", next_step="Open the model and images again."
        )
    return found


def saved_network(store: Store, fingerprint: str) -> tuple[str, bool] | None:
    """What a saved evaluation says of its network, read from its record alone.

    Args:
        store: the workspace.
        fingerprint: the evaluation's, 32 hex digits.

    Returns:
        (``Network.fingerprint``, whether there are embeddings); the fingerprint is "" where an older version
        saved the evaluation. None where there is no such evaluation, or its record is damaged.
    """
    if not is_saved(store, fingerprint):
        return None
    try:
        record = json.loads((_folder(store, fingerprint) / RECORD).read_text(encoding="utf-8"))
        network, arrays = record.get("network_fingerprint", ""), record["arrays"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(network, str) or not isinstance(arrays, dict):
        return None
    return network, "embeddings" in arrays


def save_predictions(store: Store, predictions: Predictions) -> None:
    """Write predictions into the workspace, under their fingerprint.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    discard_evaluation(store, predictions.fingerprint)
    folder = store.evaluation(predictions.fingerprint)
    for name in ARRAYS:
        array = getattr(predictions, name)
        if array is not None:
            write_array(folder / f"{name}.npy", array)
    save_record(folder, predictions)


def save_record(folder: Path, predictions: Predictions) -> None:
    """Write all but the arrays, the record last: with it the evaluation is complete.

    Args:
        folder: the evaluation's folder, where the arrays lie already.
        predictions: what to write.
    """
    write_table(folder / TABLE, _plain_columns(predictions.images))
    record = {
        "format": FORMAT,
        "fingerprint": predictions.fingerprint,
        "class_names": list(predictions.class_names),
        "groups": predictions.groups,
        "root": str(predictions.root),
        "architecture": predictions.architecture,
        "network_fingerprint": predictions.network_fingerprint,
        "n_images": len(predictions),
        "n_missing_files": predictions.n_missing_files,
        "accuracy": predictions.accuracy if len(predictions) else None,
        "arrays": {
            name: list(array.shape) for name in ARRAYS if (array := getattr(predictions, name)) is not None
        },
        "unreadable": [asdict(each) for each in predictions.unreadable],
        "seconds": predictions.seconds,
    }
    write_json(folder / RECORD, record)


def discard_evaluation(store: Store, fingerprint: str) -> None:
    """Remove what the workspace holds of an evaluation, complete, partial or damaged.

    Raises:
        PredictionsError: ``fingerprint`` is not one.
        WorkspaceError: the files cannot be removed.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise PredictionsError(f"{fingerprint!r} is not the fingerprint of an evaluation.")
    folder = _folder(store, fingerprint)
    try:
        # The record first: a half-removed evaluation must not look complete.
        (folder / RECORD).unlink(missing_ok=True)
        if folder.is_dir():
            shutil.rmtree(folder)
    except OSError as error:
        raise WorkspaceError(
            f"The evaluation in {folder} cannot be removed ({error.strerror or error}).",
            next_step=f"Remove the folder by hand, or point {FOLDER_VARIABLE} elsewhere.",
        ) from error


def _folder(store: Store, fingerprint: str) -> Path:
    return store.root / "evaluations" / fingerprint


def _opened(folder: Path, fingerprint: str, record: dict[str, Any]) -> Predictions:
    if record["format"] != FORMAT:
        raise ValueError(f"format {record['format']} where {FORMAT} was expected")
    arrays = {name: _mapped(folder / f"{name}.npy", shape) for name, shape in record["arrays"].items()}
    return Predictions(
        fingerprint=fingerprint,
        class_names=tuple(record["class_names"]),
        groups=record["groups"],
        images=pd.read_parquet(folder / TABLE),
        root=Path(record["root"]),
        logits=arrays.get("logits"),
        probabilities=arrays.get("probabilities"),
        embeddings=arrays.get("embeddings"),
        unreadable=tuple(Unreadable(**each) for each in record["unreadable"]),
        seconds=record["seconds"],
        architecture=record["architecture"],
        n_missing_files=record["n_missing_files"],
        network_fingerprint=record.get("network_fingerprint", ""),
    )


def _mapped(path: Path, shape: list[int]) -> npt.NDArray[np.float32]:
    if 0 in shape:  # nothing can be mapped of an empty file
        return np.zeros(shape, np.float32)
    array: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    if list(array.shape) != shape or array.dtype != np.float32:
        raise ValueError(f"{path.name} holds {array.dtype} {array.shape}, not float32 {tuple(shape)}")
    return array


def _check_consistent(predictions: Predictions) -> None:
    missing = [name for name in ("id", "path", "label", *SCORE_COLUMNS) if name not in predictions.images]
    if missing:
        raise ValueError(f"{TABLE} lacks the column {missing[0]}")
    for name in ARRAYS:
        array = getattr(predictions, name)
        if array is not None and len(array) != len(predictions):
            raise ValueError(f"{TABLE} has {len(predictions)} rows, {name}.npy {len(array)}")


def _plain_columns(images: pd.DataFrame) -> pd.DataFrame:
    """The table with the user's columns of mixed types as text, which Parquet can hold."""
    table = images.reset_index(drop=True)
    mixed = [name for name in table.columns if table[name].dtype == object]
    return table.astype(dict.fromkeys(mixed, "str"))


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
