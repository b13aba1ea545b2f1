"""SmoothGrad and VarGrad: the mean and the variance of gradients over noisy copies of the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from analysis.attribution.forward_passes import batches
from analysis.attribution.gradients import input_gradients, own_module
from analysis.attribution.records import Estimate, Method, Option, Question, Settings

SAMPLES = Option(
    "samples", "Samples", 25, "How many noisy copies are averaged: more is smoother and slower.", 1, 200, 1
)
# The paper takes 0.1 to 0.2. On photos, a fine-tuned MobileNet kept its prediction in 40 % of the copies at
# 0.15 and the map left the animal; at 0.05 it kept 75 %, and the map stayed.
NOISE = Option(
    "noise",
    "Noise",
    0.05,
    "Standard deviation of the noise, as a share of the input's range; the paper takes 0.1 to 0.2, which "
    "makes smoother maps but changes what smaller networks see.",
    0.0,
    0.5,
    0.01,
)
SEED = Option("seed", "Seed", 0, "The same seed gives the same noise, so the same map.", 0, 2**31 - 1, 1)


def smooth_grad(question: Question, *, samples: int, noise: float, seed: int) -> Iterator[Estimate]:
    """The absolute value of the mean gradient over noisy inputs, summed over the channels.

    The signed gradients are averaged first, as in the paper (and in Captum's NoiseTunnel over
    ``Saliency(abs=False)``): where noise flips the sign, the mean vanishes, which is the point of the
    method. Captum's default averages absolute values instead and keeps that noise. Channels are reduced as
    the authors' own code draws them, by the sum of absolute values.

    Args:
        question: the image and its targets; each batch of noisy inputs runs forward once for all targets.
        samples: how many noisy inputs, at least 1.
        noise: standard deviation as a share of the input's range.
        seed: of this call's own generator.

    Yields:
        A running mean: after the first sample, then after every few.

    Source:
        Smilkov et al., SmoothGrad: removing noise by adding noise, 2017.
    """
    sums = [torch.zeros_like(question.inputs[0]) for _ in question.targets]
    for done, found in _noisy_gradients(question, samples, noise, seed):
        sums = [total + each.sum(0) for total, each in zip(sums, found, strict=True)]
        yield Estimate(done / samples, tuple((total / done).abs().sum(0) for total in sums))


def var_grad(question: Question, *, samples: int, noise: float, seed: int) -> Iterator[Estimate]:
    """The variance of the gradient over noisy inputs, summed over the channels.

    The noise is that of SmoothGrad with the same seed. The variance is that of the samples themselves
    (divided by their number), as in Captum's NoiseTunnel.

    Args:
        question: the image and its targets; each batch of noisy inputs runs forward once for all targets.
        samples: how many noisy inputs, at least 2.
        noise: standard deviation as a share of the input's range.
        seed: of this call's own generator.

    Yields:
        The variance expected of all samples, from those so far: after two, then after every few.

    Source:
        Adebayo et al., Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter
        Values, 2018; Seo et al., Noise-adding Methods of Saliency Map as Series of Higher Order Partial
        Derivative, 2018.
    """
    spreads = [_Spread(question.inputs[0]) for _ in question.targets]
    for done, found in _noisy_gradients(question, samples, noise, seed, first=2):
        for spread, each in zip(spreads, found, strict=True):
            spread.add(each)
        if done > 1:
            share = (samples - 1) / samples
            maps = tuple((share * spread.squares / (done - 1)).sum(0) for spread in spreads)
            yield Estimate(done / samples, maps)


class _Spread:
    """Mean and squared distances from it, batch by batch: no difference of two large sums.

    Source:
        Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self.n = 0
        self.mean = torch.zeros_like(like)
        self.squares = torch.zeros_like(like)

    def add(self, batch: torch.Tensor) -> None:
        """Take in further samples, (B, ...)."""
        n, mean = len(batch), batch.mean(0)
        off = mean - self.mean
        self.squares += (batch - mean).square().sum(0) + off.square() * (self.n * n / (self.n + n))
        self.mean += off * (n / (self.n + n))
        self.n += n


def _noisy_gradients(
    question: Question, samples: int, noise: float, seed: int, *, first: int = 1
) -> Iterator[tuple[int, list[torch.Tensor]]]:
    """How many noisy copies have run, and each target's gradients, (B, 3, H, W), at the latest of them."""
    module, draws = own_module(question.network), torch.Generator().manual_seed(seed)
    done = 0
    for batch in batches(range(samples), question.network, first=first):
        noisy = noisy_copies(question.inputs, len(batch), noise, draws)
        done += len(batch)
        yield done, input_gradients(module, noisy, question.targets, question.network)


def noisy_copies(inputs: torch.Tensor, size: int, noise: float, draws: torch.Generator) -> torch.Tensor:
    """Some copies of an image, each with normal noise of its own.

    Args:
        inputs: (1, 3, H, W).
        size: how many copies, B.
        noise: standard deviation, as a share of the image's range.
        draws: where the noise comes from.

    Returns:
        (B, 3, H, W).
    """
    deviation = noise * (inputs.max() - inputs.min())
    # Drawn sample by sample on the processor, so that neither batches nor devices change the map.
    each = [torch.randn(inputs.shape[1:], generator=draws) for _ in range(size)]
    return inputs + deviation * torch.stack(each).to(inputs.device)


def _samples(settings: Settings) -> float:
    return float(settings["samples"])


SMOOTH_GRAD = Method(
    key="smooth_grad",
    label="SmoothGrad",
    function=smooth_grad,
    family="Gradients",
    cost="seconds",
    signed=False,
    source="Smilkov et al., 2017: SmoothGrad: removing noise by adding noise",
    grain=4,
    limits="Favours edges and covers more than the evidence; it cannot tell for from against the class.",
    options=(SAMPLES, NOISE, SEED),
    runs=_samples,
)
VAR_GRAD = Method(
    key="var_grad",
    label="VarGrad",
    function=var_grad,
    family="Gradients",
    cost="seconds",
    signed=False,
    source="Adebayo et al., 2018: Local Explanation Methods for Deep Neural Networks Lack Sensitivity to "
    "Parameter Values",
    grain=4,
    limits="Does not localise: it shows where the gradient wavers under noise, which need not be where the "
    "evidence is.",
    options=(replace(SAMPLES, low=2), NOISE, SEED),
    runs=_samples,
)
