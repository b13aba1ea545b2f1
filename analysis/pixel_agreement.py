"""Whether two files show the very same picture: encoded anew, resized, brightened, cropped or mirrored.

Two pictures are laid over each other at many sizes and offsets, and the detail of what they then share is
correlated. Pictures of one subject have the same large shapes; only copies have the same detail.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.cores import background_threads
from models.decoding import decoded
from models.errors import ImagesError
from models.progress import Progress

Grey = npt.NDArray[np.float32]

SAME = 0.85
"""Detail that agrees to this is the same picture's. Measured: copies cropped to 70 %, saved at quality 10 or
mirrored reach .85 to 1; drawings of one breed at most .76, photos of one scene taken moments apart .79."""
SAME_PICTURE = "the same picture"
SIDE, COARSE_SIDE = 96, 32
PROMISING, PROMISING_DETAIL, CERTAIN = 0.65, 0.4, 0.9
SIZES = np.exp(np.linspace(-np.log(1.6), np.log(1.6), 15))
FINE_SIZES, FINEST_SIZES = np.exp([-0.03, 0.0, 0.03]), np.exp([-0.015, -0.0075, 0.0, 0.0075, 0.015])
WHOLE = 0.93
_LEAST_SHARED = 0.5
_DETAIL, _AROUND = 0.06, 0.08
"""Of the longer side: what is smoother than that is no detail, and how far around its strength is measured."""
_FAINT = 6.0
"""Levels of grey below which detail counts less: there it is mostly noise."""
_OTHER_SHAPE = 0.03
_FLAT, _NOTHING = 0.01, 1e-4
"""Where the shared part has less of a picture's variance, or less variance, it is of one colour."""
_AT_ONCE = 16
_KEPT = 4096


@dataclass(frozen=True)
class PixelAgreement:
    """How well two pictures agree where they lie best over each other.

    Args:
        score: correlation of their detail, -1 to 1; -1 where even their large shapes do not agree.
        shared: (share of the first picture, share of the second) that lies under the other, 0 to 1.
        mirrored: whether the second has to be mirrored.
    """

    score: float
    shared: tuple[float, float]
    mirrored: bool

    @property
    def is_same(self) -> bool:
        """Whether they are one picture."""
        return self.score >= SAME

    @property
    def words(self) -> str:
        """What was done to one of them, in a few words.

        >>> PixelAgreement(0.97, (0.82, 1.0), True).words
        'the same picture, mirrored, cropped to 82%'
        """
        words = [SAME_PICTURE] + ["mirrored"] * self.mirrored
        part = min(self.shared)
        return ", ".join([*words, f"cropped to {part:.0%}"] if part < WHOLE else words)


