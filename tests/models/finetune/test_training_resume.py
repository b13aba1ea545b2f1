"""A training that was stopped, in whatever way, comes to the same weights as an unbroken one, bit for bit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.errors import Cancelled, TrainingError, WorkspaceError
from models.finetune.phase import Phase
from models.finetune.recipe import Recipe
from models.finetune.training import Trained, training_steps
from models.finetune.training_state import LAST_FILE, best_weights
from tests.models.finetune.training_samples import (
    CPU,
    RecordingRun,
    TensorFeed,
    driven,
    head_phase,
    image_feeds,
    same,
    seeded,
    trained,
    weights,
    whole_phase,
    without_times,
)  # fmt: skip

BASE = Recipe("whole", epochs=3, batch_size=5, learning_rate=0.05, patience=None, views=0)
RECIPES = {
    "sgd-mixup": replace(BASE, mixing="mixup", mixing_alpha=1.0),
    "adamw-cutmix": replace(BASE, optimiser="adamw", mixing="cutmix", mixing_alpha=1.0, weight_decay=0.05),
    "plateau": replace(BASE, schedule="plateau", step_epochs=1, learning_rate=0.5, warmup_epochs=0.5),
    "early": replace(BASE, learning_rate=1.0, patience=1, schedule="constant", clip_norm=1.0),
    "balanced": replace(BASE, balance="balanced_sampling", l1=0.001, label_smoothing=0.1),
}

Found = tuple[list[dict[str, Any]], dict[str, Tensor], Trained]


class FailingFeed(TensorFeed):
    """Breaks at one batch, as a process does that is killed."""

    break_at: int | None = None

    def batch(self, rows: Sequence[int], view: int) -> Tensor:
        if len(self.asked) == self.break_at:
            raise KeyboardInterrupt
        return super().batch(rows, view)


def phases(break_at: int | None = None) -> list[Phase]:
    """Two phases of a network as it was before the training, as a new process finds it."""
    module, (train, validation) = seeded(), image_feeds()
    feed = FailingFeed(train.inputs, train.labels, train.shift)
    feed.break_at = break_at
    heavy = torch.linspace(1, 3, len(train))
    return [
        head_phase(module, (feed, validation), 2),
        whole_phase(module, (feed, validation), 3, sampling_weights=heavy),
    ]


def outcome(made: list[Phase], result: Trained) -> Found:
    return without_times(result.history), weights(made[0].module), result


def unbroken(folder: Path, recipe: Recipe) -> tuple[Found, int]:
    folder.mkdir()
    made, reports = phases(), []  # type: ignore[var-annotated]
    result = driven(training_steps(made, recipe, RecordingRun(folder), device=CPU), reports)
    return outcome(made, result), len(reports)


def assert_same(found: Found, expected: Found) -> None:
    assert found[0] == expected[0]
    assert same(found[1], expected[1])
    assert found[2].best_epoch == expected[2].best_epoch
    assert found[2].stopped == expected[2].stopped


@pytest.fixture(autouse=True)
def always_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each epoch is kept, however long writing takes beside these tiny ones."""
    monkeypatch.setattr("models.finetune.state_keeper.SAVING_SHARE", 0)


def resumed(folder: Path, recipe: Recipe) -> Found:
    made = phases()
    return outcome(made, trained(made, recipe, RecordingRun(folder)))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_closed_after_any_report(recipe: Recipe, tmp_path: Path) -> None:
    expected, n_reports = unbroken(tmp_path / "unbroken", recipe)
    every = 1 if recipe.mixing == "mixup" else 4
    for n in range(1, n_reports + 1, every):
        folder = tmp_path / str(n)
        folder.mkdir()
        steps = training_steps(phases(), recipe, RecordingRun(folder), device=CPU)
        for _ in range(n):
            next(steps)
        steps.close()
        assert_same(resumed(folder, recipe), expected)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_told_to_stop_again_and_again(recipe: Recipe, tmp_path: Path) -> None:
    expected, _ = unbroken(tmp_path / "unbroken", recipe)
    folder, sittings = tmp_path / "broken", 0
    folder.mkdir()
    while True:
        made, run = phases(), RecordingRun(folder, stop_after=4)
        try:
            result = trained(made, recipe, run)
        except Cancelled:
            sittings += 1
            continue
        break
    assert sittings > 4
    assert_same(outcome(made, result), expected)
    assert result.seconds == pytest.approx(sum(row["seconds"] for row in result.history), rel=0.5)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_killed_in_the_middle_of_an_epoch(recipe: Recipe, tmp_path: Path) -> None:
    expected, _ = unbroken(tmp_path / "unbroken", recipe)
    for broken in (2, 9, 14):
        folder = tmp_path / str(broken)
        folder.mkdir()
        run = RecordingRun(folder)
        with pytest.raises(KeyboardInterrupt):
            trained(phases(broken), recipe, run)
        assert (folder / LAST_FILE).exists() == bool(run.noted("epoch"))
        assert_same(resumed(folder, recipe), expected)


