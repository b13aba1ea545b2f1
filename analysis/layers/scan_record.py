"""What a look through all images showed of each layer, as it lies in the workspace. Reading it needs numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.fingerprints import name_of
from models.store import Store, write_array, write_json

REVISION = 1
"""Raise it when what is looked for changes; what was kept is then looked for again."""
PEAKS = 9
_RECORD, _VECTORS = "scan.json", "vectors.npy"
_ARRAYS = ("low", "high", "mean", "active", "peak_values", "peak_images", "peak_places")

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class ScannedLayer:
    """A layer that was looked at.

    Args:
        name: dotted; of a layer with weights, or of a block.
        n_channels: D.
        places: rows and columns of its map for the first image; None where it gives a vector.
        activation: what was applied to it ("relu6"), or "".
        is_block: whether it is a block's output, not a single layer's.
        first_channel: where its channels begin among those of all layers.
        first_number: where its vectors begin among those of all layers; None where none were kept.
    """

    name: str
    n_channels: int
    places: tuple[int, int] | None
    activation: str
    is_block: bool
    first_channel: int
    first_number: int | None

    @property
    def channels(self) -> slice:
        """Its channels among those of all layers."""
        return slice(self.first_channel, self.first_channel + self.n_channels)

    @property
    def numbers(self) -> slice | None:
        """The columns of its vectors; None where none were kept."""
        start = self.first_number
        return None if start is None else slice(start, start + self.n_channels)


@dataclass(frozen=True, eq=False)
class LayerScan:
    """All layers over all images of an evaluation. C counts the channels of all layers together.

    Args:
        layers: in the order in which they are computed.
        n_images: N, rows of the predictions.
        unreadable: row and reason of the images that could not be read again.
        low: (C,) the least value anywhere.
        high: (C,) the largest value anywhere.
        mean: (C,) over all places of all images.
        active: (C,) share of places with a value above 0, 0..1.
        peak_values: (C, 9) the largest value of a channel in an image, largest first; -inf where there are not as many.
        peak_images: (C, 9) rows of the predictions; -1 where there are not as many.
        peak_places: (C, 9, 2) row and column of the map where it stands; 0 of a vector.
        vectors: (N, V) float16 means over places of the layers that have ``first_number``, memory-mapped; NaN for
            images that could not be read.
    """

    layers: tuple[ScannedLayer, ...]
    n_images: int
    unreadable: tuple[tuple[int, str], ...]
    low: Floats
    high: Floats
    mean: Floats
    active: Floats
    peak_values: Floats
    peak_images: Numbers
    peak_places: Numbers
    vectors: npt.NDArray[np.float16]

    def layer(self, name: str) -> ScannedLayer | None:
        """The layer of a name, or None."""
        return next((each for each in self.layers if each.name == name), None)

    def vectors_of(self, layer: ScannedLayer) -> npt.NDArray[np.float16] | None:
        """(N, D) the vectors of a layer; None where none were kept."""
        return None if layer.numbers is None else self.vectors[:, layer.numbers]

    def still(self, layer: ScannedLayer) -> npt.NDArray[np.intp]:
        """The channels of a layer that gave the same value at every place of every image: nothing moves them."""
        low, high = self.low[layer.channels], self.high[layer.channels]
        scale = np.maximum(np.abs(low), np.abs(high))
        return np.flatnonzero(high - low <= 1e-6 * scale)


def scan_folder(store: Store, fingerprint: str) -> Path:
    """Where the scan of an evaluation lies."""
    return store.root / "layers" / name_of(REVISION, fingerprint)


def saved_scan(store: Store, fingerprint: str) -> LayerScan | None:
    """The scan as it was kept; None where it was not, or is damaged.

    Args:
        store: the workspace.
        fingerprint: of the saved evaluation.
    """
    folder = scan_folder(store, fingerprint)
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        layers = tuple(_layer(each) for each in record["layers"])
        arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
        vectors = np.load(folder / _VECTORS, mmap_mode="r", allow_pickle=False)
        found = LayerScan(
            layers=layers,
            n_images=int(record["n_images"]),
            unreadable=tuple((int(row), str(reason)) for row, reason in record["unreadable"]),
            vectors=vectors,
            **arrays,
        )
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None
    n_channels = sum(each.n_channels for each in layers)
    is_whole = all(len(array) == n_channels for array in arrays.values()) and len(vectors) == found.n_images
    return found if is_whole else None


def _layer(value: Mapping[str, Any]) -> ScannedLayer:
    places = value["places"]
    return ScannedLayer(**{**value, "places": None if places is None else (places[0], places[1])})


def save_scan(folder: Path, found: LayerScan) -> None:
    """Keep a scan beside its vectors, which lie there already; ``saved_scan`` gives it back.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    for name in _ARRAYS:
        write_array(folder / f"{name}.npy", getattr(found, name))
    # last, since it says that the others are there
    record = {
        "layers": [asdict(each) for each in found.layers],
        "n_images": found.n_images,
        "unreadable": [list(each) for each in found.unreadable],
    }
    write_json(folder / _RECORD, record)
