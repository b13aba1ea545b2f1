"""Which models were opened with which images, so that either is a click away and opens in an instant."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from models.database import reading, transaction
from models.prediction_record import Predictions
from models.saved_predictions import is_saved
from models.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS recent (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, fingerprint TEXT NOT NULL, opened REAL NOT NULL,
    accuracy REAL, n_images INTEGER NOT NULL, n_classes INTEGER NOT NULL, architecture TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class RecentEvaluation:
    """A model and images that were opened together.

    Args:
        spec: what was opened, as plain data (``EvaluationSpec.to_json``).
        fingerprint: the name of the evaluation, 32 hex digits.
        opened: when last, seconds since 1970.
        accuracy: 0..1, or None where there were no images.
        n_images: images that were predicted.
        n_classes: C.
        architecture: torchvision's name; "" for a table of predictions.
        is_saved: whether the workspace still holds the evaluation.
    """

    spec: dict[str, Any]
    fingerprint: str
    opened: float
    accuracy: float | None
    n_images: int
    n_classes: int
    architecture: str
    is_saved: bool


def remember(store: Store, key: str, spec: dict[str, Any], predictions: Predictions) -> None:
    """Write down that something was opened, now.

    Args:
        store: the workspace.
        key: over the spec and the state of all files it names; the same key means the same predictions.
        spec: plain data.
        predictions: what came of it.
    """
    with transaction(store, SCHEMA) as connection:
        connection.execute(
            "INSERT OR REPLACE INTO recent VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(key, _text(spec), predictions.fingerprint, time.time()),
                predictions.accuracy if len(predictions) else None,
                *(len(predictions), len(predictions.class_names), predictions.architecture),
            ),
        )


def remembered(store: Store, key: str) -> str | None:
    """The fingerprint of the saved evaluation of this key, or None; counts as opening it."""
    with reading(store, SCHEMA) as connection:
        row = connection.execute("SELECT fingerprint FROM recent WHERE key = ?", (key,)).fetchone()
    if row is None or not is_saved(store, row["fingerprint"]):
        return None
    with transaction(store, SCHEMA) as connection:
        connection.execute("UPDATE recent SET opened = ? WHERE key = ?", (time.time(), key))
    return str(row["fingerprint"])


def recent(store: Store, limit: int = 10) -> list[RecentEvaluation]:
    """What was opened, the last opened first; of files that have changed since, only the last state.

    Args:
        store: the workspace.
        limit: how many at most.
    """
    with reading(store, SCHEMA) as connection:
        rows = connection.execute(
            "SELECT *, MAX(opened) FROM recent GROUP BY spec ORDER BY opened DESC LIMIT ?", (limit,)
        ).fetchall()
    return [
        RecentEvaluation(
            spec=json.loads(row["spec"]),
            fingerprint=row["fingerprint"],
            opened=row["opened"],
            accuracy=row["accuracy"],
            n_images=row["n_images"],
            n_classes=row["n_classes"],
            architecture=row["architecture"],
            is_saved=is_saved(store, row["fingerprint"]),
        )
        for row in rows
    ]


def _text(spec: dict[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True, ensure_ascii=False)
