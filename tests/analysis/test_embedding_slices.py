"""Groups of images that the network sees alike."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.embedding_slices import (
    central_first,
    embedding_components,
    embedding_space,
    shared_components,
)
from analysis.slice_significance import slice_p_value
from models.halves import stratified_halves
from tests.analysis.planted_slices import N, failing, with_embeddings


@pytest.mark.parametrize("seed", range(3))
def test_a_group_across_the_classes_is_one_component(seed: int) -> None:
    apart = np.random.default_rng(seed).random(N) < 0.12
    space = embedding_space(with_embeddings(failing(seed, np.zeros(N, bool)), seed, apart))
    assert space is not None
    components = shared_components(space)
    own = [component for component in np.unique(components) if apart[components == component].mean() > 0.5]
    inside = np.isin(components, own)
    assert (inside & apart).sum() > 0.8 * apart.sum()
    assert (inside & ~apart).sum() < 0.1 * apart.sum()


def test_images_near_another_class_are_no_group() -> None:
    # errors by chance of the position between two classes: the answer itself tells them, nothing else does
    random = np.random.default_rng(0)
    n, size = 1200, 24
    labels = np.arange(n) % 6
    places = 0.5 * random.normal(size=(6, size))
    embeddings = places[labels] + random.normal(size=(n, size))
    logits = embeddings @ places.T - 0.5 * (places**2).sum(axis=1)
    made = with_embeddings(failing(0, np.zeros(n, bool)), 0, np.zeros(n, bool))
    images = made.images.assign(
        label_index=labels.astype(np.int32), predicted_index=logits.argmax(axis=1).astype(np.int32)
    )
    network = replace(
        made,
        images=images,
        embeddings=embeddings.astype(np.float32),
        logits=logits.astype(np.float32),
        class_names=made.class_names[:6],
    )
    space = embedding_space(network)
    assert space is not None
    wrong = network.labels != network.predicted
    assert wrong.sum() > 30
    groups = shared_components(space)
    p_values = [slice_p_value(wrong, groups == group, network.labels) for group in np.unique(groups)]
    assert min(p_values) > 0.05 / len(p_values)


def test_the_probabilities_of_the_held_out_half_place_nothing() -> None:
    made = with_embeddings(failing(1, np.zeros(N, bool)), 1, np.zeros(N, bool))
    explored = stratified_halves(made.labels, 0)
    space = embedding_space(made)
    assert space is not None
    assert made.probabilities is not None
    other = made.probabilities.copy()
    other[~explored] = other[~explored][::-1]
    changed = replace(made, probabilities=other)
    first = embedding_components(made, space, explored)
    assert len(np.unique(first)) > 5
    assert np.array_equal(first, embedding_components(changed, space, explored))


def test_many_classes_need_few_numbers() -> None:
    n, n_classes = 800, 400
    made = with_embeddings(failing(0, np.zeros(n, bool)), 0, np.zeros(n, bool))
    probabilities = np.random.default_rng(0).dirichlet(np.ones(n_classes), n).astype(np.float32)
    images = made.images.assign(label_index=(np.arange(n) % n_classes).astype(np.int32))
    many = replace(
        made, probabilities=probabilities, images=images, class_names=tuple(map(str, range(n_classes)))
    )
    space = embedding_space(many)
    assert space is not None
    assert space.class_places.shape[1] < 100
    assert len(embedding_components(many, space, np.arange(n) % 2 == 0)) == n


def test_no_embeddings_or_all_alike_give_no_space() -> None:
    made = failing(0, np.zeros(N, bool))
    assert embedding_space(made) is None
    assert embedding_space(replace(made, embeddings=np.ones((N, 8), np.float32))) is None


def test_the_most_central_image_comes_first() -> None:
    made = with_embeddings(failing(0, np.zeros(N, bool)), 0, np.zeros(N, bool))
    space = embedding_space(made)
    assert space is not None
    rows = np.arange(0, N, 7)
    ordered = central_first(space, rows)
    assert np.array_equal(np.sort(ordered), rows)
    middle = np.median(space.shared[rows], axis=0)
    distances = np.linalg.norm(space.shared[ordered] - middle, axis=1)
    assert (np.diff(distances) >= 0).all()
