"""Where the squares and words of a drawn matrix stand."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.axis import MatrixView, cell_words

LARGEST_DRAWN = 60
_SMALLEST_CELL, _LARGEST_CELL, _WIDTH = 22.0, 64.0, 480.0
_LETTER = 6.4
_LONGEST_LABEL = 34


@dataclass(frozen=True)
class DrawnCell:
    """One square that holds images.

    Args:
        x: the left edge, in pixels from the left of the squares.
        y: the upper edge.
        count: the images in it.
        strength: how strongly it is coloured, 0 to 1.
        right: whether it lies on the diagonal.
        words: what it says when pointed at.
    """

    x: float
    y: float
    count: int
    strength: float
    right: bool
    words: str


@dataclass(frozen=True)
class DrawnMatrix:
    """A matrix ready to be drawn.

    Args:
        labels: the entries' texts, shortened where they are very long.
        cell: the side of a square in pixels.
        side: the side of all squares.
        margin: the room for the words at the left and at the top.
        cells: the squares that hold images.
    """

    labels: tuple[str, ...]
    cell: float
    side: float
    margin: float
    cells: tuple[DrawnCell, ...]


def drawn_matrix(view: MatrixView) -> DrawnMatrix:
    """Lay a matrix out.

    Errors are coloured by their count against the largest error, so that the many right images do not
    drown them; the diagonal, in another colour, by the share that is right.

    Args:
        view: the matrix on show.

    Returns:
        Squares and words; empty cells are left out.
    """
    n = len(view.entries)
    cell = min(_LARGEST_CELL, max(_SMALLEST_CELL, _WIDTH / max(n, 1)))
    labels = tuple(_shortened(label) for label in view.labels)
    errors = [int(view.counts[i, j]) for i in range(n) for j in range(n) if i != j]
    most = max(errors, default=0)
    return DrawnMatrix(
        labels,
        cell,
        cell * n,
        max((len(label) for label in labels), default=0) * _LETTER + 12,
        tuple(_cell(view, i, j, cell, most) for i in range(n) for j in range(n) if view.counts[i, j]),
    )


def _cell(view: MatrixView, row: int, column: int, side: float, most: int) -> DrawnCell:
    count, right = int(view.counts[row, column]), row == column
    strength = count / int(view.row_totals[row]) if right else count / most
    words = cell_words(view, row, column)
    return DrawnCell(column * side, row * side, count, strength, right, words)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
