"""What the pages of confusable classes keep between reruns."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st

from analysis.average_image import AverageImage, average_image
from analysis.confusable import ConfusablePair, confusable_pairs
from analysis.confusable_groups import ConfusableGroup, confusable_groups
from analysis.pair_features import FeatureSeparation, feature_separation
from analysis.pair_separation import PairRows, QualityDifference, pair_rows, quality_differences
from analysis.survey import SURVEY_PARTS, part_file
from models.image_facts import saved_image_facts
from pages.shared import cached, state

MANY_IMAGES = 5000
RowsName = Literal["a_right", "a_as_b", "b_as_a", "b_right"]


@st.cache_resource(max_entries=4, show_spinner="Looking for confusable classes…")
def pairs(fingerprint: str) -> list[ConfusablePair]:
    """All pairs with errors, most confused first."""
    return confusable_pairs(cached.counts(fingerprint), cached.predictions(fingerprint).class_names)


@st.cache_resource(max_entries=4, show_spinner="Looking for groups of classes…")
def groups(fingerprint: str) -> list[ConfusableGroup]:
    """The groups of three and more, the one with most errors first."""
    names = cached.predictions(fingerprint).class_names
    return confusable_groups(cached.counts(fingerprint), names, pairs(fingerprint))


@st.cache_resource(max_entries=16, show_spinner=False)
def rows(fingerprint: str, a: int, b: int) -> PairRows:
    """The images of a pair of class indices."""
    opened = cached.predictions(fingerprint)
    return pair_rows(opened.labels, opened.predicted, a, b)


@st.cache_resource(max_entries=32, show_spinner="Laying the pictures over each other…")
def average(fingerprint: str, a: int, b: int, which: RowsName) -> AverageImage | None:
    """The mean picture of one set of a pair's images; None where none can be read."""
    opened = cached.predictions(fingerprint)
    paths = opened.images["path"].to_numpy()[getattr(rows(fingerprint, a, b), which)]
    return average_image([opened.absolute(path) for path in paths])


@st.cache_resource(max_entries=16, show_spinner="Trying the features on this pair…")
def features(fingerprint: str, a: int, b: int) -> FeatureSeparation | None:
    """Whether the features tell the pair apart; None without embeddings or probabilities."""
    return feature_separation(cached.predictions(fingerprint), a, b)


def differences(fingerprint: str, a: int, b: int) -> list[QualityDifference] | None:
    """How the pair's pictures differ; None until the survey has measured them, and when a file was changed."""
    parts = [part_file(state.store(), fingerprint, part) for part in SURVEY_PARTS]
    n = len(cached.predictions(fingerprint))
    # to ask for the facts takes a look at every file, so of many files it waits for a part of the survey
    if n > MANY_IMAGES and not any(file.is_file() for file in parts):
        return None
    try:
        return _differences(fingerprint, a, b)
    except LookupError:
        return None


@st.cache_resource(max_entries=16, show_spinner="Comparing the pictures…")
def _differences(fingerprint: str, a: int, b: int) -> list[QualityDifference]:
    names = cached.predictions(fingerprint).class_names
    return quality_differences(_facts(fingerprint), rows(fingerprint, a, b), names[a], names[b])


@st.cache_resource(max_entries=4, show_spinner=False)
def _facts(fingerprint: str) -> pd.DataFrame:
    opened = cached.predictions(fingerprint)
    facts = saved_image_facts(state.store(), [opened.absolute(path) for path in opened.images["path"]])
    if facts is None:
        raise LookupError("not measured")  # nothing is kept of a call that raises
    return facts
