"""Draws the sample's pictures and writes what is planted among them.

    python -m sample_data.builder [--output FOLDER] [--without-faults] [--workers N]

The same Pillow and numpy give the same bytes on every run.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image, ImageEnhance

from models.store import write_bytes, write_json
from sample_data.breeds import BREEDS, BY_NAME, LOOK_ALIKE_PAIR, LOOK_ALIKE_TRIO
from sample_data.faults import MARKED_BREED, Shot, randomness, shots
from sample_data.pictures import PIXELS, jpeg, picture, stamped

HERE = Path(__file__).resolve().parent
PICTURES = "pets"
_LOW_QUALITY = 45
_CROPPED = 3


def shot_bytes(shot: Shot) -> bytes:
    """The file of one shot."""
    image = picture(BY_NAME[shot.breed], randomness(shot), shot.wish)
    content = jpeg(stamped(image) if shot.marked else image)
    if shot.fault == "near_duplicates":
        return _altered(content, str((shot.facts or {})["change"]))
    return content[: len(content) * 2 // 5] if shot.fault == "corrupt" else content


def _altered(content: bytes, change: str) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        if change == "cropped":
            box = (_CROPPED, _CROPPED, PIXELS - _CROPPED, PIXELS - _CROPPED)
            return jpeg(image.crop(box))
        if change == "brightened":
            return jpeg(ImageEnhance.Brightness(image).enhance(1.15))
        return jpeg(image, _LOW_QUALITY)


def planted(planned: Sequence[Shot]) -> dict[str, Any]:
    """What planted.json says; paths are relative to the folder of pictures."""
    training = {(shot.breed, shot.number): shot.path for shot in planned if shot.split == "train"}
    return {
        "classes": [breed.name for breed in BREEDS],
        "groups": {breed.name: breed.group for breed in BREEDS},
        "look_alikes": {"pair": list(LOOK_ALIKE_PAIR), "trio": list(LOOK_ALIKE_TRIO)},
        "mislabelled": _facts(planned, "mislabelled"),
        "near_duplicates": _pairs(planned, "near_duplicates", training),
        "exact_duplicates": _pairs(planned, "exact_duplicates", training),
        "cross_species": _facts(planned, "cross_species"),
        "shortcut": _shortcut(planned),
        "low_light": [shot.path for shot in planned if shot.fault == "low_light"],
        "corrupt": _facts(planned, "corrupt"),
    }


def _facts(planned: Iterable[Shot], fault: str) -> list[dict[str, Any]]:
    return [{"path": shot.path, **(shot.facts or {})} for shot in planned if shot.fault == fault]


def _pairs(planned: Iterable[Shot], fault: str, training: dict[tuple[str, int], str]) -> list[dict[str, Any]]:
    copies = [shot for shot in planned if shot.fault == fault]
    return [
        {"val": shot.path, "train": training[shot.breed, shot.number], **(shot.facts or {})}
        for shot in copies
    ]


def _shortcut(planned: Sequence[Shot]) -> dict[str, Any]:
    marked = [shot for shot in planned if shot.marked]
    if not marked:
        return {}
    return {
        "class": MARKED_BREED,
        "mark": "a round teal badge with a white paw in the lower right corner",
        "marked": [shot.path for shot in marked if shot.fault != "shortcut_proof"],
        "proof": _facts(planned, "shortcut_proof"),
    }


def build(output: Path, *, with_faults: bool = True, workers: int | None = None) -> dict[str, Any]:
    """Draw all pictures into ``output/pets`` and write ``output/planted.json``.

    Args:
        output: the folder; pictures of an earlier build in it are replaced.
        with_faults: False makes the null version, with nothing planted but the look-alikes.
        workers: processes that draw; None for one a processor core.

    Returns:
        What planted.json holds.
    """
    planned = shots(with_faults=with_faults)
    root = output / PICTURES
    for split in ("train", "val", "test"):
        shutil.rmtree(root / split, ignore_errors=True)
    for shot, content in zip(planned, _drawn(planned, workers), strict=True):
        path = root / shot.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    rows = "".join(f"{breed.name},{breed.group}\n" for breed in BREEDS)
    write_bytes(root / "groups.csv", f"class,group\n{rows}".encode())
    truth = planted(planned)
    write_json(output / "planted.json", truth)
    return truth


def _drawn(planned: Sequence[Shot], workers: int | None) -> Iterator[bytes]:
    if workers == 1:
        yield from map(shot_bytes, planned)
        return
    # spawned, not forked: forking a process with threads (torch's, say) can hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(shot_bytes, planned, chunksize=16)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.builder", description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to (default: %(default)s)")
    parser.add_argument("--without-faults", action="store_true", help="make the null version")
    parser.add_argument("--workers", type=int, help="processes that draw (default: one a processor core)")
    options = parser.parse_args(arguments)
    build(options.output, with_faults=not options.without_faults, workers=options.workers)
    print(f"pictures and planted.json are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
