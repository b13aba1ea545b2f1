"""Strengths and probabilities as sliders show them: whole degrees, whole percent."""

from __future__ import annotations

from dataclasses import dataclass

from models.finetune.augmentation_table import OperationKind

FINE_SHARE = 0.1
"""Strengths up to this are set in quarters of a percent."""


@dataclass(frozen=True)
class Scale:
    """A slider. All its numbers are whole, or none is: Streamlit mixes no kinds.

    Args:
        low: at its left end.
        high: at its right end.
        step: between two values.
        words: how a value is written.
        factor: what a value is multiplied by to be shown.
    """

    low: float
    high: float
    step: float
    words: str
    factor: int = 1

    def shown(self, meant: float) -> float:
        """A value as the slider shows it."""
        shown = round(self.factor * meant, 2)
        return shown if isinstance(self.step, float) else round(shown)

    def meant(self, shown: float) -> float:
        """The value that the slider stands at."""
        return round(shown / self.factor, 6)


PROBABILITY = Scale(0, 100, 5, "%d%%", 100)


def scale_of(kind: OperationKind) -> Scale:
    """The slider of a change's strength."""
    if kind.unit == "share" and kind.highest <= FINE_SHARE:
        return Scale(100.0 * kind.lowest, 100.0 * kind.highest, 0.25, "%.2f%%", 100)
    if kind.unit == "share":
        return Scale(round(100 * kind.lowest), round(100 * kind.highest), 1, "%d%%", 100)
    return Scale(int(kind.lowest), int(kind.highest), 1, "%d°" if kind.unit == "degrees" else "%d")
