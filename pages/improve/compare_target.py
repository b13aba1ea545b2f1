"""What became of the target that was declared before the training, apart from everything else, beside the control."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from analysis.comparison_record import Half
from analysis.number_words import p_words
from analysis.paired_shares import PairedShare
from analysis.target_test import TargetResult
from models.finetune.spec import Target
from pages.improve import compare_cached
from pages.improve.compare_choice import Chosen
from pages.improve.compare_control import control_offer
from pages.improve.compare_words import SURE, count_and_share, interval_points, points
from pages.improve.finetune_target import target_words
from pages.shared import state


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Args:
        title: what is counted.
        note: how it is to be read.
        mistakes: whether fewer is better.
        own: before and after the training.
        is_tested: whether the p-value and the interval of ``own`` say anything.
        control: before and after the control, or None.
        against: the control before, the training after, or None.
    """

    title: str
    note: str
    mistakes: bool
    own: PairedShare
    is_tested: bool = True
    control: PairedShare | None = None
    against: PairedShare | None = None


def target_section(chosen: Chosen, half: Half, target: Target) -> None:
    """Draw the result of the declared target.

    Args:
        chosen: what is compared; ``after`` was trained towards the target.
        half: which images count.
        target: what was declared.
    """
    before, after = chosen.before.fingerprint, chosen.after.fingerprint
    own = compare_cached.target(before, after, half, target)
    control = against = None
    if chosen.control is not None:
        control = compare_cached.target(before, chosen.control.fingerprint, half, target)
        against = compare_cached.target(chosen.control.fingerprint, after, half, target, against_control=True)
    with st.container(border=True, key="comparison_target"):
        st.markdown(f"##### The declared target: {state.escaped(target_words(target))}")
        st.markdown(_verdict(own, against, is_its_control=_is_control(chosen)))
        st.html(table(lines(own, control, against)))
        if own.chosen_on_these:
            st.caption(_chosen_words(half))
        if chosen.control is None and chosen.has_control:
            st.caption("Its control is trained: choose it in the list above.")
        elif chosen.control is None:
            control_offer(chosen.after)


def _is_control(chosen: Chosen) -> bool:
    """Whether the control is that very training without its target, and not any other result chosen by hand."""
    control, after = chosen.control, chosen.after.version
    return (
        control is not None
        and control.version is not None
        and after is not None
        and control.version.control_of == after.id
    )


def _verdict(own: TargetResult, against: TargetResult | None, *, is_its_control: bool) -> str:
    """The result, and whether the target did what the recipe alone did not."""
    share = own.mistakes
    if not share.n:
        return "None of the images that count belongs to the target, so nothing can be said of it."
    sure = "" if own.can_only_fall else f" ({p_words(share.p_value)})"
    words = (
        f"**{share.before:,} → {share.after:,} mistakes** on {share.n:,} images{sure}: "
        f"{own.fixed:,} fixed, {own.moved:,} called another wrong class now, {share.only_after:,} new."
    )
    if own.can_only_fall:
        words += (
            " All of these images were chosen for being wrong, so they can only become fewer: whether the target did it, the "
            "control alone can tell."
        )
    if against is None:
        return words
    return f"{words} {_control_words(against.mistakes, is_its_control=is_its_control)}"


def _control_words(versus: PairedShare, *, is_its_control: bool) -> str:
    """Whether the target made a difference beyond what the recipe does by itself.

    Args:
        versus: the target's mistakes of the control before, of the targeted training after.
        is_its_control: whether the two differ in the target alone.
    """
    if versus.before == versus.after:
        return "The control leaves as many."
    better = versus.after < versus.before
    meaning = (
        "which may be chance"
        if versus.p_value > SURE
        else "so the target did it"
        if better and is_its_control
        else "beyond chance"
    )
    return (
        f"The control leaves {versus.before:,}: with the target there are {abs(versus.after - versus.before):,} "
        f"{'fewer' if better else 'more'} ({p_words(versus.p_value)}), {meaning}."
    )


def lines(own: TargetResult, control: TargetResult | None, against: TargetResult | None) -> list[Line]:
    """The lines of the table: the target's mistakes, the opposite ones, its classes, all else.

    Args:
        own: before against after.
        control: before against the control, or None.
        against: the control against after, or None.
    """
    named = (
        ("mistakes", "Its mistakes", "of the images labelled so", True),
        ("opposite", "The opposite mistake", "of the images labelled the other way", True),
        ("classes", "Right, in its classes", "of all images of these classes", False),
        ("elsewhere", "Right, everywhere else", "of all other images", False),
    )
    return [
        Line(
            title, note, mistakes, getattr(own, name), not own.can_only_fall or name == "elsewhere",
            None if control is None else getattr(control, name),
            None if against is None else getattr(against, name),
        )
        for name, title, note, mistakes in named
        if getattr(own, name).n
    ]  # fmt: skip


def table(shown: list[Line]) -> str:
    """The lines as HTML."""
    has_control = any(line.control is not None for line in shown)
    cells = "".join(f'<th scope="col">{head}</th>' for head in ("", *_heads(has_control)))
    rows = "".join(_row(line, has_control) for line in shown)
    return f'<table class="comparison-table"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'


def _heads(has_control: bool) -> list[str]:
    heads = ["Images", "Before", "After", "Change, points", "95% interval", "p"]
    return [*heads, "Control", "After against control", "p against control"] if has_control else heads


def _row(line: Line, has_control: bool) -> str:
    own = line.own
    values = [
        f"{own.n:,}", count_and_share(own.before, own.n), count_and_share(own.after, own.n),
        f'<span class="{_tone(line, own, line.is_tested)}">{points(own.change)}</span>',
        *((interval_points(own), _p(own)) if line.is_tested else ("–", "–")),
    ]  # fmt: skip
    if has_control:
        control, against = line.control, line.against
        values += ["–", "–", "–"] if control is None or against is None else [
            count_and_share(control.after, control.n),
            f'<span class="{_tone(line, against)}">{points(against.change)}</span>', _p(against),
        ]  # fmt: skip
    head = f'<th scope="row">{escape(line.title)}<span>{escape(line.note)}</span></th>'
    # where there is no room for a table, each value stands under its own head
    cells = (
        f'<td data-head="{name}">{value}</td>'
        for name, value in zip(_heads(has_control), values, strict=True)
    )
    return f"<tr>{head}{''.join(cells)}</tr>"


def _tone(line: Line, share: PairedShare, is_tested: bool = True) -> str:
    """Classes of a change: its hue, and whether it is beyond chance."""
    if not share.change:
        return "none"
    tone = "good" if (share.change < 0) is line.mistakes else "bad"
    return f"{tone} sure" if is_tested and share.p_value <= SURE else tone


def _p(share: PairedShare) -> str:
    return p_words(share.p_value).removeprefix("p ").removeprefix("= ")


def _chosen_words(half: Half) -> str:
    if half == "all":
        return "The target was chosen by looking at half of these images: there it shrinks even if nothing was learned."
    return (
        "The target was chosen by looking at all images, these among them: what is picked for being large shrinks even if "
        "nothing was learned. The control has the same luck, so it is the fair measure."
    )
