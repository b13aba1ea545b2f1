"""A choice that stands in the session and in the URL: a link or a reload brings it back."""

from __future__ import annotations

import time

import streamlit as st

SECONDS_TO_READ = 10.0


def addressed(name: str) -> str | None:
    """What was chosen under this name; the URL wins where it is newer than what the session wrote there.

    Args:
        name: of the query parameter. The session keeps it as ``explain_<name>``: the inspector of other
            pages has an ``image`` of its own, which it opens as soon as it is set.
    """
    return newest(name, f"explain_{name}", f"explain_written_{name}")


def newest(name: str, chosen_as: str, written_as: str) -> str | None:
    """What the URL or the session names, whichever is newer; from now on that is what is chosen.

    A link, an edited URL and the browser's Back are newer than what the session remembers.

    Args:
        name: of the query parameter.
        chosen_as: under which key the session keeps what was chosen.
        written_as: under which key it keeps what it wrote into the URL.
    """
    asked, written = st.query_params.get(name), st.session_state.get(written_as)
    chosen: str | None = st.session_state.get(chosen_as)
    # A choice that the URL does not show yet is newer than the URL: two quick clicks send the old one twice.
    just_chosen = chosen is not None and written is not None and chosen != written
    if asked is not None and asked != written and not just_chosen:
        st.session_state[chosen_as] = chosen = asked
    return chosen


def choose(name: str, value: str | None) -> None:
    """Make ``value`` what is chosen; None goes back to the usual choice."""
    st.session_state[f"explain_{name}"] = value


def choose_anew(name: str, value: str) -> None:
    """Make ``value`` what is chosen, and chosen just now, even where it had been before."""
    choose(name, value)
    st.session_state.pop(f"explain_written_{name}", None)


def is_chosen_anew(name: str) -> bool:
    """Whether it was chosen since it was last written: by a click, a link or an edited URL."""
    return bool(st.session_state.get(f"explain_{name}") != st.session_state.get(f"explain_written_{name}"))


def write_address(name: str, value: str) -> None:
    """Let the URL say what is chosen, as it was understood: that is the choice from now on.

    It stands there after `settle_addresses`.
    """
    choose(name, value)
    write_later(name, value, f"explain_written_{name}")


def write_later(name: str, value: str, known_as: str) -> None:
    """Let the URL have this parameter after `settle_addresses`.

    Args:
        name: of the parameter.
        value: of the parameter.
        known_as: under which key the session then remembers what it wrote.
    """
    st.session_state.setdefault("unwritten", {})[name] = value, known_as


def settle_addresses() -> None:
    """Write what is to stand in the URL, all at once: each writing is a step of the browser's Back."""
    unwritten = st.session_state.pop("unwritten", {})
    changed = {name: value for name, (value, _) in unwritten.items() if st.query_params.get(name) != value}
    if changed:
        st.query_params.update(changed)
    for value, known_as in unwritten.values():
        st.session_state[known_as] = value


def forget_unwritten() -> None:
    """Drop what a drawing that did not come to its end was to write: it is not what the next page shows."""
    st.session_state.pop("unwritten", None)


def put_right(name: str, value: str, words: str) -> None:
    """Choose ``value`` instead of what an address named in vain.

    Args:
        name: of the query parameter.
        value: what is chosen instead.
        words: what a person is told of it by `say_what_was_put_right`.
    """
    choose(name, value)
    st.session_state[f"explain_put_right_{name}"] = value, words, time.monotonic()


def say_what_was_put_right(name: str) -> None:
    """Tell it for long enough to be read: while a job runs, a page is drawn anew every moment."""
    value, words, since = st.session_state.get(f"explain_put_right_{name}", (None, "", 0.0))
    if (
        words
        and value == st.session_state.get(f"explain_{name}")
        and time.monotonic() - since < SECONDS_TO_READ
    ):
        st.info(words)
