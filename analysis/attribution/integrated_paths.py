"""Gradients added up along the way from an image without evidence to the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from analysis.attribution.baselines import BASELINE
from analysis.attribution.baselines import baseline as baseline_image
from analysis.attribution.forward_passes import FORWARD_ONLY, batches, scattered, scores
from analysis.attribution.gradients import input_gradients, own_module
from analysis.attribution.noise_averages import SEED, noisy_copies
from analysis.attribution.records import Estimate, Method, Option, Question, Settings

STEPS = Option(
    "steps",
    "Steps",
    48,
    "At how many points of the way the gradient is taken: more is more exact and slower.",
    8,
    300,
    1,
)
ALL = "all"
BASELINES = Option(
    "baseline",
    "Compared with",
    ALL,
    "What stands for an image without evidence: one of the three below, or all in turn (the picture "
    "strongly blurred, the mean colour of the training images, black).",
    choices=(ALL, *BASELINE.choices),
)
SAMPLES = Option(
    "samples", "Samples", 48, "How many random points are averaged: more is more exact and slower.", 8, 300, 1
)
NOISE = Option(
    "noise",
    "Noise",
    0.0,
    "Standard deviation of noise on the image, as a share of its range; with noise, what the relevance "
    "adds up to is that of noisy images, not of this one.",
    0.0,
    0.5,
    0.01,
)


def integrated_gradients(question: Question, *, baseline: str, steps: int) -> Iterator[Estimate]:
    """The mean gradient on the straight way from the baseline to the image, times the way.

    The mean is taken by the midpoint rule, whose points are visited from the middle outwards to ever
    finer ones: each estimate is the mean over the points so far, so it has the scale of the result.

    Args:
        question: the image and its targets; each batch of points runs forward once for all targets.
        baseline: what the image is compared with, one of ``BASELINE.choices``.
        steps: how many points.

    Yields:
        The result so far: after one point, then after every few.

    Source:
        Sundararajan, Taly, Yan, Axiomatic Attribution for Deep Networks, ICML 2017.
    """
    module, start = own_module(question.network), baseline_image(question, baseline)
    shares = [(place + 0.5) / steps for place in scattered(steps)]
    expected = _rises(module, question, start)
    way = question.inputs - start
    sums = [torch.zeros_like(way[0]) for _ in question.targets]
    done = 0
    for batch in batches(shares, question.network):
        points = start + way.new_tensor(batch)[:, None, None, None] * way
        found = input_gradients(module, points, question.targets, question.network)
        sums = [total + each.sum(0) for total, each in zip(sums, found, strict=True)]
        done += len(batch)
        maps = tuple((total / done * way[0]).sum(0) for total in sums)
        yield Estimate(done / steps, maps, expected_sums=expected)


def gradient_shap(
    question: Question, *, baseline: str, samples: int, noise: float, seed: int
) -> Iterator[Estimate]:
    """The mean over random points between baselines and noisy copies of the image: gradient times way.

    Baselines take turns, and each sample lies at a random place of a stretch of its own of its baseline's
    way: right on average, as places from the whole way are, and the mean varies far less (stratified
    sampling).

    Args:
        question: the image and its targets; each batch of points runs forward once for all targets.
        baseline: what the image is compared with, one of ``BASELINES.choices``.
        samples: how many points.
        noise: standard deviation of the noise on the image, as a share of its range.
        seed: of this call's own generator.

    Yields:
        The result so far: after one sample, then after every few, each baseline seen so far with the same
        weight. What it adds up to is, in expectation and without noise, the score less the baselines' mean
        score.

    Source:
        Lundberg, Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017 (as expected
        gradients: Erion et al., Improving performance of deep learning models with axiomatic attribution
        priors and expected gradients, 2021).
    """
    module, draws = own_module(question.network), torch.Generator().manual_seed(seed)
    kinds = BASELINE.choices if baseline == ALL else (baseline,)
    starts = torch.cat([baseline_image(question, kind) for kind in kinds])
    expected = _rises(module, question, starts)
    shares = _random_shares(samples, len(starts), draws)
    # a row per baseline: one that has had fewer turns must not count less
    sums = [torch.zeros(len(starts), *question.inputs.shape[2:]).to(starts) for _ in question.targets]
    done = 0
    for batch in batches(shares, question.network):
        ends = noisy_copies(question.inputs, len(batch), noise, draws)
        turns = torch.arange(done, done + len(batch), device=starts.device) % len(starts)
        share = ends.new_tensor(batch)[:, None, None, None]
        points = share * ends + (1 - share) * starts[turns]
        found = input_gradients(module, points, question.targets, question.network)
        for total, each in zip(sums, found, strict=True):
            total.index_add_(0, turns, (each * (ends - starts[turns])).sum(1))
        done += len(batch)
        yield Estimate(done / samples, _mean_over_baselines(sums, done), expected_sums=expected)


def _mean_over_baselines(sums: Sequence[torch.Tensor], done: int) -> tuple[torch.Tensor, ...]:
    """The mean over the baselines that have had a turn of their own means; ``sums`` are (baselines, H, W)."""
    n_baselines = len(sums[0])
    turns = sums[0].new_tensor([len(range(place, done, n_baselines)) for place in range(n_baselines)])
    seen = min(n_baselines, done)
    return tuple((total[:seen] / turns[:seen, None, None]).mean(0) for total in sums)


def _random_shares(samples: int, n_baselines: int, draws: torch.Generator) -> list[float]:
    """Places between 0 and 1, for baselines that take turns: each baseline's are spread over the whole."""
    found = [0.0] * samples
    jitter = torch.rand(samples, generator=draws).tolist()
    for turn in range(min(n_baselines, samples)):
        own = range(turn, samples, n_baselines)
        for sample, stretch in zip(own, scattered(len(own)), strict=True):
            found[sample] = (stretch + jitter[sample]) / len(own)
    return found


