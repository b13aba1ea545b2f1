"""Relevance made visible: over the picture it belongs to, at the place the network looked at."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from analysis.colour_maps import DIVERGING_COLOUR_MAP, colours

Box = tuple[float, float, float, float]
Relevance = npt.NDArray[np.floating]

PERCENTILE = 99.5
_STRONGEST = 0.7  # even the hottest place lets the picture through
_OUTSIDE = 0.45  # how much what the network never saw is darkened
_GREY_LIGHT = 0.75
_OUTLINE = (255, 255, 255, 150)


def display_values(
    relevance: Relevance, percentile: float = PERCENTILE, *, scale: float | None = None
) -> npt.NDArray[np.float32]:
    """Relevance scaled for the eye; zero stays zero and signs stay.

    Args:
        relevance: (H, W), of any scale.
        percentile: of the absolute values; what lies beyond is drawn like the percentile itself, so that a
            few extreme pixels do not leave the rest dark.
        scale: the relevance that becomes 1, instead of the percentile: for maps that are compared.

    Returns:
        (H, W) float32 from -1 to 1; all zeros for a map of zeros.

    Example:
        >>> display_values(np.array([[0.0, 2.0], [-4.0, 4.0]])).tolist()
        [[0.0, 0.5], [-1.0, 1.0]]
    """
    scale = full_scale(relevance, percentile) if scale is None else scale
    if scale == 0:
        return np.zeros(relevance.shape, np.float32)
    values: npt.NDArray[np.float32] = np.clip(relevance / scale, -1, 1).astype(np.float32)
    return values


def full_scale(relevance: Relevance, percentile: float = PERCENTILE, *, grain: int = 1) -> float:
    """The relevance from which on a map is drawn at full strength, in the method's own units.

    Args:
        relevance: (H, W), of any scale.
        percentile: of the absolute values; where it is 0, the largest counts.
        grain: side of the squares that are averaged first.

    Returns:
        0 for a map of zeros.
    """
    strength = np.abs(_averaged(relevance, grain))
    return float(np.percentile(strength, percentile)) or float(strength.max())


def heat_image(
    relevance: Relevance,
    crop_box: Box,
    size: tuple[int, int],
    *,
    colour_map: str = "inferno",
    signed: bool = False,
    absolute: bool = False,
    percentile: float = PERCENTILE,
    grain: int = 1,
    longest: int = 640,
    scale: float | None = None,
) -> Image.Image:
    """The map alone, to lie exactly over the picture: transparent where there is no relevance.

    Args:
        relevance: (H, W) over the network's input.
        crop_box: (left, top, right, bottom) of the input in the picture's own pixels, as
            `Preprocessing.crop_box` gives it.
        size: (width, height) of the picture in pixels.
        colour_map: one of `analysis.colour_maps.COLOUR_MAPS`.
        signed: draw what speaks against in blue and what speaks for in red, instead of ``colour_map``;
            else what is below zero is not drawn.
        absolute: draw how strong the relevance is, for or against, in ``colour_map``.
        percentile: of the absolute values; from there on a map is drawn at full strength.
        grain: side in input pixels of the squares that are averaged first; `Method.grain` has the one that
            lets a person see a method's maps. 1 draws each pixel for itself.
        longest: longest side of the result in pixels; it keeps the picture's proportions.
        scale: the relevance that is drawn at full strength, instead of the percentile.

    Returns:
        RGBA, no larger than the picture. The opacity of a pixel follows its relevance; that of fine maps,
        whose squares are small and far apart, the root of it.
    """
    values = display_values(_averaged(relevance, grain), percentile, scale=scale)
    if not signed:
        values = np.abs(values) if absolute else np.maximum(values, 0)
    placed = _placed(values, crop_box, size, _shown(size, longest))
    rgba = np.empty((*placed.shape, 4), np.uint8)
    rgba[..., :3] = colours(placed / 2 + 0.5, DIVERGING_COLOUR_MAP) if signed else colours(placed, colour_map)
    strength = np.sqrt(np.abs(placed)) if grain > 1 else np.abs(placed)
    rgba[..., 3] = np.rint(strength * 255 * _STRONGEST)
    return Image.fromarray(rgba, "RGBA")


def heat_png(
    relevance: Relevance,
    crop_box: Box,
    size: tuple[int, int],
    *,
    colour_map: str = "inferno",
    signed: bool = False,
    absolute: bool = False,
    percentile: float = PERCENTILE,
    grain: int = 1,
    longest: int = 640,
    scale: float | None = None,
) -> bytes:
    """`heat_image` as PNG: an <img> over the picture's <img>, its opacity left to CSS."""
    image = heat_image(
        relevance, crop_box, size, colour_map=colour_map, signed=signed, absolute=absolute,
        percentile=percentile, grain=grain, longest=longest, scale=scale,
    )  # fmt: skip
    return _png(image)


