"""The maps of all images of a cell, as a job: computed once, kept small in the workspace.

Needs no torch until it runs: what is kept is read with numpy alone.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.cell_record import GRID, GROUPS, PICTURE_SIDE, CellMaps, save_cell_maps
from analysis.cell_spec import MAP_METHODS, CellSpec
from analysis.map_groups import MapGroups, map_groups
from analysis.map_places import seen_shares
from analysis.map_statistics import pooled
from models.cores import use_background_threads
from models.decoding import decoded
from models.errors import ImagesError
from models.fingerprints import content_key
from models.job_context import JobContext
from models.open_networks import shared_network
from models.predictions import Predictions
from models.progress import Progress, relayed
from models.saved_predictions import kept_predictions
from models.store import Store

if TYPE_CHECKING:
    from models.network import Network


def cell_maps_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "explain_cell": explain every image of a cell and of its references, and keep the maps.

    Each full map is kept as well, so that a stopped job goes on from where it stood.

    Args:
        spec: ``CellSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``n_images`` and ``seconds``.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, or the method cannot explain it.
    """
    wanted = CellSpec.from_json(spec)
    predictions = kept_predictions(context.store, wanted.predictions)
    groups = map_groups(predictions, wanted.cell)
    yield Progress("Opening the model", 0, 0)
    network = shared_network(wanted.evaluation, predictions)
    use_background_threads()
    found, label = _Found(), MAP_METHODS[wanted.method].label
    for done, position in enumerate(groups.images):
        progress = Progress(label, done, len(groups.images))
        yield progress
        steps = _explained(context.store, network, predictions, int(position), wanted.method)
        try:
            explained = yield from relayed(steps, partial(_again, progress))
            found.add(int(position), groups, explained)
        except ImagesError as error:
            path = str(predictions.images["path"].iloc[position]).encode("utf-8", "replace").decode()
            found.unreadable.append((path, error.message))
    save_cell_maps(context.store, wanted, found.as_record(groups))
    yield Progress(label, len(groups.images), len(groups.images))
    return {"n_images": len(found.images), "seconds": found.seconds}


@dataclass(frozen=True)
class _Explained:
    """One image: its map, what the network saw of it (side, side, 3; 0..1), where that lies, the seconds."""

    relevance: npt.NDArray[np.float32]
    picture: npt.NDArray[np.float64]
    seen: tuple[float, float, float, float]
    seconds: float


def _no_pictures() -> npt.NDArray[np.float64]:
    return np.zeros((len(GROUPS), PICTURE_SIDE, PICTURE_SIDE, 3))


@dataclass
class _Found:
    images: list[int] = field(default_factory=list)
    maps: list[npt.NDArray[np.float16]] = field(default_factory=list)
    seen: list[tuple[float, float, float, float]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    pictures: npt.NDArray[np.float64] = field(default_factory=_no_pictures)
    counts: list[int] = field(default_factory=lambda: [0] * len(GROUPS))

    def add(self, position: int, groups: MapGroups, explained: _Explained) -> None:
        self.images.append(position)
        self.maps.append(_small(explained.relevance))
        self.seen.append(explained.seen)
        self.seconds += explained.seconds
        for place, group in enumerate(GROUPS):
            if position in groups.of(group):
                self.pictures[place] += explained.picture
                self.counts[place] += 1

    def as_record(self, groups: MapGroups) -> CellMaps:
        counts = np.maximum(self.counts, 1)[:, None, None, None]
        return CellMaps(
            images=np.array(self.images, dtype=np.intp),
            maps=np.array(self.maps, dtype=np.float32).reshape(-1, GRID, GRID),
            seen=np.array(self.seen, dtype=np.float64).reshape(-1, 4),
            mean_pictures=np.rint(self.pictures / counts * 255).astype(np.uint8),
            groups=groups,
            unreadable=tuple(self.unreadable),
            seconds=self.seconds,
        )


def _again(progress: Progress, _: None) -> Progress:
    """The same at each step, so that a job can be stopped within a slow image."""
    return progress


def _explained(
    store: Store, network: Network, predictions: Predictions, position: int, method: str
) -> Generator[None, None, _Explained]:
    """Explain one image for the class it was called, coming up for air after each step of the method."""
    from analysis.attribution.saved import saved_steps
    from models.image_input import draft_size
    from models.preprocessing import network_input, pixels

    path = predictions.absolute(predictions.images["path"].iloc[position])
    preprocessing = network.preprocessing
    key = content_key(path)  # before the file is read: a file changed in between is then explained anew
    # exactly as predicting reads it
    picture = decoded(path, at_least=draft_size(preprocessing))
    steps = saved_steps(
        store,
        network,
        network_input(picture, preprocessing),
        [int(predictions.predicted[position])],
        method,
        image_key=key,
        **MAP_METHODS[method].options,
    )
    attribution = None
    try:
        for step in steps:
            attribution = step.attributions[0]
            yield
    finally:
        steps.close()
    assert attribution is not None
    levels = pooled(pixels(picture, preprocessing).numpy(), PICTURE_SIDE)
    seen = seen_shares(preprocessing, picture.size)
    return _Explained(attribution.relevance, levels.transpose(1, 2, 0), seen, attribution.seconds)


def _small(relevance: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """(32, 32) positive evidence, the largest 1: half precision would lose the small values of raw maps."""
    squares = pooled(np.maximum(relevance, 0)[None], GRID)[0]
    largest = squares.max()
    scaled: npt.NDArray[np.float16] = (squares / largest if largest > 0 else squares).astype(np.float16)
    return scaled
