"""What stands out among the weights of a network, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.layers.weight_record import LayerWeights
from analysis.number_words import percent
from models.norm_statistics import NormStatistics

_FAR = 5.0
"""How many robust standard deviations, on a logarithmic scale, a layer must lie from those of its kind."""
_AT_LEAST = 3.0
"""And how many times more or less than they it must be."""
_FEWEST = 8


@dataclass(frozen=True)
class Unusual:
    """One thing that stands out.

    Args:
        layer: its name.
        words: what it is, as the rest of a sentence that begins with the layer.
        gravity: 0 is a defect; larger is milder.
    """

    layer: str
    words: str
    gravity: int


def unusual(layers: Sequence[LayerWeights]) -> list[Unusual]:
    """What stands out, gravest first.

    How far a layer can stretch what it gets, and along how many directions it passes it on, are compared with the
    other layers of its kind, on a logarithmic scale by the median and the median absolute deviation. Layers of which
    there are fewer than eight of a kind are not compared.

    Args:
        layers: of one network.
    """
    found = [each for layer in layers for each in _of_itself(layer)]
    found += _outliers(layers)
    return sorted(found, key=lambda each: each.gravity)


def norm_words(norms: NormStatistics, *, can_learn: bool) -> str:
    """What is to be known of a network's batch norms; "" where their running statistics are those of images.

    Args:
        norms: of the network.
        can_learn: whether it can be trained further here; programs cannot.
    """
    words = [_folded_words(norms)] if norms.n_folded else []
    if norms.n_folded and can_learn:
        words.append("Fine-tune the network with fixed batch-norm statistics, or it loses what it knows.")
    if norms.n_untouched:
        words.append(
            f"The running statistics of {_which(norms.n_untouched, norms.n)} are as they were made (mean 0, variance 1): "
            "no image ever moved them, so the network was not trained, or only with these statistics fixed."
        )
    return " ".join(words)


def _folded_words(norms: NormStatistics) -> str:
    which = _which(norms.n_folded, norms.n)
    does, they, before = (
        ("does", "it was", "convolution before it")
        if norms.n_folded == 1
        else ("do", "they were", "convolutions before them")
    )
    if norms.n_shifting == norms.n_folded:
        return (
            f"{which[0].upper()}{which[1:]} {does} nothing but add a shift: {they} folded into the {before}."
        )
    since = (
        f"; {norms.n_shifting:,} still only add a shift, the others have learned a scale since"
        if norms.n_shifting
        else ", and learned a scale since"
    )
    return (
        f"The running statistics of {which} come from no images (mean 0, variance 1): {they} folded into the "
        f"{before}{since}."
    )


def _which(count: int, n: int) -> str:
    if count < n:
        return f"{count:,} of the {n:,} batch norms of this network"
    return "the batch norm of this network" if n == 1 else f"all {n:,} batch norms of this network"


def _of_itself(layer: LayerWeights) -> Iterator[Unusual]:
    if layer.n_odd:
        some = (
            "one of its weights is no number"
            if layer.n_odd == 1
            else f"{layer.n_odd:,} of its weights are no numbers"
        )
        yield Unusual(layer.name, f"{some} (NaN or infinite)", 0)
    if layer.norm == 0:
        yield Unusual(layer.name, "all its weights are 0", 1)
        return
    if layer.empty_channels:
        count, of = len(layer.empty_channels), layer.shape[0]
        which = f"{count:,} of its {of:,} channels always {'gives' if count == 1 else 'give'} the same"
        cause = "weights, or their scale in the norm behind," if layer.has_norm else "weights"
        yield Unusual(layer.name, f"{which}: their {cause} are 0", 2)
    if layer.faint_channels:
        count, of = len(layer.faint_channels), layer.shape[0]
        verb, whose = ("hears", "its") if count == 1 else ("hear", "their")
        words = f"{count:,} of its {of:,} channels hardly {verb} what it gets: {whose} weights are less than a hundredth of the strongest channel's"
        yield Unusual(layer.name, words, 3)
    if layer.exact_zero > max(0.1, 1.5 * len(layer.empty_channels) / layer.shape[0]):
        yield Unusual(
            layer.name, f"{percent(layer.exact_zero)} of its weights are exactly 0, as after pruning", 3
        )
    elif layer.near_zero - layer.exact_zero > 0.5:
        words = f"{percent(layer.near_zero)} of its weights are less than a hundredth of what is usual in it"
        yield Unusual(layer.name, words, 4)


def _outliers(layers: Sequence[LayerWeights]) -> Iterator[Unusual]:
    for kind in sorted({kind_words(each) for each in layers}):
        alike = [each for each in layers if kind_words(each) == kind and each.norm and not each.n_odd]
        if len(alike) < _FEWEST:
            continue
        for each, times in _far([each.gain for each in alike], alike):
            norm = ", its norm included," if each.has_norm else ""
            words = f"can stretch what it gets{norm} {times_words(times)} than the other {kind} usually do"
            yield Unusual(each.name, words, 5)
        shares = [each.stable_rank / min(each.shape[0], each.n_weights // each.shape[0]) for each in alike]
        for each, times in _far(shares, alike):
            if times < 1:
                words = f"passes on what it gets along {1 / times:.1f} times fewer directions than the other {kind} usually do"
                yield Unusual(each.name, f"{words} (stable rank {each.stable_rank:.1f})", 6)


def times_words(times: float) -> str:
    """How many times more or less.

    >>> times_words(4.02), times_words(0.1)
    ('4.0 times more', '10.0 times less')
    """
    return f"{times:.1f} times more" if times > 1 else f"{1 / times:.1f} times less"


def _far(values: Sequence[float], layers: Sequence[LayerWeights]) -> Iterator[tuple[LayerWeights, float]]:
    """The layers whose value lies far from that of the others, and how many times theirs it is."""
    logs = np.log(np.maximum(values, 1e-30))
    centre = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - centre)))
    for layer, value in zip(layers, logs, strict=True):
        away = abs(float(value) - centre)
        if away > _FAR * spread and away > np.log(_AT_LEAST):
            yield layer, float(np.exp(value - centre))


def kind_words(layer: LayerWeights) -> str:
    """What a layer is, beside others of its kind.

    A convolution by its window and whether it mixes channels; anything else by its class.
    """
    if len(layer.shape) != 4:
        return f"{layer.kind} layers"
    if layer.groups > 1 and layer.shape[1] == 1:
        return "depthwise convolutions"
    return f"{layer.shape[2]} x {layer.shape[3]} convolutions"
