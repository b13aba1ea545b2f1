"""The regression budget: limits that a new network has to keep, checked here and with the same words in CI."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape

import streamlit as st

from analysis.budget import LIMITS, Budget, Check, Limit, budget_checks
from analysis.comparison_record import Half
from analysis.comparison_statistics import ComparisonStatistics
from pages.improve.compare_choice import Chosen

USUAL = ("max-negative-flips", "min-accuracy-change", "class-recall-drop")
_UNITS = {"share": "%", "points": "points", "count": "images"}


def budget_section(chosen: Chosen, statistics: ComparisonStatistics, half: Half) -> None:
    """Ask for the limits, say which are kept, and how to ask the same in CI.

    Args:
        chosen: what is compared.
        statistics: on the images that count.
        half: which those are.
    """
    st.subheader("Regression budget")
    st.caption(
        "What a new version may cost before it replaces the old one. The limits are kept for this session."
    )
    left, right = st.container(key="halves_budget").columns([0.5, 0.5], gap="large")
    with left:
        budget = Budget(_limits())
    with right:
        if not budget.limits:
            st.info("No limit is set.", icon=":material/rule:")
            return
        checks = budget_checks(budget, statistics)
        _verdict(checks)
        st.html(checks_list(checks))
    with st.expander("The same in CI", icon=":material/terminal:", key="budget_command"):
        st.caption("Exit status 0 where the budget is kept, 1 where it is not.")
        st.code(command(chosen, budget, half), language="sh", wrap_lines=True)


def _limits() -> dict[str, float]:
    """Key to value of the limits that are set."""
    found: dict[str, float] = {}
    for key, limit in LIMITS.items():
        with st.container(horizontal=True, vertical_alignment="center", key=f"budget_row_{key}"):
            is_set = st.checkbox(
                f"{limit.label} {limit.bound}", key in USUAL, key=f"budget_{key}", persist_state="session",
                help=limit.sentence, width=260,
            )  # fmt: skip
            value = _value(limit, disabled=not is_set)
        if is_set:
            found[key] = value
    return found


def _value(limit: Limit, *, disabled: bool) -> float:
    """The limit as a share or a count, asked for in whole percent, points or images."""
    scale = 1.0 if limit.unit == "count" else 100.0
    low, high = {"share": (0.0, 100.0), "points": (-100.0, 100.0), "count": (0.0, 1e6)}[limit.unit]
    asked = st.number_input(
        f"{limit.label}, {_UNITS[limit.unit]}", low, high, limit.suggested * scale, 1.0 if limit.unit == "count" else 0.5,
        format="%.0f" if limit.unit == "count" else "%.1f", key=f"budget_value_{limit.key}", persist_state="session",
        label_visibility="collapsed", width=110, disabled=disabled,
    )  # fmt: skip
    st.caption(_UNITS[limit.unit], width="content")
    return float(asked) / scale


def _verdict(checks: Sequence[Check]) -> None:
    failed = sum(not check.passed for check in checks)
    if failed:
        st.error(f"**The budget is exceeded:** {failed} of {len(checks)} limits.", icon=":material/block:")
    else:
        words = "the limit" if len(checks) == 1 else f"all {len(checks)} limits"
        st.success(f"**The budget is kept:** {words}.", icon=":material/check_circle:")


def checks_list(checks: Sequence[Check]) -> str:
    """The checks as HTML, one a line, each with its sign."""
    rows = "".join(
        f'<li class="{"pass" if check.passed else "fail"}"><b aria-hidden="true">{"✓" if check.passed else "✗"}</b>'
        f"<span>{'' if check.passed else '<i>failed</i> '}{escape(check.words)}</span></li>"
        for check in checks
    )
    return f'<ul class="budget-checks">{rows}</ul>'


def command(chosen: Chosen, budget: Budget, half: Half) -> str:
    """The command line that checks the same.

    Args:
        chosen: what is compared.
        budget: the limits.
        half: which images count.
    """
    words = [
        "python",
        "-m",
        "analysis",
        "compare",
        "--before",
        chosen.before.fingerprint,
        "--after",
        chosen.after.fingerprint,
    ]
    words += ["--half", half]
    for key, value in budget.limits.items():
        number = f"{value:g}" if LIMITS[key].unit == "count" else f"{round(100 * value, 6):g}%"
        words += ["--budget", f"{key}={number}"]
    return shlex.join(words)
