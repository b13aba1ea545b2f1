"""The mean of many pictures, and where the means of two sets of pictures differ beyond chance.

A mean picture shows what pictures have in common at the same place: a background, a frame, a light, a pose.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from analysis.colour_maps import DIVERGING_COLOUR_MAP, colours
from analysis.confusion import Floats
from analysis.significance import false_discovery_rates
from models.cores import available_cores
from models.decoding import decoded
from models.errors import ImagesError

SIDE = 128
"""Pixels of the square that every picture is cut and resized to."""
MOST = 200
"""Pictures of a set at most: more hardly change the mean."""
FEWEST = 10
"""Pictures of a set, below which differences are not looked for."""
CLEAR = 0.05
_CELLS = 16
_SHOWN_SIDE = 256


@dataclass(frozen=True, eq=False)
class AverageImage:
    """The mean of a set of pictures.

    Args:
        pixels: (SIDE, SIDE, 3) mean red, green and blue, 0 to 255.
        light: (16, 16) mean luma of the parts of a coarse grid, 0 to 255.
        light_variance: (16, 16) its variance from picture to picture; nan with one picture.
        n: pictures in it.
        n_unreadable: pictures that were asked for and could not be read.
        n_all: pictures of the set, of which at most ``MOST`` were taken, evenly spaced through the list.
    """

    pixels: Floats
    light: Floats
    light_variance: Floats
    n: int
    n_unreadable: int
    n_all: int


@dataclass(frozen=True, eq=False)
class AverageDifference:
    """Where one set of pictures is lighter or darker than another.

    Args:
        difference: (16, 16) mean luma of the first less that of the second, -255 to 255.
        is_clear: (16, 16) where it is beyond chance (Welch's test, corrected for all places).
    """

    difference: Floats
    is_clear: npt.NDArray[np.bool_]

    def words(self, first: str, second: str) -> str:
        """The difference as a person says it.

        Args:
            first: what the pictures of the first set are called.
            second: what those of the second are called.
        """
        ways = {"lighter": self.difference > 0, "darker": self.difference < 0}
        shares = {way: float((self.is_clear & places).mean()) for way, places in ways.items()}
        if not any(shares.values()):
            return f"No place is lighter or darker in {first} than in {second} beyond chance."
        parts = [f"{way} on {share:.0%} of the picture" for way, share in shares.items() if share]
        return f"Beyond chance, {first} is {' and '.join(parts)}, compared with {second}."


def average_image(paths: Sequence[Path], *, most: int = MOST) -> AverageImage | None:
    """Lay pictures over each other: each is cut to a square around its centre and resized.

    Memory holds a few pictures at a time, and the sums.

    Args:
        paths: the files.
        most: of them at most so many are taken, evenly spaced.

    Returns:
        The mean; None where none can be read.
    """
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(most, len(paths))).astype(int)]
    total = np.zeros((SIDE, SIDE, 3))
    light = np.zeros((2, _CELLS, _CELLS))
    n = 0
    at_once = 2 * available_cores()
    with ThreadPoolExecutor(max(2, available_cores()), thread_name_prefix="average-image") as pool:
        for start in range(0, len(chosen), at_once):
            for square in pool.map(_square, chosen[start : start + at_once]):
                if square is not None:
                    total += square
                    luma = _coarse_luma(square)
                    light += np.stack([luma, luma**2])
                    n += 1
    if not n:
        return None
    mean = light[0] / n
    spread = (light[1] - n * mean**2).clip(0) / (n - 1) if n > 1 else np.full_like(mean, np.nan)
    return AverageImage(total / n, mean, spread, n, len(chosen) - n, len(paths))


def average_jpeg(average: AverageImage) -> bytes:
    """The mean picture as a JPEG of 256 pixels."""
    return _jpeg(Image.fromarray(np.rint(average.pixels).clip(0, 255).astype(np.uint8)))


def average_difference(first: AverageImage, second: AverageImage) -> AverageDifference | None:
    """Where the pictures of two sets differ in lightness, beyond what so few pictures do by chance.

    Returns:
        None with fewer than ``FEWEST`` pictures in either.

    Source:
        B. L. Welch, The generalization of Student's problem when several different population variances are
        involved, 1947.
    """
    if min(first.n, second.n) < FEWEST:
        return None
    # scipy takes a third of a second to import: only who compares pays
    from scipy.special import stdtr

    one, two = (np.maximum(each.light_variance, 1e-6) / each.n for each in (first, second))
    difference = first.light - second.light
    freedom = (one + two) ** 2 / (one**2 / (first.n - 1) + two**2 / (second.n - 1))
    p_values = 2 * stdtr(freedom, -np.abs(difference) / np.sqrt(one + two))
    q_values = false_discovery_rates(p_values.ravel()).reshape(p_values.shape)
    return AverageDifference(difference, q_values <= CLEAR)


def difference_png(found: AverageDifference) -> bytes:
    """The difference as a PNG of 256 pixels: red where the first is lighter, blue where darker, grey elsewhere."""
    strongest = float(np.abs(found.difference).max()) or 1.0
    shown = colours(found.difference / strongest / 2 + 0.5, DIVERGING_COLOUR_MAP)
    shown[~found.is_clear] = 200
    picture = Image.fromarray(shown).resize((_SHOWN_SIDE, _SHOWN_SIDE), Image.Resampling.NEAREST)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def _square(path: Path) -> npt.NDArray[np.float64] | None:
    try:
        picture = decoded(path, at_least=(SIDE, SIDE))
    except ImagesError:
        return None
    return np.asarray(ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.BILINEAR), dtype=float)


def _coarse_luma(square: Floats) -> Floats:
    luma = square @ np.array([0.299, 0.587, 0.114])
    step = SIDE // _CELLS
    coarse: Floats = luma.reshape(_CELLS, step, _CELLS, step).mean(axis=(1, 3))
    return coarse


def _jpeg(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.resize((_SHOWN_SIDE, _SHOWN_SIDE), Image.Resampling.BICUBIC).save(content, "JPEG", quality=88)
    return content.getvalue()
