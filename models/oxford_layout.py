"""The layout of the Oxford-IIIT Pet data set: images/ and annotations/, as the archives unpack.

A line of ``annotations/list.txt``, ``trainval.txt`` or ``test.txt`` is
``<image> <class id> <species> <breed id>``: the name without ``.jpg``, the class from 1, 1 for a cat and 2
for a dog. The class name is the image's name without its last number; cats start with a capital letter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.breeds import CAT, DOG, capital_groups
from models.errors import ImagesError
from models.file_reasons import file_reason, missing_reason, status_reason
from models.image_listing import ImageFile, Listing, Unreadable, has_image_suffix, listed, shown

LAYOUT = "Oxford-IIIT Pet"
SPLIT_FILES = {"trainval": "trainval.txt", "test": "test.txt"}
ALL_FILE = "list.txt"
SPECIES = {"1": CAT, "2": DOG}


@dataclass(frozen=True)
class Annotation:
    """One line of an annotation file.

    Args:
        image: name of the image without its suffix.
        label: the breed, as the image's name says.
        species: "cat", "dog", or "" where the line does not say.
    """

    image: str
    label: str
    species: str


def oxford_root(folder: Path) -> Path | None:
    """The root of the layout, if the folder is it, or its images/ or annotations/; else None."""
    roots = [folder, folder.parent] if folder.name in ("images", "annotations") else [folder]
    names = (ALL_FILE, *SPLIT_FILES.values())
    for root in roots:
        annotated = any((root / "annotations" / name).is_file() for name in names)
        if annotated and (root / "images").is_dir():
            return root
    return None


def oxford_listing(root: Path) -> Listing:
    """The images of the layout; splits are trainval and test, groups are the species.

    Args:
        root: the folder with images/ and annotations/.

    Returns:
        The listing in the order of the annotation files. Class names are sorted as Python sorts text, as
        for a folder of class folders; the class ids, which sort capitals among the rest, are not used.

    Raises:
        ImagesError: an annotation file cannot be read or has another form; no image is there.
    """
    annotations, splits = _annotations(root)
    files = _files_by_stem(root / "images")
    listing = Listing(LAYOUT)
    for each in annotations.values():
        _add(listing, root, each, splits.get(each.image, ""), files)
    if not listing.files:
        raise ImagesError(
            f"None of the {len(annotations)} images listed in {shown(str(root / 'annotations'))} lies in"
            f" images/; the first looked for is images/{next(iter(annotations))}.jpg.",
            next_step="Unpack images.tar.gz beside annotations/.",
        )
    listing.class_names = tuple(sorted({each.label for each in annotations.values()}))
    listing.groups = _species(annotations, listing.class_names)
    return listing


def _annotations(root: Path) -> tuple[dict[str, Annotation], dict[str, str]]:
    """Annotations by image, and the split of each image that has one."""
    folder = root / "annotations"
    splits: dict[str, str] = {}
    annotations: dict[str, Annotation] = {}
    for split, name in SPLIT_FILES.items():
        for each in _lines(folder / name):
            if splits.setdefault(each.image, split) != split:
                raise ImagesError(
                    f"The image {each.image} stands in more than one of {listed([*SPLIT_FILES.values()])}"
                    f" in {shown(str(folder))}.",
                    next_step="Take it out of one of them.",
                )
            annotations[each.image] = each
    whole = {each.image: each for each in _lines(folder / ALL_FILE)}
    return whole | annotations, splits


def _lines(path: Path) -> list[Annotation]:
    if not path.is_file():
        return []
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ImagesError(
            f"{shown(str(path))} cannot be read: {file_reason(error)}.", next_step="Check the file."
        ) from error
    except UnicodeDecodeError as error:
        raise ImagesError(f"{shown(str(path))} is not UTF-8.", next_step="Unpack it again.") from error
    lines = enumerate(text.splitlines(), start=1)
    return [_annotation(line, path, number) for number, line in lines if line.strip() and line[0] != "#"]


def _annotation(line: str, path: Path, number: int) -> Annotation:
    fields = line.split()
    label, _, count = fields[0].rpartition("_")
    if len(fields) < 2 or not fields[1].isdigit() or not label or not count.isdigit():
        raise ImagesError(
            f"Line {number} of {shown(str(path))} is not `<breed>_<number> <class id> <species> <breed id>`.",
            next_step="Unpack annotations.tar.gz again.",
        )
    species = SPECIES.get(fields[2], "") if len(fields) > 2 else ""
    return Annotation(fields[0], label, species)


def _files_by_stem(folder: Path) -> dict[str, os.DirEntry[str]]:
    """Image files by name without suffix; a .jpg goes before others of the same name."""
    try:
        with os.scandir(folder) as entries:
            images = [entry for entry in entries if has_image_suffix(entry.name)]
    except OSError as error:
        raise ImagesError(
            f"The folder {shown(str(folder))} cannot be opened: {file_reason(error)}.",
            next_step="Check your permission to read it.",
        ) from error
    images.sort(key=lambda entry: (entry.name.lower().endswith(".jpg"), entry.name))
    return {entry.name.rpartition(".")[0]: entry for entry in images}


def _add(
    listing: Listing, root: Path, annotation: Annotation, split: str, files: dict[str, os.DirEntry[str]]
) -> None:
    entry = files.get(annotation.image)
    if entry is None:
        path = f"images/{annotation.image}.jpg"
        listing.unreadable.append(Unreadable(path, "the file is missing", split))
        return
    path = f"images/{entry.name}"
    try:
        status = entry.stat()
    except OSError as error:
        listing.unreadable.append(Unreadable(path, missing_reason(error, str(root / path)), split))
        return
    if reason := status_reason(status):
        listing.unreadable.append(Unreadable(path, reason, split))
    else:
        image = ImageFile(path, annotation.label, split, status.st_size, status.st_mtime_ns)
        listing.files.append(image)


def _species(annotations: dict[str, Annotation], class_names: tuple[str, ...]) -> dict[str, str]:
    """The species of each breed: as the lines say, else by the capital letter."""
    written = {each.label: each.species for each in annotations.values() if each.species}
    return capital_groups(class_names) | written
