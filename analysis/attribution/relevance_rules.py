"""Layer-wise relevance propagation: the score handed back, layer by layer, to the image.

The rules themselves are in `relevance_rules_elementwise`, `relevance_rules_norms` and
`relevance_rules_layers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.nn import functional as F

from analysis.attribution.gradients import derivatives, gradients_on, logits, own_module, score
from analysis.attribution.layers import refuse_programs
from analysis.attribution.operations import Operation, Rewritten, Rule
from analysis.attribution.records import Estimate, Method, Option, Question
from analysis.attribution.relevance_rules_elementwise import RULES
from analysis.attribution.relevance_rules_layers import EPSILON, Z_PLUS, LayerRules
from models.forward import head_weight

# What a pixel of exactly zero is taken for: it too may be given relevance, and relevance is gradient times
# input.
_ALMOST_ZERO = 1e-12
_SMOOTH = {F.gelu: "GELU", F.silu: "SiLU", F.hardswish: "Hardswish", F.mish: "Mish", F.elu: "ELU"}
_WORTH_A_NOTE = 0.05


def lrp(question: Question, *, epsilon: float = 0.0, rule: str = Z_PLUS) -> Iterator[Estimate]:
    """Layer-wise relevance propagation: each layer hands what it was given on to its inputs.

    The first layer spreads evenly over the pixels below each neuron (flat rule): its input has both
    signs, for which z+ is not made. Convolutions share by contributions of the neuron's own sign (z+, or
    alpha 1 beta 0), batch-norm folded in; dense layers by all contributions (epsilon rule), the bias's
    share by the inputs' sizes. Summands share by their sizes; max-pools hand all to the winner; gates,
    attention's weights and LayerNorm's deviation count as constants; activations pass relevance on.

    Relevance adds up to the score but for what biases keep: those of neurons whose inputs are all zero
    (common in depthwise convolutions), class tokens, and elements that a lone batch-norm lifts from zero.

    Args:
        question: what is asked.
        epsilon: stabiliser of the epsilon rule, as a share of the layer's root mean square output.
        rule: of the convolutions between the first and the last layer, "z+" or "epsilon".

    Raises:
        AttributionError: the network is a program.

    Source:
        Bach et al., On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise
        Relevance Propagation, PLOS ONE 2015; Montavon et al., Layer-Wise Relevance Propagation: An
        Overview, 2019 (which rule in which layer); Ali et al., XAI for Transformers, ICML 2022.
    """
    refuse_programs(question.network)
    yield _estimate(question, epsilon, rule)


@gradients_on()
def _estimate(question: Question, epsilon: float, rule: str) -> Estimate:
    network, met = question.network, set[Operation]()
    leaf = question.inputs.detach().clone()
    leaf = torch.where(leaf == 0, _ALMOST_ZERO, leaf).requires_grad_()
    rules = {**RULES, **LayerRules(epsilon, rule, head_weight(network)).rules()}
    with Rewritten(_noting(rules, met)):
        answer = logits(own_module(network), leaf, network)
    found = derivatives(answer, question.targets, leaf, network)
    maps = tuple((each * leaf.detach())[0].sum(0) for each in found)
    scores = tuple(float(score(answer.detach(), target)) for target in question.targets)
    return Estimate(1.0, maps, expected_sums=scores, note=_note(maps, scores, met))


def _noting(rules: Mapping[Operation, Rule], met: set[Operation]) -> dict[Operation, Rule]:
    def noting(operation: Operation) -> Rule:
        def rule(*args: Any, **kwargs: Any) -> Any:
            met.add(operation)
            return rules[operation](*args, **kwargs)

        return rule

    return {operation: noting(operation) if operation in _SMOOTH else rules[operation] for operation in rules}


def _note(maps: tuple[torch.Tensor, ...], scores: tuple[float, ...], met: set[Operation]) -> str:
    parts = []
    smooth = [name for operation, name in _SMOOTH.items() if operation in met]
    if smooth:
        parts.append(f"Extension: the paper covers ReLU only, this network uses {' and '.join(smooth)}")
    sums = [float(each.cpu().sum(dtype=torch.float64)) for each in maps]
    misses = [
        abs(found - wanted) / max(abs(wanted), 1e-6) for found, wanted in zip(sums, scores, strict=True)
    ]
    worst = misses.index(max(misses))
    if misses[worst] > _WORTH_A_NOTE:
        found, wanted = sums[worst], scores[worst]
        if 0 < found / (wanted or 1) < 1:
            parts.append(f"the relevance adds up to {found / wanted:.0%} of the score: biases take the rest")
        else:
            parts.append(f"the relevance adds up to {found:.3g}, the score is {wanted:.3g}: biases differ")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


LRP = Method(
    key="lrp",
    label="LRP",
    function=lrp,
    family="Propagation rules",
    cost="instant",
    signed=True,
    source="Bach et al., 2015: On Pixel-Wise Explanations by Layer-Wise Relevance Propagation",
    grain=4,
    runs=lambda _: 3.5,
    promise="the score, where no bias takes part",
    limits="Mostly shows what the network looks at: maps of two classes differ little, so ask why one rather "
    "than the other; what biases add stays out.",
    options=(
        Option(
            "epsilon",
            "Stabiliser",
            0.0,
            "Lets weak and contradictory evidence vanish in dense layers: the more, the less adds up.",
            low=0.0,
            high=0.5,
            step=0.01,
        ),
        Option(
            "rule",
            "Convolutions",
            Z_PLUS,
            "What a convolution's inputs share by: contributions of the neuron's own sign (z+), or all of "
            "them (epsilon), which is finer, but noisy in deep networks.",
            choices=(Z_PLUS, EPSILON),
        ),
    ),
)
