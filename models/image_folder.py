"""A folder of class folders, with or without split folders (train, val, test) above them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.class_folder import ClassFolder, is_folder, link_reason
from models.errors import ImagesError
from models.file_reasons import file_reason, name_reason
from models.image_listing import Listing, Unreadable, has_image_suffix, is_litter, listed, shown

SPLIT_NAMES = frozenset(
    ("train", "training", "trn", "val", "valid", "validation", "dev", "eval", "evaluation")
) | {"test", "testing", "tst", "holdout"}
# A folder of such a name that holds images is where they lie, not what they show.
PLACE_NAMES = SPLIT_NAMES | {"images", "image", "imgs", "img", "pictures", "photos", "data", "jpegimages"}

STRAY = "it lies outside the class folders, so it has no label"
CLASS_FOLDERS = "folder of class folders"
SPLIT_FOLDERS = "split folders of class folders"
WANTED = (
    "Open a folder with one folder per class, a table (CSV or Parquet) with the columns path and label,"
    " or a folder in the layout of Oxford-IIIT Pet (images/ and annotations/)."
)


@dataclass
class FolderContents:
    """What lies directly in a folder, litter left out, sorted by name.

    Args:
        folders: names of folders, and of links to folders.
        files: names of everything else.
    """

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def images(self) -> list[str]:
        """Names of files that end like images."""
        return [name for name in self.files if has_image_suffix(name)]


def folder_contents(folder: Path) -> FolderContents:
    """What lies directly in a folder.

    Raises:
        ImagesError: the folder is missing, no folder, or cannot be read.
    """
    contents = FolderContents()
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if not is_litter(entry.name):
                    (contents.folders if is_folder(entry) else contents.files).append(entry.name)
    except OSError as error:
        raise ImagesError(
            f"The folder {shown(str(folder))} cannot be opened: {file_reason(error)}.",
            next_step="Check the path and your permission to read it.",
        ) from error
    return contents


def folder_listing(root: Path) -> Listing:
    """The images of a folder of class folders, or of split folders that hold such.

    An image in a folder inside a class folder belongs to the class. Links are followed, but never back
    to a folder already seen in the same class. Every file of a class folder that is no image is listed
    as unreadable; so is an image that lies outside the class folders.

    Args:
        root: the folder.

    Returns:
        The listing; class names are sorted as Python sorts text, as torchvision's ImageFolder does.

    Raises:
        ImagesError: no folder, no class folders, or no images.
    """
    contents = folder_contents(root)
    splits = split_folders(root, contents)
    listing = Listing(SPLIT_FOLDERS if splits else CLASS_FOLDERS)
    names: set[str] = set()
    if splits:
        for name in splits:
            names |= _add_classes(listing, root, f"{name}/", name, folder_contents(root / name))
        stray = [name for name in contents.folders if name not in splits and _holds_images(root / name)]
        listing.unreadable += [
            Unreadable(shown(name), f"a folder beside the split folders {listed(splits)}") for name in stray
        ]
    else:
        _check_class_folders(root, contents)
        names = _add_classes(listing, root, "", "", contents)
    _check_images(root, listing, names)
    listing.class_names = tuple(sorted(names))
    return listing


def split_folders(root: Path, contents: FolderContents) -> list[str]:
    """Names of the folders that are splits: named like one, with no image in them but class folders.

    One is enough where no other folder holds images; beside other folders it takes two, because a class
    may be called "test".
    """
    splits = [
        name for name in contents.folders if name.lower() in SPLIT_NAMES and _holds_classes(root / name)
    ]
    others = [name for name in contents.folders if name not in splits]
    if len(splits) == 1 and any(_holds_images(root / name) for name in others):
        return []
    return splits


def labelling_folders(root: Path, contents: FolderContents) -> list[str]:
    """Names of the folders that say what images show: class folders, or splits of class folders."""
    splits = split_folders(root, contents)
    named = [name for name in contents.folders if not is_place(name) and _holds_images(root / name)]
    return splits or named


def is_place(name: str) -> bool:
    """Whether a folder's name says where images lie, not what they show.

    >>> is_place("train_images"), is_place("Images"), is_place("beagle")
    (True, True, False)
    """
    return all(part in PLACE_NAMES for part in name.lower().replace("-", "_").split("_"))


def _check_class_folders(root: Path, contents: FolderContents) -> None:
    """Raise where the folders cannot be classes, saying what they seem to be instead."""
    where = shown(str(root))
    if not contents.folders and not contents.images:
        raise ImagesError(f"The folder {where} holds no images.", next_step=WANTED)
    places = [name for name in contents.folders if is_place(name)]
    if not contents.folders or (len(places) == len(contents.folders) and _any_images(root, places)):
        inside = f" (in {listed(places)})" if places else ""
        raise ImagesError(
            f"The folder {where} holds images{inside}, but no class folders and no table that labels them.",
            next_step=WANTED,
        )
    only = contents.folders[0]
    inside_it = root / only
    alone = len(contents.folders) == 1 and not contents.images
    if alone and _holds_classes(inside_it) and len(_class_folders(inside_it)) > 1:
        raise ImagesError(
            f"The folder {where} holds one folder, {shown(only)}, and the class folders lie inside that.",
            next_step=f"Open {shown(str(inside_it))}.",
        )


def _check_images(root: Path, listing: Listing, names: set[str]) -> None:
    if listing.files:
        return
    left_out = listing.unreadable
    first = f"; the first of {len(left_out)} left out, {left_out[0].path}: {left_out[0].reason}"
    raise ImagesError(
        f"The {len(names)} class folders of {shown(str(root))} hold no image{first if left_out else ''}.",
        next_step=WANTED,
    )


def _add_classes(listing: Listing, root: Path, prefix: str, split: str, contents: FolderContents) -> set[str]:
    """List every class folder of one folder; gives the class names."""
    names = set()
    for name in contents.folders:
        if reason := name_reason(name) or link_reason(f"{root}/{prefix}{name}"):
            listing.unreadable.append(Unreadable(shown(prefix + name), reason, split))
        else:
            names.add(name)
            ClassFolder(listing, root, name, split).add(prefix + name)
    stray = [Unreadable(shown(prefix + name), STRAY, split) for name in contents.images]
    listing.unreadable += stray
    return names


def _class_folders(folder: Path) -> list[str]:
    """Names of the folders inside a folder that hold images at any depth."""
    try:
        contents = folder_contents(folder)
    except ImagesError:  # listed with its reason when it is opened for good
        return []
    return [name for name in contents.folders if _holds_images(folder / name)]


def _holds_classes(folder: Path) -> bool:
    """Whether a folder holds folders of images, and no image itself."""
    return bool(_class_folders(folder)) and not folder_contents(folder).images


def _any_images(root: Path, names: list[str]) -> bool:
    return any(_holds_images(root / name) for name in names)


def _holds_images(folder: Path) -> bool:
    return next(_images_below(folder), None) is not None


def _images_below(folder: Path) -> Iterator[str]:
    """Names of images at any depth, one after the other, so that asking for the first costs little."""
    for _, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        yield from (name for name in files if has_image_suffix(name) and not is_litter(name))
