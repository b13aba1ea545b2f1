"""What is said of a pair, and of an image's neighbours, layer by layer. Names are plain here: a page escapes them."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.layers.layer_neighbours import LayerNeighbours
from analysis.layers.probe import PairChoice, ProbeCurve, ProbedLayer
from analysis.number_words import interval_words, p_words, percent

FEW = 60
"""Images below which a layer must be right on three of four to be beyond chance."""

HOW_IT_IS_TOLD = (
    "For each layer a new linear classifier (ridge regression, five folds, several times over) is fitted on the layer's "
    "vectors of these images and tried on those it was not fitted on. A vector is the mean of each channel over the "
    "picture, so where in the picture something stands does not count. The two come apart at the first layer that is "
    "right more often than the best of all layers is in 95 of 100 tries with shuffled labels: so of pairs of which no "
    "layer knows anything, at most 1 in 20 gets such a layer, however many layers are asked. The intervals say how sure "
    "one share is with so many images; they do not allow for the number of layers, and this test does."
)


def choice_words(choice: PairChoice) -> str:
    """A share with its interval.

    >>> choice_words(PairChoice((9, 8), (10, 10)))
    '85% (95% interval 63% to 93%)'
    """
    return f"{percent(choice.accuracy)} (95% interval {interval_words(choice.interval)})"


def layer_place_words(curve: ProbeCurve, layer: ProbedLayer) -> str:
    """Where a layer stands: "layer 3 of 52"."""
    return f"layer {layer.depth + 1} of {curve.n_layers}"


def apart_words(curve: ProbeCurve) -> tuple[str, str]:
    """Where the two come apart: the answer in one sentence, and what stands behind it.

    Args:
        curve: of the pair.
    """
    first = curve.apart_from
    if first is None:
        return "No layer tells the two apart beyond chance.", _nowhere_words(curve)
    place, last = curve.layers.index(first), len(curve.layers) - 1
    if place == 0:
        answer = f"They are apart at the first layer already, {first.layer}."
    elif place == last:
        answer = f"They come apart at the last layer only, {first.layer}."
    else:
        answer = f"They come apart at {first.layer}, {layer_place_words(curve, first)}."
    behind = f"It is right on {choice_words(first.choice)}, more than chance gives at any layer ({p_words(first.p_value)})."
    if place < last:
        later = curve.layers[place + 1 :]
        beyond = sum(each.is_beyond_chance for each in later)
        if len(later) == 1:
            behind += f" The one layer after it is {'beyond chance too' if beyond else 'not'}."
        else:
            behind += f" Of the {len(later)} layers after it {'all' if beyond == len(later) else beyond} are beyond chance too."
    if place:
        behind += f" {_before_words(curve.layers[:place])}"
    return answer, behind


def _before_words(layers: Sequence[ProbedLayer]) -> str:
    shares = [each.choice.accuracy for each in layers]
    if len(layers) == 1:
        return f"The layer before it is right on {percent(shares[0])}, which chance may give."
    return (
        f"The {len(layers)} layers before it are right on {percent(min(shares))} to {percent(max(shares))}, which chance "
        "may give at one layer or another; that does not prove that they know nothing."
    )


def _nowhere_words(curve: ProbeCurve) -> str:
    best = curve.best
    words = (
        f"The best, {best.layer}, is right on {choice_words(best.choice)}, and with shuffled labels some layer does as "
        f"well often enough ({p_words(best.p_value)})."
    )
    return f"{words} With so few images only a large difference would show." if sum(curve.n) < FEW else words


def best_words(curve: ProbeCurve) -> str:
    """Which layer does best, beside the network itself."""
    best = curve.best
    words = f"{best.layer} does best with {choice_words(best.choice)}"
    if len(curve.layers) > 1:
        words += f"; it was picked among {len(curve.layers)}, so on new images it would do somewhat worse"
    if curve.own is None:
        return f"{words}."
    return f"{words}. The network itself, asked to choose between these two only, is right on {choice_words(curve.own)}."


def images_words(curve: ProbeCurve) -> str:
    """On which images."""
    (a, b), (n, m) = curve.class_names, curve.n
    words = f"On {n:,} images of {a} and {m:,} of {b}"
    if curve.n != curve.n_all:
        words += f" (evenly taken from {curve.n_all[0]:,} and {curve.n_all[1]:,})"
    words += "; shares are means over the two classes"
    if len(curve.layers) < curve.n_layers:
        words += (
            f"; of so many images the vectors of {len(curve.layers)} of the {curve.n_layers} layers are kept"
        )
    return f"{words}."


def neighbour_words(found: Sequence[LayerNeighbours], label: str, predicted: str) -> str:
    """How the labels of an image's nearest images change with depth.

    Args:
        found: of all layers, at least one, in their order.
        label: the image's class.
        predicted: the class the network chose.
    """
    first, last = found[0], found[-1]
    k = len(last.rows)
    if label == predicted:
        words = (
            f"Of its {k} nearest images {first.with_label} are {label} at the first layer, {first.layer}, and "
            f"{last.with_label} at the last, {last.layer}."
        )
        start = _from_where([2 * each.with_label > len(each.rows) for each in found])
        if start is not None:
            words += f" From {found[start].layer} on more than half of them are."
        return words
    words = (
        f"Of its {k} nearest images {first.with_label} are {label} and {first.with_predicted} {predicted} at the first "
        f"layer, {first.layer}; at the last, {last.layer}, {last.with_label} and {last.with_predicted}."
    )
    turned = _from_where([each.with_predicted > each.with_label for each in found])
    kept = _from_where([each.with_label > each.with_predicted for each in found])
    if turned is not None:
        words += f" From {found[turned].layer} on it lies among more {predicted} than {label}."
    elif kept is not None:
        words += (
            f" From {found[kept].layer} on it lies among more {label} than {predicted}: its neighbours speak for the "
            "label, and the last step decides otherwise."
        )
    return words


def _from_where(are: Sequence[bool]) -> int | None:
    """The place from which on all are so; None where the last is not."""
    start = None
    for place in range(len(are) - 1, -1, -1):
        if not are[place]:
            break
        start = place
    return start
