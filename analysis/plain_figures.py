"""Figures as JSON can hold them."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """The value as JSON has it: no NumPy numbers, no nan.

    >>> plain({"rate": float("nan"), "counts": (1, 2)})
    {'rate': None, 'counts': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
