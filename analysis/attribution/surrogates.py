"""A simple model of the network around one image: the score as a sum over the cells that are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from analysis.attribution.baselines import BASELINE
from analysis.attribution.baselines import baseline as baseline_image
from analysis.attribution.forward_passes import FORWARD_ONLY, LARGEST_BATCH, batches, scores
from analysis.attribution.gradients import own_module
from analysis.attribution.noise_averages import SEED
from analysis.attribution.picture_cells import CELLS, cells_of, laid_out
from analysis.attribution.records import Estimate, Method, Option, Question, Settings

SAMPLES = Option(
    "samples",
    "Samples",
    200,
    "How many pictures with some cells hidden the network sees: more is steadier and slower; fewer than "
    "twice the cells are too few.",
    20,
    4000,
    1,
)
_KERNEL_WIDTH = 0.25  # of the authors' own code for images
_STEADY = 1.0  # of the ridge, where coalitions are drawn: hardly more of them than cells would explode
_EXACT = 1e-7  # of the ridge, as a share of all weights: the design has one direction of zero
_MOST_ENUMERATED = 12  # cells: 4,096 coalitions, more than there can be samples

Array = npt.NDArray[np.float64]
Coalitions = tuple[torch.Tensor, torch.Tensor]
"""Which cells each picture shows, (N, D) of 0 and 1, and the pictures' weights, (N,)."""


class Seen(NamedTuple):
    """What the network has said to pictures with some cells hidden."""

    shown: Array
    """(N, D) of 0 and 1."""
    weights: Array
    """(N,)"""
    rises: Array
    """(N, T) by how much each target's score is above that of the baseline."""
    whole: Array
    """(T,) the same for the image itself."""


Fit = Callable[[Seen, float], Array]
"""From what was seen, and its share of all pictures, the cells' values, (T, D)."""


def lime(question: Question, *, cells: int, samples: int, seed: int, baseline: str) -> Iterator[Estimate]:
    """A linear model of the score over the cells that are shown, fitted to random pictures near the image.

    Each cell is hidden in half of the pictures. A picture counts the more the more it shows (the cosine
    kernel of the authors' own code), and the fit is a ridge regression, as theirs; Captum's default, a
    Lasso, gave maps of zeros only. A pixel has its cell's value divided by the cell's pixels.

    Args:
        question: the image and its targets; all targets are read from the same forward passes.
        cells: into how many cells each side is cut (at most as many as pixels).
        samples: how many pictures.
        seed: of this call's own generator.
        baseline: what stands in hidden cells, one of ``BASELINE.choices``.

    Yields:
        The map fitted to the pictures so far.

    Source:
        Ribeiro, Singh, Guestrin, "Why Should I Trust You?": Explaining the Predictions of Any Classifier,
        KDD 2016.
    """
    for fitted in _fitted(question, cells, baseline, lambda n: _lime_pictures(n, samples, seed), _ridge):
        yield replace(fitted, expected_sums=None)


def kernel_shap(
    question: Question, *, cells: int, samples: int, seed: int, baseline: str
) -> Iterator[Estimate]:
    """Shapley values of the cells: what each adds to the score, on average over all orders of showing them.

    They are the solution of a weighted regression over coalitions of cells. Coalitions are drawn in
    proportion to their weights, each with its complement; where as many samples as coalitions are asked
    for, all of them are taken, and the values are exact. A pixel has its cell's value divided by the
    cell's pixels, so that the map adds up to the score less that of the baseline, at every estimate.

    Args:
        question: the image and its targets; all targets are read from the same forward passes.
        cells: into how many cells each side is cut (at most as many as pixels).
        samples: how many coalitions.
        seed: of this call's own generator.
        baseline: what stands in hidden cells, one of ``BASELINE.choices``.

    Yields:
        The map fitted to the coalitions so far.

    Source:
        Lundberg, Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017, section 4.1; the
        complements: Covert, Lee, Improving KernelSHAP, AISTATS 2021.
    """
    yield from _fitted(question, cells, baseline, lambda n: _coalitions(n, samples, seed), _shapley)


def _fitted(
    question: Question,
    cells: int,
    baseline: str,
    drawn: Callable[[int], Coalitions],
    fit: Fit,
) -> Iterator[Estimate]:
    module, without = own_module(question.network), baseline_image(question, baseline)
    rows, columns = cells_of(question, cells)
    pixels = torch.outer(rows.sum(1), columns.sum(1))
    shown, weights = drawn(pixels.numel())
    empty = scores(module, without, question)
    rises = scores(module, question.inputs, question) - empty
    found = rises[:, :0]
    for batch in batches(shown, question.network, first=LARGEST_BATCH):
        grid = batch.to(pixels).reshape(-1, len(rows), len(columns))
        visible = laid_out(grid, rows, columns)[:, None] > 0
        inputs = torch.where(visible, question.inputs, without)
        found = torch.cat([found, scores(module, inputs, question) - empty], dim=1)
        done = found.shape[1]
        seen = Seen(*(_array(each) for each in (shown[:done], weights[:done], found.T, rises[:, 0])))
        values = torch.from_numpy(fit(seen, done / len(shown))).to(pixels)
        maps = laid_out(values.reshape(-1, *pixels.shape) / pixels, rows, columns)
        yield Estimate(done / len(shown), tuple(maps), expected_sums=tuple(rises[:, 0].tolist()))


