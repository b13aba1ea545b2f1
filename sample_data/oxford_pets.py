"""Fetches the Oxford-IIIT Pet set and lays it out as folders of classes, with the species as groups.

    python -m sample_data.oxford_pets [--output FOLDER]

7,349 photographs of 37 breeds (CC BY-SA 4.0), some 800 MB, from its home through torchvision.

Source: Parkhi, Vedaldi, Zisserman, Jawahar, "Cats and Dogs", CVPR 2012.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import ImagesError
from models.store import write_bytes

SPLITS = {"trainval.txt": "train", "test.txt": "val"}
"""The set's own lists, and the folders their pictures go to."""

_CAT = "1"


def download(folder: Path) -> Path:
    """Fetch and unpack the set; what is there already is not fetched again.

    Returns:
        The folder that holds ``images/`` and ``annotations/``.

    Raises:
        ImagesError: there is no connection, or what came is damaged.
    """
    from models.torchvision_import import torchvision  # torch takes seconds: only where it is needed

    try:
        torchvision.datasets.OxfordIIITPet(folder, split="trainval", download=True)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise ImagesError(
            f"The Oxford-IIIT Pet set could not be fetched ({_reason(error)}): connect to the internet and run this "
            "again, or use the pictures of sample_data/pets."
        ) from error
    except RuntimeError as error:  # torchvision's word for a file with a wrong checksum
        raise ImagesError(
            f"What was fetched of the Oxford-IIIT Pet set is damaged ({str(error).rstrip('.')}): delete {folder} and "
            "run this again."
        ) from error
    return folder / "oxford-iiit-pet"


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause or type(error).__name__)


def listed(source: Path) -> Iterator[tuple[str, str, str, str]]:
    """Every picture of the set: (split, class, group, stem), as its lists say.

    Raises:
        ImagesError: a list is missing.
    """
    for name, split in SPLITS.items():
        path = source / "annotations" / name
        if not path.is_file():
            raise ImagesError(f"{path} is missing: delete {source} and run this again.")
        for line in path.read_text().splitlines():
            stem, _, species, _ = line.split()
            yield split, stem.rpartition("_")[0], "cat" if species == _CAT else "dog", stem


def lay_out(source: Path, output: Path) -> int:
    """Put the set's pictures into ``output/<split>/<class>/`` and write ``output/groups.csv``.

    Args:
        source: holds ``images/`` and ``annotations/``.
        output: made if missing; pictures are linked where the disk can, else copied.

    Returns:
        How many pictures were laid out.

    Raises:
        ImagesError: a listed picture is missing.
    """
    groups: dict[str, str] = {}
    number = 0
    for split, name, group, stem in listed(source):
        groups[name] = group
        picture = source / "images" / f"{stem}.jpg"
        if not picture.is_file():
            raise ImagesError(f"{picture} is missing: delete {source} and run this again.")
        _place(picture, output / split / name / picture.name)
        number += 1
    rows = "".join(f"{name},{group}\n" for name, group in sorted(groups.items()))
    write_bytes(output / "groups.csv", f"class,group\n{rows}".encode())
    return number


def _place(picture: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(picture, target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(picture, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, or 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.oxford_pets", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("pets"), help="folder to write to (default: %(default)s)"
    )
    output = parser.parse_args(arguments).output
    try:
        number = lay_out(download(output / ".download"), output)
    except ImagesError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{number} pictures are in {output} (train, val); the species of each breed are in groups.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
