"""Pictures changed on purpose: what does the network say if this were covered, turned or brighter?

Needs no torch. An edited picture becomes a file of the workspace (`kept_picture`), so that it takes the
same way into the network as any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from PIL import Image, ImageEnhance, ImageFilter, ImageOps, ImageStat

from models.errors import ImagesError
from models.store import Store, write_atomically

Region = tuple[float, float, float, float]
"""Left, top, right, bottom as shares, 0 to 1, of the picture's width and height."""

Fill = Literal["blur", "grey", "mean"]
EditKind = Literal["cover", "flip", "rotate", "brighten", "blur"]

_BLUR_SHARE = 0.35  # radius as a share of the region's longer side: nothing of what was there is left
_GREY = (128, 128, 128)
_RIGHT_ANGLES = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def pixel_box(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A region in whole pixels: at least one pixel, all within the picture.

    Args:
        region: shares of width and height.
        size: (width, height) in pixels.

    Raises:
        ImagesError: the region is empty or leads out of the picture.

    >>> pixel_box((0.25, 0.0, 0.5, 1.0), (40, 30))
    (10, 0, 20, 30)
    """
    left, top, right, bottom = region
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ImagesError(
            f"The rectangle {tuple(round(each, 3) for each in region)} is empty or leads out of the picture.",
            next_step="Choose left below right and top below bottom, all from 0 to 1.",
            title="This rectangle cannot be used",
        )
    width, height = size
    x, y = min(width - 1, round(left * width)), min(height - 1, round(top * height))
    return x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))


def covered(image: Image.Image, region: Region, *, fill: Fill = "blur") -> Image.Image:
    """The picture with a rectangle made unrecognisable.

    Args:
        image: RGB.
        region: the rectangle.
        fill: "blur" takes colours from in and around the rectangle, without its content; "grey" is
            mid-grey; "mean" the mean colour of the whole picture.

    Returns:
        A new picture of the same size; outside of the rectangle every pixel is as it was.

    Raises:
        ImagesError: the region is empty or leads out of the picture.
    """
    box = pixel_box(region, image.size)
    result = image.copy()
    if fill == "blur":
        result.paste(_blurred_around(image, box), box)
    else:
        result.paste(_GREY if fill == "grey" else mean_colour(image), box)
    return result


def pasted(image: Image.Image, region: Region, source: Image.Image, source_region: Region) -> Image.Image:
    """The picture with a piece of another one in it.

    Args:
        image: RGB.
        region: where the piece goes.
        source: RGB, the picture that the piece is taken from.
        source_region: which piece; it is stretched to fit ``region``.

    Raises:
        ImagesError: a region is empty or leads out of its picture.
    """
    box = pixel_box(region, image.size)
    size = box[2] - box[0], box[3] - box[1]
    # Cropped first: a resize with a box would let pixels around it shine in.
    piece = source.crop(pixel_box(source_region, source.size)).resize(size, Image.Resampling.BICUBIC)
    result = image.copy()
    result.paste(piece, box)
    return result


def flipped(image: Image.Image) -> Image.Image:
    """The picture as in a mirror: left and right change places."""
    return ImageOps.mirror(image)


def rotated(image: Image.Image, degrees: float) -> Image.Image:
    """The picture turned clockwise.

    Args:
        image: RGB.
        degrees: quarter turns are exact; by any other angle the picture keeps its size, loses its corners
            and gets the mean colour where there was nothing.
    """
    quarter = _RIGHT_ANGLES.get(round(degrees % 360, 6))  # type: ignore[call-overload]
    if quarter is not None:
        return image.transpose(quarter)
    if degrees % 360 == 0:
        return image.copy()
    return image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=mean_colour(image))


def brightened(image: Image.Image, factor: float) -> Image.Image:
    """Every pixel times ``factor``, cut at white: 1 changes nothing, 0 is black."""
    return ImageEnhance.Brightness(image).enhance(factor)


def blurred(image: Image.Image, radius_share: float) -> Image.Image:
    """The whole picture blurred.

    Args:
        image: RGB.
        radius_share: standard deviation of the blur as a share of the shorter side.
    """
    return image.filter(ImageFilter.GaussianBlur(radius_share * min(image.size)))


def mean_colour(image: Image.Image) -> tuple[int, int, int]:
    """The mean red, green and blue of a picture, 0 to 255."""
    red, green, blue = (round(level) for level in ImageStat.Stat(image.convert("RGB")).mean)
    return red, green, blue


@dataclass(frozen=True)
class Edit:
    """One change of a picture.

    Args:
        kind: which.
        region: of "cover": the rectangle.
        fill: of "cover": what it is filled with.
        amount: degrees clockwise ("rotate"), factor ("brighten"), share of the shorter side ("blur").

    Raises:
        ImagesError: there is no such kind or fill, or a "cover" has no region.
    """

    kind: EditKind
    region: Region | None = None
    fill: Fill = "blur"
    amount: float = 0.0

    def __post_init__(self) -> None:
        known = self.kind in get_args(EditKind) and self.fill in get_args(Fill)
        if not known or (self.kind == "cover" and self.region is None):
            raise ImagesError(
                f"A picture cannot be edited like this: {self.kind!r}, {self.fill!r}, {self.region}.",
                next_step=f"Choose one of: {', '.join(get_args(EditKind))}.",
                title="This edit cannot be made",
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**asdict(self), "region": None if self.region is None else list(self.region)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Edit:
        """The edit that ``to_json`` wrote.

        Raises:
            ImagesError: there is no such edit.
        """
        region = value.get("region")
        shares = None if region is None else cast(Region, tuple(float(each) for each in region))
        return cls(value["kind"], shares, value.get("fill", "blur"), float(value.get("amount", 0.0)))


def edited(image: Image.Image, edits: Sequence[Edit]) -> Image.Image:
    """The picture after all edits, one after the other: a region means the picture as it is by then.

    Args:
        image: RGB; it stays as it is.
        edits: in their order.

    Raises:
        ImagesError: a region leads out of the picture.
    """
    result = image.copy()
    for edit in edits:
        result = _once(result, edit)
    return result


def _once(image: Image.Image, edit: Edit) -> Image.Image:
    if edit.kind == "cover":
        assert edit.region is not None
        return covered(image, edit.region, fill=edit.fill)
    if edit.kind == "rotate":
        return rotated(image, edit.amount)
    if edit.kind == "brighten":
        return brightened(image, edit.amount)
    return flipped(image) if edit.kind == "flip" else blurred(image, edit.amount)


def kept_picture(store: Store, image: Image.Image, name: str) -> Path:
    """Keep an edited picture in the workspace; the same pixels under the same name are kept once.

    Args:
        store: the workspace.
        image: RGB.
        name: of the picture it was made from ("Bengal_020.jpg"); messages then name it.

    Returns:
        Where it lies, as PNG: no pixel is lost. The file is not written again, so that what was found
        out about it stays found.

    Raises:
        WorkspaceError: the workspace cannot be written.
    """
    pixels = hashlib.sha256(f"{image.mode} {image.size}\n".encode() + image.tobytes()).hexdigest()[:24]
    stem = re.sub(r"[^\w.-]+", "_", Path(name).stem)[:60].strip("._") or "picture"
    path = store.folder("edits") / f"{stem}-{pixels}.png"
    if not path.exists():
        write_atomically(path, lambda temporary: image.save(temporary, "PNG", compress_level=1))
    return path


def _blurred_around(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The content of the box, blurred together with its surroundings."""
    radius = max(box[2] - box[0], box[3] - box[1]) * _BLUR_SHARE
    margin = round(3 * radius)  # further away nothing has weight
    around = (
        max(0, box[0] - margin), max(0, box[1] - margin),
        min(image.width, box[2] + margin), min(image.height, box[3] + margin),
    )  # fmt: skip
    soft = image.crop(around).filter(ImageFilter.GaussianBlur(radius))
    return soft.crop((box[0] - around[0], box[1] - around[1], box[2] - around[0], box[3] - around[1]))
