import numpy as np

from analysis.axis import matrix_view
from analysis.matrix_drawing import drawn_matrix


def test_every_cell_with_images_is_drawn_where_it_belongs() -> None:
    counts = np.array([[8, 2, 0], [4, 6, 0], [0, 0, 5]])
    drawn = drawn_matrix(matrix_view(counts, ["a", "b", "c"], {}))
    assert {(cell.x / drawn.cell, cell.y / drawn.cell): cell.count for cell in drawn.cells} == {
        (0, 0): 8,
        (1, 0): 2,
        (0, 1): 4,
        (1, 1): 6,
        (2, 2): 5,
    }
    assert drawn.side == 3 * drawn.cell


def test_errors_are_coloured_against_the_largest_error() -> None:
    counts = np.array([[100, 2], [4, 6]])
    strengths = {
        cell.words: cell.strength for cell in drawn_matrix(matrix_view(counts, ["a", "b"], {})).cells
    }
    assert strengths == {
        "100 of 102 a right": 100 / 102,
        "2 of 102 a called b": 0.5,
        "4 of 10 b called a": 1.0,
        "6 of 10 b right": 0.6,
    }


def test_very_long_names_are_shortened() -> None:
    drawn = drawn_matrix(matrix_view(np.eye(2, dtype=np.int64), ["a" * 200, "b"], {}))
    assert len(drawn.labels[0]) == 34 and drawn.labels[0].endswith("…")


def test_nothing_at_all_can_be_drawn() -> None:
    drawn = drawn_matrix(matrix_view(np.eye(2, dtype=np.int64), ["a", "b"], {}, shown=set()))
    assert drawn.cells == () and drawn.side == 0
