import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.errors import Cancelled, TrainingError
from models.finetune.finish import ask_to_finish
from models.finetune.recipe import Recipe
from models.finetune.sampling import class_weights
from models.finetune.training import training_steps
from models.finetune.training_state import best_weights
from models.progress import Progress
from tests.models.finetune.plain_loop import plain_losses
from tests.models.finetune.training_samples import (
    CPU,
    N_CLASSES,
    RecordingRun,
    SmallNet,
    TensorFeed,
    driven,
    head_phase,
    image_feeds,
    seeded,
    trained,
    weights,
    whole_phase,
    without_times,
)  # fmt: skip

PLAIN = Recipe("whole", epochs=5, batch_size=5, learning_rate=0.05, weight_decay=0.01, patience=None, views=0)


@pytest.mark.parametrize(
    "recipe",
    [
        replace(PLAIN, warmup_epochs=1, schedule="cosine"),
        replace(PLAIN, warmup_epochs=0, schedule="step", step_epochs=2, label_smoothing=0.1),
        replace(
            PLAIN, warmup_epochs=0, schedule="plateau", step_epochs=1, step_factor=0.1, learning_rate=1.0
        ),
        replace(PLAIN, warmup_epochs=2, schedule="constant", l1=0.003, clip_norm=0.5),
        replace(PLAIN, optimiser="adamw", learning_rate=0.01, balance="class_weights", label_smoothing=0.2),
    ],
    ids=["cosine", "step", "plateau", "l1-clip", "adamw-weights"],
)
def test_a_plain_torch_loop_gives_the_same_losses_and_weights(recipe: Recipe, tmp_path: Path) -> None:
    ours, theirs = (seeded(dropout=0.0, depth=0.0) for _ in range(2))
    feeds = image_feeds(n=23)
    feeds[0].labels[:9] = 0  # so that class weights are not all alike
    result = trained([whole_phase(ours, feeds, 5)], recipe, RecordingRun(tmp_path))
    order = [feeds[0].asked[first : first + 5] for first in range(0, 25, 5)]
    assert [view for epoch in order for _, view in epoch] == [epoch for epoch in range(5) for _ in range(5)]
    assert all(sorted(row for rows, _ in epoch for row in rows) == list(range(23)) for epoch in order)
    weighted = class_weights(feeds[0].labels, N_CLASSES) if recipe.balance == "class_weights" else None
    expected = plain_losses(whole_phase(theirs, feeds, 5), recipe, order, weighted)
    found = [(row["train_loss"], row["validation_loss"]) for row in result.history]
    assert torch.tensor(found).allclose(torch.tensor(expected), rtol=1e-5)
    if result.best_epoch == 5:  # else ours went back to an earlier epoch
        assert all(
            torch.allclose(value, weights(theirs)[name], atol=3e-4) for name, value in weights(ours).items()
        )
    assert len({round(validation, 3) for _, validation in expected}) > 1


def test_the_network_learns(tmp_path: Path) -> None:
    recipe = replace(PLAIN, epochs=25, learning_rate=0.1)
    result = trained([whole_phase(seeded(), image_feeds(60, 30), 25)], recipe, RecordingRun(tmp_path))
    assert result.history[-1]["train_loss"] < 0.6 * result.history[0]["train_loss"]
    assert result.history[result.best_epoch - 1]["validation_accuracy"] > 0.85


def test_what_is_frozen_does_not_move(tmp_path: Path) -> None:
    module = seeded()
    before = weights(module)
    trained([head_phase(module, image_feeds(), 3)], PLAIN, RecordingRun(tmp_path))
    after = weights(module)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"head.1.weight", "head.1.bias"}
    assert not module.training and all(each.requires_grad for each in module.parameters())
    assert all(each.grad is None for each in module.parameters())


def test_flags_of_the_weights_are_left_as_they_were(tmp_path: Path) -> None:
    module = seeded()
    module.get_submodule("stem").requires_grad_(False)
    trained([whole_phase(module, image_feeds(), 2)], PLAIN, RecordingRun(tmp_path))
    assert [each.requires_grad for each in module.parameters()] == [False] * 3 + [True] * 5


def test_the_best_weights_are_put_back(tmp_path: Path) -> None:
    module, feeds = seeded(), image_feeds()
    recipe = replace(PLAIN, learning_rate=2.0, schedule="constant", warmup_epochs=0, epochs=8)
    result = trained([whole_phase(module, feeds, 8)], recipe, RecordingRun(tmp_path))
    losses = [row["validation_loss"] for row in result.history]
    assert result.best_epoch == 1 + losses.index(min(losses)) < 8
    with torch.no_grad():
        logits = module(feeds[1].inputs)
    assert nn.functional.cross_entropy(logits, feeds[1].labels).item() == pytest.approx(min(losses), rel=1e-5)


