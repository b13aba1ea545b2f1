"""An image cut into cells or covered by windows: which pixels each of them holds, and back to a map."""

from __future__ import annotations

import torch

from analysis.attribution.records import Option, Question

CELLS = Option("cells", "Cells a side", 7, "The image is cut into this many by this many cells.", 2, 16, 1)


def strips(length: int, n: int) -> torch.Tensor:
    """A side cut into n strips, as equal as whole pixels allow (at most as many strips as pixels).

    Args:
        length: pixels of the side.
        n: how many strips.

    Returns:
        (n, length), 1 where a pixel belongs to the strip, else 0.

    Example:
        >>> strips(5, 2)
        tensor([[1., 1., 1., 0., 0.],
                [0., 0., 0., 1., 1.]])
    """
    n = min(n, length)
    belongs_to = torch.arange(length) * n // length
    return (belongs_to == torch.arange(n)[:, None]).float()


def windows(length: int, side: int, stride: int) -> torch.Tensor:
    """A side covered by windows that may overlap; the last is cut off at the border.

    Args:
        length: pixels of the side.
        side: pixels of a window.
        stride: pixels from one to the next, at most ``side``.

    Returns:
        (n, length), 1 where a window covers a pixel, else 0.

    Example:
        >>> windows(5, 3, 2)
        tensor([[1., 1., 1., 0., 0.],
                [0., 0., 1., 1., 1.]])
    """
    last = max(length - side, 0)
    starts = torch.arange(-(-last // stride) + 1)[:, None] * stride
    pixels = torch.arange(length)
    return ((pixels >= starts) & (pixels < starts + side)).float()


def cells_of(question: Question, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The strips of both sides of the question's image, (R, H) and (C, W)."""
    height, width = question.size
    device = question.inputs.device
    return strips(height, n).to(device), strips(width, n).to(device)


def laid_out(values: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Every pixel gets the sum of the values of the cells or windows that hold it.

    Args:
        values: (N, R, C).
        rows: (R, H) of 0 and 1.
        columns: (C, W) of 0 and 1.

    Returns:
        (N, H, W).

    Example:
        >>> laid_out(torch.tensor([[[1.0, 2.0]]]), torch.ones(1, 1), torch.eye(2))
        tensor([[[1., 2.]]])
    """
    return rows.T @ values @ columns
