"""Which candidate is looked at, and what the keys do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from analysis.decision_words import decision_on
from analysis.label_candidates import LabelCandidate, LabelCandidates
from models.notes import Decision, ImageNote
from models.prediction_record import Predictions
from pages.shared import state
from pages.shared.addressed import newest, write_later
from pages.shared.decisions import decide_on

FILTERS = ("Undecided", "All", "Decided")
FILTER_KEY = "label_filter"
_HISTORY = "label_history"


@dataclass(frozen=True)
class Judged:
    """The candidates with what was decided about them.

    Args:
        workspace: what is open.
        predictions: its predictions.
        found: the candidates.
        notes: row in the predictions to note.
    """

    workspace: state.Workspace
    predictions: Predictions
    found: LabelCandidates
    notes: Mapping[int, ImageNote]

    def decision(self, candidate: LabelCandidate) -> Decision | None:
        """The decision that holds for a candidate."""
        return decision_on(self.notes.get(candidate.index), candidate.label)

    def shown(self, among: str) -> list[LabelCandidate]:
        """The candidates of a filter, in their order."""
        if among == "All":
            return list(self.found.candidates)
        is_wanted = among == "Decided"
        return [each for each in self.found.candidates if (self.decision(each) is not None) == is_wanted]

    def named(self, image: str | None) -> LabelCandidate | None:
        """The candidate with this image id, if it is one."""
        return next((each for each in self.found.candidates if each.id == image), None)

    def next_undecided(self, candidate: LabelCandidate) -> str | None:
        """The id of the next one without a decision after this, from the start again at the end."""
        place = self.found.candidates.index(candidate)
        others = self.found.candidates[place + 1 :] + self.found.candidates[:place]
        return next((each.id for each in others if self.decision(each) is None), None)


def chosen_candidate(judged: Judged, listed: list[LabelCandidate]) -> LabelCandidate | None:
    """The candidate that the URL or the session names, else the first of the list; the URL then names it."""
    asked = newest("candidate", "candidate", "written_candidate")
    candidate = judged.named(asked)
    if asked is not None and candidate is None:
        st.info("The image of this link is not among the candidates.", icon=":material/search_off:")
    if candidate is None:
        candidate = listed[0] if listed else None
    st.session_state["candidate"] = candidate.id if candidate else None
    if candidate:
        write_later("candidate", candidate.id, "written_candidate")
    elif "candidate" in st.query_params:
        del st.query_params["candidate"]
        st.session_state["written_candidate"] = None
    return candidate


def go_to(image: str | None) -> None:
    """Look at another candidate, or at the first of the list."""
    st.session_state["candidate"] = image
    st.session_state["label_other"] = False


def to_first_of_list() -> None:
    """Another filter begins at its first candidate."""
    go_to(None)


def show_other_labels(is_open: bool) -> None:
    """Open or close the list of other labels."""
    st.session_state["label_other"] = is_open


@state.explained
def decide(
    judged: Judged, candidate: LabelCandidate, decision: Decision, corrected: str | None = None
) -> None:
    """Keep a decision and go on to the next candidate without one."""
    before = judged.notes.get(candidate.index)
    decide_on(judged.workspace, judged.predictions, candidate.index, decision, corrected)
    corrected_before = before.corrected_label if before else None
    _history(judged).append((candidate.id, judged.decision(candidate), corrected_before))
    go_to(judged.next_undecided(candidate))


@state.explained
def undo(judged: Judged, candidate: LabelCandidate | None) -> None:
    """Take the latest decision back; before there is one, that of the candidate on show."""
    history = _history(judged)
    image, decision, corrected = (
        history.pop() if history else (candidate.id if candidate else None, None, None)
    )
    found = judged.named(image)
    if found is not None:
        right = corrected if decision == "label" else None
        decide_on(judged.workspace, judged.predictions, found.index, decision, right)
        go_to(found.id)


def can_undo(judged: Judged, candidate: LabelCandidate | None) -> bool:
    """Whether there is a decision to take back."""
    return bool(_history(judged)) or (candidate is not None and judged.decision(candidate) is not None)


def _history(judged: Judged) -> list[tuple[str, Decision | None, str | None]]:
    """What was decided in this session about these images, the latest last: id, and the decision before."""
    histories = st.session_state.setdefault(_HISTORY, {})
    history: list[tuple[str, Decision | None, str | None]] = histories.setdefault(
        judged.workspace.fingerprint, []
    )
    return history
