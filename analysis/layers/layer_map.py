"""The map of all images by what one layer gives for them: a job, kept for each layer by itself."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from analysis.embedding_map import EmbeddingMap, drawn_steps
from analysis.embedding_vectors import MapVectors
from analysis.layers.scan_record import LayerScan, saved_scan, scan_folder
from analysis.survey import SURVEY_PARTS, save_result, saved_result
from models.errors import ErrorscopeError
from models.fingerprints import name_of
from models.job_context import JobContext
from models.progress import Progress
from models.store import Store


def layer_map_spec(fingerprint: str, layer: str) -> dict[str, Any]:
    """The spec of the job.

    Args:
        fingerprint: of the saved evaluation.
        layer: name of a layer whose vectors are kept.
    """
    return {"predictions": fingerprint, "layer": layer, "revision": SURVEY_PARTS["map"].revision}


def layer_map_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "layer_map": lay all images out by the vectors of one layer.

    Args:
        spec: as `layer_map_spec` makes it.
        context: the job's.

    Yields:
        Progress.

    Returns:
        ``layer``.

    Raises:
        ErrorscopeError: the layers have not been looked at yet, or no vectors of this one are kept.
    """
    scan = saved_scan(context.store, spec["predictions"])
    vectors = None if scan is None else layer_vectors(scan, spec["layer"])
    if vectors is None:
        raise ErrorscopeError(
            f"There are no vectors of the layer {spec['layer']} to draw a map of.",
            next_step="Look at every layer first, then choose one of the list.",
        )
    found = yield from drawn_steps(vectors)
    save_result(layer_map_file(context.store, spec["predictions"], spec["layer"]), found)
    return {"layer": spec["layer"]}


def layer_vectors(scan: LayerScan, layer: str) -> MapVectors | None:
    """What a layer's map is drawn from, mapped into memory; None where no vectors of it are kept.

    Args:
        scan: of all N images; those that could not be read again have vectors of zeros.
        layer: its name.
    """
    known = scan.layer(layer)
    found = None if known is None else scan.vectors_of(known)
    return None if found is None else MapVectors(found, "embeddings")


def layer_map_file(store: Store, fingerprint: str, layer: str) -> Path:
    """Where the map of a layer lies (its places beside it); the name changes when maps are drawn otherwise.

    Args:
        store: the workspace.
        fingerprint: of the saved evaluation.
        layer: its name.
    """
    name = name_of(SURVEY_PARTS["map"].revision, layer)
    return scan_folder(store, fingerprint) / f"map-{name}.json"


def saved_layer_map(file: Path) -> EmbeddingMap | None:
    """The map that lies in a file; None where there is none.

    Raises:
        WorkspaceError: it is damaged.
    """
    return saved_result(file, EmbeddingMap) if file.is_file() else None