def test_a_later_phase_that_only_spoils_leaves_the_best_of_the_one_before(tmp_path: Path) -> None:
    module, feeds = seeded(), image_feeds()
    phases = [head_phase(module, feeds, 3), whole_phase(module, feeds, 2, factors=(30.0, 30.0))]
    result = trained(phases, replace(PLAIN, schedule="constant"), RecordingRun(tmp_path))
    assert [row["phase"] for row in result.history] == ["Head"] * 3 + ["Whole"] * 2
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4, 5]
    assert result.best_epoch <= 3
    best = best_weights(tmp_path)
    assert best is not None and torch.equal(best["stem.0.weight"], seeded().get_submodule("stem")[0].weight)  # type: ignore[index]
    assert all(torch.equal(best[name], weights(module)[name]) for name in best)


def test_it_stops_early_when_the_validation_loss_no_longer_falls(tmp_path: Path) -> None:
    recipe = replace(PLAIN, learning_rate=2.0, schedule="constant", warmup_epochs=0, epochs=40, patience=3)
    result = trained([whole_phase(seeded(), image_feeds(), 40)], recipe, RecordingRun(tmp_path))
    assert result.stopped == "early"
    assert len(result.history) == result.best_epoch + 3 < 40


def test_mixed_and_weighted_images_are_drawn_as_asked(tmp_path: Path) -> None:
    feeds = image_feeds(n=20)
    heavy = torch.ones(20)
    heavy[3] = 40.0
    phase = whole_phase(seeded(), feeds, 2, sampling_weights=heavy)
    trained([phase], replace(PLAIN, epochs=2, mixing="mixup"), RecordingRun(tmp_path))
    drawn = [(row, view) for rows, view in feeds[0].asked for row in rows]
    assert sum(row == 3 for row, _ in drawn) > 15
    repeated = [view for row, view in drawn if row == 3]
    assert len(set(repeated)) > 10  # each time another version of it


def test_progress_and_diary_say_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.finetune.training_notes.SECONDS_BETWEEN_STEPS", 0.0)
    run, reports = RecordingRun(tmp_path), list[Progress]()
    phases = [whole_phase(seeded(), image_feeds(), 2, factors=(0.5, 5.0))]
    result = driven(training_steps(phases, PLAIN, run, device=CPU), reports)
    assert {each.phase for each in reports} == {"Training: Whole"}
    assert [each.done for each in reports[:7]] == [
        5,
        10,
        15,
        21,
        26,
        31,
        36,
    ]  # 21 images in 4 batches, then 10
    assert reports[-1].done == reports[-1].total == 2 * (21 + 10)
    assert reports[0].message.startswith("epoch 1 of 2 · loss ")
    steps = run.noted("step")
    assert [step["batch"] for step in steps] == [1, 2, 3, 4] * 2
    assert run.noted("epoch") == list(result.history)
    assert run.noted("phase")[0]["n_weights"] == sum(each.numel() for each in phases[0].module.parameters())
    mean = sum(step["loss"] * n for step, n in zip(steps[:4], [5, 5, 5, 6], strict=True)) / 21
    assert mean == pytest.approx(result.history[0]["train_loss"])
    assert (
        steps[3]["learning_rate"]
        == pytest.approx(5 * PLAIN.learning_rate)
        == result.history[0]["learning_rate"]
    )
    assert all(isinstance(value, str | int | float) for step in steps for value in step.values())


def test_metrics_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    result = trained([whole_phase(seeded(), image_feeds(), 3)], PLAIN, RecordingRun(tmp_path))
    best = result.history[result.best_epoch - 1]
    metrics = result.metrics()
    assert metrics["select"] == {
        "n": 10,
        "accuracy": best["validation_accuracy"],
        "loss": best["validation_loss"],
    }
    assert metrics["train"]["n"] == 21
    assert (metrics["epochs"], metrics["stopped"]) == (3, "finished")


