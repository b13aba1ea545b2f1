import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.finetune.early_stopping import best_epoch, is_over
from models.finetune.recipe import Recipe
from models.finetune.schedules import Place, plateau_factor, rate_factor

losses = st.lists(st.floats(0, 10), max_size=30)


def factors(recipe: Recipe, epochs: int, n_batches: int) -> list[float]:
    return [
        rate_factor(recipe, Place(epochs, epoch, batch, n_batches), [])
        for epoch in range(epochs)
        for batch in range(n_batches)
    ]


@settings(deadline=None)
@given(losses, st.integers(0, 4), st.floats(0.1, 0.9))
def test_plateau_is_torchs(history: list[float], patience: int, factor: float) -> None:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=factor, patience=patience, eps=0)
    for loss in history:
        reference.step(loss)
    assert plateau_factor(history, patience, factor) == pytest.approx(optimiser.param_groups[0]["lr"])


@settings(deadline=None)
@given(
    st.sampled_from(["cosine", "step", "plateau", "constant"]),
    st.floats(0, 6),
    st.integers(1, 8),
    st.integers(1, 7),
)
def test_rates_are_shares(schedule: str, warmup: float, epochs: int, n_batches: int) -> None:
    recipe = Recipe(schedule=schedule, warmup_epochs=warmup, step_epochs=2)  # type: ignore[arg-type]
    found = factors(recipe, epochs, n_batches)
    assert all(0 <= factor <= 1 for factor in found)
    assert found[0] > 0
    rise = [factor for step, factor in enumerate(found) if step < warmup * n_batches - 1]
    if schedule == "constant":
        assert rise == sorted(rise)


def test_cosine_begins_where_the_rise_ends_and_ends_at_nothing() -> None:
    found = factors(Recipe(schedule="cosine", warmup_epochs=1), 5, 4)
    assert found[:4] == [0.25, 0.5, 0.75, 1.0]
    assert found[4] == 1.0
    assert found[12] == pytest.approx(0.5)  # half of the 16 that are left
    assert found == [*found[:4], *sorted(found[4:], reverse=True)]
    assert found[-1] < 0.01


def test_steps_fall_every_some_epochs() -> None:
    found = factors(Recipe(schedule="step", warmup_epochs=0, step_epochs=2, step_factor=0.5), 5, 1)
    assert found == [1, 1, 0.5, 0.5, 0.25]


@settings(deadline=None)
@given(losses, st.integers(1, 5))
def test_early_stopping_counts_epochs_since_the_best(history: list[float], patience: int) -> None:
    best, waited, over = float("inf"), 0, False
    for loss in history:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        over = waited >= patience
    assert is_over(history, patience) == over
    assert not is_over(history, None)
    assert not history or history[best_epoch(history)] == min(history)
