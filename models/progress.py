"""How long work says where it stands, without knowing of threads or screens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report of long work.

    Args:
        phase: what is being done, in words a person reads ("Predicting").
        done: units finished, from 0 to ``total``.
        total: units in all; 0 where it is not known.
        unit: what is counted ("images").
        message: one more thing worth saying, or "".
    """

    phase: str
    done: int
    total: int
    unit: str = "images"
    message: str = ""

    @property
    def fraction(self) -> float:
        """Share done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0
