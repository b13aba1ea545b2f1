"""Copies of a picture within a set: each picture counts once in the search for slices.

Copies in both halves would confirm each other: in a set where every picture lies twice, chance alone is confirmed in
most searches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.confusion import Integers
from analysis.slice_record import Slices


def first_copies(facts: pd.DataFrame) -> Integers:
    """The rows of pictures that repeat no earlier one, ascending.

    Args:
        facts: with ``repeats`` where the duplicates are known (``analysis.survey``); else equal bytes (``content``)
            make a copy, and a picture that cannot be read is none.

    >>> first_copies(pd.DataFrame({"content": ["a", "b", "a", "", ""]})).tolist()
    [0, 1, 3, 4]
    """
    if "repeats" in facts:
        return np.flatnonzero(~facts["repeats"].to_numpy(bool))
    if "content" not in facts:
        return np.arange(len(facts))
    content = facts["content"]
    return np.flatnonzero(~(content.duplicated() & (content != "")))


def among_all(found: Slices, rows: Integers, n_images: int) -> Slices:
    """What was found among some images, with the row numbers of all."""
    n = n_images - len(rows)
    images, repeat = ("One image", "repeats") if n == 1 else (f"{n:,} images", "repeat")
    remark = f"{images} {repeat} another; each picture is counted once, or copies would confirm each other."
    slices = tuple(replace(each, rows=rows[each.rows]) for each in found.slices)
    return replace(found, slices=slices, remarks=(*found.remarks, remark))
