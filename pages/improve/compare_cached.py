"""What the comparison page keeps between reruns, under the fingerprints of both evaluations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import streamlit as st

from analysis.comparison import compared
from analysis.comparison_record import Comparison, Half
from analysis.comparison_statistics import ComparisonStatistics, comparison_statistics
from analysis.confusion import Counts, confusion_counts
from analysis.ordering import class_order
from analysis.target_test import TargetResult, target_result
from models.finetune.held_out import held_out_images
from models.finetune.spec import Target
from models.finetune.versions import versions
from models.image_hashes import hashes_of, known_by
from models.prediction_record import Predictions
from pages.shared import cached, state
from pages.shared.interruptible import interruptible

Cells = tuple[tuple[str, str], ...]


def comparison(before: str, after: str) -> Comparison:
    """Both evaluations image by image.

    Raises:
        ComparisonError: they share no image, or not the same labels.
        PredictionsError: one of them is gone or damaged.
    """
    with st.spinner("Reading the image files…", show_time=False):
        _contents(before), _contents(after)
    return _comparison(before, after)


@st.cache_resource(max_entries=8, show_spinner=False)
def _comparison(before: str, after: str) -> Comparison:
    earlier, later = cached.predictions(before), cached.predictions(after)
    hashes = [_contents(before), _contents(after)]
    # images whose files are gone are known by their paths, and without any file there are no halves
    is_known = all(map(all, hashes))
    return compared(
        earlier, later,
        hashes_before=hashes[0] if is_known else None, hashes_after=hashes[1] if is_known else None,
        report_half=_report_half(before, after) if any(hashes[0]) else None,
    )  # fmt: skip


def _report_half(before: str, after: str) -> npt.NDArray[np.bool_]:
    """(N,) the held-out half of the earlier images."""
    store, earlier, later = state.store(), cached.predictions(before), cached.predictions(after)
    made_by = next((each for each in versions(store) if each.evaluation == after), None)
    held_out = held_out_images(store, earlier, later, made_by)
    return np.array([key in held_out for key in known_by(earlier, _contents(before))], bool)


@st.cache_resource(max_entries=8, show_spinner=False)
def _contents(fingerprint: str) -> list[str]:
    """The hashes of the images' bytes; "" for a file that is gone."""
    opened = cached.predictions(fingerprint)
    # Files that nobody hashed yet are all read, once; a click meanwhile need not wait.
    return interruptible(lambda: hashes_of(state.store(), opened))


@st.cache_resource(max_entries=24, show_spinner="Testing what changed…")
def statistics(before: str, after: str, half: Half, declared: Cells = ()) -> ComparisonStatistics:
    """All figures on the images of a half.

    Args:
        before: fingerprint of an evaluation.
        after: of the other one.
        half: which images count.
        declared: the cells that were named before the training.
    """
    found = comparison(before, after)
    return comparison_statistics(found, found.rows(half), declared=declared)


@st.cache_resource(max_entries=24, show_spinner=False)
def target(
    before: str, after: str, half: Half, declared: Target, *, against_control: bool = False
) -> TargetResult:
    """What became of the declared target.

    Args:
        before: fingerprint of an evaluation: of the network before, or of the control.
        after: of the one that was trained towards the target, or of the control.
        half: which images count.
        declared: the target.
        against_control: whether ``before`` is the control.
    """
    return target_result(comparison(before, after), declared, half=half, against_control=against_control)


@st.cache_resource(max_entries=8, show_spinner=False)
def counts(before: str, after: str, half: Half) -> tuple[Counts, Counts]:
    """The confusion matrices before and after, (C, C) each, on the images of a half."""
    found = comparison(before, after)
    rows, n_classes = found.rows(half), len(found.class_names)
    labels = found.labels[rows]
    return (
        confusion_counts(labels, found.before[rows], n_classes),
        confusion_counts(labels, found.after[rows], n_classes),
    )


@st.cache_resource(max_entries=8, show_spinner="Ordering the classes…")
def order(before: str, after: str) -> npt.NDArray[np.intp]:
    """The classes as the matrix has them, those that were taken for each other together; the same for both halves."""
    earlier, later = counts(before, after, "all")
    return class_order(earlier + later, by="confusion", class_names=comparison(before, after).class_names)


@st.cache_resource(max_entries=4, show_spinner=False)
def pictured(before: str, after: str) -> Predictions:
    """The later predictions, whose pictures are shown: where their files are not there, with those of the earlier."""
    earlier, later = cached.predictions(before), cached.predictions(after)
    if later.n_missing_files <= earlier.n_missing_files:
        return later
    found = comparison(before, after)
    images = later.images.copy()
    paths = [str(earlier.absolute(path)) for path in earlier.images["path"].iloc[found.before_rows]]
    images.loc[found.after_rows, "path"] = paths
    return replace(later, images=images)
