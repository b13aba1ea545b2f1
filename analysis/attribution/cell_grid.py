"""The squares in which maps of different grain are compared with each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GRID = 14
"""Squares along each side: fine enough for an animal's head, coarse enough that a CAM's 7 x 7 places, a
window of Occlusion and a pixel of a gradient become comparable."""

Floats = npt.NDArray[np.float64]


def cell_numbers(shape: tuple[int, int], grid: int = GRID) -> npt.NDArray[np.intp]:
    """Which square each pixel belongs to.

    Args:
        shape: (H, W) of the map.
        grid: squares along each side; fewer where the map has fewer pixels.

    Returns:
        (H, W) numbers from 0, row by row; the squares' sides differ by one pixel at most.

    Example:
        >>> cell_numbers((2, 4), 2).tolist()
        [[0, 0, 1, 1], [2, 2, 3, 3]]
    """
    rows, columns = (np.arange(side) * min(grid, side) // side for side in shape)
    return np.asarray(rows[:, None] * min(grid, shape[1]) + columns[None, :], np.intp)


def cell_means(relevance: npt.NDArray[np.floating], grid: int = GRID) -> Floats:
    """The mean relevance of each square.

    Args:
        relevance: (H, W).
        grid: squares along each side.

    Returns:
        (N,) float64, row by row; N is at most ``grid`` squared.

    Example:
        >>> cell_means(np.array([[1.0, 3.0], [0.0, 4.0]]), 1).tolist()
        [2.0]
    """
    numbers = cell_numbers((relevance.shape[0], relevance.shape[1]), grid).ravel()
    sums = np.bincount(numbers, relevance.astype(np.float64).ravel())
    return np.asarray(sums / np.bincount(numbers), np.float64)


def cell_evidence(relevance: npt.NDArray[np.floating], grid: int = GRID) -> Floats:
    """The net evidence for the target in each square: its mean relevance, or 0 where that is against.

    The mean is taken first, because a square whose pixels speak for and against alike says nothing; what
    is below zero counts as nothing because half of the methods cannot show it.

    Args:
        relevance: (H, W).
        grid: squares along each side.

    Returns:
        (N,) float64, at least 0.
    """
    return np.maximum(cell_means(relevance, grid), 0.0)
