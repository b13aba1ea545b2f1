"""What came of a training, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trained:
    """What came of a training; its network holds the best weights.

    Args:
        history: one row for each epoch, as in ``Version.history``; ``epoch`` counts on through all phases, from 1.
        best_epoch: the epoch whose weights the network holds.
        stopped: "finished", "early" (the last phase's validation loss no longer fell) or "by hand".
        seconds: spent, over all sittings.
        n_train: training images.
        n_validation: images that chose the best epoch.
        micro_batch: images that were computed at once in the end, where memory held no whole batch; else None.
    """

    history: tuple[dict[str, Any], ...]
    best_epoch: int
    stopped: str
    seconds: float
    n_train: int
    n_validation: int
    micro_batch: int | None = None

    def metrics(self) -> dict[str, Any]:
        """What ``Version.metrics`` holds of it: plain data.

        ``train`` is what the best epoch found on the way, on augmented images and weights that still moved.
        """
        best = self.history[self.best_epoch - 1]
        return {
            "train": _measured(self.n_train, best["train_accuracy"], best["train_loss"]),
            "select": _measured(self.n_validation, best["validation_accuracy"], best["validation_loss"]),
            "best_epoch": self.best_epoch,
            "epochs": len(self.history),
            "stopped": self.stopped,
            "seconds": self.seconds,
        }


def _measured(n: int, accuracy: float, loss: float) -> dict[str, float]:
    return {"n": n, "accuracy": accuracy, "loss": loss}
