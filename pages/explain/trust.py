"""How far to trust the maps of one image: do they agree, add up, point at what matters, depend on training?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analysis.trust import CURVES, RANDOMISATION, estimated_seconds
from models.jobs import JobStatus
from pages.explain import refresh
from pages.explain.running import View
from pages.explain.trust_shown import Shown
from pages.explain.trust_words import (
    BAND_WORDS,
    CURVES_CAVEAT,
    agreement_words,
    area_rows,
    ends_words,
    sum_words,
    verdict_words,
)
from pages.shared import state
from pages.shared.halves import halves
from pages.shared.job_begin import begin_job
from pages.shared.job_panel import duration_words, explain_failure, job_at_work

if TYPE_CHECKING:
    from analysis.attribution.records import Attribution, Method
    from analysis.trust_results import Trust

START_WORDS = {CURVES: "Measure faithfulness", RANDOMISATION: "Check against random weights"}
_PLAIN = {"displayModeBar": False}


def trust_panel(view: View, methods: Sequence[Method], found: Mapping[str, Attribution]) -> None:
    """Draw the panel under the maps of one image.

    Args:
        view: what the maps explain.
        methods: the chosen methods, in the page's order.
        found: the finished maps by the method's key; a method still at work is missing.
    """
    finished = {method.key: found[method.key] for method in methods if method.key in found}
    with st.container(key="trust_panel"):
        st.subheader("How far to trust these maps")
        if not finished:
            st.caption("As soon as a map is finished, it can be checked here.")
            return
        shown = Shown(view, finished)
        left, right = halves("trust_at_once", (0.58, 0.42))
        with left:
            _agreement(shown, [method for method in methods if method.key not in finished])
        with right:
            _sums(shown)
        jobs = {check: shown.latest_job(check) for check in (CURVES, RANDOMISATION)}
        # After the jobs: one that ended in between would show neither itself nor what it measured.
        trust = shown.trust()
        for check, job in jobs.items():
            _check(shown, trust, check, job)


def _agreement(shown: Shown, unfinished: Sequence[Method]) -> None:
    st.markdown("**Do the methods agree?**")
    if len(shown.found) < 2 and unfinished:
        st.caption(f"Compares maps as soon as {unfinished[0].label} is finished, too.")
        return
    if len(shown.found) < 2:
        st.caption("Choose a second method: where two see the same, the map is less likely an accident.")
        return
    from analysis.attribution.agreement import agreement
    from pages.explain.trust_charts import agreement_chart

    names = list(shown.labels.values())
    matrix = agreement({key: each.relevance for key, each in shown.found.items()})
    st.plotly_chart(agreement_chart(names, matrix), config=_PLAIN, key="agreement_chart")
    st.caption(agreement_words(names, matrix))


def _sums(shown: Shown) -> None:
    from analysis.attribution import METHODS

    st.markdown("**Does the relevance add up?**")
    promising = [key for key in shown.found if METHODS[key].promise]
    for key in promising:
        words, is_right = sum_words(METHODS[key], shown.found[key])
        icon = ":material/check_circle:" if is_right else ":material/warning:"
        st.markdown(f"{icon} {words}")
    if not promising:
        others = [method.label for method in METHODS.values() if method.promise]
        st.caption(
            "None of these methods promises what its relevance adds up to"
            + (f"; {', '.join(others[:-1])} and {others[-1]} would." if len(others) > 1 else ".")
        )


def _check(shown: Shown, trust: Trust, check: str, job: JobStatus | None) -> None:
    """A check with its button, its running job or its results."""
    with st.container(key=f"trust_{check}"), st.container(key=f"trust_{check}_section"):
        _check_section(shown, trust, check, job)


def _check_section(shown: Shown, trust: Trust, check: str, job: JobStatus | None) -> None:
    is_active = job is not None and job.is_active
    if is_active:
        refresh.at_work()
    if check == CURVES:
        missing = [key for key in shown.found if key not in trust.curves]
        _curves_section(shown, trust, len(missing) == len(shown.found))
    else:
        missing = [key for key in shown.found if key not in {**trust.randomisations, **trust.refusals}]
        _randomisation_section(shown, trust)
    if job is not None and is_active:
        job_at_work(job, key=f"cancel_{check}")
    elif missing:
        _start(shown, check, missing, job)


def _start(shown: Shown, check: str, missing: Sequence[str], job: JobStatus | None) -> None:
    if job is not None:
        explain_failure(job)
    height, width = next(iter(shown.found.values())).relevance.shape
    options = {key: shown.options[key] for key in missing}
    seconds = estimated_seconds(shown.view.network, options, check, size=(height, width))
    words = START_WORDS[check]
    if len(missing) < len(shown.found):
        words += f": {', '.join(shown.labels[key] for key in missing)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        # By a callback, which runs even where the page is drawn anew just when the button is pressed.
        st.button(
            words, key=f"start_{check}", icon=":material/science:", on_click=_submit, args=(shown, check)
        )
        if seconds is not None:
            st.caption(f"about {duration_words(seconds)}", width="content")


@state.explained
def _submit(shown: Shown, check: str) -> None:
    title = f"{START_WORDS[check]}: {shown.view.chosen.path.name}"
    begin_job("trust", shown.spec(check).to_json(), title=title)


def _curves_section(shown: Shown, trust: Trust, is_new: bool) -> None:
    st.markdown("**Does the answer hang on what the maps point at?**")
    if is_new or not trust.chance:
        st.caption(
            "Uncovers the picture square by square in each map's order, and covers it, and watches the answer; "
            "random orders of the same squares are the measure."
        )
        return
    from analysis.attribution.faithfulness import Faithfulness
    from pages.explain.trust_charts import curves_chart

    asked = shown.view.asked
    title = f"probability of {asked.words}" if asked.b is None else asked.words
    measured = Faithfulness(
        {key: trust.curves[key] for key in shown.found if key in trust.curves}, trust.chance
    )
    left, right = halves("trust_curves", (0.56, 0.44))
    with left:
        st.plotly_chart(curves_chart(measured, shown.labels, title), config=_PLAIN, key="curves_chart")
    with right:
        st.dataframe(area_rows(measured, shown.labels), hide_index=True, key="curves_areas")
        st.caption(f"{BAND_WORDS} {ends_words(measured)}{CURVES_CAVEAT}")


def _randomisation_section(shown: Shown, trust: Trust) -> None:
    st.markdown("**Do the maps depend on what the network has learned?**")
    if not trust.randomisations and not trust.refusals:
        st.caption(
            "Gives the network random weights, from its answer downwards, and asks each method again. "
            "A map that stays as it was cannot show what the network has learned."
        )
        return
    from pages.explain.trust_charts import randomisation_chart

    results = {key: trust.randomisations[key] for key in shown.found if key in trust.randomisations}
    left, right = halves("trust_random", (0.58, 0.42))
    with left:
        if results:
            chart = randomisation_chart(results, shown.labels)
            st.plotly_chart(chart, config=_PLAIN, key="randomisation_chart")
    with right:
        for key, result in results.items():
            warns = result.dependence != "wholly"
            icon = ":material/warning:" if warns else ":material/check_circle:"
            st.markdown(f"{icon} {verdict_words(shown.labels[key], result)}")
        for key, reason in trust.refusals.items():
            st.markdown(f":material/info: **{shown.labels[key]}.** {state.escaped(reason)}")
