"""The files of labelled image sets, read once: which can be used, and what is in them. Needs no torch."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.errors import TrainingError
from models.finetune.role_images import RoleImages
from models.image_hashes import content_hash_steps, readable_steps
from models.image_listing import Unreadable, listed
from models.images import ImageSet
from models.progress import Progress
from models.store import Store

WORDS = {"validation": "validation", "train": "training", "test": "test"}


@dataclass(frozen=True)
class RoleFiles:
    """What the files of some sets hold.

    Args:
        sets: "validation" and perhaps "train" and "test", without what cannot be read.
        unreadable: the rest; paths are absolute.
    """

    sets: Mapping[str, RoleImages]
    unreadable: tuple[Unreadable, ...]


def check_labels(role: str, images: ImageSet, class_names: tuple[str, ...]) -> None:
    """Make sure that the network knows every label.

    Raises:
        TrainingError: it does not; names those that it does not know.
    """
    unknown = sorted(set(images.table["label"]) - set(class_names))
    if unknown:
        raise TrainingError(
            f"The {WORDS[role]} images in {images.root} have labels that are none of the network's "
            f"{len(class_names)} classes: {listed(unknown)}.",
            next_step="Rename these folders or labels, or choose other images.",
        )


def role_files_steps(
    store: Store, sets: Mapping[str, ImageSet], class_names: tuple[str, ...]
) -> Generator[Progress, None, RoleFiles]:
    """Hash and decode every file of some sets once, or take what was found out before.

    Args:
        store: the workspace.
        sets: role to images; their labels are known.
        class_names: C names.

    Yields:
        Progress in images.
    """
    listings = {role: _listing(images, class_names) for role, images in sets.items()}
    paths = [path for listing in listings.values() for path in listing.paths]
    problems = yield from readable_steps(store, paths)
    hashes = yield from content_hash_steps(store, paths)
    unreadable = [
        Unreadable(str(images.root / each.path), each.reason, each.split)
        for images in sets.values()
        for each in images.unreadable
    ]
    read, start = {}, 0
    for role, listing in listings.items():
        rows, start = slice(start, start + len(listing)), start + len(listing)
        whole = replace(listing, hashes=tuple(hashes[rows]))
        reasons = [_reason(*each) for each in zip(problems[rows], hashes[rows], strict=True)]
        read[role] = whole.where(np.array([not reason for reason in reasons], bool))
        splits = sets[role].table["split"]
        unreadable += [
            Unreadable(str(path), reason, split)
            for path, reason, split in zip(listing.paths, reasons, splits, strict=True)
            if reason
        ]
    return RoleFiles(read, tuple(unreadable))


def _listing(images: ImageSet, class_names: tuple[str, ...]) -> RoleImages:
    position = {name: index for index, name in enumerate(class_names)}
    return RoleImages(
        tuple(images.absolute(path) for path in images.table["path"]),
        np.array([position[label] for label in images.table["label"]], np.int64),
        tuple(images.table["id"]),
    )


def _reason(problem: str, digest: str) -> str:
    return problem or ("" if digest else "the file cannot be read")
