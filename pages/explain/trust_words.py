"""What the trust panel says, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from analysis.attribution.faithfulness import Faithfulness
    from analysis.attribution.randomisation import Randomisation
    from analysis.attribution.records import Attribution, Method

CLOSE_SUM = 0.05
SAME_ANSWER = 0.1
INERT = 0.7
BAND_WORDS = (
    "A good map lets the answer rise early while its squares are uncovered, and fall early while they are "
    "covered. The grey band holds all random orders; the table counts those that a map beats, by insertion less "
    "deletion. It is called better where chance would bring any of these maps so far in one picture of twenty at most."
)
CURVES_CAVEAT = (
    "These curves hardly tell good methods from each other, and the network has never seen half-covered "
    "pictures: use them to find a map that is no better than chance, not to choose the best."
)


def agreement_words(names: Sequence[str], matrix: npt.NDArray[np.float64]) -> str:
    """How to read the table of agreement, and which two maps agree least."""
    words = (
        "Rank correlation of the positive evidence in 14 x 14 squares: 1 is the same order of places, 0 is "
        "chance. Methods can agree and be wrong together."
    )
    blank = [name for name, own in zip(names, np.diagonal(matrix), strict=True) if np.isnan(own)]
    if blank:
        words += f" Without positive evidence there is nothing to compare: {', '.join(blank)}."
    pairs = np.where(np.triu(np.ones_like(matrix, bool), 1), matrix, np.nan)
    if len(names) > 2 and not np.isnan(pairs).all():
        first, second = divmod(int(np.nanargmin(pairs)), len(names))
        words = f"Least alike: {names[first]} and {names[second]} ({pairs[first, second]:.2f}). {words}"
    return words


def sum_words(method: Method, found: Attribution) -> tuple[str, bool]:
    """Whether a map adds up to what its method promises, and whether that is near enough."""
    error = found.completeness_error
    if found.expected_sum is None or error is None:
        return f"**{method.label}** should add up to zero here, so there is nothing to hold it against.", True
    share = float(found.relevance.sum(dtype=np.float64)) / found.expected_sum
    return (
        f"**{method.label}** adds up to {_percent(share)} of what it should: {method.promise}."
        + ("" if error <= CLOSE_SUM else f" More than {CLOSE_SUM:.0%} off."),
        error <= CLOSE_SUM,
    )


def _percent(share: float) -> str:
    # Two digits where they matter: 99.98 %, but 85 %, and never "100.00 %" for what is a little off.
    digits = 2 if abs(share - 1) < 0.01 else 1 if abs(share - 1) < 0.1 else 0
    return f"{share:.{digits}%}"


def area_rows(measured: Faithfulness, labels: Mapping[str, str]) -> pd.DataFrame:
    """The areas under the curves, one row per map and one for chance."""
    rows = [
        {
            "map": labels[key],
            "insertion ↑": f"{curves.insertion.area:.2f}",
            "deletion ↓": f"{curves.deletion.area:.2f}",
            "against chance": _against_chance(key, measured),
        }
        for key, curves in measured.maps.items()
    ]
    chance = {
        f"{name} {arrow}": f"{np.mean([getattr(each, name).area for each in measured.random]):.2f}"
        for name, arrow in (("insertion", "↑"), ("deletion", "↓"))
    }
    return pd.DataFrame(
        [*rows, {"map": f"{len(measured.random)} random orders", **chance, "against chance": ""}]
    )


def _against_chance(key: str, measured: Faithfulness) -> str:
    beaten, n = measured.beaten(key), len(measured.random)
    if not measured.is_better(key):
        return f"no better: {beaten} of {n}"
    return f"better than {f'all {n}' if beaten == n else f'{beaten} of {n}'}"


def ends_words(measured: Faithfulness) -> str:
    """A warning where the covered picture is answered like the picture; else ""."""
    scores = measured.random[0].insertion.scores
    if abs(scores[-1] - scores[0]) >= SAME_ANSWER:
        return ""
    return (
        f"Here even the wholly blurred picture is answered alike ({scores[0]:.0%}, the picture "
        f"{scores[-1]:.0%}), so the curves say next to nothing. "
    )


def verdict_words(label: str, result: Randomisation) -> str:
    """The check with random weights in one sentence."""
    number = f"(similarity {result.remaining:.2f})"
    if result.dependence == "wholly":
        words = f"**{label}** depends on what the network has learned: with random weights its map is another {number}"
        if result.means[0] > INERT:
            words += f", but it hardly heeds the last layer (similarity {result.means[0]:.2f} with that alone random)"
        return f"{words}."
    if result.dependence == "partly":
        return (
            f"**{label}** depends on what the network has learned only in part: with random weights its map "
            f"stays similar {number}, so some of it shows the picture itself."
        )
    return (
        f"**{label}** hardly depends on what the network has learned: random weights give much the same map "
        f"{number}."
    )
