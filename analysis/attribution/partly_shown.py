"""What the network says to pictures of which only some squares are shown."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from analysis.attribution.cell_grid import Floats
from analysis.attribution.forward_passes import batches
from analysis.attribution.gradients import logits, score
from analysis.attribution.records import Contrast, Question
from models.progress import Progress

PHASE = "Uncovering and covering squares"
# More at once are hardly faster on a processor, need more memory, and let cancelling wait.
_LARGEST_BATCH = 8

Order = npt.NDArray[np.intp]


def shown_scores(
    question: Question,
    covered: torch.Tensor,
    cells: npt.NDArray[np.intp],
    runs: list[tuple[Order, list[int]]],
) -> Generator[Progress, None, list[Floats]]:
    """What the target scores as an order's squares are shown over a baseline.

    Args:
        question: network, picture, and one target.
        covered: (1, 3, H, W) the baseline.
        cells: (H, W) number of each pixel's square, from 0.
        runs: orders of the squares, each with the counts at which it is measured, from none to all.

    Yields:
        Progress in pictures that the network saw.

    Returns:
        For each run the probability at each of its counts; of ``a`` against ``b`` alone for a contrast.
    """
    n = int(cells.max()) + 1
    shown = [np.arange(n) >= n, np.arange(n) < n]  # nothing, then everything: the same for all orders
    for order, counts in runs:
        shown += [np.isin(np.arange(n), order[:count]) for count in counts[1:-1]]
    found: list[float] = []
    yield Progress(PHASE, 0, len(shown), "pictures")
    for batch in batches(shown, question.network, first=_LARGEST_BATCH, largest=_LARGEST_BATCH):
        found += _probabilities(question, covered, np.stack([each[cells] for each in batch]))
        yield Progress(PHASE, len(found), len(shown), "pictures")
    ends = np.cumsum([2, *(len(counts) - 2 for _, counts in runs)])
    return [np.array([found[0], *found[a:b], found[1]]) for a, b in pairwise(ends)]


@torch.no_grad()
def _probabilities(question: Question, covered: torch.Tensor, shown: npt.NDArray[np.bool_]) -> list[float]:
    inputs, network = question.inputs, question.network
    masks = torch.from_numpy(shown)[:, None].to(inputs.device)
    answer = logits(network.module, torch.where(masks, inputs, covered), network).cpu().double()
    (target,) = question.targets
    if isinstance(target, Contrast):
        # The probability of a where only a and b are possible.
        return score(answer, target).sigmoid().tolist()
    return answer.softmax(1)[:, target].tolist()
