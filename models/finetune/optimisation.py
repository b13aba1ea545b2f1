"""Gradients to steps: the optimiser, its groups of weights, L1, clipping, and the sum over processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.finetune.phase import Group
from models.finetune.precision import Precision
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks


class Optimisation:
    """The weights that learn in one phase, and how.

    Args:
        groups: the weights, each with its share of the learning rate.
        recipe: optimiser, penalties, clipping.
        precision: scales the loss where half precision needs it.
        ranks: the processes that train together; each brings the gradient of its images.
    """

    def __init__(self, groups: Sequence[Group], recipe: Recipe, precision: Precision, ranks: Ranks) -> None:
        self._optimiser = optimiser_of(groups, recipe)
        self._recipe = recipe
        self._scaler = precision.scaler
        self._ranks = ranks
        self._all = [weight for group in groups for weight in group.parameters]
        self._penalised = [weight for weight in self._all if is_decayed(weight)]

    def clear(self) -> None:
        """Forget the gradients."""
        self._optimiser.zero_grad(set_to_none=True)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to those that are there."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self, rate: float) -> None:
        """Move the weights.

        Args:
            rate: the head's learning rate now; each group takes its share of it.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        sum_gradients(self._all, self._ranks)
        self._scaler.unscale_(self._optimiser)
        self._add_l1()
        if self._recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._all, self._recipe.clip_norm)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    def _add_l1(self) -> None:
        """The gradient of the sum of absolute values: once a step, whatever the batch was divided into."""
        if not self._recipe.l1:
            return
        with torch.no_grad():
            for weight in self._penalised:
                if weight.grad is not None:
                    weight.grad.add_(weight.sign(), alpha=self._recipe.l1)

    def state(self) -> dict[str, Any]:
        """Momenta and the scale of the loss, as tensors and plain data that ``load`` takes back."""
        return {"optimiser": self._optimiser.state_dict(), "scaler": self._scaler.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self._optimiser.load_state_dict(state["optimiser"])
        if state["scaler"]:  # empty where nothing is scaled
            self._scaler.load_state_dict(state["scaler"])


def optimiser_of(groups: Sequence[Group], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser of a recipe, with two of its groups for each group of weights: with decay and without.

    Args:
        groups: the weights, each with its share of the learning rate.
        recipe: which optimiser, momentum, weight decay.

    Returns:
        Its groups hold ``factor``, the share of the learning rate; the rate itself is set at each step.
    """
    divided = [
        {"params": weights, "factor": group.factor, "weight_decay": recipe.weight_decay if decayed else 0.0}
        for group in groups
        for decayed in (True, False)
        if (weights := [weight for weight in group.parameters if is_decayed(weight) == decayed])
    ]
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(divided, lr=recipe.learning_rate)
    return torch.optim.SGD(divided, lr=recipe.learning_rate, momentum=recipe.momentum)


def is_decayed(weight: Tensor) -> bool:
    """Whether penalties on the size of weights concern it: not biases and scales, one number to a channel.

    ConvNeXt's scales of layers have further axes, of length one.
    """
    return weight.ndim > 1 and weight[0].numel() > 1


@torch.no_grad()
def sum_gradients(weights: Sequence[nn.Parameter], ranks: Ranks) -> None:
    """Replace each gradient by its sum over all processes.

    Args:
        weights: those that learn, in the same order in all processes.
        ranks: the processes.
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    if ranks.world == 1 or not gradients:
        return
    total = ranks.sum(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(total, [each.numel() for each in gradients])
    for gradient, summed in zip(gradients, parts, strict=True):
        gradient.copy_(summed.view_as(gradient))
