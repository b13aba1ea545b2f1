"""The images of an evaluation looked for among the training images, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis.leakage import Leakage, leakage_between
from models.errors import ErrorscopeError
from models.image_facts import image_facts_steps
from models.images import ImageSet, open_image_set
from models.predictions import Predictions, predict
from models.progress import Progress, finished
from models.store import Store

if TYPE_CHECKING:
    from models.network import Network


def training_leakage(
    predictions: Predictions,
    network: Network | None,
    training: tuple[Path, str | None],
    store: Store,
    on_progress: Callable[[Progress], None],
) -> Leakage:
    """Look for the images among the training images.

    Args:
        predictions: what the network said of the images.
        network: it; None where the predictions came from a table: then copies are found by their hashes only.
        training: the folder or table of the training images, and the split, None for all.
        store: the workspace; what the network says of the training images is kept there too.
        on_progress: told where the work stands.

    Raises:
        ErrorscopeError: the training images cannot be opened, or all images are among them, as the same files.
    """
    place, split = training
    on_progress(Progress("Opening the training images", 0, 0))
    images = open_image_set(place, split=split)
    own = [predictions.absolute(path) for path in predictions.images["path"]]
    _check_other_files(own, {images.absolute(path) for path in images.table["path"]})
    paths, labels, embeddings, note = _looked_at(network, images, store, on_progress)
    facts = finished(image_facts_steps(store, own), on_progress)
    others = finished(image_facts_steps(store, paths), on_progress)
    steps = leakage_between(
        predictions,
        facts,
        paths,
        labels,
        others,
        other_embeddings=embeddings,
        images=str(place),
        split=split,
        note=note,
    )
    return finished(steps, on_progress)


def _check_other_files(own: Sequence[Path], others: set[Path]) -> None:
    """Raise where every image would be found as a copy of itself."""
    if own and others.issuperset(own):
        raise ErrorscopeError(
            f"All {len(own):,} images are among the training images, as the same files.",
            next_step="Name the training images alone, with --training-split where one folder or table holds both.",
        )


def _looked_at(
    network: Network | None, images: ImageSet, store: Store, on_progress: Callable[[Progress], None]
) -> tuple[Sequence[Path], Sequence[str], npt.NDArray[np.float32] | None, str]:
    table, note = images.table, "There is no network to look at the training images."
    if network is not None:
        try:
            seen = predict(network, images, store=store, on_progress=on_progress)
        except ErrorscopeError as error:  # such as labels the network does not know: hashes need none
            note = error.message
        else:
            paths = [seen.absolute(path) for path in seen.images["path"]]
            return paths, seen.images["label"].tolist(), seen.embeddings, ""
    return [images.absolute(path) for path in table["path"]], table["label"].tolist(), None, note