def test_another_thread_that_draws_changes_nothing(tmp_path: Path) -> None:
    networks = {"quiet": seeded(), "noisy": seeded()}  # made by the global generator, before the other thread

    def history(name: str) -> list[dict[str, Any]]:
        run = RecordingRun(tmp_path / name)
        run.folder.mkdir()
        recipe = replace(PLAIN, mixing="cutmix", mixing_alpha=1.0)
        return without_times(trained([whole_phase(networks[name], image_feeds(), 5)], recipe, run).history)

    quiet, over = history("quiet"), threading.Event()

    def draw() -> None:
        while not over.is_set():
            torch.rand(100)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        assert history("noisy") == quiet
    finally:
        over.set()
        thread.join()


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    trained([whole_phase(seeded(), image_feeds(), 2)], replace(PLAIN, mixing="mixup"), RecordingRun(tmp_path))
    assert torch.equal(torch.get_rng_state(), before)


def test_each_batch_of_each_epoch_draws_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.finetune.training_notes.SECONDS_BETWEEN_STEPS", 0.0)
    feeds = image_feeds(n=20, shift=0.0)
    feeds[0].inputs[:] = feeds[0].inputs[0]
    feeds[0].labels[:] = 0  # all the same, and nothing is learnt: only dropout makes a difference
    run, recipe = RecordingRun(tmp_path), replace(PLAIN, learning_rate=1e-8)
    trained([whole_phase(seeded(depth=0.0), feeds, 3)], recipe, run)
    losses = [step["loss"] for step in run.noted("step")]
    assert len({round(loss, 4) for loss in losses}) == len(losses) == 12


def test_seeds_matter(tmp_path: Path) -> None:
    histories = []
    for seed in (0, 1):
        run = RecordingRun(tmp_path / str(seed))
        run.folder.mkdir()
        result = trained([whole_phase(seeded(), image_feeds(), 2)], replace(PLAIN, seed=seed), run)
        histories.append(without_times(result.history))
    assert histories[0] != histories[1]


def test_finishing_by_hand_keeps_what_was_learnt(tmp_path: Path) -> None:
    run, module = RecordingRun(tmp_path), seeded()
    phases = [head_phase(module, image_feeds(), 4), whole_phase(module, image_feeds(), 4)]
    steps = training_steps(phases, PLAIN, run, device=CPU)
    for _ in range(8):  # an epoch is 4 batches and a look at the validation images in 2
        next(steps)
    ask_to_finish(tmp_path)
    result = driven(steps)
    assert result.stopped == "by hand"
    assert [row["epoch"] for row in result.history] == [1, 2]  # the second was cut short after two batches
    assert all(
        torch.equal(value, weights(module)[name]) for name, value in (best_weights(tmp_path) or {}).items()
    )


def test_a_training_that_is_to_finish_at_once_learns_from_one_batch(tmp_path: Path) -> None:
    ask_to_finish(tmp_path)
    feeds = image_feeds()
    result = trained([whole_phase(seeded(), feeds, 4)], PLAIN, RecordingRun(tmp_path))
    assert (result.stopped, len(result.history), result.best_epoch, len(feeds[0].asked)) == (
        "by hand",
        1,
        1,
        1,
    )


def test_cancelled_it_leaves_the_best_weights_so_far(tmp_path: Path) -> None:
    run = RecordingRun(tmp_path, stop_after=15)
    with pytest.raises(Cancelled):
        trained([whole_phase(seeded(), image_feeds(), 5)], PLAIN, run)
    kept = best_weights(tmp_path)
    full = seeded()
    trained(
        [whole_phase(full, image_feeds(), 5)], replace(PLAIN, patience=None), _finished_after(tmp_path, 2)
    )
    assert kept is not None and all(torch.equal(kept[name], weights(full)[name]) for name in kept)


def _finished_after(folder: Path, epochs: int) -> RecordingRun:
    """A run that ends by hand after so many epochs."""
    run = RecordingRun(folder / "whole")
    run.folder.mkdir()

    def note(event: str, **details: Any) -> None:
        if event == "epoch" and details["epoch"] == epochs:
            ask_to_finish(run.folder)

    run.note = note  # type: ignore[method-assign]
    return run


def test_a_loss_that_is_no_number_ends_it_with_a_word(tmp_path: Path) -> None:
    recipe = replace(PLAIN, learning_rate=10.0, schedule="constant", warmup_epochs=0)
    phase = whole_phase(seeded(), image_feeds(), 5, factors=(1e20, 1e20))
    with pytest.raises(TrainingError, match="not a number") as raised:
        trained([phase], recipe, RecordingRun(tmp_path))
    assert "learning rate" in raised.value.next_step


