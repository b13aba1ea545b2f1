"""What the weights of each layer look like, as it lies in the workspace. Reading it needs numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.fingerprints import name_of
from models.norm_statistics import NormStatistics
from models.store import Store, write_array, write_json

REVISION = 2
"""Raise it when what is read from weights changes; it is then read again."""
BINS = 61
_FILTERS = "filters.npy"


@dataclass(frozen=True)
class LayerWeights:
    """The weights of one convolution or linear map; without its bias. What is no number (NaN) counts as 0.

    Args:
        name: dotted.
        kind: its class ("Conv2d").
        shape: of the weight: (out, in, ...).
        groups: into how many parts a convolution divides its channels; 1 where all see all.
        n_weights: how many.
        norm: Frobenius norm.
        rms: root mean square.
        near_zero: share of weights smaller than a hundredth of ``rms``, 0..1.
        exact_zero: share of weights that are 0.
        spectral_norm: largest singular value of the weight as a matrix (out, all else); of several groups the largest.
        gain: the same with the batch norm behind it folded in: how much the layer can stretch what it gets.
        stable_rank: squared Frobenius norm over squared spectral norm, 1 .. lesser side of the matrix: along how many
            directions the layer passes on what it gets.
        has_norm: whether a batch norm of as many channels is defined right behind it.
        empty_channels: output channels whose weights, or whose scale in the batch norm behind, are all 0.
        faint_channels: others whose weights (times the scale of the norm behind) are less than a hundredth of those of
            the strongest channel: they hardly hear what the layer gets.
        n_odd: weights that are no numbers (NaN or infinite).
        counts: (61,) weights to a bin, from ``-end`` to ``end``; what lies beyond is in the outermost bins.
        end: four times the root mean square.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    groups: int
    n_weights: int
    norm: float
    rms: float
    near_zero: float
    exact_zero: float
    spectral_norm: float
    gain: float
    stable_rank: float
    has_norm: bool
    empty_channels: tuple[int, ...]
    faint_channels: tuple[int, ...]
    n_odd: int
    counts: tuple[int, ...]
    end: float

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """(62,) of the bins."""
        return np.linspace(-self.end, self.end, len(self.counts) + 1)

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {key: list(each) if isinstance(each, tuple) else each for key, each in vars(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LayerWeights:
        """What ``to_json`` gave."""
        plain: dict[str, Any] = {
            key: tuple(each) if isinstance(each, list) else each for key, each in value.items()
        }
        return cls(**plain)


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of the first convolution over a colour picture.

    Args:
        layer: its name.
        pictures: (D, k, k, 3) uint8; 128 is a weight of 0, and each filter is scaled by its own largest weight.
        n_filters: how many the layer has; D is fewer where it has very many.
    """

    layer: str
    pictures: npt.NDArray[np.uint8]
    n_filters: int


@dataclass(frozen=True, eq=False)
class NetworkWeights:
    """What the weights of a network look like.

    Args:
        layers: all that have weights, in the order in which they are defined.
        filters: of its first convolution, or None.
        norms: whether the running statistics of its batch norms come from images.
    """

    layers: tuple[LayerWeights, ...]
    filters: Filters | None
    norms: NormStatistics

    def layer(self, name: str) -> LayerWeights | None:
        """The layer of a name, or None."""
        return next((each for each in self.layers if each.name == name), None)


def weights_file(store: Store, network_fingerprint: str) -> Path:
    """Where the statistics of a network's weights lie; ``filters.npy`` lies beside them."""
    return store.root / "layers" / name_of("weights", REVISION, network_fingerprint) / "weights.json"


def saved_weights(store: Store, network_fingerprint: str) -> NetworkWeights | None:
    """The statistics as they were kept; None where they were not, or are damaged.

    Args:
        store: the workspace.
        network_fingerprint: `models.network.Network.fingerprint`.
    """
    file = weights_file(store, network_fingerprint)
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        layers = tuple(LayerWeights.from_json(each) for each in record["layers"])
        first = record["filters"]
        filters = None if first is None else Filters(
            first["layer"], np.load(file.with_name(_FILTERS), allow_pickle=False), first["n_filters"]
        )  # fmt: skip
        norms = NormStatistics(**record["norms"])
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None
    return NetworkWeights(layers, filters, norms)


def save_weights(file: Path, weights: NetworkWeights) -> None:
    """Keep the statistics; ``saved_weights`` gives them back.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    filters = weights.filters
    if filters is not None:
        write_array(file.with_name(_FILTERS), filters.pictures)
    # last, since it says that the other is there
    record = {
        "layers": [each.to_json() for each in weights.layers],
        "filters": None if filters is None else {"layer": filters.layer, "n_filters": filters.n_filters},
        "norms": weights.norms.to_json(),
    }
    write_json(file, record)
