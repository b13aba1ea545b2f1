"""Images grouped by where their evidence lies: a group that looks at a badge parts from one that does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.map_regions import SIDE, Region, hot_rectangle, region_shares
from analysis.map_statistics import Floats, Maps, has_evidence, pooled, positive_shares

MOST_CLUSTERS = 6
FEWEST_IMAGES = 8
_NEIGHBOURS = 7


@dataclass(frozen=True)
class MapCluster:
    """Images whose evidence lies at the same places.

    Args:
        indices: positions of its images, the most typical first.
        mean_map: (H, W) mean positive map, which adds up to 1.
        hot_region: where it has evidence that the other images lack, as shares of what the network sees.
        share: mean share of its positive evidence that lies in the hot region, 0..1.
        rest_share: the same over all the other images; nan where there are none.
    """

    indices: tuple[int, ...]
    mean_map: Floats
    hot_region: Region
    share: float
    rest_share: float

    @property
    def size(self) -> int:
        """How many images it has."""
        return len(self.indices)


@dataclass(frozen=True)
class Clustering:
    """The clusters of a set of maps.

    Args:
        clusters: the largest first; a single one where the maps fall into no groups. Images without positive
            evidence are in none.
    """

    clusters: tuple[MapCluster, ...]


def map_clusters(maps: Maps) -> Clustering:
    """Spectral relevance analysis (SpRAy): spectral clustering of pooled positive maps.

    Maps are pooled to 8 x 8 squares and normalised; images are linked with their seven nearest ones; the
    largest gap between successive eigenvalues of that graph's normalised Laplacian says how many clusters
    there are, one included. The same maps always give the same clusters.

    Args:
        maps: (N, H, W) relevance, H and W at least 8.

    Returns:
        The clusters; one for fewer than eight images with evidence.

    Source:
        Lapuschkin et al., Unmasking Clever Hans predictors and assessing what machines really learn, 2019.
    """
    kept = np.flatnonzero(has_evidence(maps))
    if not len(kept):
        return Clustering(())
    shares = positive_shares(maps[kept])
    assigned = _assigned(pooled(shares, SIDE).reshape(len(kept), -1))
    clusters = [_cluster(shares, assigned == each, kept) for each in range(int(assigned.max()) + 1)]
    return Clustering(tuple(sorted(clusters, key=lambda each: -each.size)))


def _assigned(points: Floats) -> npt.NDArray[np.intp]:
    """(N,) the cluster of each point."""
    if len(points) < FEWEST_IMAGES:
        return np.zeros(len(points), dtype=np.intp)
    values, vectors = np.linalg.eigh(_laplacian(points))
    most = min(MOST_CLUSTERS, len(points) // 4)
    n_clusters = int(np.diff(values[: most + 1]).argmax()) + 1
    if n_clusters == 1:
        return np.zeros(len(points), dtype=np.intp)
    from sklearn.cluster import KMeans

    rows = vectors[:, :n_clusters]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    found = KMeans(n_clusters, n_init=10, random_state=0).fit_predict(rows)
    return np.asarray(found, dtype=np.intp)


def _laplacian(points: Floats) -> Floats:
    """(N, N) the normalised Laplacian of the graph of nearest neighbours."""
    from sklearn.neighbors import kneighbors_graph

    links = kneighbors_graph(points, min(_NEIGHBOURS, len(points) - 1)).toarray()
    links = (links + links.T) / 2
    scale = 1 / np.sqrt(links.sum(axis=1))
    laplacian: Floats = np.eye(len(points)) - scale[:, None] * links * scale[None, :]
    return laplacian


def _cluster(shares: Floats, inside: npt.NDArray[np.bool_], positions: npt.NDArray[np.intp]) -> MapCluster:
    own, rest = shares[inside], shares[~inside]
    mean = own.mean(axis=0)
    squares = pooled(own, SIDE)
    usual = pooled(rest, SIDE).mean(axis=0) if len(rest) else np.full((SIDE, SIDE), squares.mean())
    left, top, right, bottom = (edge / SIDE for edge in hot_rectangle(squares.mean(axis=0) - usual))
    region = (left, top, right, bottom)
    distances = ((squares - squares.mean(axis=0)) ** 2).sum(axis=(1, 2))
    typical = positions[inside][np.argsort(distances, kind="stable")]
    return MapCluster(
        tuple(map(int, typical)), mean, region, float(region_shares(own, region).mean()),
        float(region_shares(rest, region).mean()) if len(rest) else float("nan"),
    )  # fmt: skip
