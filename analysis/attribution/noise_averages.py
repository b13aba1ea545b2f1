"""SmoothGrad: gradients averaged over noisy copies of the input."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from analysis.attribution.gradients import input_gradients, own_module
from analysis.attribution.records import Estimate, Option, Question

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

# More samples at once are hardly faster on a processor, need more memory, and let the page wait longer.
_LARGEST_BATCH = 4


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
    module = own_module(question.network)
    draws = torch.Generator().manual_seed(seed)
    deviation = noise * (question.inputs.max() - question.inputs.min())
    sums = [torch.zeros_like(question.inputs[0]) for _ in question.targets]
    done = 0
    for size in _batch_sizes(samples, 1 if question.network.kind != "state_dict" else _LARGEST_BATCH):
        noisy = question.inputs + deviation * _standard_noise(question.inputs, size, draws)
        found = input_gradients(module, noisy, question.targets, question.network)
        sums = [total + each.sum(0) for total, each in zip(sums, found, strict=True)]
        done += size
        yield Estimate(done / samples, tuple((total / done).abs().sum(0) for total in sums))


def _batch_sizes(samples: int, largest: int) -> Iterator[int]:
    # One alone first, so that something can be shown at once.
    yield 1
    for start in range(1, samples, largest):
        yield min(largest, samples - start)


def _standard_noise(inputs: torch.Tensor, size: int, draws: torch.Generator) -> torch.Tensor:
    # Drawn sample by sample on the processor, so that neither batches nor devices change the map.
    each = [torch.randn(inputs.shape[1:], generator=draws) for _ in range(size)]
    return torch.stack(each).to(inputs.device)
