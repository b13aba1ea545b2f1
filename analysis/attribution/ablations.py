"""Parts of the image taken away one after the other: by how much does the score fall?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch

from analysis.attribution.baselines import BASELINE
from analysis.attribution.baselines import baseline as baseline_image
from analysis.attribution.forward_passes import FORWARD_ONLY, batches, scattered, scores
from analysis.attribution.gradients import own_module
from analysis.attribution.picture_cells import CELLS, cells_of, laid_out, windows
from analysis.attribution.records import Estimate, Method, Option, Question, Settings

WINDOW = Option(
    "window",
    "Window",
    0.16,
    "Side of the square that is covered, as a share of the image's shorter side: small finds details, "
    "large finds evidence that stands in several places.",
    0.04,
    0.5,
    0.02,
)
STRIDE = Option(
    "stride",
    "Stride",
    0.5,
    "From one square to the next, as a share of the square's side: smaller is finer and slower.",
    0.25,
    1.0,
    0.05,
)

_USUAL_SIDE = 224  # pixels of the inputs that the estimate is made for; most networks take these


def occlusion(question: Question, *, window: float, stride: float, baseline: str) -> Iterator[Estimate]:
    """How much the score falls when a square around a place is covered.

    A pixel's relevance is the mean over the squares that cover it, in units of the score. It needs no
    gradient.

    Args:
        question: the image and its targets; all targets are read from the same forward passes.
        window: side of the square as a share of the image's shorter side (at least one pixel).
        stride: from one square to the next, as a share of the square's side (at least one pixel).
        baseline: what covers it, one of ``BASELINE.choices``.

    Yields:
        The map so far, from coarse to fine: a square not yet tried has the value of the nearest one.

    Source:
        Zeiler, Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
    """
    side, step = window_pixels(min(question.size), window, stride)
    rows, columns = (windows(length, side, step).to(question.inputs.device) for length in question.size)
    yield from _falls(question, rows, columns, baseline)


def window_pixels(shorter_side: int, window: float, stride: float) -> tuple[int, int]:
    """Side of a square and the way to the next one, in pixels.

    Args:
        shorter_side: of the image, in pixels.
        window: as a share of it.
        stride: as a share of the square's side.

    Example:
        >>> window_pixels(224, 0.16, 0.5)
        (36, 18)
    """
    side = max(1, round(window * shorter_side))
    return side, max(1, round(stride * side))


def feature_ablation(question: Question, *, cells: int, baseline: str) -> Iterator[Estimate]:
    """How much the score falls when one cell of a grid is taken away.

    Every pixel has the value of its cell, in units of the score: the map's sum means nothing. It needs no
    gradient.

    Args:
        question: the image and its targets; all targets are read from the same forward passes.
        cells: into how many cells each side is cut (at most as many as pixels).
        baseline: what stands in the cell's place, one of ``BASELINE.choices``.

    Yields:
        The map so far, from coarse to fine: a cell not yet tried has the value of the nearest one.

    Source:
        Fisher, Rudin, Dominici, All Models are Wrong, but Many are Useful, JMLR 2019 (a feature's reliance
        as the change without it); for one image: Covert, Lundberg, Lee, Explaining by Removing, JMLR 2021.
    """
    rows, columns = cells_of(question, cells)
    yield from _falls(question, rows, columns, baseline)


def _falls(
    question: Question, rows: torch.Tensor, columns: torch.Tensor, baseline: str
) -> Iterator[Estimate]:
    """The fall of each target's score without each place of a grid, (R, H) by (C, W)."""
    module, without = own_module(question.network), baseline_image(question, baseline)
    places = _coarse_first(len(rows), len(columns))
    whole = scores(module, question.inputs, question)
    covering = torch.outer(rows.sum(0), columns.sum(0))
    falls = whole.new_zeros(len(whole), len(rows), len(columns))
    nearest = _Nearest(len(rows), len(columns))
    done = 0
    for batch in batches(places, question.network):
        at_row, at_column = torch.tensor(batch).T
        covered = (rows[at_row, :, None] * columns[at_column, None, :])[:, None] > 0
        inputs = torch.where(covered, without, question.inputs)
        falls[:, at_row, at_column] = whole - scores(module, inputs, question)
        done += len(batch)
        nearest.add(batch)
        known = falls.flatten(1)[:, nearest.places].reshape(falls.shape)
        yield Estimate(done / len(places), tuple(laid_out(known, rows, columns) / covering))


Place = tuple[int, int]


def _coarse_first(n_rows: int, n_columns: int) -> list[Place]:
    """All places of a grid, so that any beginning is spread over the whole of it."""
    row_rank = {row: rank for rank, row in enumerate(scattered(n_rows))}
    column_rank = {column: rank for rank, column in enumerate(scattered(n_columns))}

    def finest(place: Place) -> tuple[int, int]:
        ranks = row_rank[place[0]], column_rank[place[1]]
        return max(ranks), sum(ranks)

    return sorted(product(range(n_rows), range(n_columns)), key=finest)


class _Nearest:
    """For every place of a grid the nearest known one (of several as near, the first), kept up as places come.

    Each new place is held against all places once: over a whole run as much work as one comparison of all
    with all, and never more memory than a few numbers per place.

    Args:
        n_rows: of the grid.
        n_columns: of the grid.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self._rows, self._columns = torch.arange(n_rows)[:, None], torch.arange(n_columns)[None, :]
        self._n = n_rows * n_columns
        # the squared distance, and behind it the known place's number: the smallest is the nearest
        self._best = torch.full((n_rows, n_columns), torch.iinfo(torch.int64).max)

    def add(self, known: list[Place]) -> None:
        """Take further places into account."""
        for row, column in known:
            distance = (self._rows - row).square() + (self._columns - column).square()
            number = row * self._columns.numel() + column
            self._best = torch.minimum(self._best, distance * self._n + number)

    @property
    def places(self) -> torch.Tensor:
        """(R * C,) the number of the nearest known place, row by row, once there is one."""
        return self._best.flatten() % self._n


def _of_windows(settings: Settings) -> float:
    side, step = window_pixels(_USUAL_SIDE, float(settings["window"]), float(settings["stride"]))
    a_side = len(windows(_USUAL_SIDE, side, step))
    return (a_side**2 + 1) * FORWARD_ONLY


def _of_cells(settings: Settings) -> float:
    return (int(settings["cells"]) ** 2 + 1) * FORWARD_ONLY


OCCLUSION = Method(
    key="occlusion",
    label="Occlusion",
    function=occlusion,
    family="Perturbation",
    cost="seconds",
    signed=True,
    source="Zeiler and Fergus, 2014: Visualizing and Understanding Convolutional Networks",
    limits="Misses evidence that stands in several places, since one square leaves the rest; the square's "
    "own edges can mislead the network.",
    options=(WINDOW, STRIDE, BASELINE),
    runs=_of_windows,
)
FEATURE_ABLATION = Method(
    key="feature_ablation",
    label="Feature Ablation",
    function=feature_ablation,
    family="Perturbation",
    cost="seconds",
    signed=True,
    source="Covert et al., 2021: Explaining by Removing",
    limits="Shows cells, not shapes, and misses evidence that stands in several of them, since one missing "
    "cell leaves the rest.",
    options=(CELLS, BASELINE),
    runs=_of_cells,
)