def crop_frame(crop_box: Box, size: tuple[int, int], *, longest: int = 640) -> Image.Image:
    """What the network never saw, darkened, with a thin line around what it saw.

    Args:
        crop_box: (left, top, right, bottom) in the picture's own pixels.
        size: (width, height) of the picture in pixels.
        longest: longest side of the result in pixels.

    Returns:
        RGBA, to lie over the picture; wholly transparent where the network saw all of it.
    """
    width, height = _shown(size, longest)
    across, down = width / size[0], height / size[1]
    left, right = round(crop_box[0] * across), round(crop_box[2] * across) - 1
    top, bottom = round(crop_box[1] * down), round(crop_box[3] * down) - 1
    frame = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    if left > 0 or top > 0 or right < width - 1 or bottom < height - 1:
        frame.paste((0, 0, 0, round(255 * _OUTSIDE)), (0, 0, width, height))
        inside = (left, top, right, bottom)
        ImageDraw.Draw(frame).rectangle(inside, fill=(0, 0, 0, 0), outline=_OUTLINE)
    return frame


def crop_frame_png(crop_box: Box, size: tuple[int, int], *, longest: int = 640) -> bytes:
    """`crop_frame` as PNG."""
    return _png(crop_frame(crop_box, size, longest=longest))


def overlay(
    image: Image.Image,
    relevance: Relevance,
    crop_box: Box,
    *,
    opacity: float = 1.0,
    colour_map: str = "inferno",
    signed: bool = False,
    absolute: bool = False,
    percentile: float = PERCENTILE,
    grain: int = 1,
    grey: bool = False,
    longest: int = 640,
    scale: float | None = None,
) -> Image.Image:
    """The picture with the map laid over it, and what the network never saw darkened.

    Args:
        image: the original picture, before resizing and cropping.
        relevance: (H, W) over the network's input.
        crop_box: (left, top, right, bottom) of the input in the picture's own pixels.
        opacity: of the map, from 0 to 1.
        colour_map: one of `analysis.colour_maps.COLOUR_MAPS`.
        signed: draw against in blue and for in red.
        absolute: draw the strength, for or against.
        percentile: of the absolute values; from there on a map is drawn at full strength.
        grain: side in input pixels of the squares that are averaged first.
        grey: draw the picture in grey and darker, so that fine maps stand out.
        longest: longest side of the result in pixels.
        scale: the relevance that is drawn at full strength, instead of the percentile.

    Returns:
        RGB, no larger than the picture.
    """
    heat = heat_image(
        relevance, crop_box, image.size, colour_map=colour_map, signed=signed, absolute=absolute,
        percentile=percentile, grain=grain, longest=longest, scale=scale,
    )  # fmt: skip
    heat.putalpha(heat.getchannel("A").point(lambda alpha: round(alpha * opacity)))
    picture = image.convert("RGB").resize(heat.size, Image.Resampling.LANCZOS, reducing_gap=3)
    if grey:
        picture = picture.convert("L").point(lambda light: round(light * _GREY_LIGHT)).convert("RGB")
    framed = Image.alpha_composite(picture.convert("RGBA"), crop_frame(crop_box, image.size, longest=longest))
    return Image.alpha_composite(framed, heat).convert("RGB")


def _shown(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _averaged(relevance: Relevance, grain: int) -> Relevance:
    if grain <= 1:
        return relevance
    height, width = (max(1, side // grain) for side in relevance.shape)
    small = Image.fromarray(relevance.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small)


def _placed(values: Relevance, crop_box: Box, size: tuple[int, int], shown: tuple[int, int]) -> Relevance:
    across, down = shown[0] / size[0], shown[1] / size[1]
    width, height = (crop_box[2] - crop_box[0]) * across, (crop_box[3] - crop_box[1]) * down
    # Resizing averages where the map shrinks, which an affine transform does not.
    fitted = Image.fromarray(values).resize(
        (max(1, round(width)), max(1, round(height))), Image.Resampling.BILINEAR
    )
    x, y = fitted.width / width, fitted.height / height
    place = (x, 0, -crop_box[0] * across * x, 0, y, -crop_box[1] * down * y)
    moved = fitted.transform(shown, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR)
    return np.asarray(moved)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
