"""Measuring backbones on this machine: which, the job, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.network.network_words import seconds_words, size_words
from pages.shared import state
from pages.shared.job_button import job_and_button

if TYPE_CHECKING:
    from models.backbone_timing import BackboneTiming
    from models.backbones import Backbone

TIMING = "backbone_timing"
_LARGE = 50e9
"""Multiply-adds from which one forward takes many seconds on a small machine."""
USUAL = ("mobilenet_v3_large", "resnet18", "resnet50", "efficientnet_b0", "googlenet", "vgg16")


def measuring(backbones: Mapping[str, Backbone], timings: Mapping[str, BackboneTiming], opened: str) -> None:
    """Ask which backbones are to be measured, and measure them.

    Args:
        backbones: all, by name.
        timings: what was measured, by name.
        opened: the architecture that is open.
    """
    usual = [name for name in dict.fromkeys((opened, *USUAL)) if name in backbones]
    chosen = st.multiselect(
        "Backbones to measure", list(backbones), default=usual, key="backbones_measured", persist_state="session"
    )  # fmt: skip
    if not chosen:
        st.caption("Choose at least one.")
        return
    again = all(name in timings for name in chosen)
    large = [
        name for name in chosen if backbones[name].multiply_adds > _LARGE and (again or name not in timings)
    ]
    words = f"A forward of {', '.join(large)} may take many seconds and gigabytes of memory." if large else ""
    missing = [name for name in chosen if again or name not in timings]
    spec = {"names": sorted(chosen), "again": again}
    job_and_button(
        TIMING, spec, label=f"Measure {'again' if again else _backbones_words(len(missing))}", key="backbones_measure",
        title="Time and memory of backbones", words=words, icon=":material/timer:",
    )  # fmt: skip
    _problems(spec)
    _told(chosen, timings)
    st.caption(how_words(timings))


def how_words(timings: Mapping[str, BackboneTiming]) -> str:
    """How it was measured, in honest words.

    Args:
        timings: what was measured, by name.
    """
    words = (
        "Each runs in a process of its own, with random weights, on one image of the side at which it reaches its "
        "accuracy. Time is the median of several runs; memory is what the process takes at most beyond torch itself: "
        "weights, maps and working room. Other work of this machine at the same time makes it slower."
    )
    if not timings:
        return words
    threads = sorted({each.threads for each in timings.values()})
    devices = sorted({"the processor" if each.device == "cpu" else each.device for each in timings.values()})
    n = " or ".join(map(str, threads))
    return f"{words} Measured on {' and '.join(devices)} with {n} thread{'' if n == '1' else 's'}."


def _told(chosen: Sequence[str], timings: Mapping[str, BackboneTiming]) -> None:
    known = sorted((timings[name] for name in chosen if name in timings), key=lambda each: each.seconds)
    if known:
        first, last = known[0], known[-1]
        words = f"Fastest here: **{first.name}**, {seconds_words(first.seconds)}"
        words += f" and {size_words(first.bytes)}" if first.bytes is not None else ""
        if len(known) > 1:
            words += f"; slowest: **{last.name}**, {seconds_words(last.seconds)}"
            words += f" and {size_words(last.bytes)}" if last.bytes is not None else ""
        st.markdown(f"{words}.")


def _problems(spec: dict[str, object]) -> None:
    job = state.running_jobs().newest_of(TIMING, spec)
    problems = (job.result or {}).get("problems", {}) if job is not None else {}
    for name, problem in problems.items():
        st.warning(f"{name} was not measured. {state.escaped(problem)}", icon=":material/warning:")


def _backbones_words(n: int) -> str:
    return "one backbone" if n == 1 else f"{n} backbones"