@pytest.mark.parametrize("empty", [0, 1])
def test_no_images_are_an_error(empty: int, tmp_path: Path) -> None:
    feeds = list(image_feeds())
    feeds[empty] = TensorFeed(torch.zeros(0, 3, 6, 6), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(TrainingError, match="no images"):
        trained([whole_phase(seeded(), (feeds[0], feeds[1]), 1)], PLAIN, RecordingRun(tmp_path))


class Crowded(nn.Module):
    """A network without batch norm for which memory is too small for more than so many images."""

    def __init__(self, most: int, error: Callable[[], RuntimeError]) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, N_CLASSES)
        )
        self.norm = nn.BatchNorm2d(3, affine=False)  # its statistics move before memory ends
        self.most, self.error = most, error

    def forward(self, images: Tensor) -> Tensor:
        self.norm(images)
        if len(images) > self.most:
            raise self.error()
        answers: Tensor = self.inner(images)
        return answers


def _no_memory() -> RuntimeError:
    return torch.OutOfMemoryError("CUDA out of memory.")


@pytest.mark.parametrize("mixing", ["none", "mixup"])
def test_out_of_memory_halves_what_is_computed_at_once_and_the_step_stays(
    mixing: Any, tmp_path: Path
) -> None:
    recipe = replace(PLAIN, batch_size=8, mixing=mixing, epochs=3)
    found = {}
    for most in (8, 3):
        run = RecordingRun(tmp_path / str(most))
        run.folder.mkdir()
        module = seeded(Crowded, most=most, error=_no_memory)
        phase = replace(whole_phase(seeded(), image_feeds(), 3), module=module, forward=module)
        groups = (replace(phase.groups[0], parameters=tuple(module.parameters())),)
        result = trained([replace(phase, groups=groups, training_modules=(module,))], recipe, run)
        found[most] = (result, run, weights(module))
    (whole, quiet, plain), (parts, told, halved) = found[8], found[3]
    assert (whole.micro_batch, parts.micro_batch) == (None, 2)
    assert [event["micro_batch"] for event in told.noted("batch_halved")] == [2]  # from 8, in one step
    assert not quiet.noted("batch_halved") and any("memory" in sentence for sentence in told.sentences)
    for one, other in zip(whole.history, parts.history, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
    assert all(torch.allclose(plain[name], halved[name], atol=1e-6) for name in plain if "norm" not in name)
    batches, parted = (int(each["norm.num_batches_tracked"]) for each in (plain, halved))
    assert batches == whole.best_epoch * 3
    assert parted == parts.best_epoch * (4 + 4 + 3)  # not once more for what memory did not hold


def test_out_of_memory_with_one_image_is_an_error(tmp_path: Path) -> None:
    module = seeded(Crowded, most=0, error=_no_memory)
    phase = replace(whole_phase(seeded(), image_feeds(), 3), module=module, forward=module)
    groups = (replace(phase.groups[0], parameters=tuple(module.parameters())),)
    with pytest.raises(TrainingError, match="not enough memory"):
        trained([replace(phase, groups=groups, training_modules=(module,))], PLAIN, RecordingRun(tmp_path))


def test_an_error_that_is_none_of_memory_is_let_through(tmp_path: Path) -> None:
    module = seeded(Crowded, most=0, error=lambda: RuntimeError("a bug"))
    phase = replace(whole_phase(seeded(), image_feeds(), 3), module=module, forward=module)
    groups = (replace(phase.groups[0], parameters=tuple(module.parameters())),)
    with pytest.raises(RuntimeError, match="a bug"):
        trained([replace(phase, groups=groups, training_modules=(module,))], PLAIN, RecordingRun(tmp_path))


def test_mixed_precision_learns_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(PLAIN, mixed_precision=True)
    losses = {}
    for has in (False, True):
        monkeypatch.setattr("models.finetune.precision.processor_has_bfloat16", lambda has=has: has)
        run = RecordingRun(tmp_path / str(has))
        run.folder.mkdir()
        result = trained([whole_phase(seeded(), image_feeds(), 3)], recipe, run)
        losses[has] = [row["train_loss"] for row in result.history]
        assert ("bfloat16" if has else "single precision") in run.sentences[0]
    assert losses[True] == pytest.approx(losses[False], rel=0.05)
    assert losses[True] != losses[False]


def test_same_weights_whatever_the_number_of_threads(tmp_path: Path) -> None:
    former, found = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            run, module = RecordingRun(tmp_path / str(n)), seeded(SmallNet)
            run.folder.mkdir()
            trained([whole_phase(module, image_feeds(), 2)], PLAIN, run)
            found.append(weights(module))
    finally:
        torch.set_num_threads(former)
    assert all(torch.allclose(value, found[1][name], atol=1e-5) for name, value in found[0].items())
