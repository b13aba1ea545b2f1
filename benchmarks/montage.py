"""Every attribution method on the same photos, to be looked at.

Run: python -m benchmarks.montage [--output FOLDER]

Writes montage_sample.png, and montage_real.png where the real photos are there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from analysis.attribution import METHODS, Contrast, attribute
from analysis.saliency_image import overlay
from models.checkpoint import load_checkpoint
from models.decoding import decoded
from models.errors import AttributionError
from models.image_input import image_input
from models.network import Network
from tests.conftest import REAL, SAMPLE

TILE, GAP, WORDS = 200, 8, 20
COLUMNS = 6
PAPER, INK = (250, 250, 250), (30, 30, 30)


def tile(picture: Image.Image, words: str) -> Image.Image:
    """A picture of at most 200 pixels a side with a line of words under it."""
    made = Image.new("RGB", (TILE, TILE + WORDS), PAPER)
    scale = TILE / max(picture.size)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    made.paste(small, ((TILE - small.width) // 2, (TILE - small.height) // 2))
    ImageDraw.Draw(made).text((2, TILE + 3), words, INK, ImageFont.load_default(12))
    return made


def sheet(tiles: list[Image.Image]) -> Image.Image:
    """Tiles in rows of six."""
    rows = -(-len(tiles) // COLUMNS)
    made = Image.new("RGB", (COLUMNS * (TILE + GAP) + GAP, rows * (TILE + WORDS + GAP) + GAP), PAPER)
    for place, each in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        made.paste(each, (GAP + column * (TILE + GAP), GAP + row * (TILE + WORDS + GAP)))
    return made


def explained(network: Network, path: Path, label: str, against: str | None = None) -> Image.Image:
    """All methods on one photo.

    Args:
        network: the network.
        path: the photo.
        label: the class to explain.
        against: explain ``label`` rather than this class; None for ``label`` alone.
    """
    picture, inputs = decoded(path), image_input(path, network.preprocessing)
    index = network.class_names.index(label)
    target = index if against is None else Contrast(index, network.class_names.index(against))
    box = network.preprocessing.crop_box(*picture.size)
    tiles = [tile(picture, label if against is None else f"{label} or {against}?")]
    for method in METHODS.values():
        start = time.perf_counter()
        try:
            found = attribute(network, inputs, target, method.key)
        except AttributionError:
            tiles.append(
                tile(Image.new("RGB", (TILE, TILE), (225, 225, 225)), f"{method.label}: not possible")
            )
            continue
        drawn = overlay(
            picture,
            found.relevance,
            box,
            grain=method.grain,
            grey=True,
            longest=max(picture.size),
        )
        words = "no positive evidence" if found.is_blank else f"{time.perf_counter() - start:.1f} s"
        tiles.append(tile(drawn, f"{method.label}  {words}"))
    return sheet(tiles)


def stacked(sheets: list[Image.Image]) -> Image.Image:
    """Sheets under each other."""
    made = Image.new("RGB", (max(each.width for each in sheets), sum(each.height for each in sheets)), PAPER)
    top = 0
    for each in sheets:
        made.paste(each, (0, top))
        top += each.height
    return made


def main() -> None:
    """Draw the sample, and the real photos where they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/output"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    network = load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")
    photo = sorted((SAMPLE / "pets" / "val" / "chihuahua").iterdir())[0]
    explained(network, photo, "chihuahua").save(output / "montage_sample.png")
    if not REAL.is_dir():
        print("The real photos are not there, so only the sample was drawn.")
        return
    network = load_checkpoint(REAL / "weights" / "mobilenet_v2_pets34.pth")
    bengal = sorted((REAL / "pets" / "val" / "Bengal").iterdir())[0]
    beagle = sorted((REAL / "pets" / "val" / "beagle").iterdir())[0]
    sheets = [
        explained(network, bengal, "Bengal", "Egyptian_Mau"),
        explained(network, beagle, "beagle"),
    ]
    stacked(sheets).save(output / "montage_real.png")


if __name__ == "__main__":
    main()
