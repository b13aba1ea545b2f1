"""The training loop on a graphics card of NVIDIA; skipped where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.finetune.phase import Group, Phase
from models.finetune.randomness import RepeatableDraws, generator_of
from models.finetune.recipe import Recipe
from models.finetune.training import Trained, training_steps
from tests.models.finetune.training_samples import (
    CPU,
    N_CLASSES,
    RecordingRun,
    TensorFeed,
    driven,
    image_feeds,
    seeded,
    trained,
    weights,
    whole_phase,
    without_times,
)

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no graphics card of NVIDIA here"
)

CUDA = torch.device("cuda")
RECIPE = Recipe("whole", epochs=4, batch_size=5, learning_rate=0.05, patience=None, views=0)


def on_card(module: nn.Module, recipe: Recipe, folder: Path) -> Trained:
    folder.mkdir(exist_ok=True)
    steps = training_steps([whole_phase(module, image_feeds(), 4)], recipe, RecordingRun(folder), device=CUDA)
    return driven(steps)


@pytest.mark.parametrize("mixing", ["none", "mixup", "cutmix"])
def test_it_trains_as_on_the_processor(mixing: str, tmp_path: Path) -> None:
    recipe = replace(RECIPE, mixing=mixing)  # type: ignore[arg-type]
    modules = [seeded(dropout=0.0, depth=0.0) for _ in range(2)]
    (tmp_path / "cpu").mkdir()
    here = trained([whole_phase(modules[0], image_feeds(), 4)], recipe, RecordingRun(tmp_path / "cpu"))
    there = on_card(modules[1], recipe, tmp_path / "cuda")
    losses = [[row["train_loss"] for row in found.history] for found in (here, there)]
    assert losses[1] == pytest.approx(losses[0], rel=5e-3)  # TensorFloat-32 in the convolutions
    assert all(value.device == CPU for value in weights(modules[1]).values())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns(kind: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.finetune.precision.half_type", lambda device: kind)
    plain = on_card(seeded(), RECIPE, tmp_path / "plain")
    mixed = on_card(seeded(), replace(RECIPE, mixed_precision=True), tmp_path / "mixed")
    found, expected = ([row["train_loss"] for row in each.history] for each in (mixed, plain))
    assert found == pytest.approx(expected, rel=0.03)
    assert found != expected
    assert bool(torch.load(tmp_path / "mixed" / "last.pt")["state"]["best"])


@pytest.mark.parametrize("kind", [None, torch.float16])
def test_stopped_it_goes_on_as_if_it_had_not_been(
    kind: torch.dtype | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.finetune.precision.half_type", lambda device: kind)
    recipe = replace(RECIPE, mixed_precision=kind is not None, mixing="mixup")
    expected_module = seeded()
    expected = on_card(expected_module, recipe, tmp_path / "unbroken")
    phases = [whole_phase(seeded(), image_feeds(), 4)]
    steps = training_steps(phases, recipe, RecordingRun(tmp_path), device=CUDA)
    for _ in range(9):
        next(steps)
    steps.close()
    module = seeded()
    found = on_card(module, recipe, tmp_path)
    for row, wanted in zip(without_times(found.history), without_times(expected.history), strict=True):
        assert row["train_loss"] == pytest.approx(wanted["train_loss"], rel=1e-4)
    for name, value in weights(expected_module).items():
        assert torch.allclose(weights(module)[name], value, atol=1e-4)


def test_the_fused_dropout_draws_the_same_in_parts() -> None:
    batch, before = torch.ones(6, 1000, device=CUDA), torch.cuda.get_rng_state()

    def drawn(rows: Tensor | None) -> Tensor:
        with RepeatableDraws(generator_of(1, device=CUDA), rows, 6):
            return nn.functional.dropout(batch if rows is None else batch[rows], 0.3)

    whole, parts = drawn(None), [drawn(torch.tensor(rows, device=CUDA)) for rows in ([0, 2, 4], [1, 3, 5])]
    assert torch.equal(torch.cat(parts)[[0, 3, 1, 4, 2, 5]], whole)
    assert 0.25 < (whole == 0).float().mean() < 0.35
    assert torch.equal(torch.cuda.get_rng_state(), before)


class Wide(nn.Module):
    """Takes some 70 MB for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 1)
        self.head = nn.Linear(64, N_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        answers: Tensor = self.head(self.conv(images).relu().mean((2, 3)))
        return answers


def test_real_want_of_memory_halves_the_batch(tmp_path: Path) -> None:
    draws = torch.Generator().manual_seed(0)
    feed = TensorFeed(torch.randn(16, 3, 512, 512, generator=draws), torch.arange(16) % N_CLASSES)
    losses: list[list[float]] = []
    try:
        for share in (1.0, 0.7e9 / torch.cuda.get_device_properties(0).total_memory):
            torch.cuda.empty_cache()
            torch.cuda.set_per_process_memory_fraction(min(share, 1.0))
            module, folder = seeded(Wide), tmp_path / str(len(losses))
            folder.mkdir()
            groups = (Group("all", tuple(module.parameters()), 1.0),)
            phase = Phase("Wide", module, module, groups, (module,), 2, feed, feed)
            run = RecordingRun(folder)
            recipe = replace(RECIPE, batch_size=16, epochs=2)
            result = driven(training_steps([phase], recipe, run, device=CUDA))
            losses.append([row["train_loss"] for row in result.history])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert run.noted("batch_halved") and result.micro_batch in (2, 4, 8)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
