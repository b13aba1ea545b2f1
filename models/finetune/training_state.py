"""Where a training stands, in memory and in ``last.pt``: all that is needed to go on as if it had not been stopped."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.errors import CheckpointError, TrainingError
from models.store import write_atomically
from models.torch_files import read_file

LAST_FILE = "last.pt"
FORMAT = 1
START_ANEW = f"Delete {LAST_FILE} in that folder to train from the beginning, or start a new job."


@dataclass(frozen=True)
class Sums:
    """What adds up over the batches of an epoch, over all processes.

    Args:
        n: images.
        loss: the sum of their losses.
        correct: how many were taken for their class.
        seconds: that the batches took.
    """

    n: int = 0
    loss: float = 0.0
    correct: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.n + other.n,
            self.loss + other.loss,
            self.correct + other.correct,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: Sums) -> Sums:
        return self + Sums(-other.n, -other.loss, -other.correct, -other.seconds)

    @property
    def mean_loss(self) -> float:
        """Loss of an image."""
        return self.loss / max(self.n, 1)

    @property
    def accuracy(self) -> float:
        """0..1."""
        return self.correct / max(self.n, 1)

    @property
    def images_per_second(self) -> float:
        """How fast it went."""
        return self.n / self.seconds if self.seconds else 0.0


@dataclass
class State:
    """Where a training stands between two batches.

    Args:
        phase: how many phases are over.
        epoch: how many epochs of the present phase are over.
        batch: how many batches of the present epoch are over.
        sums: of those batches.
        history: rows of all epochs of all phases, as in ``Version.history``.
        best: the weights that learn, after the epoch with the smallest validation loss so far; None before the first.
        best_epoch: its number in the history, from 1; 0 before the first.
        micro_batch: images that are computed at once, where memory holds no whole batch; None: all.
        stopped: how the present, or last, phase ended: "finished", "early" or "by hand".
        seconds: spent in training, over all sittings.
    """

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    sums: Sums = field(default_factory=Sums)
    history: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    best_epoch: int = 0
    micro_batch: int | None = None
    stopped: str = "finished"
    seconds: float = 0.0

    @property
    def phase_losses(self) -> list[float]:
        """Validation losses of the present phase's epochs."""
        rows = self.history[len(self.history) - self.epoch :]
        return [row["validation_loss"] for row in rows]

    @property
    def best_loss(self) -> float:
        """The smallest validation loss so far; there must have been an epoch."""
        return float(self.history[self.best_epoch - 1]["validation_loss"])

    @property
    def is_new(self) -> bool:
        """Whether the present phase has not begun."""
        return self.epoch == 0 and self.batch == 0


@dataclass(frozen=True)
class SavedState:
    """The content of ``last.pt``.

    Args:
        state: where the training stood.
        learning: the weights that learn, as they were.
        work: the optimiser's momenta and the loss's scale (``Optimisation.state``); None between two phases.
    """

    state: State
    learning: dict[str, Tensor]
    work: dict[str, Any] | None


def save_state(folder: Path, saved: SavedState, signature: str) -> None:
    """Write ``last.pt``, atomically.

    Args:
        folder: the job's.
        saved: what to write.
        signature: of the training, so that no other one goes on from it.

    Raises:
        WorkspaceError: the disk is full, or the folder cannot be written; the former state is still there.
    """
    state = {each.name: getattr(saved.state, each.name) for each in fields(State)}
    content = {
        "format": FORMAT,
        "signature": signature,
        "state": {**state, "sums": asdict(saved.state.sums)},
        "learning": saved.learning,
        "work": saved.work,
    }
    write_atomically(folder / LAST_FILE, lambda path: torch.save(content, path))


def saved_state(folder: Path, signature: str) -> SavedState | None:
    """What ``save_state`` wrote.

    Args:
        folder: the job's.
        signature: of the training that is to go on.

    Returns:
        None where nothing was written yet.

    Raises:
        TrainingError: the file is damaged, or the state of another training.
    """
    path = folder / LAST_FILE
    if not path.exists():
        return None
    try:
        content = copy.deepcopy(read_file(path, "torch zip"))  # else its tensors stay on the disk
        state = dict(content["state"])
        if content["format"] != FORMAT:
            raise KeyError("format")
        saved = SavedState(
            State(**{**state, "sums": Sums(**state["sums"])}), content["learning"], content["work"]
        )
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"The state of the training in {path} is damaged and cannot be gone on from.",
            next_step=START_ANEW,
        ) from error
    if content["signature"] != signature:
        raise TrainingError(
            f"{path} holds the state of another training: recipe, images or network are not the same.",
            next_step=START_ANEW,
        )
    return saved


def best_weights(folder: Path) -> Mapping[str, Tensor] | None:
    """The best weights that a training, running or not, has written so far.

    Args:
        folder: the job's.

    Returns:
        Name to tensor of the weights that learn; None before the end of the first epoch.

    Raises:
        TrainingError: the file is damaged.
    """
    path = folder / LAST_FILE
    try:
        return read_file(path, "torch zip")["state"]["best"] if path.exists() else None
    except (CheckpointError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged.", next_step=START_ANEW) from error
