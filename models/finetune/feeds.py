"""Images as the training loop takes them: decoded, augmented, checked against what must not be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from models.content import content_hash
from models.decoding import decoded
from models.errors import ImagesError, TrainingError
from models.finetune.augmentation import Augmentation
from models.finetune.augmented import augmented_input, decoding_size
from models.finetune.features import FeatureCache
from models.finetune.role_images import RoleImages
from models.fingerprints import FileState, file_state, name_of
from models.image_input import draft_size
from models.preprocessing import Preprocessing, network_input
from models.torch_workers import torch_workers

__all__ = ["CachedFeed", "ImageFeed"]


class ImageFeed:
    """Images that are decoded each time they are asked for. Several threads may ask at once.

    Args:
        images: N images with their labels.
        preprocessing: how a picture becomes the network's input.
        augmentation: random changes before that; none by default.
        seed: of the changes. What happens to an image depends on seed, view and the file's bytes alone.
        forbidden: hashes of files that must not be trained on; see ``Roles.forbidden``.
        threads: that decode; 1 decodes in the thread that asks.

    Attributes:
        labels: (N,) int64.
    """

    def __init__(
        self,
        images: RoleImages,
        preprocessing: Preprocessing,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 (frozen)
        seed: int = 0,
        *,
        forbidden: Collection[str] = frozenset(),
        threads: int = 1,
    ) -> None:
        self.images, self.augmentation, self.seed = images, augmentation, seed
        self.preprocessing = preprocessing
        self._at_least = (
            decoding_size(augmentation, preprocessing) if augmentation else draft_size(preprocessing)
        )
        self.labels = torch.from_numpy(images.labels.copy())
        self._forbidden = frozenset(forbidden)
        self._states: dict[int, FileState] = {}
        self._pool = torch_workers(threads, name="errorscope-training") if threads > 1 else None

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: Sequence[int], view: int) -> Tensor:
        """The network's input for some images.

        Args:
            rows: B numbers from 0 to N - 1; may repeat.
            view: which augmented version; without augmentation all are the same.

        Returns:
            (B, 3, H, W) float32, normalised.

        Raises:
            TrainingError: a file is gone, has changed, or pictures come out in different sizes.
        """
        check_allowed(self.images.hashes, rows, self._forbidden)
        found = _mapped(self._pool, lambda row: self.views(row, (view,))[0], rows)
        return stacked(found, [self.images.paths[row] for row in rows])

    def views(self, row: int, views: Iterable[int]) -> list[Tensor]:
        """Augmented versions of one image, which is decoded once for all of them.

        Args:
            row: from 0 to N - 1.
            views: which versions.

        Returns:
            For each view a tensor (3, H, W) float32, normalised.

        Raises:
            TrainingError: the file is gone or has changed.
        """
        check_allowed(self.images.hashes, (row,), self._forbidden)
        path = self.images.paths[row]
        try:
            self._check_content(row, path)
            picture = decoded(path, at_least=self._at_least)
            return [self._input(picture, row, view) for view in views]
        except ImagesError as error:
            raise TrainingError(
                f"{path} cannot be used any more: {error.message}.",
                next_step="Put the file back and resume the training, or begin a new one.",
            ) from error

    def key(self) -> str:
        """32 hex digits over all that decides what the inputs are, in their order."""
        augmentation = [self.augmentation.to_json(), self.seed] if self.augmentation else None
        return name_of(self.preprocessing.to_json(), augmentation, list(self.images.hashes))

    def _input(self, picture: Image.Image, row: int, view: int) -> Tensor:
        if not self.augmentation:
            return network_input(picture, self.preprocessing)
        generator = torch.Generator().manual_seed(draw_seed(self.seed, view, self.images.hashes[row]))
        return augmented_input(picture, self.augmentation, self.preprocessing, generator)

    def _check_content(self, row: int, path: Path) -> None:
        """Make sure that the file still holds what was checked; reads it only where that is not sure."""
        state = file_state(path)
        if self._states.get(row) == state:
            return
        if content_hash(path) != self.images.hashes[row]:
            raise ImagesError("the file has changed since the training began")
        self._states[row] = state


class CachedFeed:
    """What frozen layers made of images, read from the disk.

    Args:
        cache: the features of N images.
        images: the same images.
        forbidden: hashes of files that must not be trained on.

    Attributes:
        labels: (N,) int64.
    """

    def __init__(
        self, cache: FeatureCache, images: RoleImages, *, forbidden: Collection[str] = frozenset()
    ) -> None:
        assert len(cache) == len(images)
        self.labels = torch.from_numpy(images.labels.copy())
        self._cache, self._hashes, self._forbidden = cache, images.hashes, frozenset(forbidden)

    def __len__(self) -> int:
        return len(self._cache)

    def batch(self, rows: Sequence[int], view: int) -> Tensor:
        """The features of some images.

        Args:
            rows: B numbers from 0 to N - 1; may repeat.
            view: which augmented version, counted on from 0 again where the cache has no more of them.

        Returns:
            (B, ...) float32.
        """
        check_allowed(self._hashes, rows, self._forbidden)
        return self._cache.rows(rows, view % self._cache.views)


def check_allowed(hashes: Sequence[str], rows: Iterable[int], forbidden: Collection[str]) -> None:
    """Stop where an image of the validation or test set is about to be trained on: that is a bug.

    Args:
        hashes: N hashes of the files' bytes.
        rows: of the images that are asked for.
        forbidden: hashes of the files that must not be.

    Raises:
        AssertionError: one of them is among these.
    """
    wrong = [row for row in rows if hashes[row] in forbidden]
    if wrong:
        raise AssertionError(f"image {wrong[0]} ({hashes[wrong[0]]}) belongs to the validation or test set")


def draw_seed(seed: int, view: int, content: str) -> int:
    """The seed of the random changes of one version of one image, 0 to 2**63 - 1.

    Args:
        seed: of the training.
        view: which version.
        content: hash of the file's bytes.
    """
    digest = hashlib.blake2b(f"augmentation {seed} {view} {content}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def stacked(inputs: Sequence[Tensor], paths: Sequence[Path]) -> Tensor:
    """A batch of inputs.

    Raises:
        TrainingError: they have different sizes.
    """
    shapes = [tuple(each.shape) for each in inputs]
    for path, shape in zip(paths, shapes, strict=True):
        if shape != shapes[0]:
            sizes = " and ".join(f"{height} x {width}" for _, height, width in (shapes[0], shape))
            raise TrainingError(
                f"{path.name} becomes another size than {paths[0].name} ({sizes} pixels, height x width), so they "
                "make no batch.",
                next_step="Open the model with a crop, or a resize to a height and a width.",
            )
    return torch.stack(list(inputs))


def _mapped(
    pool: ThreadPoolExecutor | None, function: Callable[[int], Any], rows: Sequence[int]
) -> list[Any]:
    return [function(row) for row in rows] if pool is None else list(pool.map(function, rows))
