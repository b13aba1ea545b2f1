"""The most probable classes of a picture as bars, alone or before and after a change."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pages.shared.charts import RIGHT_COLOUR, WRONG_COLOUR

Probabilities = npt.NDArray[np.floating]
TOP = 5
_NEUTRAL_COLOUR = "#7a8794"
_ROW = "display:grid;gap:.1em .6em;align-items:center;margin:.2em 0;grid-template-columns:"
_NAME = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


def class_bars(
    class_names: Sequence[str],
    probabilities: Probabilities,
    label: int | None,
    *,
    narrow: bool = False,
) -> str:
    """HTML: the most probable classes, and the label where it is none of them.

    Args:
        class_names: C names.
        probabilities: (C,), 0 to 1.
        label: index of the true class, or None where it is not known.
        narrow: each bar under its name, where there is little room.
    """
    rows = [
        _bar_row(
            _named(class_names[index], index == label),
            [probabilities[index]],
            _colour(index, label),
            narrow=narrow,
        )
        for index in _shown(probabilities, label)
    ]
    return f'<div role="list" aria-label="most probable classes">{"".join(rows)}</div>'


def change_bars(
    class_names: Sequence[str], before: Probabilities, after: Probabilities, label: int | None
) -> str:
    """HTML: the most probable classes before and after, each with its change in percentage points.

    Args:
        class_names: C names.
        before: (C,) probabilities of the original.
        after: (C,) probabilities of the changed picture.
        label: index of the true class, or None.
    """
    best = [*_shown(before, label)]
    best += [index for index in _shown(after, label) if index not in best]
    rows = [
        _bar_row(
            _named(class_names[index], index == label), [before[index], after[index]], _colour(index, label)
        )
        for index in best
    ]
    return f'<div role="list" aria-label="classes before and after the change">{"".join(rows)}</div>'


def _shown(probabilities: Probabilities, label: int | None) -> list[int]:
    best = [int(index) for index in np.argsort(-probabilities, kind="stable")[:TOP]]
    return best if label is None or label in best else [*best, label]


def _named(name: str, is_label: bool) -> str:
    mark = '<span style="white-space:nowrap">&nbsp;✓ label</span>' if is_label else ""
    shown = f'<span style="{_NAME}">{html.escape(name)}</span>'
    return f'<span style="display:flex;min-width:0" title="{html.escape(name)}">{shown}{mark}</span>'


def _colour(index: int, label: int | None) -> str:
    if label is None:  # of an upload nobody knows what is right
        return _NEUTRAL_COLOUR
    return RIGHT_COLOUR if index == label else WRONG_COLOUR


def _bar_row(name: str, shares: Sequence[float], colour: str, *, narrow: bool = False) -> str:
    if narrow:
        number = f'<span style="{_NUMBER}">{shares[0]:.1%}</span>'
        bar = f'<span style="grid-column:1/-1">{_bar(shares[0], colour, height=".3em")}</span>'
        return f'<div role="listitem" style="{_ROW}minmax(0,1fr) auto;font-size:.85rem">{name}{number}{bar}</div>'
    if len(shares) == 1:
        columns = "minmax(0,15em) minmax(2em,1fr) 4em"
        cells = _bar(shares[0], colour) + f'<span style="{_NUMBER}">{shares[0]:.1%}</span>'
        return f'<div role="listitem" style="{_ROW}{columns}">{name}{cells}</div>'
    before, after = shares
    change = f"{(after - before) * 100:+.1f} pp".replace("-", "−")
    change = "±0.0 pp" if change in ("+0.0 pp", "−0.0 pp") else change
    words = f'<span style="{_NUMBER}">{before:.1%} → {after:.1%} · <b>{change}</b></span>'
    bars = f'<span style="grid-column:1/-1;display:grid;gap:2px">{_bar(before, colour, faint=True)}{_bar(after, colour)}</span>'
    return f'<div role="listitem" style="{_ROW}minmax(0,1fr) auto;margin:.5em 0">{name}{words}{bars}</div>'


def _bar(share: float, colour: str, *, faint: bool = False, height: str = ".5em") -> str:
    look = "opacity:.45;" if faint else ""
    return (
        f'<span style="display:block;background:rgb(128 128 128 / 18%);border-radius:3px;height:{height}">'
        f'<span style="display:block;height:100%;border-radius:3px;background:{colour};{look}'
        f'width:{max(float(share), 0.004):.2%}"></span></span>'
    )
