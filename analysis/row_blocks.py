"""Blocks of rows: arrays of some GB, memory-mapped, are never copied as a whole."""

from __future__ import annotations

ROWS_AT_ONCE = 4096
VALUES_AT_ONCE = 1 << 20


def row_blocks(n: int, at_once: int = ROWS_AT_ONCE) -> list[slice]:
    """Slices that go through ``n`` rows, the last one up to the end.

    >>> row_blocks(5, at_once=2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(n, start + at_once)) for start in range(0, n, at_once)]


def even_row_blocks(shape: tuple[int, ...], values_at_once: int = VALUES_AT_ONCE) -> list[slice]:
    """Slices that go through the rows of an array, each of about so many values however many columns there are.

    >>> even_row_blocks((5, 100), values_at_once=250)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return row_blocks(shape[0], max(1, values_at_once // max(1, shape[1])))
