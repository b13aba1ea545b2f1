"""The images that are nearest to an image at each layer, and whose labels they bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.layers.scan_record import LayerScan, ScannedLayer
from analysis.neighbours import nearest

NEAREST = 10


@dataclass(frozen=True, eq=False)
class LayerNeighbours:
    """An image's nearest images by the vectors of one layer.

    Args:
        layer: its name.
        depth: its place among the network's layers, 0 for the first.
        rows: (K,) row numbers, nearest first.
        similarities: (K,) cosines, -1..1.
        with_label: how many of them bear the image's label.
        with_predicted: how many of them bear the class that the network chose for the image.
    """

    layer: str
    depth: int
    rows: npt.NDArray[np.intp]
    similarities: npt.NDArray[np.float32]
    with_label: int
    with_predicted: int


def layer_neighbours(
    scan: LayerScan,
    labels: npt.NDArray[np.integer[Any]],
    predicted: npt.NDArray[np.integer[Any]],
    row: int,
    k: int = NEAREST,
) -> tuple[LayerNeighbours, ...]:
    """The nearest images of one image at every layer whose vectors are kept, one layer after another.

    Args:
        scan: of all N images; of its memory-mapped vectors one block of one layer is read at a time.
        labels: (N,) class indices.
        predicted: (N,) class indices.
        row: the image, 0 to N - 1.
        k: how many neighbours.

    Returns:
        One for each layer, in the order in which they are computed; none for an image that could not be read again.
        An image that could not be read is nobody's neighbour.
    """
    unreadable = np.array([each for each, _ in scan.unreadable], dtype=np.intp)
    if row in unreadable:
        return ()
    among = np.setdiff1d(np.arange(scan.n_images), unreadable)
    layers = [(depth, each) for depth, each in enumerate(scan.layers) if each.numbers is not None]
    found = []
    for depth, layer in layers:
        rows, similarities = nearest(_vectors(scan, layer), row, k, among)
        found.append(
            LayerNeighbours(
                layer.name, depth, rows, similarities,
                with_label=int((labels[rows] == labels[row]).sum()),
                with_predicted=int((labels[rows] == predicted[row]).sum()),
            )
        )  # fmt: skip
    return tuple(found)


def _vectors(scan: LayerScan, layer: ScannedLayer) -> npt.NDArray[np.float16]:
    vectors = scan.vectors_of(layer)
    assert vectors is not None
    return vectors


def chance_share(labels: npt.NDArray[np.integer[Any]], row: int, class_index: int) -> float:
    """The share of the other images that bear a class: what neighbours drawn by lot would show.

    Args:
        labels: (N,) class indices.
        row: the image, which is nobody's neighbour of its own.
        class_index: whose share.
    """
    others = len(labels) - 1
    return (int((labels == class_index).sum()) - int(labels[row] == class_index)) / others if others else 0.0
