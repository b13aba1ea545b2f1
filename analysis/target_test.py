"""Whether the mistakes that a training was meant to mend are fewer, and what it did to everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.class_changes import cell_changes
from analysis.comparison_record import Comparison, Half
from analysis.confusion import Booleans, Integers
from analysis.number_words import p_words
from analysis.paired_shares import PairedShare, paired_share
from models.finetune.spec import Target


@dataclass(frozen=True, eq=False)
class TargetResult:
    """What became of the declared target, on the images that count.

    Args:
        name: of the target.
        mistakes: of being one of the target's mistakes, on the images that could be: those labelled as one of its
            cells says, and those it names. Its p-value stands alone: one question was asked beforehand.
        fixed: of the mistakes before, those that are right now.
        moved: of the mistakes before, those that are another mistake now.
        opposite: of the opposite mistake (called as the target's labels, labelled as its predictions); n is 0 where
            the target is images, or has both directions.
        classes: of being right, on the images labelled with any class of the target, and those it names.
        elsewhere: of being right, on all other images.
        cells: the target's cells as `analysis.class_changes.cell_changes` gives them, corrected by Holm; empty
            where the target is images.
        population: (M,) True for the images of ``mistakes``.
        concerned: (M,) True for the images of ``classes``.
        chosen_on_these: whether the target was chosen by looking at images that count here. Then there are fewer
            mistakes now than when they were chosen even if nothing was learned: what was picked for being large shrinks.
        can_only_fall: whether all images of ``mistakes`` were named for being wrong before: any other network has fewer
            such mistakes, so the p-value of ``mistakes`` and the interval say nothing. Only the control can.
    """

    name: str
    mistakes: PairedShare
    fixed: int
    moved: int
    opposite: PairedShare
    classes: PairedShare
    elsewhere: PairedShare
    cells: pd.DataFrame
    population: Booleans
    concerned: Booleans
    chosen_on_these: bool
    can_only_fall: bool = False

    @property
    def words(self) -> str:
        """The result as a person says it.

        ``7 → 2 of 25 images (p = .063): 4 fixed, 1 another mistake now, 0 new.``
        """
        share = self.mistakes
        if not share.n:
            return "No image that counts belongs to the target."
        images = "image" if share.n == 1 else "images"
        counts = f"{self.fixed:,} fixed, {self.moved:,} another mistake now, {share.only_after:,} new"
        sure = (
            "chosen for being wrong: only a control tells" if self.can_only_fall else p_words(share.p_value)
        )
        return f"{share.before:,} → {share.after:,} of {share.n:,} {images} ({sure}): {counts}."


def target_result(
    comparison: Comparison, target: Target, *, half: Half = "report", against_control: bool = False
) -> TargetResult:
    """Test a declared target apart from everything else.

    With a control (the same recipe without the target) give the comparison of the control (before) with the targeted
    network (after): the same test then says whether the target did anything that the recipe alone did not.

    Args:
        comparison: of the network before with the one after, or of the control with it.
        target: what was declared before the training.
        half: "report" for the held-out half, which is what counts; "all" to look at both.
        against_control: whether the network before is the control: its mistakes were not what the target was chosen by.
    """
    rows = comparison.rows(half)
    population, was, now = _mistakes(comparison, target, rows)
    classes = _classes(comparison, target)
    own = population | (rows & np.isin(comparison.labels, classes))
    opposite, was_opposite, now_opposite = _opposite(comparison, target, rows)
    left = was & ~now
    right_before, right_after = comparison.right_before, comparison.right_after
    rest = rows & ~own
    return TargetResult(
        name=target.name,
        mistakes=paired_share(was[population], now[population]),
        fixed=int((left & right_after).sum()),
        moved=int((left & ~right_after).sum()),
        opposite=paired_share(was_opposite[opposite], now_opposite[opposite]),
        classes=paired_share(right_before[own], right_after[own]),
        elsewhere=paired_share(right_before[rest], right_after[rest]),
        cells=cell_changes(comparison, rows, target.cells).query("declared").reset_index(drop=True),
        population=population,
        concerned=own,
        chosen_on_these=target.chosen_on == "all" or half == "all" or not comparison.has_halves,
        can_only_fall=not against_control
        and not target.cells
        and bool(was[population].all() and population.any()),
    )


def target_mistakes(
    target: Target,
    class_names: tuple[str, ...],
    ids: tuple[str, ...],
    labels: Integers,
    predicted: Integers,
) -> tuple[Booleans, Booleans]:
    """Which images a target is about, and which of them are mistakes of it.

    Args:
        target: what was declared.
        class_names: C names.
        ids: N ids of the images.
        labels: (N,) class indices.
        predicted: (N,) class indices.

    Returns:
        (N,) True for the images that are labelled as one of the target's cells says, and for those it names; (N,) True
        for those that lie in one of the cells, and for those it names that are wrong.
    """
    population = np.isin(np.array(ids, dtype=str), list(target.images))
    mistakes = population & (labels != predicted)
    place = {name: index for index, name in enumerate(class_names)}
    known = [(place[label], place[other]) for label, other in target.cells if {label, other} <= set(place)]
    if known:
        cells = np.array(known, np.int64)
        population |= np.isin(labels, cells[:, 0])
        codes = labels.astype(np.int64) * len(place) + predicted
        mistakes |= np.isin(codes, cells @ np.array([len(place), 1]))
    return population, mistakes


def _mistakes(comparison: Comparison, target: Target, rows: Booleans) -> tuple[Booleans, Booleans, Booleans]:
    """(M,) images the target is about; which are its mistakes before; and after."""
    names, ids, labels = comparison.class_names, comparison.ids, comparison.labels
    population, was = target_mistakes(target, names, ids, labels, comparison.before)
    _, now = target_mistakes(target, names, ids, labels, comparison.after)
    return population & rows, was & rows, now & rows


def _opposite(comparison: Comparison, target: Target, rows: Booleans) -> tuple[Booleans, Booleans, Booleans]:
    reverse = tuple((other, label) for label, other in target.cells if (other, label) not in target.cells)
    if not reverse:
        nothing = np.zeros(len(comparison), bool)
        return nothing, nothing, nothing
    return _mistakes(comparison, Target(target.kind, target.name, cells=reverse), rows)


def _classes(comparison: Comparison, target: Target) -> list[int]:
    """The classes of a target's cells, labels and predictions alike."""
    place = {name: index for index, name in enumerate(comparison.class_names)}
    return sorted({place[name] for cell in target.cells for name in cell if name in place})
