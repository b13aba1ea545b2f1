"""Places on a plane for points of many dimensions, so that what is near stays near."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.embedding_vectors import Single
from models.cores import background_threads

Method = Literal["localmap", "t-sne", "pca", "none"]
Reason = Literal["", "few", "same", "missing", "failed"]

FEWEST_POINTS = 15
MOST_FOR_TSNE = 5000
SEED = 0

# It reports the seed it was given, and that few points have fewer neighbours: both are meant.
logging.getLogger("pacmap.pacmap").setLevel(logging.ERROR)
# pacmap keeps its seed in a global; and one of the ways numba runs in parallel ends the process if two threads do.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, eq=False)
class Layout:
    """Where N points lie on the plane.

    Args:
        positions: (N, 2) float32; the longer side runs from 0 to 1, the shorter one is centred and true to
            scale.
        method: what placed them; "none" where all are in one place.
        reason: why it was not LocalMAP: "few" points, all the "same", pacmap "missing", or it "failed".
    """

    positions: Single
    method: Method
    reason: Reason = ""


def layout(coordinates: Single) -> Layout:
    """Place points on the plane: LocalMAP; where it cannot be had, t-SNE for up to 5,000 points, else PCA.

    The same coordinates give the same places.

    Source: Y. Wang, Y. Sun, H. Huang, C. Rudin, Dimension Reduction with Locally Adjusted Graphs, AAAI 2025.

    Args:
        coordinates: (N, A), by falling variance (`main_coordinates_steps`).
    """
    if len(coordinates) < 2 or coordinates.shape[1] == 0:
        reason: Reason = "few" if len(coordinates) < 2 else "same"
        return Layout(np.full((len(coordinates), 2), 0.5, dtype=np.float32), "none", reason)
    planar = _at_least_two_axes(coordinates)
    if len(np.unique(coordinates, axis=0)) < FEWEST_POINTS:
        return Layout(_fitted(planar[:, :2]), "pca", "few")
    try:
        places = _localmap(planar)
    except ImportError:
        return _fallback(planar, "missing")
    # What numba and faiss raise where they cannot work here: no place for compiled code, no such processor.
    except (RuntimeError, OSError, ValueError, ArithmeticError, AttributeError):
        return _fallback(planar, "failed")
    if not np.isfinite(places).all():
        return _fallback(planar, "failed")
    return Layout(_fitted(places), "localmap")


def _localmap(coordinates: Single) -> Single:
    # Imported here: numba takes seconds.
    import numba
    import pacmap

    numba.set_num_threads(min(background_threads(), numba.get_num_threads()))
    with _one_at_a_time:
        places = pacmap.LocalMAP(n_components=2, random_state=SEED).fit_transform(coordinates, init="pca")
    return np.asarray(places, dtype=np.float32)


def _fallback(coordinates: Single, reason: Reason) -> Layout:
    if len(coordinates) > MOST_FOR_TSNE:
        return Layout(_fitted(coordinates[:, :2]), "pca", reason)
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(coordinates) - 1) / 3)
    model = TSNE(init="pca", perplexity=perplexity, random_state=SEED, n_jobs=background_threads())
    return Layout(_fitted(model.fit_transform(coordinates)), "t-sne", reason)


def _at_least_two_axes(coordinates: Single) -> Single:
    missing = max(0, 2 - coordinates.shape[1])
    return np.pad(coordinates, ((0, 0), (0, missing)))


def _fitted(places: Single) -> Single:
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    return np.asarray((places - (low + high) / 2) / span + 0.5, dtype=np.float32)
