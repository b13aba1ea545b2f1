"""All that the maps of a cell show: which groups are there, and that each is held against the cell."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.cell_record import CellMaps
from analysis.map_findings import map_findings
from analysis.map_groups import MapGroups
from tests.analysis.planted_maps import MARK, animal_maps, marked_maps, planted_cell


@pytest.fixture
def maps() -> CellMaps:
    """24 marked images of a cell, 8 correct ones of its label, 40 of other classes."""
    images = np.arange(72)
    none = np.zeros(0, dtype=np.intp)
    groups = MapGroups("a/b", images[:24], images[24:32], none, images[32:], 24)
    values = np.concatenate([marked_maps(24, 0), animal_maps(48, 1)])
    return planted_cell(groups, values)


def test_groups_without_images_are_left_out(maps: CellMaps) -> None:
    found = map_findings(maps)
    assert {group: each.n for group, each in found.groups.items()} == {"cell": 24, "label": 8, "others": 40}
    assert set(found.border) == {"label", "others"}


def test_the_mark_is_found_against_the_other_classes(maps: CellMaps) -> None:
    (region,) = map_findings(maps).regions
    assert (region.region, region.n, region.n_reference) == (MARK, 24, 40)


def test_clusters_count_within_the_cell(maps: CellMaps) -> None:
    found = map_findings(maps).clustering
    assert sorted(i for each in found.clusters for i in each.indices) == list(range(24))


def test_a_blank_map_is_counted_and_takes_no_part(maps: CellMaps) -> None:
    values = maps.maps.copy()
    values[3] = 0
    found = map_findings(replace(maps, maps=values))
    assert found.groups["cell"].n_blank == 1 and found.regions[0].n == 23
    clustered = sorted(i for each in found.clustering.clusters for i in each.indices)
    assert clustered == [i for i in range(24) if i != 3]


def test_a_cell_whose_images_are_gone_shows_its_references_only(maps: CellMaps) -> None:
    rest = replace(maps, images=maps.images[24:], maps=maps.maps[24:], seen=maps.seen[24:])
    found = map_findings(rest)
    assert "cell" not in found.groups and not found.regions and not found.clustering.clusters