def _rises(module: nn.Module, question: Question, starts: torch.Tensor) -> tuple[float, ...]:
    """By how much each target's score rises from the baselines' mean to the image."""
    end = scores(module, question.inputs, question)[:, 0]
    # one by one, since a program may take nothing else
    begin = torch.cat([scores(module, start[None], question) for start in starts], dim=1)
    return tuple((end.cpu().double() - begin.cpu().double().mean(1)).tolist())


def _of_steps(settings: Settings) -> float:
    return float(settings["steps"]) + 2 * FORWARD_ONLY


def _of_samples(settings: Settings) -> float:
    n_baselines = len(BASELINE.choices) if settings["baseline"] == ALL else 1
    return float(settings["samples"]) + (1 + n_baselines) * FORWARD_ONLY


INTEGRATED_GRADIENTS = Method(
    key="integrated_gradients",
    label="Integrated Gradients",
    function=integrated_gradients,
    family="Gradients",
    cost="seconds",
    signed=True,
    source="Sundararajan et al., 2017: Axiomatic Attribution for Deep Networks",
    grain=8,
    limits="Explains the difference to the baseline, so another baseline gives another map, and places that "
    "look like it get nothing.",
    options=(BASELINE, STEPS),
    runs=_of_steps,
    promise="the score of the image minus the score of what it is compared with",
)
GRADIENT_SHAP = Method(
    key="gradient_shap",
    label="GradientShap",
    function=gradient_shap,
    family="Gradients",
    cost="seconds",
    signed=True,
    source="Lundberg and Lee, 2017: A Unified Approach to Interpreting Model Predictions",
    grain=8,
    limits="A random sample that adds up only roughly; explains the difference to the baselines, not to the "
    "images the network was trained on as the paper means it.",
    options=(BASELINES, SAMPLES, NOISE, SEED),
    runs=_of_samples,
    promise="on average over the random points, the score of the image minus the mean score of what it is "
    "compared with",
)