def grey(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """A picture's luma, its longer side ``SIDE`` pixels, its shape kept."""
    scale = SIDE / max(picture.size)
    width, height = (max(8, round(side * scale)) for side in picture.size)
    filter = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(picture.convert("L").resize((width, height), filter))


def pixel_agreement(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> PixelAgreement:
    """Lay two pictures over each other as well as can be, and correlate their detail.

    Brightness and contrast play no part. A picture of one colour agrees with nothing.

    Args:
        one: (h, w) as `grey` gives it.
        other: likewise.

    Source:
        D. Padfield, Masked object registration in the Fourier domain, 2012 (the correlation over overlaps).

    >>> noise = np.random.default_rng(0).integers(0, 256, (96, 64), np.uint8)
    >>> pixel_agreement(noise, noise[:, ::-1]).words
    'the same picture, mirrored'
    """
    first, second = one.astype(np.float32), other.astype(np.float32)
    likeliest = _Laid(-1.0, 1.0, (0.0, 0.0))
    laid_by: tuple[Grey, tuple[int, int], bool] = second, (second.shape[0], second.shape[1]), False
    for mirrored in (False, True):
        turned = second[:, ::-1].copy() if mirrored else second
        for shape in _shapes(first, second):
            coarse = _best_laid(
                _small(first), turned, tuple(side * COARSE_SIDE / SIDE for side in shape), SIZES
            )
            if coarse.score > likeliest.score:
                likeliest, laid_by = coarse, (turned, shape, mirrored)
        if likeliest.score >= CERTAIN:
            break
    if likeliest.score < PROMISING:
        return PixelAgreement(-1.0, (0.0, 0.0), False)
    turned, shape, mirrored = laid_by
    laid = _best_laid(first, turned, shape, likeliest.size * FINE_SIZES, detail=True)
    if laid.score > PROMISING_DETAIL:
        laid = _best_laid(first, turned, shape, laid.size * FINEST_SIZES, detail=True)
    return PixelAgreement(laid.score, laid.shared, mirrored)


def agreement_steps(
    pairs: Sequence[tuple[Path, Path]],
) -> Generator[Progress, None, list[PixelAgreement | None]]:
    """Look at the pixels of pairs of files.

    Args:
        pairs: the files; those of neighbouring pairs are decoded once.

    Yields:
        Progress in pairs.

    Returns:
        One for each pair; None where a file cannot be read.
    """
    found: list[PixelAgreement | None] = []
    pictures = _Pictures()
    with ThreadPoolExecutor(background_threads(), thread_name_prefix="pixels") as pool:
        for start in range(0, len(pairs), _AT_ONCE):
            yield Progress("Looking at the pixels", start, len(pairs), "pairs")
            found += pool.map(lambda pair: _agreement(pictures, *pair), pairs[start : start + _AT_ONCE])
    return found


class _Pictures:
    """The latest pictures, small and grey."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, npt.NDArray[np.uint8]] = OrderedDict()

    def of(self, path: Path) -> npt.NDArray[np.uint8]:
        found = self._kept.get(path)
        if found is None:
            found = self._kept[path] = grey(decoded(path, at_least=(SIDE, SIDE)))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _agreement(pictures: _Pictures, one: Path, other: Path) -> PixelAgreement | None:
    try:
        return pixel_agreement(pictures.of(one), pictures.of(other))
    except ImagesError:
        return None


@dataclass(frozen=True)
class _Laid:
    """How two pictures lie: their correlation, the size of the second, the share of each that is shared."""

    score: float
    size: float
    shared: tuple[float, float]


def _shapes(first: Grey, second: Grey) -> list[tuple[int, int]]:
    """The second's own shape, and the first's where it may have been squeezed into another."""
    (h, w), (other_h, other_w) = first.shape, second.shape
    squeezed = abs(np.log(h / w * other_w / other_h)) > _OTHER_SHAPE
    return [(other_h, other_w), (h, w)] if squeezed else [(other_h, other_w)]


def _small(picture: Grey) -> Grey:
    return _resized(picture, tuple(side * COARSE_SIDE / SIDE for side in picture.shape))


def _best_laid(
    first: Grey,
    second: Grey,
    shape: tuple[float, ...],
    sizes: npt.NDArray[np.float64],
    *,
    detail: bool = False,
) -> _Laid:
    """Try the second at these sizes and at every offset."""
    laid = [_resized(second, tuple(side * size for side in shape)) for size in sizes]
    one, others = (_detail(first), [_detail(each) for each in laid]) if detail else (first, laid)
    scores, shared = _correlations(one, others)
    best = int(scores.argmax())
    area = float(shared[best])
    return _Laid(
        float(scores[best]), float(sizes[best]), (min(1.0, area / one.size), min(1.0, area / laid[best].size))
    )


def _resized(picture: Grey, shape: tuple[float, ...]) -> Grey:
    height, width = (max(4, round(side)) for side in shape)
    filter = Image.Resampling.BICUBIC if height >= picture.shape[0] else Image.Resampling.BOX
    return np.asarray(Image.fromarray(picture).resize((width, height), filter), dtype=np.float32)


def _detail(picture: Grey) -> Grey:
    """Detail as strong in one place as in another: a bright badge in two dark pictures makes them no copies."""
    from scipy.ndimage import gaussian_filter

    side = max(picture.shape)
    rest = picture - gaussian_filter(picture, _DETAIL * side)
    strength = np.sqrt(gaussian_filter(rest**2, _AROUND * side))
    even: Grey = rest / (strength + _FAINT)
    return even


def _correlations(one: Grey, others: Sequence[Grey]) -> tuple[Grey, Grey]:
    """Best correlation over all offsets with each of the others, and the pixels shared there."""
    from scipy import fft

    shape = [
        fft.next_fast_len(one.shape[i] + max(each.shape[i] for each in others), real=True) for i in (0, 1)
    ]
    first = fft.rfft2(_layers(one, shape))
    seconds = np.conj(fft.rfft2(np.stack([_layers(each, shape) for each in others])))
    pairs = ((0, 0), (0, 2), (1, 2), (2, 0), (2, 1), (2, 2))
    products = np.stack([first[i] * seconds[:, j] for i, j in pairs])
    both, sum_1, squares_1, sum_2, squares_2, n = fft.irfft2(products, s=shape)
    n = np.maximum(np.rint(n), 1)
    spread_1, spread_2 = squares_1 - sum_1**2 / n, squares_2 - sum_2**2 / n
    least = np.array([_LEAST_SHARED * min(one.size, each.size) for each in others])[:, None, None]
    # where one of them is all but flat, rounding decides
    flat_1 = n * np.float32(_FLAT * one.var() + _NOTHING)
    flat_2 = n * np.array([_FLAT * each.var() + _NOTHING for each in others], np.float32)[:, None, None]
    known = (n >= least) & (spread_1 > flat_1) & (spread_2 > flat_2)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(known, (both - sum_1 * sum_2 / n) / np.sqrt(spread_1 * spread_2), -1)
    flattened = correlation.reshape(len(others), -1)
    best = flattened.argmax(axis=1)
    rows = np.arange(len(others))
    return np.minimum(flattened[rows, best], 1), n.reshape(len(others), -1)[rows, best]


def _layers(picture: Grey, shape: Sequence[int]) -> Grey:
    """The picture less its mean, its square, and where it is; on a larger ground of zeros."""
    layers = np.zeros((3, *shape), np.float32)
    height, width = picture.shape
    layers[0, :height, :width] = picture - picture.mean()
    layers[1] = layers[0] ** 2
    layers[2, :height, :width] = 1
    return layers
