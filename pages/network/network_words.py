"""Sizes, costs and shapes of networks as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.layers.module_tree import ModuleRow

_STEPS = ((1e9, " G"), (1e6, " M"), (1e3, " k"))


def count_words(number: float) -> str:
    """A large number in three digits.

    >>> count_words(3_504_872), count_words(300_774_272), count_words(15.5e9), count_words(240)
    ('3.50 M', '301 M', '15.5 G', '240')
    """
    for step, letter in _STEPS:
        if number >= 0.9995 * step:
            return f"{_three_digits(number / step)}{letter}"
    return f"{number:.0f}"


def seconds_words(seconds: float) -> str:
    """A short time.

    >>> seconds_words(0.0149), seconds_words(0.00021), seconds_words(12.5)
    ('14.9 ms', '0.21 ms', '12.5 s')
    """
    return f"{_three_digits(seconds)} s" if seconds >= 1 else f"{_three_digits(1000 * seconds)} ms"


def size_words(n_bytes: float) -> str:
    """A size in memory or on disk.

    >>> size_words(14_261_323), size_words(2.5e9), size_words(42_000)
    ('14.3 MB', '2.50 GB', '42 kB')
    """
    for step, unit in ((1e9, "GB"), (1e6, "MB")):
        if n_bytes >= step:
            return f"{_three_digits(n_bytes / step)} {unit}"
    return f"{n_bytes / 1e3:.0f} kB"


def shape_words(shape: tuple[int, ...] | None) -> str:
    """A shape without the batch.

    >>> shape_words((1280, 7, 7)), shape_words(None)
    ('1280 x 7 x 7', '')
    """
    return "" if shape is None else " x ".join(map(str, shape))


def field_words(row: ModuleRow) -> str:
    """How much of the image a place of a module's output hangs on; "" where that is not defined."""
    field = row.receptive_field
    if field is None:
        return "whole image" if row.sees_all else ""
    height, width = field.size
    words = f"{height} px" if height == width else f"{height} x {width} px"
    return f"{words} + gate" if field.whole else words


def _three_digits(number: float) -> str:
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f}"
