"""What a training writes into the diary of its job."""

from __future__ import annotations

from time import monotonic
from typing import Any

from models.finetune.phase import Phase
from models.finetune.run import Run
from models.finetune.training_state import State, Sums
from models.job_context import tolerated

SECONDS_BETWEEN_STEPS = 1.0


class TrainingNotes:
    """The diary of one training. What cannot be written is let go: it must not end hours of work.

    Args:
        run: who keeps the diary.
        writes: whether this process does; one of several.
    """

    def __init__(self, run: Run, writes: bool) -> None:
        self._run = run
        self._writes = writes
        self._noted_at = monotonic()
        self._noted = Sums()

    def phase(self, phase: Phase, sentence: str) -> None:
        """A phase begins, or goes on: event "phase", and a sentence on its precision in the log."""
        weights = sum(weight.numel() for group in phase.groups for weight in group.parameters)
        self._note(
            "phase", phase=phase.name, epochs=phase.epochs, n_weights=weights,
            n_train=len(phase.train), n_validation=len(phase.validation),
        )  # fmt: skip
        if sentence:
            self.log(sentence)

    def resumed(self, state: State) -> None:
        """The training goes on from a state that was kept."""
        where = f"epoch {len(state.history) + 1}" + (f" after batch {state.batch}" if state.batch else "")
        self.log(f"Goes on with {where}.")

    def step(self, phase: Phase, state: State, rate: float) -> None:
        """About once a second the event "step": loss and accuracy of the images since the last one."""
        now = monotonic()
        if now - self._noted_at < SECONDS_BETWEEN_STEPS:
            return
        new = state.sums - self._noted if state.sums.n > self._noted.n else state.sums
        self._noted_at, self._noted = now, state.sums
        self._note(
            "step", phase=phase.name, epoch=len(state.history) + 1, batch=state.batch,
            loss=new.mean_loss, accuracy=new.accuracy, learning_rate=rate, images_per_second=new.images_per_second,
        )  # fmt: skip

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is over: event "epoch" with the row of the history."""
        self._noted = Sums()
        self._note("epoch", **row)

    def halved(self, micro_batch: int, batch_size: int) -> None:
        """Memory was too small: event "batch_halved", and a sentence in the log."""
        self._note("batch_halved", micro_batch=micro_batch, batch_size=batch_size)
        self.log(
            f"There was not enough memory for the batch: {micro_batch} images are computed at once from now on, "
            f"{batch_size} still make a step. Batch norm in the layers that learn sees only those {micro_batch}."
        )

    def log(self, sentence: str) -> None:
        """A sentence for a person."""
        if self._writes:
            with tolerated("A sentence of the diary was lost"):
                self._run.log(sentence)

    def _note(self, event: str, **details: Any) -> None:
        if self._writes:
            with tolerated("An event of the diary was lost"):
                self._run.note(event, **details)


def short(loss: float) -> str:
    """A loss in few characters.

    >>> short(0.4321), short(12.3456)
    ('.43', '12.35')
    """
    return f"{loss:.2f}".removeprefix("0")
