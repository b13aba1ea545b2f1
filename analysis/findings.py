"""What to know first about a model's mistakes: at most ten sentences, each with its support and a link.

Only what is beyond chance becomes a finding (a picture under two labels, or in the training set, is a fact and
needs no test). They are ranked by how many mistakes each explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.calibration import Calibration
from analysis.cell_name import cell_name
from analysis.class_calibration import ClassCalibration
from analysis.confusable import ConfusablePair
from analysis.confusable_groups import ConfusableGroup
from analysis.confusion import confusion_counts
from analysis.duplicates import Duplicates
from analysis.finding_record import Finding
from analysis.label_candidates import LabelCandidates
from analysis.leakage import Leakage, leakage_accuracy
from analysis.number_words import interval_words, p_words, percent
from analysis.rare_errors import RareError
from analysis.slice_record import Slices
from analysis.visual_blocks import chance_of_so_few

if TYPE_CHECKING:
    from models.prediction_record import Predictions

MOST = 10
BEYOND_CHANCE, SURE = 0.05, 0.01
FEW = 10
"""Mistakes that one looks at one by one."""
_NAMED = 4


@dataclass(frozen=True, eq=False)
class FindingSources:
    """What was found by each analysis; None or () for what was not looked at yet.

    Args:
        pairs: confusable pairs.
        groups: confusable groups.
        rare: all errors, those across groups first.
        labels: label candidates.
        calibration: of all confidences.
        classes: the confidences class by class; where all are off (``calibration``), under one temperature for all.
        duplicates: images that repeat within the set.
        leakages: comparisons with other sets.
        slices: kinds of image.
    """

    pairs: Sequence[ConfusablePair] = ()
    groups: Sequence[ConfusableGroup] = ()
    rare: Sequence[RareError] = ()
    labels: LabelCandidates | None = None
    calibration: Calibration | None = None
    classes: Sequence[ClassCalibration] = ()
    duplicates: Duplicates | None = None
    leakages: Sequence[Leakage] = ()
    slices: Slices | None = None


def findings(predictions: Predictions, sources: FindingSources, *, most: int = MOST) -> list[Finding]:
    """The findings, the one that explains most mistakes first.

    Args:
        predictions: what the network said.
        sources: what was found.
        most: how many at most.

    Returns:
        One record each; () where nothing is beyond chance.
    """
    makers: tuple[Callable[[Predictions, FindingSources], Iterator[Finding]], ...] = (
        *(_groups, _pairs, _rare, _labels, _slices, _class_confidences, _confidence),
        *(_duplicates, _leakages),
    )
    found = [finding for maker in makers for finding in maker(predictions, sources)]
    return sorted(found, key=lambda finding: -finding.errors)[:most]


def explained_share(predictions: Predictions, found: Sequence[Finding]) -> float:
    """The share of all mistakes that at least one finding is about, 0 to 1; 0 without mistakes."""
    wrong = predictions.labels != predictions.predicted
    about = np.zeros(len(predictions), dtype=bool)
    for finding in found:
        about[finding.rows] = True
    return float((about & wrong).sum() / max(1, wrong.sum()))


def _groups(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    labels, predicted = predictions.labels, predictions.predicted
    for group in sources.groups:
        inside = np.isin(labels, group.indices) & np.isin(predicted, group.indices) & (labels != predicted)
        yield Finding(
            "group",
            f"{listed(group.members)} are taken for each other.",
            f"{group.errors:,} of their {group.images:,} images ({percent(group.rate)}, 95% interval "
            f"{interval_words(group.interval)}), corrected {p_words(group.q_value)}",
            np.flatnonzero(inside),
            group.errors,
        )


def _pairs(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    labels, predicted = predictions.labels, predictions.predicted
    grouped = [set(group.indices) for group in sources.groups]
    for pair in sources.pairs:
        ends = {pair.a_index, pair.b_index}
        if pair.q_value > BEYOND_CHANCE or any(ends <= members for members in grouped):
            continue
        one_way = (labels == pair.a_index) & (predicted == pair.b_index)
        back = (labels == pair.b_index) & (predicted == pair.a_index)
        yield Finding(
            "pair",
            f"{pair.a} and {pair.b} are taken for each other.",
            f"{pair.a_as_b:,} of {pair.a_support:,} {pair.a} called {pair.b}, {pair.b_as_a:,} of "
            f"{pair.b_support:,} back, corrected {p_words(pair.q_value)}",
            np.flatnonzero(one_way | back),
            pair.a_as_b + pair.b_as_a,
            {"pair": cell_name(pair.a, pair.b)},
        )


def _rare(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    across = [error for error in sources.rare if error.crosses_group]
    # few are a fact, to be looked at one by one; many are odd only where the groups hold other errors back
    if not across or (len(across) > FEW and _crossing_p_value(predictions, len(across)) >= BEYOND_CHANCE):
        return
    kinds = dict.fromkeys(f"{error.label} called {error.predicted}" for error in across)
    mistakes = "One mistake crosses" if len(across) == 1 else f"{len(across):,} mistakes cross"
    yield Finding(
        "rare",
        f"{mistakes} a group: {listed(list(kinds))}.",
        f"of {len(predictions):,} images; look at each",
        np.array([error.index for error in across], dtype=np.int64),
        len(across),
    )


def _crossing_p_value(predictions: Predictions, n_across: int) -> float:
    """How likely so few errors cross a group if it were left to chance which class is taken for which."""
    own = np.array([predictions.groups.get(name, "") for name in predictions.class_names])
    counts = confusion_counts(predictions.labels, predictions.predicted, len(own))
    return chance_of_so_few(counts, (own[:, None] != own) & (own[:, None] != "") & (own != ""), n_across)


def _labels(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    found = sources.labels
    if found is None or not found.n_beyond_chance:
        return
    beyond = [each for each in found.candidates if each.is_beyond_chance]
    yield Finding(
        "labels",
        found.words,
        f"the surest: {beyond[0].path}, labelled {beyond[0].label}, perhaps {beyond[0].suggested}",
        np.array([each.index for each in beyond], dtype=np.int64),
        found.n_beyond_chance,
    )


def _slices(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    wrong = predictions.labels != predictions.predicted
    for each in sources.slices.confirmed if sources.slices else ():
        yield Finding(
            "slice",
            f"{each.words[:1].upper()}{each.words[1:]}: {percent(each.held_out_rate)} wrong, against "
            f"{percent(each.held_out_rate_outside)} of the others.",
            f"{each.n:,} images, confirmed on the held-out half, corrected {p_words(each.q_value)}",
            each.rows[wrong[each.rows]],
            max(0.0, each.excess_errors),
            {"slice": each.identity},
        )


def _class_confidences(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    labels, predicted = predictions.labels, predictions.predicted
    is_off = sources.calibration is not None and sources.calibration.p_value < SURE
    scaled = ", even where one temperature sets the confidences of all classes right" if is_off else ""
    for each in sources.classes:
        # where no image bears the label, nothing called so can be right
        if each.direction != "over" or not (labels == each.index).any():
            continue
        yield Finding(
            "class_confidence",
            f"What is called {each.name} is {each.name} in {percent(each.precision)}, though the model is "
            f"{percent(each.mean_confidence)} sure{scaled}.",
            f"{each.n - each.right:,} of {each.n:,} wrong, corrected {p_words(each.q_value)}; see what they share",
            np.flatnonzero((predicted == each.index) & (labels != each.index)),
            each.gap * each.n,
            {"cell": cell_name(None, each.name)},
        )


def _confidence(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    found = sources.calibration
    # at .05 one honest model in twenty would be accused
    if found is None or found.p_value >= SURE:
        return
    # only what the model was too sure of are mistakes that its confidence explains
    excess = (
        max(0.0, (found.mean_confidence - found.accuracy) * found.n) if found.direction == "over" else 0.0
    )
    yield Finding(
        "confidence", found.words, f"{found.n:,} images, {p_words(found.p_value)}",
        np.zeros(0, dtype=np.int64), excess,
    )  # fmt: skip


def _duplicates(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    found = sources.duplicates
    if found is None or not found.clusters:
        return
    wrong = predictions.labels != predictions.predicted
    conflicts = np.array(sorted({row for each in found.conflicts for row in each.rows}), dtype=np.int64)
    rows = conflicts[wrong[conflicts]]
    repeated = "One image repeats" if found.n_extra == 1 else f"{found.n_extra:,} images repeat"
    n = len(found.conflicts)
    contradict = (
        f", and {n:,} {'picture has' if n == 1 else 'pictures have'} two labels: at most one is right"
        if n
        else ""
    )
    yield Finding(
        "duplicates",
        f"{repeated} another one{contradict}.",
        f"of {found.n_images:,}; equal bytes or agreeing pixels",
        rows,
        len(rows),
    )


def _leakages(predictions: Predictions, sources: FindingSources) -> Iterator[Finding]:
    for found in sources.leakages:
        if not found.rows:
            continue
        n = len(found.rows)
        where = Path(found.images).name + (f" ({found.split})" if found.split else "")
        accuracies = leakage_accuracy(predictions, found.rows)
        # an image that was learned by heart is right where its like would be wrong: that hides mistakes
        hidden = (accuracies.on_leaked.rate - accuracies.without.rate) * n if accuracies.without.n else 0.0
        yield Finding(
            "leakage",
            f"{'One image is' if n == 1 else f'{n:,} images are'} also among the {found.n_others:,} of {where}.",
            accuracies.words,
            np.zeros(0, dtype=np.int64),
            max(0.0, hidden),
        )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first of them where they are many.

    >>> listed(["Birman"]), listed(["Birman", "Ragdoll", "Siamese"]), listed(list("abcdef"))
    ('Birman', 'Birman, Ragdoll and Siamese', 'a, b, c, d and 2 more')
    """
    shown = list(names[:_NAMED]) + ([f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else [])
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
