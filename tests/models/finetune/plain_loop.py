"""Training as one writes it by hand with torch alone: the reference for our loop."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.finetune.phase import Phase
from models.finetune.recipe import Recipe
from tests.models.finetune.training_samples import TensorFeed


def plain_losses(
    phase: Phase,
    recipe: Recipe,
    order: Sequence[Sequence[tuple[list[int], int]]],
    class_weights: Tensor | None = None,
) -> list[tuple[float, float]]:
    """Train a phase's module; nothing of it is shared with ``models.finetune``.

    Args:
        phase: its module, groups, feeds; networks without random layers.
        recipe: what to do; nothing mixed.
        order: for each epoch the (rows, view) of each batch.
        class_weights: (C,) or None.

    Returns:
        (training loss, validation loss) of each epoch.
    """
    optimiser = _optimiser(phase, recipe)
    schedule = _schedule(optimiser, recipe, phase.epochs, len(order[0]))
    plateau = None
    if recipe.schedule == "plateau":
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, factor=recipe.step_factor, patience=recipe.step_epochs
        )
    losses = []
    for epoch in order:
        total = 0.0
        for module in phase.training_modules:
            module.train()
        for rows, view in epoch:
            assert isinstance(phase.train, TensorFeed)
            inputs = phase.train.inputs[rows] + phase.train.shift * view
            loss = F.cross_entropy(
                phase.forward(inputs),
                phase.train.labels[rows],
                class_weights,
                label_smoothing=recipe.label_smoothing,
            )
            total += loss.item() * len(rows)
            learning = [weight for group in phase.groups for weight in group.parameters]
            penalty = sum((weight.abs().sum() for weight in learning if weight.ndim > 1), torch.zeros(()))
            optimiser.zero_grad()
            (loss + recipe.l1 * penalty).backward()  # type: ignore[no-untyped-call]
            if recipe.clip_norm is not None:
                nn.utils.clip_grad_norm_(learning, recipe.clip_norm)
            optimiser.step()
            if plateau is None:
                schedule.step()
        validation = _validation_loss(phase)
        if plateau is not None:
            plateau.step(validation)
        losses.append((total / sum(len(rows) for rows, _ in epoch), validation))
    return losses


def _optimiser(phase: Phase, recipe: Recipe) -> torch.optim.Optimizer:
    groups = []
    for group in phase.groups:
        for weight in group.parameters:
            decay = recipe.weight_decay if weight.ndim > 1 else 0.0
            groups.append(
                {"params": [weight], "lr": recipe.learning_rate * group.factor, "weight_decay": decay}
            )
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups)
    return torch.optim.SGD(groups, momentum=recipe.momentum)


def _schedule(
    optimiser: torch.optim.Optimizer, recipe: Recipe, epochs: int, n_batches: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Torch's own schedules, one after another."""
    schedulers = torch.optim.lr_scheduler
    rise = int(recipe.warmup_epochs * n_batches)
    after: torch.optim.lr_scheduler.LRScheduler
    if recipe.schedule == "cosine":
        after = schedulers.CosineAnnealingLR(optimiser, epochs * n_batches - rise)
    elif recipe.schedule == "step":
        assert not rise
        return schedulers.StepLR(optimiser, recipe.step_epochs * n_batches, recipe.step_factor)
    else:
        after = schedulers.ConstantLR(optimiser, 1.0)
    if not rise:
        return after
    warm = schedulers.LinearLR(optimiser, 1 / rise, 1.0, rise - 1)
    return schedulers.SequentialLR(optimiser, [warm, after], [rise])


def _validation_loss(phase: Phase) -> float:
    assert isinstance(phase.validation, TensorFeed)
    phase.module.eval()
    with torch.no_grad():
        logits = phase.forward(phase.validation.inputs)
        return F.cross_entropy(logits, phase.validation.labels).item()
