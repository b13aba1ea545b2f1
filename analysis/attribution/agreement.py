"""Do the methods agree? Rank correlations between their maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from analysis.attribution.cell_grid import Floats, cell_evidence


def agreement(maps: Mapping[str, npt.NDArray[np.floating]]) -> Floats:
    """Spearman's rank correlation between every two maps, over the squares of a common grid.

    Compared is the positive evidence of each square (`cell_grid.cell_evidence`), as the page draws it:
    methods differ in scale, sharpness and in whether they know signs, and ranks over squares ask only
    whether they point at the same places. Methods can agree and be wrong together.

    Args:
        maps: (H, W) relevance by name; the sizes may differ.

    Returns:
        (M, M) from -1 to 1, in the order of ``maps``: symmetric, 1 on the diagonal; NaN in the row and
        column of a map that is the same everywhere (blank, say), which has no ranks.

    Source:
        Krishna et al., The Disagreement Problem in Explainable Machine Learning, TMLR 2024.
    """
    evidence = [cell_evidence(each) for each in maps.values()]
    found = np.full((len(evidence), len(evidence)), np.nan)
    for i, first in enumerate(evidence):
        for j, second in enumerate(evidence[: i + 1]):
            found[i, j] = found[j, i] = rank_correlation(first, second)
    return found


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation, ties sharing their mean rank.

    Args:
        first: (N,).
        second: (N,).

    Returns:
        From -1 to 1; NaN where one of them is constant.

    Source:
        Spearman, The Proof and Measurement of Association between Two Things, 1904.

    Example:
        >>> round(rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([0.1, 0.2, 0.3])), 6)
        1.0
    """
    # Imported here: a page that opens must not wait for scipy.
    from scipy.stats import rankdata

    centred = [ranks - ranks.mean() for ranks in (rankdata(first), rankdata(second))]
    lengths = [float(np.linalg.norm(each)) for each in centred]
    if min(lengths) == 0:
        return float("nan")
    return float(np.clip(centred[0] @ centred[1] / (lengths[0] * lengths[1]), -1.0, 1.0))
