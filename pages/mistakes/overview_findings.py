"""The findings at the head of the overview: what to know first, each with its support and a link."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.finding_record import Finding, FindingKind, Findings
from analysis.finding_sources import finding_sources
from analysis.findings import MOST, FindingSources, explained_share, findings
from analysis.leakage_job import saved_leakage, saved_leakage_files
from analysis.saved_findings import are_weighed_by_the_survey, findings_file
from analysis.survey import SURVEY_PARTS, Surveyed, saved_result
from models.prediction_record import Predictions
from pages.shared import cached, state
from pages.shared.surveyed import draw_survey, surveyed_so_far

_PAGES: dict[FindingKind, tuple[str, str, str]] = {
    "group": (state.PAIRS_PAGE, "See these classes", "hub"),
    "pair": (state.PAIR_PAGE, "See this pair", "compare"),
    "rare": (state.RARE_PAGE, "See these images", "priority_high"),
    "labels": (state.LABELS_PAGE, "Look through the labels", "label"),
    "duplicates": (state.DUPLICATES_PAGE, "See the repeated images", "content_copy"),
    "leakage": (state.DUPLICATES_PAGE, "See the leaked images", "content_copy"),
    "slice": (state.SLICES_PAGE, "See these images", "donut_small"),
    "class_confidence": (state.CELL_PAGE, "See what these share", "join_inner"),
    "confidence": (state.CALIBRATION_PAGE, "See the calibration", "speed"),
}
"""What a finding is about, to the page that shows it, the words of the link and its icon."""


def findings_section(workspace: state.Workspace, predictions: Predictions) -> None:
    """Draw the findings so far, and how far the survey is while it runs."""
    st.subheader("Findings")
    so_far = {name: surveyed_so_far(workspace, name) for name in SURVEY_PARTS}
    surveyed = {name: each for name, each in so_far.items() if each is not None}
    found = _found(workspace, predictions, surveyed)
    if found is None:
        st.caption("They are weighed at the end of the survey.")
    else:
        _introduction(predictions, found)
        for place, finding in enumerate(found):
            _finding(workspace, finding, place)
    if found is None or len(surveyed) < len(SURVEY_PARTS):
        draw_survey(workspace, predictions)


def _found(
    workspace: state.Workspace, predictions: Predictions, surveyed: dict[str, Surveyed]
) -> list[Finding] | None:
    """The findings of what there is so far; None where there are none before the survey is done."""
    fingerprint, store = workspace.fingerprint, state.store()
    leakages = [(str(file), file.stat().st_mtime_ns) for file in saved_leakage_files(store, fingerprint)]
    if not are_weighed_by_the_survey(predictions):
        return findings(predictions, _sources(fingerprint, tuple(surveyed), tuple(leakages), surveyed))
    file = findings_file(store, fingerprint)
    if not file.is_file():
        return None
    found = [*_kept(str(file), file.stat().st_mtime_ns).found]
    if leakages:
        found += findings(predictions, FindingSources(leakages=saved_leakage(store, fingerprint)))
    return sorted(found, key=lambda finding: -finding.errors)[:MOST]


@st.cache_resource(max_entries=4, show_spinner=False)
def _kept(file: str, changed: int) -> Findings:
    return saved_result(Path(file), Findings)


@st.cache_resource(max_entries=8, show_spinner="Weighing what was found…")
def _sources(
    fingerprint: str,
    names: Sequence[str],
    leakages: Sequence[tuple[str, int]],
    _surveyed: dict[str, Surveyed],
) -> FindingSources:
    """Kept by which parts there are: a part never changes once it is made."""
    found = saved_leakage(state.store(), fingerprint) if leakages else []
    return finding_sources(cached.predictions(fingerprint), _surveyed, found)


def _introduction(predictions: Predictions, found: Sequence[Finding]) -> None:
    n_wrong = int((predictions.labels != predictions.predicted).sum())
    if not found:
        st.success(
            "Nothing was found beyond what chance would bring." if n_wrong else "Every image is right.",
            icon=":material/check_circle:",
        )
        return
    share = explained_share(predictions, found)
    together = f"Together they are about {share:.0%} of the {n_wrong:,} mistakes. " if share else ""
    st.caption(
        f"{together}The one that explains most comes first; what chance would bring as well is left out."
    )


def _finding(workspace: state.Workspace, finding: Finding, place: int) -> None:
    page, words, icon = _PAGES[finding.kind]
    with st.container(
        border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center",
        key=f"finding_{place}",
    ):  # fmt: skip
        with st.container(gap="xxsmall"):
            st.markdown(f"**{state.escaped(finding.sentence)}**")
            st.caption(_support(finding))
        st.page_link(
            page, label=words, icon=f":material/{icon}:", width="content",
            query_params={**state.open_query(workspace.spec), **finding.asked},
        )  # fmt: skip


def _support(finding: Finding) -> str:
    errors = len(finding.rows) if len(finding.rows) else round(finding.errors)
    mistakes = f"{errors:,} {'mistake' if errors == 1 else 'mistakes'}"
    about = (
        "" if not errors else f"hides about {mistakes} · " if finding.kind == "leakage" else f"{mistakes} · "
    )
    return about + state.escaped(finding.support)
