"""The loss of a batch of which one process, or one pass, sees only some rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Answers:
    """The classes that a whole batch is trained towards.

    Args:
        labels: (B,) int64.
        partners: (B,) int64, the classes of the images mixed in; ``labels`` where nothing is.
        share: 0..1, how much of each image is its own.
    """

    labels: Tensor
    partners: Tensor
    share: float = 1.0

    def of(self, rows: Tensor, device: torch.device) -> Answers:
        """Those of some rows, on a device."""
        return Answers(self.labels[rows].to(device), self.partners[rows].to(device), self.share)

    def weight(self, class_weights: Tensor | None) -> float:
        """What the sum of losses is divided by to be their mean: B, or the sum of the weights of the classes.

        Args:
            class_weights: (C,) on the processor, or None.
        """
        if class_weights is None:
            return float(len(self.labels))
        own, other = class_weights[self.labels].sum(), class_weights[self.partners].sum()
        return float(self.share * own + (1 - self.share) * other)


def summed_loss(
    logits: Tensor, answers: Answers, class_weights: Tensor | None, label_smoothing: float
) -> Tensor:
    """The sum of the cross-entropies of some rows.

    Divided by the weight of the whole batch, the sums of all parts add up to what ``cross_entropy`` gives for it.

    Args:
        logits: (B, C).
        answers: of these rows, on their device.
        class_weights: (C,) on their device, or None.
        label_smoothing: 0..1.

    Returns:
        A number; for mixed images that of both classes, by their shares.
    """

    def cross_entropy(labels: Tensor) -> Tensor:
        return F.cross_entropy(
            logits.float(), labels, class_weights, reduction="sum", label_smoothing=label_smoothing
        )

    own = cross_entropy(answers.labels)
    if answers.share == 1:
        return own
    return answers.share * own + (1 - answers.share) * cross_entropy(answers.partners)


def n_correct(logits: Tensor, answers: Answers) -> Tensor:
    """How many images are taken for their class; for mixed images by the shares of both.

    Args:
        logits: (B, C).
        answers: of these rows, on their device.
    """
    predicted = logits.detach().argmax(1)
    own = (predicted == answers.labels).sum()
    if answers.share == 1:
        return own
    return answers.share * own + (1 - answers.share) * (predicted == answers.partners).sum()
