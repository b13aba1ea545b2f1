from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from models.finetune.batch_loss import Answers, n_correct, summed_loss
from models.finetune.batches import batch_input, epoch_batches, row_views
from models.finetune.loader import Loader
from models.finetune.recipe import Recipe
from tests.models.finetune.training_samples import CPU, TensorFeed, image_feeds, seeded, whole_phase


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 12))
def test_an_epoch_shows_each_image_once_in_batches_of_the_right_size(n: int, size: int) -> None:
    feed = TensorFeed(torch.zeros(n, 3, 6, 6), torch.zeros(n, dtype=torch.int64))
    batches = epoch_batches(whole_phase(MODULE, (feed, feed), 2), Recipe(batch_size=size), 1, 5)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(n))
    sizes = [len(batch) for batch in batches]
    assert all(each == size for each in sizes[:-1])
    assert n == 1 or size == 1 or sizes[-1] > 1  # batch norm finds no variance in one image
    assert sizes[-1] <= size + 1
    assert {view for batch in batches for view in batch.views} == {1}


MODULE = seeded()


def test_each_epoch_has_an_order_of_its_own() -> None:
    phase = whole_phase(MODULE, image_feeds(), 2)
    first, again, second = (epoch_batches(phase, Recipe(), 0, seed) for seed in (1, 1, 2))
    assert first == again != second


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=20), st.integers(0, 9), st.integers(0, 5))
def test_an_image_that_is_drawn_again_shows_another_version(rows: list[int], epoch: int, views: int) -> None:
    found = row_views(rows, epoch, 10, views)
    assert all(0 <= view < (views or 10_000) for view in found)
    for row, times in Counter(rows).items():
        mine = [view for each, view in zip(rows, found, strict=True) if each == row]
        assert len(set(mine)) == (min(times, views) if views else times)
        assert mine[0] == (epoch % views if views else epoch)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), min_size=1, max_size=12))
def test_a_batch_of_mixed_versions_comes_in_its_order(asked: list[tuple[int, int]]) -> None:
    feed = TensorFeed(torch.arange(8.0)[:, None], torch.zeros(8, dtype=torch.int64), shift=100.0)
    found = batch_input(feed, [row for row, _ in asked], [view for _, view in asked])
    assert found.flatten().tolist() == [row + 100.0 * view for row, view in asked]


@pytest.mark.parametrize("ahead", [False, True])
def test_what_was_loaded_ahead_is_what_was_asked_for(ahead: bool) -> None:
    feed = TensorFeed(torch.arange(8.0)[:, None], torch.zeros(8, dtype=torch.int64), shift=10.0)
    loader = Loader(feed, ahead=ahead)
    for first in range(0, 6, 2):
        loader.begin((first + 2, first + 3), (1, 1))
        assert loader.take((first, first + 1), (1, 1)).flatten().tolist() == [first + 10, first + 11]
    loader.close()
    assert len(feed.asked) <= 4


def test_an_error_while_loading_ahead_comes_where_it_belongs() -> None:
    class Broken(TensorFeed):
        def batch(self, rows: Any, view: int) -> torch.Tensor:
            raise ValueError("gone")

    loader = Loader(Broken(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64)), ahead=True)
    loader.begin((0,), (0,))
    with pytest.raises(ValueError, match="gone"):
        loader.take((0,), (0,))
    loader.close()


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 5)),
    weighted=st.booleans(),
    smoothing=st.floats(0, 0.9),
    share=st.sampled_from([1.0, 0.0, 0.3]),
    seed=st.integers(0, 99),
)
def test_the_losses_of_parts_add_up_to_that_of_the_batch(
    sizes: tuple[int, int], weighted: bool, smoothing: float, share: float, seed: int
) -> None:
    (n, size), draws = sizes, torch.Generator().manual_seed(seed)
    logits = torch.randn(n, 4, generator=draws)
    labels, partners = (torch.randint(4, (n,), generator=draws) for _ in range(2))
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0]) if weighted else None
    answers, parts = Answers(labels, partners, share), torch.split(torch.arange(n), size)
    losses = [summed_loss(logits[rows], answers.of(rows, CPU), weights, smoothing) for rows in parts]
    found = torch.stack(losses).sum() / answers.weight(weights)
    if share == 1:
        expected = F.cross_entropy(logits, labels, weights, label_smoothing=smoothing)
        assert torch.allclose(found, expected, atol=1e-5)
    elif not weighted:
        targets = share * F.one_hot(labels, 4) + (1 - share) * F.one_hot(partners, 4)
        expected = F.cross_entropy(logits, targets, label_smoothing=smoothing)
        assert torch.allclose(found, expected, atol=1e-5)
    correct = sum(float(n_correct(logits[rows], answers.of(rows, CPU))) for rows in parts)
    predicted = logits.argmax(1)
    own, other = (predicted == labels).sum(), (predicted == partners).sum()
    assert correct == pytest.approx(float(share * own + (1 - share) * other))
