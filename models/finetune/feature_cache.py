"""Running frozen layers over images once, and keeping what comes out: training on that takes seconds.

The layers that do not learn give the same for the same input in every epoch. What they give is kept under a
name made of all that decides it (weights, layers, preprocessing, augmentation, contents of the files), so the
next training with the same frozen layers finds it. Work that was stopped goes on with the part it stood in.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.errors import TrainingError
from models.file_lock import FileLock
from models.finetune.feature_forward import FeatureForward
from models.finetune.feature_room import has_room, make_room, used_now
from models.finetune.features import Array, FeatureCache, FeatureFiles, Precision, cache_bytes
from models.finetune.feeds import ImageFeed
from models.fingerprints import name_of
from models.forward import logits_and_embeddings
from models.network import Network
from models.progress import Progress
from models.store import Store

__all__ = [
    "FeatureCache",
    "cache_bytes",
    "embedding_steps",
    "feature_steps",
    "has_room",
    "module_fingerprint",
]

REVISION = 1
PHASE = "Computing features"
SECONDS_BETWEEN_LOOKS = 0.2
LARGEST_HALF = float(np.finfo(np.float16).max)


def feature_steps(
    store: Store,
    feed: ImageFeed,
    prefix: nn.Module,
    name: str,
    *,
    views: int = 1,
    precision: Precision = "exact",
    device: torch.device | None = None,
) -> Generator[Progress, None, FeatureCache]:
    """Run frozen layers over images, or open what was kept of that.

    Args:
        store: the workspace; features lie in ``features/<key>/``.
        feed: N images.
        prefix: takes (B, 3, H, W), gives (B, ...); it is put into evaluation mode, and used by several threads.
        name: of the place where it ends, for a person and for the key ("features.14").
        views: augmented versions of each image; one where the feed augments nothing.
        precision: "exact" keeps float32, "half" float16.
        device: where ``prefix`` is; None for the processor.

    Yields:
        Progress in images. Closed in between, all finished parts are kept.

    Returns:
        The features, which no longer need the images.

    Raises:
        TrainingError: a file is gone, has changed, or the disk has no room.
    """
    device = device or torch.device("cpu")
    views = views if feed.augmentation else 1
    prefix.eval()
    yield Progress(PHASE, 0, len(feed))
    key = name_of(REVISION, module_fingerprint(prefix), name, precision, device.type, feed.key())
    folder = store.folder("features", key)
    with FileLock(folder.with_name(f"{key}.lock")) as lock, FeatureForward(prefix, feed, device) as forward:
        while not lock.acquire():
            yield Progress(PHASE, 0, len(feed), message="another training is computing the same")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        files = FeatureFiles.found(folder, len(feed), precision)
        if files is None:
            files = FeatureFiles(folder, len(feed), forward.shape(), precision)
        _find_room(store, files, views)
        files.save_record(name=name, views=views)
        arrays = yield from _computed(files, views, forward)
        cache = FeatureCache(files, arrays)
        used_now(folder, cache)
        return cache


def embedding_steps(
    store: Store, feed: ImageFeed, network: Network, device: torch.device | None = None
) -> Generator[Progress, None, npt.NDArray[np.float32]]:
    """How a network sees images: the input of its last linear layer, computed once and kept.

    Args:
        store: the workspace.
        feed: N images, not augmented.
        network: looks at them.
        device: where its module is; None for the processor.

    Yields:
        Progress in images.

    Returns:
        (N, D) float32, as ``Predictions.embeddings``.

    Raises:
        TrainingError: the network has no such layer, or as for ``feature_steps``.
    """
    if network.head is None:
        raise TrainingError(
            f"How {network.path.name} sees images is not known: it is a program ({network.architecture}).",
            next_step="Train without a target, or open a checkpoint of weights.",
        )
    cache = yield from feature_steps(store, feed, _Embedding(network), "embedding", device=device)
    return cache.rows(range(len(feed)), 0).numpy()


class _Embedding(nn.Module):
    """A network up to the input of its last linear layer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module = network.module
        self._network = network

    def forward(self, batch: Tensor) -> Tensor:
        """Images (B, 3, H, W) to embeddings (B, D)."""
        embeddings = logits_and_embeddings(self._network, batch)[1]
        assert embeddings is not None  # there is a head
        return embeddings


def module_fingerprint(module: nn.Module) -> str:
    """32 hex digits over a module's weights, buffers and structure.

    Args:
        module: any; of a traced one its code counts too.
    """
    digest = hashlib.sha256(f"{module}\0{getattr(module, 'code', '')}".encode())
    for name, tensor in module.state_dict().items():
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


def _find_room(store: Store, files: FeatureFiles, views: int) -> None:
    missing = sum(
        len(rows) for view in range(views) for rows in files.parts() if files.part(view, rows) is None
    )
    size = cache_bytes(missing, 1, files.shape, files.precision)
    if not make_room(store, size, keep=files.folder):
        raise TrainingError(
            f"The features of {files.n} images in {views} versions take {size / 1e9:.1f} GB more, and the disk of "
            f"{store.root} has no room for that.",
            next_step="Free some space, or choose half precision, fewer versions, or no cache in the recipe.",
        )


def _computed(
    files: FeatureFiles, views: int, forward: FeatureForward
) -> Generator[Progress, None, list[list[Array]]]:
    """For each version the features of each part; those that are missing are computed and kept."""
    for rows in files.parts():
        missing = [view for view in range(views) if files.part(view, rows) is None]
        if not missing:
            continue
        found: list[list[Array]] = []
        for done, features in forward.batches(rows, missing):
            found.append(features)
            yield Progress(PHASE, rows.start + done, files.n)
        for place, view in enumerate(missing):
            array = np.concatenate([features[place] for features in found])
            files.save_part(view, rows, _narrowed(array, files.precision))
    return [[_opened(files, view, rows) for rows in files.parts()] for view in range(views)]


def _opened(files: FeatureFiles, view: int, rows: range) -> Array:
    array = files.part(view, rows)
    if array is None:
        raise TrainingError(
            f"The features in {files.folder} were removed while they were in use.",
            next_step="Resume the training.",
        )
    return array


def _narrowed(features: Array, precision: Precision) -> Array:
    if precision == "half" and float(np.abs(features).max(initial=0)) > LARGEST_HALF:
        raise TrainingError(
            "Some features are too large for half precision.",
            next_step="Choose the exact cache in the recipe.",
        )
    return features