def test_killed_where_not_every_epoch_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["sgd-mixup"]
    expected, _ = unbroken(tmp_path / "unbroken", recipe)
    monkeypatch.setattr("models.finetune.state_keeper.SAVING_SHARE", 1e9)  # the first epoch alone
    folder = tmp_path / "broken"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        trained(phases(13), recipe, RecordingRun(folder))
    assert_same(resumed(folder, recipe), expected)


def test_kept_in_the_middle_of_a_long_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["adamw-cutmix"]
    expected, _ = unbroken(tmp_path / "unbroken", recipe)
    monkeypatch.setattr("models.finetune.state_keeper.SECONDS_WITHIN_AN_EPOCH", 0.0)
    folder = tmp_path / "broken"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        trained(phases(3), recipe, RecordingRun(folder))
    assert best_weights(folder) is None  # the first epoch was not over
    made, run = phases(), RecordingRun(folder)
    assert_same(outcome(made, trained(made, recipe, run)), expected)
    assert run.sentences == ["Goes on with epoch 1 after batch 3."]


def test_a_training_that_was_over_is_not_run_again(tmp_path: Path) -> None:
    expected, _ = unbroken(tmp_path / "over", BASE)
    made = phases()
    assert_same(outcome(made, trained(made, BASE, RecordingRun(tmp_path / "over"))), expected)
    assert not made[0].train.asked  # type: ignore[attr-defined]


class Narrow(nn.Module):
    """A network for which memory holds two images."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        answers: Tensor = self.inner(images)
        return answers


def test_how_much_memory_held_is_remembered(tmp_path: Path) -> None:
    narrow = [replace(phase, forward=Narrow(phase.forward)) for phase in phases()]
    steps = training_steps(narrow, BASE, RecordingRun(tmp_path), device=CPU)
    next(steps)
    steps.close()
    assert trained(phases(), BASE, RecordingRun(tmp_path)).micro_batch == 2


@pytest.mark.parametrize("damage", [b"", b"PK no zip", None])
def test_a_damaged_state_is_explained(damage: bytes | None, tmp_path: Path) -> None:
    unbroken(tmp_path / "run", BASE)
    path = tmp_path / "run" / LAST_FILE
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage is None else damage)
    with pytest.raises(TrainingError, match="damaged") as raised:
        trained(phases(), BASE, RecordingRun(tmp_path / "run"))
    assert LAST_FILE in raised.value.next_step


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    unbroken(tmp_path / "run", BASE)
    for recipe, made in ((replace(BASE, seed=1), phases()), (BASE, phases()[1:]), (BASE, other_network())):
        with pytest.raises(TrainingError, match="another training"):
            trained(made, recipe, RecordingRun(tmp_path / "run"))


def other_network() -> list[Phase]:
    """Phases whose frozen weights are not those that the kept state's weights were trained after."""
    made = phases()
    buffer = next(made[0].module.buffers())
    with torch.no_grad():
        made[0].module.register_buffer("constant", torch.ones_like(buffer))
    return made


def test_a_state_that_cannot_be_written_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise WorkspaceError("The disk is full.")

    expected, _ = unbroken(tmp_path / "unbroken", BASE)
    monkeypatch.setattr("models.finetune.state_keeper.save_state", full)
    assert_same(resumed(tmp_path, BASE), expected)
    assert not (tmp_path / LAST_FILE).exists()
    steps = training_steps(phases(), BASE, RecordingRun(tmp_path), device=CPU)
    next(steps)
    with pytest.raises(WorkspaceError):  # but a person who pauses it must know
        steps.close()


def test_only_what_learns_is_kept(tmp_path: Path) -> None:
    module, feeds = seeded(), image_feeds()
    trained([head_phase(module, feeds, 2)], BASE, RecordingRun(tmp_path))
    kept = torch.load(tmp_path / LAST_FILE, weights_only=True)
    assert set(kept["learning"]) == set(kept["state"]["best"]) == {"head.1.weight", "head.1.bias"}
