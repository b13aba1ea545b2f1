"""When a training's state is written: often enough to lose little, seldom enough to cost little."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

from models.finetune.learning_weights import LearningWeights
from models.finetune.training_state import SavedState, State, save_state
from models.job_context import tolerated

SECONDS_WITHIN_AN_EPOCH = 60.0
SAVING_SHARE = 20
"""Between two writings, so many times as long is trained as the last one took."""


class StateKeeper:
    """Writes ``last.pt``.

    An epoch on kept features may take milliseconds, and a network half a gigabyte: writing after each would take longer
    than all the training.

    Args:
        folder: the job's.
        signature: of the training.
        learning: the weights that learn.
        writes: whether this process does; one of several.
    """

    def __init__(self, folder: Path, signature: str, learning: LearningWeights, writes: bool) -> None:
        self._folder, self._signature, self._learning = folder, signature, learning
        self._writes = writes
        self._saved_at, self._took = monotonic(), 0.0

    def save(self, state: State, work: dict[str, Any] | None) -> None:
        """Write the state.

        Args:
            state: where the training stands.
            work: of the optimiser; None between two phases.

        Raises:
            WorkspaceError: it cannot be written; the former one is still there.
        """
        if not self._writes:
            return
        start = monotonic()
        save_state(self._folder, SavedState(state, self._learning.copy(), work), self._signature)
        self._saved_at = monotonic()
        self._took = self._saved_at - start

    def is_due(self, *, epoch_is_over: bool) -> bool:
        """Whether it is time to write again."""
        least = 0.0 if epoch_is_over else SECONDS_WITHIN_AN_EPOCH
        return self._writes and monotonic() - self._saved_at >= max(least, SAVING_SHARE * self._took)

    def try_to_save(self, state: State, work: dict[str, Any] | None) -> None:
        """Write the state if that can be done: a full disk must not end a training that still runs."""
        with tolerated("The state of a training was not kept"):
            self.save(state, work)
