"""The smaller networks that were kept of the open one: what each saves, what it costs, who pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.number_words import fine_percent
from models.finetune.held_out import BASELINE
from models.finetune.version_record import Version
from models.finetune.versions import versions
from pages.improve.finetune_start import start_key
from pages.improve.versions_words import scores_of
from pages.network.compression_words import (
    cells_words,
    change_words,
    classes_words,
    matched_words,
    measured_on,
    threads_words,
    way_words,
)
from pages.network.network_words import seconds_words, size_words
from pages.shared import state
from pages.shared.state import Workspace


def kept_networks(workspace: Workspace) -> None:
    """Draw the smaller networks of the open one, the newest first.

    Args:
        workspace: what is open.
    """
    known = versions(state.store())
    kept = [each for each in known if each.compression and each.data.get(BASELINE) == workspace.fingerprint]
    if not kept:
        return
    st.subheader("Kept")
    for version in kept:
        _kept(workspace, version, [each for each in known if each.parent == version.id])
    st.caption(threads_words(int(kept[0].compression.get("threads", 1))))


def _kept(workspace: Workspace, version: Version, children: Sequence[Version]) -> None:
    with st.container(border=True, key=f"compressed_{version.id}"):
        st.markdown(f"**{state.escaped(version.name)}**")
        found = version.compression
        if "latency" not in found:
            st.caption("It was saved, but has not been judged yet: see the page Jobs.")
            return
        compressed_figures(found, version.id)
        st.markdown(
            f"Classes that pay most: {state.escaped(classes_words(found))}. Mistakes that grow most: "
            f"{state.escaped(cells_words(found))}."
        )
        if found.get("latency_whole"):
            st.caption(runtime_words(found))
        if "matched" in found:
            st.caption(matched_words(found))
        with st.container(horizontal=True, vertical_alignment="center"):
            _compare(workspace, version, "Before and after")
            st.page_link(
                state.VERSIONS_PAGE,
                label="The version",
                icon=":material/account_tree:",
                query_params={"version": version.id},
            )
            if version.architecture != "onnx" and st.button(
                "Fine-tune it", key=f"tune_{version.id}", icon=":material/model_training:", type="tertiary"
            ):
                st.session_state[start_key(workspace)] = version.id
                st.switch_page(state.FINETUNE_PAGE)
        for child in children:
            _child(workspace, child)


def compressed_figures(found: dict[str, Any], id: str) -> None:
    """Draw what a smaller network saves and costs, as figures.

    Args:
        found: ``Version.compression``, judged.
        id: of the version.
    """
    n = max(1, found["n"])
    points = round(100 * (found["right"] - found["right_before"]) / n, 1)
    with st.container(horizontal=True, gap="large", key=f"compressed_figures_{id}"):
        st.metric(
            "File", size_words(found["size"]), change_words(found["size_before"], found["size"]), width="content",
            delta_color="off", delta_arrow="off", help=f"Before: {size_words(found['size_before'])}.",
        )  # fmt: skip
        st.metric(
            "One image", seconds_words(found["latency"]), change_words(found["latency_before"], found["latency"]), width="content",
            delta_color="off", delta_arrow="off", help=f"Before: {seconds_words(found['latency_before'])}.",
        )  # fmt: skip
        st.metric(
            "Right", fine_percent(found["right"] / n), f"{points:+.1f} points" if points else "the same", width="content",
            delta_color="off", delta_arrow="off",
            help=f"{found['right']:,} of {found['n']:,} validation images; before {found['right_before']:,}.",
        )  # fmt: skip
        st.metric("Fixed", f"{found['fixed']:,}", width="content", help="Wrong before, right now.")
        st.metric("Broken", f"{found['broken']:,}", width="content", help="Right before, wrong now.")
        st.metric(
            "Same answer",
            fine_percent(found["agree"] / n),
            width="content",
            help="Images of which both networks say the same.",
        )


def runtime_words(found: dict[str, Any]) -> str:
    """What of the time is due to the runtime and what to the 8 bits."""
    return (
        f"Of the time, part is due to ONNX Runtime itself: there the network takes {seconds_words(found['latency_whole'])} in 32 "
        f"bits and {seconds_words(found['latency'])} in 8, against {seconds_words(found['latency_before'])} in PyTorch. The ranges were "
        f"measured on {measured_on(found.get('calibrated', 0), found)}."
    )


def way_of(version: Version) -> str:
    """How a version was made smaller, in a few words."""
    return way_words(version.compression["method"], float(version.compression.get("amount", 0.0)))


def _child(workspace: Workspace, child: Version) -> None:
    """A version that came of a smaller network."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        before, after = scores_of(child, "before", "report"), scores_of(child, "report")
        words = "not evaluated yet"
        if before and after:
            words = (
                f"{fine_percent(before['accuracy'])} → {fine_percent(after['accuracy'])} right on the held-out half, against the "
                "open network"
            )
        st.markdown(
            f":material/subdirectory_arrow_right: {state.escaped(child.name)}: {words}", width="content"
        )
        _compare(workspace, child, "Before and after")


def _compare(workspace: Workspace, version: Version, label: str) -> None:
    if version.evaluation:
        st.page_link(
            state.COMPARE_PAGE, label=label, icon=":material/difference:",
            query_params={"before": workspace.fingerprint, "after": version.evaluation},
        )  # fmt: skip
