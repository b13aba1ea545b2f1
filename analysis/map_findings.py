"""All that the maps of a cell show, in one record for the page."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.cell_record import GROUPS, CellMaps
from analysis.map_clusters import Clustering, map_clusters
from analysis.map_groups import GroupKey
from analysis.map_regions import SuspiciousRegion, suspicious_regions
from analysis.map_statistics import (
    BorderComparison,
    Floats,
    Maps,
    border_comparison,
    border_share,
    has_evidence,
    mean_positive_map,
)


@dataclass(frozen=True, eq=False)
class GroupFindings:
    """What the maps of one group of images show.

    Args:
        n: images whose maps are known.
        n_blank: of them, those without positive evidence.
        mean_map: (32, 32) mean positive map, which adds up to 1.
        border: (n,) the border's share of each image's evidence over its area; nan without evidence.
    """

    n: int
    n_blank: int
    mean_map: Floats
    border: Floats


@dataclass(frozen=True, eq=False)
class MapFindings:
    """What the maps of a cell show beside those of its references.

    Args:
        groups: each group that has images, the cell first.
        border: the cell's border share against each reference; None where either has too few images.
        regions: places that draw the evidence of the cell's images and of no other class; none too where
            either has too few images with evidence to tell.
        clustering: the cell's images by where their evidence lies; its positions count within the cell.
    """

    groups: dict[GroupKey, GroupFindings]
    border: dict[GroupKey, BorderComparison | None]
    regions: tuple[SuspiciousRegion, ...]
    clustering: Clustering

    def n_with_evidence(self, group: GroupKey) -> int:
        """How many images of a group have any positive evidence; 0 for a group without images."""
        found = self.groups.get(group)
        return 0 if found is None else found.n - found.n_blank


def map_findings(maps: CellMaps) -> MapFindings:
    """Look at the maps of a cell from every side.

    Args:
        maps: of the cell and its references.
    """
    own = {group: maps.of(group) for group in GROUPS}
    groups = {group: _group(each) for group, each in own.items() if len(each)}
    border: dict[GroupKey, BorderComparison | None] = {
        group: border_comparison(own["cell"], own[group])
        for group in groups
        if group != "cell" and "cell" in groups
    }
    return MapFindings(
        groups, border, suspicious_regions(own["cell"], own["others"]), map_clusters(own["cell"])
    )


def _group(maps: Maps) -> GroupFindings:
    n_blank = int((~has_evidence(maps)).sum())
    return GroupFindings(len(maps), n_blank, mean_positive_map(maps), border_share(maps))
