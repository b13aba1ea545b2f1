"""The training loop: phases, epochs, batches; stopped after any batch, it goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from math import isfinite
from typing import Any

import torch

from models.errors import Cancelled, TrainingError
from models.finetune.batches import epoch_batches
from models.finetune.early_stopping import is_over
from models.finetune.finish import finish_asked
from models.finetune.freezing import restored_flags
from models.finetune.learning_weights import LearningWeights
from models.finetune.phase import Phase
from models.finetune.phase_work import PhaseWork, no_number
from models.finetune.placement import placed_networks
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks, Run
from models.finetune.schedules import Place, rate_factor
from models.finetune.state_keeper import StateKeeper
from models.finetune.trained import Trained
from models.finetune.training_notes import TrainingNotes, short
from models.finetune.training_signature import training_signature
from models.finetune.training_state import SavedState, State, Sums, saved_state
from models.progress import Progress

__all__ = ["Trained", "training_steps"]


def training_steps(
    phases: Sequence[Phase], recipe: Recipe, run: Run, *, device: torch.device, ranks: Ranks | None = None
) -> Generator[Progress, None, Trained]:
    """Train a network phase after phase, from where ``run.folder`` says that it stood.

    Each phase begins from the best weights so far and ends with them in place: those of the epoch with the smallest
    validation loss. Everything random is drawn anew for each batch from the recipe's seed, so that a training that was
    stopped at any batch, or killed and taken up from an earlier one, comes to the same weights as an unbroken one.

    Closing the generator, or ``run.should_stop()``, keeps the state and stops within a batch. Where
    `models.finetune.finish.ask_to_finish` was called, the epoch ends after its present batch, and the training with it.

    Args:
        phases: of one network, which must hold the same weights whenever the same training goes on.
        recipe: how to train.
        run: where the state is kept and whom to tell.
        device: where to compute; the network is moved there, and back in the end.
        ranks: the processes that train together, each with the same arguments but for this; None trains alone.

    Yields:
        Progress in images, trained on or validated, of the phase.

    Returns:
        The history; the network of the phases holds the best weights, and is in evaluation mode.

    Raises:
        TrainingError: there are no images, the loss is not a number, memory does not hold one image, or the kept state
            is damaged or another training's.
        Cancelled: ``run.should_stop()`` said so.
    """
    for phase in phases:
        _check_images(phase)
    with restored_flags(phases[0].module), placed_networks(phases, device):
        return (yield from _Training(phases, recipe, run, device, ranks or Ranks()).steps())


class _Training:
    """A training under way; see ``training_steps``."""

    def __init__(
        self, phases: Sequence[Phase], recipe: Recipe, run: Run, device: torch.device, ranks: Ranks
    ) -> None:
        self._phases, self._recipe, self._run = phases, recipe, run
        self._device, self._ranks = device, ranks
        self._learning = LearningWeights(phases)
        self._signature = training_signature(phases, recipe, self._learning)
        self._keeper = StateKeeper(run.folder, self._signature, self._learning, ranks.rank == 0)
        self._notes = TrainingNotes(run, ranks.rank == 0)
        self._state = State()
        self._work: PhaseWork | None = None

    def steps(self) -> Generator[Progress, None, Trained]:
        kept = self._opened()
        try:
            while self._state.phase < len(self._phases):
                yield from self._phase_steps(self._phases[self._state.phase], kept)
                kept = None
        except (GeneratorExit, Cancelled):  # both come between two batches
            self._keeper.save(self._state, self._work_state())
            raise
        state, last = self._state, self._phases[-1]
        return Trained(
            tuple(state.history), state.best_epoch, state.stopped, state.seconds,
            len(last.train), len(last.validation), state.micro_batch,
        )  # fmt: skip

    def _opened(self) -> SavedState | None:
        """Go back to the kept state, if there is one."""
        kept = saved_state(self._run.folder, self._signature)
        self._ranks.any(False)  # no process goes on, and writes a newer state, before all have read this one
        if kept is not None:
            self._state = kept.state
            self._learning.load(kept.learning)
            self._notes.resumed(kept.state)
        return kept

    def _phase_steps(self, phase: Phase, kept: SavedState | None) -> Generator[Progress, None, None]:
        state = self._state
        self._work = work = PhaseWork(phase, state.phase, self._recipe, self._device, self._ranks)
        work.micro_batch = state.micro_batch
        if kept is not None and kept.work is not None:
            work.optimisation.load(kept.work)
        if state.is_new:
            state.stopped = "finished"
        self._notes.phase(phase, work.precision.sentence)
        with closing(work):
            while state.epoch < phase.epochs and not self._is_over():
                yield from self._epoch_steps(phase, work)
        self._end_phase()

    def _is_over(self) -> bool:
        """Whether the phase ends before its epochs are over; only between two of them."""
        state = self._state
        if state.batch:
            return False
        if self._finish_asked():
            state.stopped = "by hand"
        elif is_over(state.phase_losses, self._recipe.patience):
            state.stopped = "early"
        return state.stopped != "finished"

    def _finish_asked(self) -> bool:
        """Whether to end now; not before one batch was learnt from, so that there is something to keep."""
        asked = self._ranks.any(finish_asked(self._run.folder))
        return asked and bool(self._state.history or self._state.batch)

    def _check_stop(self) -> None:
        if self._ranks.any(self._run.should_stop()):
            raise Cancelled("The training was stopped.")

    def _end_phase(self) -> None:
        """The best weights take the place of the last."""
        state = self._state
        if state.best is not None:
            self._learning.load(state.best)
        state.phase = len(self._phases) if state.stopped == "by hand" else state.phase + 1
        state.epoch = 0
        self._work = None
        self._keeper.try_to_save(state, None)

    def _epoch_steps(self, phase: Phase, work: PhaseWork) -> Generator[Progress, None, None]:
        state = self._state
        batches = epoch_batches(phase, self._recipe, state.epoch, work.seed(state.epoch))
        while state.batch < len(batches) and not (state.batch and self._finish_asked()):
            self._check_stop()
            if state.batch + 1 < len(batches):
                work.load_ahead(batches[state.batch + 1], state.epoch, state.batch + 1)
            rate = self._rate(phase, state.batch, len(batches))
            self._count(work.step(batches[state.batch], state.epoch, state.batch, rate), work)
            self._notes.step(phase, state, rate * phase_factor(phase))
            if self._keeper.is_due(epoch_is_over=False):
                self._keeper.try_to_save(state, self._work_state())
            yield self._progress(phase, state.sums.n, f"loss {short(state.sums.mean_loss)}")
        is_cut_short = state.batch < len(batches)
        rate = self._rate(phase, state.batch - 1, len(batches)) * phase_factor(phase)
        self._end_epoch(phase, (yield from self._validated(phase, work)), rate)
        if is_cut_short:
            state.stopped = "by hand"
        if self._keeper.is_due(epoch_is_over=True):
            self._keeper.try_to_save(state, self._work_state())

    def _count(self, found: Sums, work: PhaseWork) -> None:
        """A batch is done."""
        state = self._state
        state.batch += 1
        state.sums += found
        state.seconds += found.seconds
        self._follow_memory(work)

    def _follow_memory(self, work: PhaseWork) -> None:
        if work.micro_batch is not None and work.micro_batch != self._state.micro_batch:
            self._state.micro_batch = work.micro_batch
            self._notes.halved(work.micro_batch, self._recipe.batch_size)

    def _validated(self, phase: Phase, work: PhaseWork) -> Generator[Progress, None, Sums]:
        looks = work.validation_steps()
        try:
            while True:
                self._check_stop()
                done = next(looks)
                self._follow_memory(work)
                yield self._progress(phase, self._state.sums.n + done, "looking at the validation images")
        except StopIteration as end:
            found: Sums = end.value
            return found
        finally:
            looks.close()

    def _end_epoch(self, phase: Phase, found: Sums, rate: float) -> None:
        """Write the epoch into the history, and keep its weights if they are the best."""
        state, learnt = self._state, self._state.sums
        if not isfinite(found.loss):
            raise no_number("The loss of the validation images", len(state.history) + 1)
        row = {
            "phase": phase.name, "epoch": len(state.history) + 1,
            "train_loss": learnt.mean_loss, "train_accuracy": learnt.accuracy,
            "validation_loss": found.mean_loss, "validation_accuracy": found.accuracy,
            "learning_rate": rate, "images_per_second": learnt.images_per_second,
            "seconds": learnt.seconds + found.seconds,
        }  # fmt: skip
        if state.best is None or found.mean_loss < state.best_loss:
            state.best, state.best_epoch = self._learning.copy(), len(state.history) + 1
        state.history.append(row)
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, Sums()
        state.seconds += found.seconds
        self._notes.epoch(row)

    def _rate(self, phase: Phase, batch: int, n_batches: int) -> float:
        """The learning rate for a batch of the present epoch, before each group takes its share."""
        state = self._state
        place = Place(phase.epochs, state.epoch, batch, n_batches)
        return self._recipe.learning_rate * rate_factor(self._recipe, place, state.phase_losses)

    def _progress(self, phase: Phase, done: int, words: str) -> Progress:
        """Where the phase stands, after some images of the present epoch."""
        epoch, images = self._state.epoch, len(phase.train) + len(phase.validation)
        message = f"epoch {epoch + 1} of {phase.epochs} · {words}"
        return Progress(
            f"Training: {phase.name}", epoch * images + done, phase.epochs * images, message=message
        )

    def _work_state(self) -> dict[str, Any] | None:
        return None if self._work is None else self._work.optimisation.state()


def phase_factor(phase: Phase) -> float:
    """The largest share of the learning rate that any of its groups takes: what is shown is that one's rate."""
    return max(group.factor for group in phase.groups)


def _check_images(phase: Phase) -> None:
    for feed, words in ((phase.train, "to train on"), (phase.validation, "that could choose the best epoch")):
        if not len(feed):
            raise TrainingError(
                f'There are no images {words} in the phase "{phase.name}".',
                next_step="Choose a folder with images of these classes.",
            )
