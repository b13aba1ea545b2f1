"""Attributions kept in the workspace, so that a second look costs no second run."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from analysis import map_revision
from analysis.asked_target import plain
from analysis.attribution import attribution_steps, settings_of
from analysis.attribution.records import Attribution, OptionValue, Step, Target
from models.errors import WorkspaceError
from models.fingerprints import name_of
from models.network import Network
from models.store import Store, write_array

_FIELDS = {"scale", "seconds", "expected_sum", "layer", "note", "relevance"}


def saved_attribution(
    store: Store,
    network_fingerprint: str,
    image_key: str,
    target: Target,
    method: str,
    **options: OptionValue,
) -> Attribution | None:
    """The attribution as it was kept, or None where it was not (or its file is damaged).

    Args:
        store: the workspace.
        network_fingerprint: of the network that was explained.
        image_key: what tells the image and its content from all others, "id-size-modified" say.
        target: what was explained.
        method: a key of `METHODS`.
        **options: settings of the method; the rest have their defaults.

    Returns:
        The same relevance but for rounding to half precision: at most 0.05 % of each value, or 0.00001 %
        of the map's largest.

    Raises:
        AttributionError: there is no such method or option.
        WorkspaceError: the file is there but cannot be read.
    """
    chosen = settings_of(method, options)
    path = _path(_folder(store, network_fingerprint), image_key, target, method, chosen)
    record = _read(path)
    if record is None:
        return None
    relevance = record["relevance"].astype(np.float32) * np.float32(record["scale"])
    layer, expected = str(record["layer"]) or None, float(record["expected_sum"])
    return Attribution(
        relevance, method, target, chosen, layer,
        seconds=float(record["seconds"]),
        expected_sum=None if np.isnan(expected) else expected,
        note=str(record["note"]),
    )  # fmt: skip


def save_attribution(
    store: Store, network_fingerprint: str, image_key: str, attribution: Attribution
) -> None:
    """Keep an attribution; `saved_attribution` gives it back.

    Args:
        store: the workspace.
        network_fingerprint: of the network that was explained.
        image_key: what tells the image and its content from all others.
        attribution: a finished one.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    folder = _folder(store, network_fingerprint)
    path = _path(folder, image_key, attribution.target, attribution.method, attribution.options)
    write_array(path, _packed(attribution))


def saved_steps(
    store: Store,
    network: Network,
    image: Image.Image | torch.Tensor,
    targets: Sequence[Target],
    method: str,
    *,
    image_key: str,
    **options: OptionValue,
) -> Generator[Step, None, None]:
    """As `attribution_steps`, but what is kept comes back at once, and what is finished is kept.

    Args:
        store: the workspace.
        network: the network to explain.
        image: a picture, or the network's input.
        targets: class indices or contrasts.
        method: a key of `METHODS`.
        image_key: what tells the image and its content from all others.
        **options: settings of the method.

    Yields:
        One finished step if all targets are kept; else the steps of the run over all of them.

    Raises:
        AttributionError: as in `attribution_steps`.
        WorkspaceError: the workspace cannot be read or written.
    """
    known = [
        saved_attribution(store, network.fingerprint, image_key, target, method, **options)
        for target in targets
    ]
    found = tuple(each for each in known if each is not None)
    if targets and len(found) == len(targets):
        yield Step(1.0, found)
        return
    for step in attribution_steps(network, image, targets, method, **options):
        if step.fraction >= 1.0:
            for attribution in step.attributions:
                save_attribution(store, network.fingerprint, image_key, attribution)
        yield step


def _folder(store: Store, network_fingerprint: str) -> Path:
    return store.folder("attributions", network_fingerprint)


def _path(
    folder: Path, image_key: str, target: Target, method: str, options: Mapping[str, OptionValue]
) -> Path:
    return folder / f"{name_of(map_revision.REVISION, image_key, method, plain(target), dict(options))}.npy"


def _packed(attribution: Attribution) -> np.ndarray[tuple[int, ...], np.dtype[np.void]]:
    # Half precision holds 1e-7 to 6e4, and gradients may be smaller: hence a scale beside the map, in the
    # same array so that one write keeps both.
    scale = float(np.abs(attribution.relevance).max()) or 1.0
    layer, note = attribution.layer or "", attribution.note
    expected = np.nan if attribution.expected_sum is None else attribution.expected_sum
    kind = np.dtype(
        [
            ("scale", "<f4"),
            ("seconds", "<f4"),
            ("expected_sum", "<f8"),
            ("layer", f"<U{max(1, len(layer))}"),
            ("note", f"<U{max(1, len(note))}"),
            ("relevance", "<f2", attribution.relevance.shape),
        ]
    )
    return np.array(
        (scale, attribution.seconds, expected, layer, note, attribution.relevance / scale), dtype=kind
    )


def _read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.void]] | None:
    try:
        record: np.ndarray[tuple[int, ...], np.dtype[np.void]] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error.strerror or error}).",
            next_step="Check the rights of the workspace folder.",
        ) from error
    except (ValueError, EOFError):
        return None  # cut off or overwritten: it is computed again
    return record if set(record.dtype.names or ()) == _FIELDS else None
