"""The small network: what it takes and gives, and that it learns from random weights."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.finetune.small_cnn import HEAD, small_cnn


def stripes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy images (n, 3, 64, 64) of stripes across, along, both ways or none, at random places; labels (n,)."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 4
    shift = torch.rand(n, 2, 1, generator=draws) * 8
    waves = torch.sin((torch.arange(64) + shift) * 0.8)
    across = (labels % 2).view(-1, 1, 1) * waves[:, 0].view(-1, 1, 64)
    along = (labels // 2).view(-1, 1, 1) * waves[:, 1].view(-1, 64, 1)
    return (across + along).unsqueeze(1) + torch.randn(n, 3, 64, 64, generator=draws), labels


def test_it_learns_from_random_weights() -> None:
    module = small_cnn(4, dropout=0.2, seed=0, width=8)
    images, labels = stripes(64, seed=1)
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.005)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # dropout's
        module.train()
        for start in range(0, 18 * 64, 32):
            rows = torch.arange(start, start + 32) % 64
            loss = F.cross_entropy(module(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    others, truth = stripes(64, seed=2)
    with torch.inference_mode():
        assert (module.eval()(others).argmax(1) == truth).float().mean() > 0.9


def test_weights_come_of_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, again, other = (small_cnn(5, 0.3, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["features.0.0.weight"], other["features.0.0.weight"])


def test_fresh_logits_are_small_and_finite_at_every_size() -> None:
    module = small_cnn(5, 0.3, 0)
    assert not module.training
    for size in ((32, 32), (64, 96), (160, 160)):
        images = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(0))
        logits = module(images)
        assert logits.shape == (3, 5)
        assert 1e-4 < logits.std() < 1
    assert module.get_submodule(HEAD).out_features == 5


def test_width_and_dropout_are_what_was_asked() -> None:
    module = small_cnn(5, 0.4, 0, width=6)
    assert [stage[0].out_channels for stage in module.features] == [6, 12, 24, 48, 48]
    assert module.dropout.p == 0.4
    assert {stage[-1].p for stage in module.features} == {0.1}
