"""DeepLift: the difference from a baseline, shared out among the pixels by the Rescale rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from analysis.attribution import baselines
from analysis.attribution.gradients import derivatives, gradients_on, logits, own_module, score
from analysis.attribution.layers import refuse_programs
from analysis.attribution.records import Estimate, Method, Question, Settings
from analysis.attribution.rescale_rule_passes import Comparison

_EXTENSION = (
    "Extension: the paper covers activations and max-pooling; this network's gates, attention or "
    "normalisation follow the midpoint rule."
)
_TOLERATED = 0.01
# share of the relevance's absolute sum: far above what rounding misses in single precision (up to 1e-7 over
# all families of torchvision), far below what one operation without a rule misses
_ROUNDING = 1e-5


def deep_lift(question: Question, *, baseline: str) -> Iterator[Estimate]:
    """What each pixel's difference from the baseline adds to the score, summed over the channels.

    Every operation passes the difference of its output back to its inputs: activations by the Rescale rule,
    products and quotients of two tensors (gates, attention) by the midpoint of each, softmax and LayerNorm
    in single steps, max-pooling to the element that made the difference. So the relevance adds up to the
    score less the baseline's score, whether activations are modules or functions, reused or in place.

    Args:
        question: the image and its targets; both passes run once for all targets.
        baseline: a word of `baselines.BASELINE`.

    Yields:
        One estimate, with a note if the relevance does not add up.

    Raises:
        AttributionError: the network is a program, or runs other operations for the baseline.

    Source:
        Shrikumar, Greenside, Kundaje, Learning Important Features Through Propagating Activation
        Differences, ICML 2017: section 3.5.1 (Rescale). The paper has no rule for what multiplies or divides
        two tensors; the midpoint is that of Lundberg, Lee, A Unified Approach to Interpreting Model
        Predictions, NeurIPS 2017: the Shapley value of the two.
    """
    refuse_programs(question.network)
    with gradients_on():
        start = baselines.baseline(question, baseline)
    yield held_against(question, start)


@gradients_on()
def held_against(question: Question, start: torch.Tensor) -> Estimate:
    """DeepLift with any baseline.

    Args:
        question: the image and its targets, of a network that is no program.
        start: the baseline, (1, 3, H, W), normalised, on the image's device.

    Raises:
        AttributionError: the network runs other operations for the baseline.
    """
    network, comparison = question.network, Comparison()
    module = own_module(network)
    with torch.no_grad(), comparison.baseline_pass():
        before = logits(module, start, network)
    leaf = question.inputs.detach().clone().requires_grad_()
    with comparison.image_pass():
        answer = logits(module, leaf, network)
    comparison.check_finished()
    difference = question.inputs.cpu().double() - start.cpu().double()
    maps = tuple(
        (each.cpu().double() * difference)[0].sum(0)
        for each in derivatives(answer, question.targets, leaf, network)
    )
    gained = answer.detach().cpu().double() - before.cpu().double()
    sums = tuple(float(score(gained, target)) for target in question.targets)
    note = missing_part(maps, sums) or (_EXTENSION if comparison.beyond_the_paper else "")
    return Estimate(1.0, maps, expected_sums=sums, note=note)


def missing_part(maps: Sequence[torch.Tensor], sums: Sequence[float]) -> str:
    """A sentence if some map misses its promised sum by more than a hundredth, and not by rounding; else "".

    Where image and baseline score almost the same, the sum of large parts is nearly nothing, and what
    rounding leaves of it is no fault of the network's.

    Args:
        maps: relevance in double precision.
        sums: what each should add up to.

    Example:
        >>> missing_part([torch.tensor([1.0, 0.94])], [2.0])
        'The relevance misses the promised sum by 3%: this network uses an operation the rules do not cover.'
    """
    shares = [0.0]
    for relevance, expected in zip(maps, sums, strict=True):
        missed = abs(float(relevance.sum()) - expected)
        if missed > _ROUNDING * float(relevance.abs().sum()):
            shares.append(missed / max(abs(expected), missed))
    worst = max(shares)
    if worst <= _TOLERATED:
        return ""
    size = f"{100 * worst:.0f}%" if worst < 1 else "100% or more"
    return f"The relevance misses the promised sum by {size}: this network uses an operation the rules do not cover."


def _runs(_: Settings) -> float:
    return 2.5


DEEP_LIFT = Method(
    key="deep_lift",
    label="DeepLift",
    function=deep_lift,
    family="Propagation rules",
    cost="instant",
    signed=True,
    source="Shrikumar et al., 2017: Learning Important Features Through Propagating Activation Differences",
    grain=8,
    limits="Explains the difference from the baseline only: another baseline gives another map, and what both "
    "share counts for nothing.",
    options=(baselines.BASELINE,),
    runs=_runs,
    promise="the score of the image minus the score of what it is compared with",
)
