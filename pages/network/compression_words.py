"""What a smaller network costs and saves, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.metrics import accuracy_of
from analysis.number_words import fine_percent, interval_words
from models.compress.spec import METHODS, Method
from pages.network.network_words import seconds_words, size_words

Row = Mapping[str, Any]


def change_words(before: float, after: float) -> str:
    """A change as a share of what was before.

    >>> change_words(10.0, 2.5), change_words(2.0, 2.004), change_words(2.0, 3.0)
    ('75% less', 'the same', '50% more')
    """
    share = round(100 * (after / before - 1)) if before else 0
    return "the same" if not share else f"{abs(share)}% {'less' if share < 0 else 'more'}"


def right_words(row: Row) -> str:
    """How many images are right, with the interval.

    >>> right_words({"n": 100, "right": 80})
    '80.0% (71% to 87%)'
    """
    found = accuracy_of(int(row["right"]), int(row["n"]))
    return f"{fine_percent(row['right'] / row['n'])} ({interval_words((found.low, found.high))})"


def classes_words(row: Row, most: int = 3) -> str:
    """The classes that lost most right answers; "none" where none lost any.

    >>> classes_words({"classes": [{"name": "Ragdoll", "n": 14, "before": 14, "after": 12}]})
    'Ragdoll 14 → 12 of 14'
    """
    shown = [
        f"{each['name']} {each['before']} → {each['after']} of {each['n']}" for each in row["classes"][:most]
    ]
    return ", ".join(shown) or "none"


def cells_words(row: Row, most: int = 3) -> str:
    """The mistakes that became more; "none" where none did.

    >>> cells_words({"cells": [{"label": "a", "predicted": "b", "before": 0, "after": 2}]})
    'a/b 0 → 2'
    """
    shown = [
        f"{each['label']}/{each['predicted']} {each['before']} → {each['after']}"
        for each in row["cells"][:most]
    ]
    return ", ".join(shown) or "none"


def way_words(method: Method, amount: float) -> str:
    """A way to make a network smaller, with its amount.

    >>> way_words("channels", 0.3), way_words("magnitude", 0.5), way_words("half", 0.0)
    ('30% fewer channels', '50% zeros', 'Half precision')
    """
    if method == "channels":
        return f"{amount:.0%} fewer channels"
    return f"{amount:.0%} zeros" if method == "magnitude" else METHODS[method].label


def threads_words(threads: int) -> str:
    """How the time was taken."""
    return (
        f"Time: the median for one image on the processor with {threads} {'thread' if threads == 1 else 'threads'}, taken in "
        "turns with the open network, so that whatever else the machine does slows both alike."
    )


def matched_words(found: Row) -> str:
    """By what images the channels that stayed were set right.

    >>> matched_words({"matched": 64, "on_half": False})
    'What is left was matched with the open network on 64 training images.'
    >>> matched_words({"matched": 0, "on_half": False})
    'What is left is as it was: the preprocessing gives pictures of various sizes, which cannot be measured together.'
    """
    if not found.get("matched"):
        return "What is left is as it was: the preprocessing gives pictures of various sizes, which cannot be measured together."
    return f"What is left was matched with the open network on {measured_on(found['matched'], found)}."


def measured_on(n: int, found: Row) -> str:
    """What images told the ranges of int8, or the mean and spread of what pruning left.

    >>> measured_on(128, {"on_half": True})
    '128 validation images of the choosing half, for there were no training images'
    """
    if found.get("on_half"):
        return f"{n:,} validation images of the choosing half, for there were no training images"
    return f"{n:,} training images"


def table_rows(rows: Sequence[Row], before: Row) -> list[dict[str, str]]:
    """The rows of a sweep's table; the open network comes first.

    Args:
        rows: one for each amount.
        before: ``size`` and ``weights`` of the open network.
    """
    first = rows[0]
    opened = {"right": first["right_before"], "n": first["n"]}
    return [
        {
            "Goes": "nothing", "Right (95% interval)": right_words(opened), "Fixed": "", "Broken": "", "File": size_words(before["size"]),
            "One image": seconds_words(first["latency_before"]), "Weights": f"{before['weights']:,}", "Who pays": "",
        },
        *(
            {
                "Goes": f"{row['amount']:.0%}", "Right (95% interval)": right_words(row), "Fixed": f"{row['fixed']:,}",
                "Broken": f"{row['broken']:,}", "File": size_words(row["size"]), "One image": seconds_words(row["latency"]),
                "Weights": f"{row['weights']:,}", "Who pays": classes_words(row),
            }
            for row in rows
        ),
    ]  # fmt: skip
