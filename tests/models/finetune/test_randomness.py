import threading
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import TrainingError
from models.finetune.randomness import RepeatableDraws, generator_of, seed_of
from models.torchvision_import import torchvision

N = 6


def drawn(module: nn.Module, batch: Tensor, rows: list[int] | None = None) -> Tensor:
    """What a module makes of some rows of a batch, with the same draws each time."""
    chosen = None if rows is None else torch.tensor(rows, dtype=torch.int64)
    with RepeatableDraws(generator_of(7, "test"), chosen, len(batch)):
        answers: Tensor = module(batch if chosen is None else batch[chosen])
    return answers


class Everything(nn.Module):
    """All kinds of dropout, one after another."""

    def forward(self, values: Tensor) -> Tensor:
        values = F.dropout2d(F.dropout(values, 0.3), 0.3)
        values = F.feature_alpha_dropout(F.alpha_dropout(values, 0.2, True), 0.2, True)
        windows = F.dropout(values.reshape(-1, 4), 0.3).reshape(values.shape)  # as windows of a transformer
        kept: Tensor = torchvision.ops.stochastic_depth(windows, 0.3, "row")
        return kept


def test_seeds_tell_purposes_apart() -> None:
    purposes = [(0,), (1,), (0, "order"), (0, 1), (0, "1"), (0, "order", 0), ("0", "order", 0)]
    assert len({seed_of(*each) for each in purposes}) == len(purposes)
    assert seed_of(0, "order", 3) == 386106667988085106  # the same on every machine, for ever


@settings(deadline=None)
@given(st.lists(st.integers(0, N - 1), unique=True, max_size=N))
def test_any_rows_of_a_batch_are_drawn_as_in_the_whole(rows: list[int]) -> None:
    batch = torch.randn(N, 4, 4, 4, generator=generator_of(1))
    assert torch.equal(drawn(Everything(), batch, rows), drawn(Everything(), batch)[rows])


def test_it_drops_as_much_as_asked() -> None:
    batch = torch.ones(400, 50)
    kept = drawn(nn.Dropout(0.3), batch)
    assert (kept == 0).float().mean() == pytest.approx(0.3, abs=0.02)
    assert kept.max() == pytest.approx(1 / 0.7)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_fused_dropout_of_graphics_cards_is_that_of_the_processor(share: float) -> None:
    values = torch.randn(N, 5, requires_grad=True)
    with RepeatableDraws(generator_of(3), None, N):
        fused, _ = torch.native_dropout(values, share, True)
    (slope,) = torch.autograd.grad(fused.sum(), values)
    with RepeatableDraws(generator_of(3), None, N):
        plain = F.dropout(values, share)
    assert torch.allclose(fused, plain)
    assert torch.allclose(slope, torch.autograd.grad(plain.sum(), values)[0])


def tiny_swin() -> nn.Module:
    module = torchvision.models.SwinTransformer(
        patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=[4, 4],
        stochastic_depth_prob=0.6, dropout=0.2, attention_dropout=0.3, num_classes=5,
    )  # fmt: skip
    nn.init.normal_(module.head.weight)  # its own are so small that some draws cannot be told from none
    return module


def tiny_vit(attention_dropout: float = 0.3) -> nn.Module:
    module = torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32,
        dropout=0.2, attention_dropout=attention_dropout, num_classes=5,
    )  # fmt: skip
    nn.init.normal_(module.heads.head.weight)
    return module


def usual_vit() -> nn.Module:
    """As torchvision's: its attention drops nothing, and is then fused into one operation."""
    return tiny_vit(attention_dropout=0.0)


def tiny_convnext() -> nn.Module:
    block = torchvision.models.convnext.CNBlock(3, layer_scale=0.5, stochastic_depth_prob=0.5)
    return nn.Sequential(block, nn.Dropout2d(0.4), nn.Flatten(), nn.Linear(3 * 32 * 32, 5))


@pytest.mark.parametrize("build", [tiny_swin, tiny_vit, usual_vit, tiny_convnext])
def test_networks_of_torchvision_draw_the_same_in_parts(build: Callable[[], nn.Module]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        module = build().train()
    batch = torch.randn(5, 3, 32, 32, generator=generator_of(4))
    with torch.no_grad():
        whole = drawn(module, batch)
        parts = torch.cat([drawn(module, batch, [0, 2, 4]), drawn(module, batch, [1, 3])])[[0, 3, 1, 4, 2]]
        assert not torch.allclose(whole, module.eval()(batch), atol=1e-2)
    assert torch.allclose(parts, whole, atol=1e-5)


def test_attention_draws_from_the_generator_too() -> None:
    layer = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True)
    batch = torch.randn(N, 3, 8, generator=generator_of(2))
    before = torch.get_rng_state()
    with RepeatableDraws(generator_of(1), None, N):
        first = layer(batch, batch, batch)[0]
    with RepeatableDraws(generator_of(1), None, N):
        assert torch.equal(layer(batch, batch, batch)[0], first)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_repeated_is_refused() -> None:
    with RepeatableDraws(generator_of(1), None, N), pytest.raises(TrainingError, match=r"aten\.rand"):
        torch.rand(3)
    with RepeatableDraws(generator_of(1), torch.tensor([0]), N), pytest.raises(TrainingError):
        torch.bernoulli(torch.full((1, 3), 0.5))
    with RepeatableDraws(generator_of(1), None, 2):
        first = torch.bernoulli(torch.full((2, 30), 0.5))
    with RepeatableDraws(generator_of(1), None, 2):
        assert torch.equal(torch.bernoulli(torch.full((2, 30), 0.5)), first)


def test_other_threads_are_not_concerned() -> None:
    found: list[Tensor] = []
    with RepeatableDraws(generator_of(1), None, N):
        thread = threading.Thread(target=lambda: found.append(torch.rand(3)))
        thread.start()
        thread.join()
    assert len(found) == 1
