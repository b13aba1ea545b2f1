"""The choice of what is compared with what, in the session and in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from pages.improve.compare_results import Result, control_of, usual_results
from pages.shared import state
from pages.shared.addressed import newest, write_later

NO_CONTROL = "none"
CONTROL_HELP = "The same training without its target: what the recipe does by itself."


@dataclass(frozen=True)
class Chosen:
    """What is compared.

    Args:
        before: the earlier result.
        after: the one that is judged.
        control: the same training without its target, or None.
        has_control: whether a control of ``after`` is kept, chosen or not.
    """

    before: Result
    after: Result
    control: Result | None
    has_control: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether one of them was trained here on these images, so that the choosing half had a part in it."""
        return self.before.version is not None or self.after.version is not None

    @property
    def may_be_known(self) -> bool:
        """Whether one of them was trained here, and nothing says what part these images had in that."""
        return any(each.is_made_here and each.version is None for each in (self.before, self.after))


def chosen_results(known: Mapping[str, Result], workspace: state.Workspace | None) -> Chosen | None:
    """What the session or the URL names, else what most likely is meant; None where there is nothing to compare.

    Args:
        known: all results, by fingerprint.
        workspace: what is open, or None.
    """
    usual_before, usual_after = usual_results(known, workspace)
    before, after = _asked("before", known, usual_before), _asked("after", known, usual_after)
    if before is None or after is None:
        return None
    return Chosen(before, after, _control(known, after), control_of(after, known) is not None)


def _asked(name: str, known: Mapping[str, Result], usual: Result | None) -> Result | None:
    """The result that was chosen for one side; says so where a link names one that is not kept."""
    asked = newest(name, _session(name), _written(name))
    found = known.get(asked) if asked is not None else usual
    if found is None and asked is not None:
        st.session_state.pop(_session(name), None)
        if usual is not None:
            st.info(f"The result of the link for “{name}” is not kept here; another one is shown.")
        found = usual
    if found is not None:
        write_later(name, found.fingerprint, _written(name))
    return found


def _control(known: Mapping[str, Result], after: Result) -> Result | None:
    """The chosen control, else the one that was trained as the control of this version."""
    asked = newest("control", _session("control"), _written("control"))
    found = None if asked == NO_CONTROL else known.get(asked or "") or control_of(after, known)
    if found is not None or asked == NO_CONTROL:
        write_later("control", NO_CONTROL if found is None else found.fingerprint, _written("control"))
    return found


def choice_lists(known: Mapping[str, Result], chosen: Chosen) -> None:
    """Draw the lists that choose both sides and the control; results on the same images come first."""
    in_order = sorted(known.values(), key=lambda each: not each.is_beside(chosen.before.spec))
    words = {each.fingerprint: each.words for each in in_order}
    _list("Before", "before", words, chosen.before.fingerprint)
    st.button(
        "Swap", icon=":material/swap_horiz:", key="comparison_swap", on_click=_swap, args=(chosen,),
        help="Let the two sides change places.",
    )  # fmt: skip
    _list("After", "after", words, chosen.after.fingerprint)
    if chosen.after.target is not None or chosen.control is not None:
        control = NO_CONTROL if chosen.control is None else chosen.control.fingerprint
        _list("Control", "control", {NO_CONTROL: "none", **words}, control, CONTROL_HELP)


def _list(title: str, name: str, words: Mapping[str, str], chosen: str, help: str | None = None) -> None:
    key, options = f"comparison_{name}", list(words)
    st.selectbox(
        title, options, index=options.index(state.keep_widget(key, chosen)), key=key, help=help,
        format_func=words.__getitem__, on_change=_take, args=(name, key),
    )  # fmt: skip


def _take(name: str, key: str) -> None:
    choose(name, st.session_state[key])


def choose(name: str, fingerprint: str | None) -> None:
    """Make a result what stands on one side.

    Args:
        name: "before", "after" or "control".
        fingerprint: of the result; None goes back to the usual one.
    """
    st.session_state[_session(name)] = fingerprint
    if name == "after":  # another training has another control, and another target
        for each in ("control", "cell"):
            st.session_state.pop(_session(each), None)
            st.session_state.pop(_written(each), None)
            if each in st.query_params:
                del st.query_params[each]


def _swap(chosen: Chosen) -> None:
    choose("after", chosen.before.fingerprint)
    choose("before", chosen.after.fingerprint)


def _session(name: str) -> str:
    return f"compare_{name}"


def _written(name: str) -> str:
    return f"written_compare_{name}"