def _array(tensor: torch.Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().double().numpy())


def _lime_pictures(n_cells: int, samples: int, seed: int) -> Coalitions:
    """Half of the cells shown at random (the first picture shows all), and the cosine kernel's weights."""
    shown = torch.randint(0, 2, (samples, n_cells), generator=torch.Generator().manual_seed(seed)).float()
    shown[0] = 1
    distance = 1 - shown.mean(1).sqrt()
    return shown, (-((distance / _KERNEL_WIDTH) ** 2) / 2).exp()


def _ridge(seen: Seen, share: float) -> Array:
    # The authors' penalty of 1 for all pictures, less for fewer: early values are then not held at zero.
    return _slopes(seen.shown, seen.rises, seen.weights, penalty=share, intercept=True)


def _coalitions(n_cells: int, samples: int, seed: int) -> Coalitions:
    draws = torch.Generator().manual_seed(seed)
    if n_cells <= _MOST_ENUMERATED and 2**n_cells - 2 <= samples:
        return _all_coalitions(n_cells, draws)
    sizes = torch.arange(1, n_cells)
    frequent = 1 / (sizes * (n_cells - sizes)).float()
    drawn = 1 + torch.multinomial(frequent, (samples + 1) // 2, replacement=True, generator=draws)
    ranks = torch.rand(len(drawn), n_cells, generator=draws).argsort(1).argsort(1)
    shown = (ranks < drawn[:, None]).float()
    paired = torch.stack([shown, 1 - shown], 1).flatten(0, 1)[:samples]
    return paired, torch.ones(samples)


def _all_coalitions(n_cells: int, draws: torch.Generator) -> Coalitions:
    """Every coalition but none and all, in random order, with the weights of the Shapley kernel."""
    numbers = 1 + torch.randperm(2**n_cells - 2, generator=draws)
    shown = ((numbers[:, None] >> torch.arange(n_cells)) & 1).float()
    sizes = shown.sum(1).int().tolist()
    weights = [(n_cells - 1) / (math.comb(n_cells, size) * size * (n_cells - size)) for size in sizes]
    return shown, torch.tensor(weights, dtype=torch.float64)


def _shapley(seen: Seen, share: float) -> Array:
    n_cells = seen.shown.shape[1]
    # Each cell's value is an equal part of the whole and something more. What is more adds up to zero: the
    # rows of the centred design do, and a ridge regression's solution is a combination of its rows.
    part = seen.shown.mean(1, keepdims=True)
    complete = share == 1 and len(part) == 2**n_cells - 2
    more = _slopes(
        seen.shown - part,
        seen.rises - part * seen.whole,
        seen.weights,
        penalty=_EXACT * float(seen.weights.sum()) if complete else _STEADY,
        intercept=False,
    )
    return np.asarray(seen.whole[:, None] / n_cells + more)


def _slopes(design: Array, answers: Array, weights: Array, *, penalty: float, intercept: bool) -> Array:
    from sklearn.linear_model import Ridge  # takes a second to import, and few sessions come here

    fitted = Ridge(alpha=penalty, fit_intercept=intercept, solver="cholesky").fit(design, answers, weights)
    return np.asarray(fitted.coef_).reshape(-1, design.shape[1])


def _of_samples(settings: Settings) -> float:
    return (float(settings["samples"]) + 2) * FORWARD_ONLY


LIME = Method(
    key="lime",
    label="LIME",
    function=lime,
    family="Perturbation",
    cost="minutes",
    signed=True,
    source="Ribeiro et al., 2016: Why Should I Trust You? Explaining the Predictions of Any Classifier",
    limits="Random: another seed gives another map; shows cells, not shapes, and pictures with half of the "
    "cells hidden are unlike any the network was trained on.",
    options=(CELLS, SAMPLES, SEED, BASELINE),
    runs=_of_samples,
)
KERNEL_SHAP = Method(
    key="kernel_shap",
    label="KernelShap",
    function=kernel_shap,
    family="Perturbation",
    cost="minutes",
    signed=True,
    source="Lundberg and Lee, 2017: A Unified Approach to Interpreting Model Predictions",
    limits="Random: another seed gives another map; shows cells, not shapes, and pictures with many cells "
    "hidden are unlike any the network was trained on.",
    options=(CELLS, SAMPLES, SEED, BASELINE),
    runs=_of_samples,
    promise="the score of the image minus the score of what it is compared with",
)
