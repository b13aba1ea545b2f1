"""Clusters of maps and suspicious places: found where they are planted, silent where nothing is."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.map_clusters import Clustering, map_clusters
from analysis.map_regions import (
    FEWEST_WITH_EVIDENCE,
    hot_rectangle,
    region_shares,
    suspicious_regions,
)
from tests.analysis.planted_maps import MARK, animal_maps, marked_maps


def labels_of(found: Clustering, n: int) -> np.ndarray:
    labels = np.full(n, -1)
    for place, cluster in enumerate(found.clusters):
        labels[list(cluster.indices)] = place
    return labels


@pytest.mark.parametrize("seed", range(5))
def test_images_with_a_mark_form_a_cluster_of_their_own(seed: int) -> None:
    # one place of the animal, so that the mark is all that tells the images apart
    draws = np.random.default_rng(seed)
    animal = np.maximum(animal_maps(1, seed), 0)
    maps = animal + draws.normal(0, 0.1, (40, 32, 32))
    mark = marked_maps(1, 99)[0] - animal_maps(1, 99)[0]
    truth = np.arange(40) < 15
    maps = maps + truth[:, None, None] * mark
    found = map_clusters(maps)
    assert len(found.clusters) == 2
    assert adjusted_rand_score(truth, labels_of(found, 40)) == 1.0
    marked = found.clusters[1]
    assert marked.size == 15
    assert marked.hot_region == MARK and marked.share > 3 * marked.rest_share


@pytest.mark.parametrize("seed", range(5))
def test_no_cluster_mixes_marked_images_with_others_though_animals_move(seed: int) -> None:
    maps = np.concatenate([marked_maps(15, seed, strength=12), animal_maps(25, seed + 100)])
    found = map_clusters(maps)
    marked = [sum(image < 15 for image in each.indices) for each in found.clusters]
    assert all(n in (0, each.size) for n, each in zip(marked, found.clusters, strict=True))
    assert sum(marked) == 15


def test_every_image_is_in_one_cluster_and_the_same_maps_give_the_same() -> None:
    maps = animal_maps(30, 3)
    maps[4] = 0
    first, second = map_clusters(maps), map_clusters(maps)
    assert [each.indices for each in first.clusters] == [each.indices for each in second.clusters]
    members = sorted(image for each in first.clusters for image in each.indices)
    assert members == [image for image in range(30) if image != 4]
    assert [each.size for each in first.clusters] == sorted(
        (each.size for each in first.clusters), reverse=True
    )


def test_images_with_the_same_map_are_one_cluster() -> None:
    draws = np.random.default_rng(0)
    maps = np.maximum(animal_maps(1, 0), 0) + draws.normal(0, 0.05, (30, 32, 32))
    found = map_clusters(maps)
    assert len(found.clusters) == 1 and found.clusters[0].size == 30
    np.testing.assert_allclose(found.clusters[0].mean_map.sum(), 1)


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_few_images_are_one_cluster_at_most(n: int) -> None:
    assert [
        each.size for each in map_clusters(animal_maps(n, 0) if n else np.zeros((0, 32, 32))).clusters
    ] == ([n] if n else [])


def test_the_hot_rectangle_is_the_planted_one() -> None:
    excess = np.random.default_rng(0).normal(0, 0.02, (8, 8))
    excess[5:7, 1:4] += 1
    assert hot_rectangle(excess) == (1, 5, 4, 7)
    assert hot_rectangle(-np.ones((8, 8)))[:2] == (0, 0)


def test_a_regions_share_is_that_of_a_sum() -> None:
    maps = np.abs(animal_maps(3, 0))
    expected = maps[:, 16:, :8].sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    np.testing.assert_allclose(region_shares(maps, (0.0, 0.5, 0.25, 1.0)), expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_mark_in_all_images_is_suspicious(seed: int) -> None:
    (found,) = suspicious_regions(marked_maps(24, seed), animal_maps(48, seed + 100))
    assert found.region == MARK
    assert found.lit >= 20 and found.reference_lit == 0 and found.p <= 0.001
    assert found.share > 5 * found.reference_share
    assert (
        found.words
        == f"{found.lit} of 24 images have much of their evidence here, against 0 of 48 of other classes"
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_mark_in_a_third_of_the_images_is_suspicious(seed: int) -> None:
    maps = np.concatenate([marked_maps(8, seed, strength=10), animal_maps(16, seed + 50)])
    (found,) = suspicious_regions(maps, animal_maps(48, seed + 100))
    assert found.region == MARK
    shares = region_shares(maps, found.region)
    assert set(np.argsort(-shares)[:8].tolist()) == set(range(8))


def test_animals_that_move_are_not_suspicious() -> None:
    alarms = [bool(suspicious_regions(animal_maps(24, s), animal_maps(48, s + 1000))) for s in range(40)]
    assert sum(alarms) <= 2


def test_a_class_that_sits_lower_than_others_is_not_suspicious() -> None:
    """An animal's usual place is significant, but other classes have evidence there too."""
    lower = np.roll(animal_maps(36, 0), 3, axis=1)
    assert suspicious_regions(lower, animal_maps(48, 1)) == ()


def test_too_few_or_blank_images_show_nothing() -> None:
    marked, others = marked_maps(24, 0), animal_maps(48, 1)
    assert suspicious_regions(marked[: FEWEST_WITH_EVIDENCE - 1], others) == ()
    assert suspicious_regions(marked, others[: FEWEST_WITH_EVIDENCE - 1]) == ()
    assert suspicious_regions(np.zeros((24, 32, 32)), others) == ()


def test_the_scale_of_the_maps_does_not_matter() -> None:
    marked, others = marked_maps(24, 0), animal_maps(48, 1)
    assert suspicious_regions(marked * 2.0**-23, others * 2.0**17) == suspicious_regions(marked, others)
