"""The maps of a cell as they lie in the workspace. Reading them needs numpy alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.cell_spec import CellSpec
from analysis.map_groups import GroupKey, MapGroups, Positions, map_groups
from analysis.map_statistics import Maps
from models.predictions import Predictions
from models.store import Store, write_array, write_json

GRID = 32
PICTURE_SIDE = 160
GROUPS: tuple[GroupKey, ...] = ("cell", "label", "predicted", "others")
_MAPS, _PICTURES, _RECORD = "maps.npy", "pictures.npy", "cell.json"


@dataclass(frozen=True, eq=False)
class CellMaps:
    """The maps of a cell's images and of those they are compared with.

    Args:
        images: (M,) row numbers in the predictions, each once.
        maps: (M, 32, 32) positive evidence for the class each image was called, each map's largest is 1.
        seen: (M, 4) what the network sees of each picture: left, top, right, bottom as shares of it; beyond
            0..1 where it is padded.
        mean_pictures: (4, 160, 160, 3) red, green, blue 0..255: the mean of what the network sees, over the
            images of each of `GROUPS`; black for a group without images.
        groups: which of the images belong to the cell, and which to each reference.
        unreadable: path and reason of the images that could not be read again; they are in no group.
        seconds: how long all maps took.
    """

    images: Positions
    maps: Maps
    seen: npt.NDArray[np.float64]
    mean_pictures: npt.NDArray[np.uint8]
    groups: MapGroups
    unreadable: tuple[tuple[str, str], ...] = field(default=())
    seconds: float = 0.0

    def rows(self, group: GroupKey) -> Positions:
        """(N,) where the images of a group stand in ``images`` and ``maps``."""
        return np.flatnonzero(np.isin(self.images, self.groups.of(group)))

    def of(self, group: GroupKey) -> Maps:
        """(N, 32, 32) the maps of a group."""
        return self.maps[self.rows(group)]

    def mean_picture(self, group: GroupKey) -> npt.NDArray[np.uint8]:
        """(160, 160, 3) the mean of what the network sees of a group's images."""
        picture: npt.NDArray[np.uint8] = self.mean_pictures[GROUPS.index(group)]
        return picture


def saved_cell_maps(
    store: Store, spec: CellSpec, predictions: Predictions, groups: MapGroups | None = None
) -> CellMaps | None:
    """The maps of a cell as they were kept; None where they were not, or are damaged.

    Args:
        store: the workspace.
        spec: the cell and the method.
        predictions: of the evaluation the spec names.
        groups: the spec's ``map_groups``, for who has them already; by default they are chosen again.
    """
    folder = spec.folder(store)
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        maps = np.load(folder / _MAPS, allow_pickle=False).astype(np.float32)
        pictures = np.load(folder / _PICTURES, allow_pickle=False)
        images = np.array(record["images"], dtype=np.intp)
        seen = np.array(record["seen"], dtype=np.float64).reshape(-1, 4)
        unreadable = tuple((str(path), str(reason)) for path, reason in record["unreadable"])
        seconds = float(record["seconds"])
    except (OSError, ValueError, EOFError, KeyError, TypeError):
        return None
    is_whole = maps.shape == (len(images), GRID, GRID) and len(seen) == len(images)
    if not is_whole or pictures.shape != (len(GROUPS), PICTURE_SIDE, PICTURE_SIDE, 3):
        return None
    if len(images) and images.max() >= len(predictions):
        return None
    groups = map_groups(predictions, spec.cell) if groups is None else groups
    return CellMaps(images, maps, seen, pictures, groups, unreadable, seconds)


def save_cell_maps(store: Store, spec: CellSpec, found: CellMaps) -> None:
    """Keep the maps of a cell; ``saved_cell_maps`` gives them back.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    folder = spec.folder(store)
    write_array(folder / _MAPS, found.maps.astype(np.float16))
    write_array(folder / _PICTURES, found.mean_pictures)
    # last, since it says that the others are there
    record = {
        "images": found.images.tolist(),
        "seen": found.seen.tolist(),
        "unreadable": [list(each) for each in found.unreadable],
        "seconds": found.seconds,
    }
    write_json(folder / _RECORD, record)
