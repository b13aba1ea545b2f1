"""The report of what is open: what goes into it, making it, and downloading it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from analysis.report_facts import evaluation_facts
from analysis.report_job import SavedReport, notes_key, saved_report
from analysis.report_parts import REPORT_SECTIONS
from models.notes import notes_revision
from models.prediction_record import Predictions
from pages.shared import cached, state
from pages.shared.job_button import job_and_button
from pages.shared.state import Workspace

KIND = "report"


def report_section(workspace: Workspace, predictions: Predictions) -> None:
    """Choose what goes into the report, make it, and download it.

    Args:
        workspace: what is open.
        predictions: its predictions.
    """
    with st.container(key="report"):
        st.caption(
            "One HTML file with the figures, the findings and their pictures. It opens in any browser, without "
            "Errorscope and without the internet, and it prints well."
        )
        sections = _chosen_sections()
        if sections:
            job_and_button(
                KIND,
                {
                    "fingerprint": workspace.fingerprint,
                    "sections": sections,
                    "facts": evaluation_facts(workspace.spec, predictions),
                },
                label="Make the report", key="make_report", icon=":material/description:", primary=True,
                title=f"Report of {workspace.spec.title()}",
            )  # fmt: skip
        else:
            st.info("Choose at least one part of the report.", icon=":material/checklist:")
        made = saved_report(state.store(), workspace.fingerprint)
        if made is not None:
            _download(workspace, made, sections)


def _chosen_sections() -> list[str]:
    """The keys of the chosen sections, in the order of the page."""
    everything = list(REPORT_SECTIONS)
    chosen = st.pills(
        "What goes in", everything, default=everything, selection_mode="multi", key="report_sections",
        format_func=REPORT_SECTIONS.__getitem__, persist_state="session",
    )  # fmt: skip
    return [section for section in everything if section in chosen]


def _download(workspace: Workspace, made: SavedReport, sections: list[str]) -> None:
    name = f"report_{Path(workspace.spec.model).stem}.html"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download the report ({made.size_bytes / 1e6:.1f} MB)", made.path.read_bytes, file_name=name,
            mime="text/html", key="download_report", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.caption(_made_words(workspace, made, sections))


def _made_words(workspace: Workspace, made: SavedReport, sections: list[str]) -> str:
    when = datetime.fromtimestamp(made.made).strftime("%d %B %Y, %H:%M")
    changes = []
    if made.notes != _notes_key(workspace.fingerprint, notes_revision(state.store())):
        changes.append("notes or decisions have changed since")
    if sections and list(made.sections) != sections:
        changes.append("it holds other parts than those chosen now")
    if not changes:
        return f"Made on {when}. No note or decision has changed since."
    return f"Made on {when}, but {' and '.join(changes)}: make it again to bring it up to date."


@st.cache_resource(max_entries=4, show_spinner=False)
def _notes_key(fingerprint: str, revision: int) -> str:
    return notes_key(state.store(), cached.predictions(fingerprint))
