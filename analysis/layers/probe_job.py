"""The job that asks every layer about one pair of classes, and what it kept."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from analysis.layers.linear_probe import Trial
from analysis.layers.probe import ProbeCurve, probe_steps
from analysis.layers.scan_record import saved_scan, scan_folder
from models.errors import ErrorscopeError
from models.job_context import JobContext
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import Store, write_atomically, write_json

REVISION = 1
"""Raise it when the same vectors give another curve."""


def probe_spec(fingerprint: str, pair: tuple[int, int]) -> dict[str, Any]:
    """The spec of the job, the same whichever class is named first.

    Args:
        fingerprint: of the saved evaluation.
        pair: two class indices.
    """
    return {"predictions": fingerprint, "pair": sorted(pair), "revision": REVISION}


def probe_job_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "layer_probe": where in the network two classes come apart.

    A job that was stopped goes on from where it stood.

    Args:
        spec: as `probe_spec` makes it.
        context: the job's.

    Yields:
        Progress in layers.

    Returns:
        ``n_layers`` that were asked.

    Raises:
        PredictionsError: the evaluation is gone or damaged.
        ErrorscopeError: the layers have not been looked at yet, or there are too few images of the pair.
    """
    predictions = kept_predictions(context.store, spec["predictions"])
    scan = saved_scan(context.store, predictions.fingerprint)
    if scan is None:
        raise ErrorscopeError(
            "The layers of this network have not been looked at yet, or what was kept of it is gone.",
            next_step="Open the page Layer by layer and press “Look at every layer”.",
        )
    pair = spec["pair"][0], spec["pair"][1]
    file = probe_file(context.store, predictions.fingerprint, pair)
    begun_file = file.with_suffix(".begun.npz")
    begun = _begun(begun_file)
    scores = predictions.probabilities if predictions.logits is None else predictions.logits
    try:
        curve = yield from probe_steps(
            scan, predictions.labels, pair, predictions.class_names, scores=scores, begun=begun
        )
    except GeneratorExit:
        _keep(begun_file, begun)
        raise
    write_json(file, curve.to_plain())
    begun_file.unlink(missing_ok=True)
    return {"n_layers": len(curve.layers)}


def probe_file(store: Store, fingerprint: str, pair: tuple[int, int]) -> Path:
    """Where the curve of a pair lies.

    Args:
        store: the workspace.
        fingerprint: of the saved evaluation.
        pair: two class indices, in either order.
    """
    first, second = sorted(pair)
    return scan_folder(store, fingerprint) / f"probe-{first}-{second}-{REVISION}.json"


def saved_probe(file: Path) -> ProbeCurve | None:
    """The curve that lies in a file; None where there is none, or it is damaged."""
    try:
        return ProbeCurve.from_plain(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(file: Path, begun: Sequence[Trial]) -> None:
    if begun:
        arrays = {name: np.stack([getattr(each, name) for each in begun]) for name in ("right", "by_chance")}
        write_atomically(file, lambda temporary: _save(temporary, arrays))


def _save(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as content:  # given a name, NumPy would add a suffix to it
        np.savez(content, **arrays)


def _begun(file: Path) -> list[Trial]:
    try:
        with file.open("rb") as content, np.load(content, allow_pickle=False) as arrays:
            return [Trial(*each) for each in zip(arrays["right"], arrays["by_chance"], strict=True)]
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return []
