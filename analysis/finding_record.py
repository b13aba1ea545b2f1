"""One thing to know about a model, and how a list of them is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from analysis.confusion import Integers

FindingKind = Literal[
    "group", "pair", "rare", "labels", "duplicates", "leakage", "slice", "class_confidence", "confidence"
]


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing to know.

    Args:
        kind: what it is about; says which page shows it.
        sentence: what was found.
        support: how sure that is, in a few words.
        rows: the mistakes it is about, row numbers of the predictions.
        errors: how many mistakes it explains; for a kind of image or a confidence, those beyond the usual, for
            leaked images those they hide.
        asked: what the page is to show: its query parameters.
    """

    kind: FindingKind
    sentence: str
    support: str
    rows: Integers
    errors: float
    asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Findings:
    """Findings as they are kept.

    Args:
        found: the one that explains most mistakes first.
    """

    found: tuple[Finding, ...]

    def to_saved(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Plain data for JSON, and the rows of each as arrays."""
        plain = [
            {
                "kind": each.kind,
                "sentence": each.sentence,
                "support": each.support,
                "errors": float(each.errors),
                "asked": dict(each.asked),
            }
            for each in self.found
        ]
        return {"found": plain}, {f"rows_{place}": each.rows for place, each in enumerate(self.found)}

    @classmethod
    def from_saved(cls, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """What ``to_saved`` gave."""
        return cls(
            tuple(
                Finding(**each, rows=arrays[f"rows_{place}"].astype(np.int64))
                for place, each in enumerate(plain["found"])
            )
        )
