"""One phase at work: a step on a batch, and a look at the validation images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack
from time import perf_counter

import torch
from torch import Tensor

from models.devices import is_out_of_memory, plain_arithmetic
from models.errors import TrainingError
from models.finetune.batch_loss import Answers, n_correct, summed_loss
from models.finetune.batches import Batch
from models.finetune.freezing import freeze_all_but, set_training
from models.finetune.learning_weights import changing_buffers
from models.finetune.loader import Loader
from models.finetune.mixing import Mix, drawn_mix, mixed
from models.finetune.optimisation import Optimisation
from models.finetune.phase import Phase
from models.finetune.placement import placed
from models.finetune.precision import Precision
from models.finetune.randomness import RepeatableDraws, generator_of, seed_of
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks
from models.finetune.sampling import class_weights
from models.finetune.shared_norms import SharedNorms
from models.finetune.training_state import Sums


class PhaseWork:
    """The weights of one phase, ready to learn on one device.

    Nothing of it outlives a call: torch's modes are entered and left within each step.

    Args:
        phase: what learns from what.
        number: which phase of the training, from 0; decides what is drawn.
        recipe: how.
        device: where the phase's module is.
        ranks: the processes that train together.

    Attributes:
        micro_batch: images that are computed at once; None: the whole batch.
    """

    def __init__(self, phase: Phase, number: int, recipe: Recipe, device: torch.device, ranks: Ranks) -> None:
        self.phase, self._number, self._recipe = phase, number, recipe
        self._device, self._ranks = device, ranks
        self.micro_batch: int | None = None
        self._loader = Loader(phase.train, ahead=device.type != "cpu")
        self.precision = Precision(device, recipe.mixed_precision)
        freeze_all_but(phase)
        set_training(phase, True)
        self.optimisation = Optimisation(phase.groups, recipe, self.precision, ranks)
        self._moving = changing_buffers(phase)
        self._class_weights: Tensor | None = None

    def seed(self, epoch: int) -> int:
        """Of all that is drawn in an epoch."""
        return seed_of(self._recipe.seed, self._number, epoch)

    def step(self, batch: Batch, epoch: int, number: int, rate: float) -> Sums:
        """Learn from a batch.

        Args:
            batch: of all processes together.
            epoch: from 0.
            number: which batch of the epoch, from 0.
            rate: the head's learning rate.

        Returns:
            Loss and correct answers over all processes, before the step.

        Raises:
            TrainingError: the loss is not a number, or memory does not hold even one image.
        """
        start = perf_counter()
        draws = self._draws(epoch, number)
        while (found := self._accumulated(batch, draws)) is None:
            self._halve(len(batch))
        loss, correct = self._ranks.sum(found).tolist()
        if loss - loss != 0:  # infinite, or no number; all processes see the same one
            raise no_number(f"The loss of batch {number + 1}", epoch + 1)
        self.optimisation.step(rate)
        return Sums(len(batch), loss * len(batch), correct, perf_counter() - start)

    def load_ahead(self, batch: Batch, epoch: int, number: int) -> None:
        """Begin to load what ``step`` will ask for next, where the network computes elsewhere than images are decoded.

        Args:
            batch: the next.
            epoch: its epoch, from 0.
            number: which batch of that it is.
        """
        if not self._loader.is_ahead:
            return
        mix = drawn_mix(self._recipe, len(batch), *self._draws(epoch, number))
        self._loader.begin(*_wanted(batch, self._parts(len(batch))[0], mix))

    def close(self) -> None:
        """Let go of what was begun."""
        self._loader.close()

    def _draws(self, epoch: int, number: int) -> tuple[int | str, ...]:
        return self.seed(epoch), "batch", number

    def _accumulated(self, batch: Batch, draws: tuple[int | str, ...]) -> Tensor | None:
        """Leave the gradient of a batch with the weights.

        Returns:
            (2,) float64: this process's share of the mean loss, and its correct answers; None where memory did not hold
            it, with nothing changed.
        """
        former = [buffer.clone() for buffer in self._moving]
        self.optimisation.clear()
        mix = drawn_mix(self._recipe, len(batch), *draws)
        sums = torch.zeros(2, dtype=torch.float64)
        try:
            for places in self._parts(len(batch)):
                sums += self._learned(batch, places, mix, draws)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        else:
            return sums
        for buffer, value in zip(self._moving, former, strict=True):
            buffer.copy_(value)
        return None

    def _parts(self, n: int) -> list[Tensor]:
        """Which places of a batch of n this process computes, in parts that memory holds; at least one part."""
        own = torch.arange(self._ranks.rank, n, self._ranks.world)
        return list(own.split(self.micro_batch or max(len(own), 1)))  # type: ignore[no-untyped-call]

    def _learned(self, batch: Batch, places: Tensor, mix: Mix | None, draws: tuple[int | str, ...]) -> Tensor:
        """Add the gradient of some places of a batch."""
        inputs, answers = self._inputs_and_answers(batch, places, mix)
        with torch.enable_grad():
            with self._forward_modes(len(batch), places, draws):
                logits = self.phase.forward(inputs)
            if self._recipe.balance == "class_weights" and self._class_weights is None:
                self._class_weights = class_weights(self.phase.train.labels, logits.shape[1])
            own = answers.of(places, self._device)
            weights = None if self._class_weights is None else self._class_weights.to(self._device)
            loss = summed_loss(logits, own, weights, self._recipe.label_smoothing)
            loss = loss / answers.weight(self._class_weights)
            self.optimisation.backward(loss)
        return torch.stack([loss.detach(), n_correct(logits, own)]).double().cpu()

    def _inputs_and_answers(self, batch: Batch, places: Tensor, mix: Mix | None) -> tuple[Tensor, Answers]:
        loaded = placed(self._loader.take(*_wanted(batch, places, mix)), self._device)
        labels = self.phase.train.labels[list(batch.rows)]
        if mix is None:
            return loaded[: len(places)], Answers(labels, labels)
        positions = _with_partners(places, mix)[1].to(self._device)
        own, partners = positions[: len(places)], positions[len(places) :]
        inputs, share = mixed(loaded[own], loaded[partners], mix)
        return inputs, Answers(labels, labels[mix.partners], share)

    def _forward_modes(
        self, n: int, places: Tensor, draws: tuple[int | str, ...]
    ) -> AbstractContextManager[object]:
        modes = ExitStack()
        rows = None if len(places) == n else places.to(self._device)
        modes.enter_context(self.precision.forward())
        if self._ranks.world > 1:
            modes.enter_context(SharedNorms(self._ranks))
        modes.enter_context(RepeatableDraws(generator_of(*draws, "forward", device=self._device), rows, n))
        return modes

    def _halve(self, n: int) -> None:
        """Compute fewer images at once from now on."""
        now = min(self.micro_batch or n, n)
        if now == 1 or self._ranks.world > 1:
            raise TrainingError(
                f"There is not enough memory to train with {'one image' if now == 1 else f'{now} images'} at once.",
                next_step="Choose a smaller batch, fewer stages or smaller images, or close other programs.",
            )
        self.optimisation.clear()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        self.micro_batch = (now + 1) // 2

    def validation_steps(self) -> Generator[int, None, Sums]:
        """Look at the validation images, in evaluation mode and single precision.

        Yields:
            How many images are done, after each batch.

        Returns:
            The sum of the plain cross-entropies and the correct answers, over all processes.
        """
        total, done = torch.zeros(2, dtype=torch.float64), 0
        feed, start = self.phase.validation, perf_counter()
        set_training(self.phase, False)
        try:
            while done < len(feed):
                size = min(self._recipe.batch_size, self.micro_batch or self._recipe.batch_size)
                rows = range(done, min(done + size, len(feed)))
                found = self._validated(rows[self._ranks.rank :: self._ranks.world])
                if found is None:
                    self._halve(len(rows))
                    continue
                total, done = total + found, rows.stop
                yield done
        finally:
            set_training(self.phase, True)
        loss, correct = self._ranks.sum(total).tolist()
        return Sums(len(feed), loss, correct, perf_counter() - start)

    def _validated(self, rows: Sequence[int]) -> Tensor | None:
        if not rows:
            return torch.zeros(2, dtype=torch.float64)
        try:
            with torch.no_grad(), plain_arithmetic(self._device):
                inputs = placed(self.phase.validation.batch(rows, 0), self._device)
                logits = self.phase.forward(inputs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return None
        labels = self.phase.validation.labels[list(rows)]
        answers = Answers(labels, labels).of(torch.arange(len(rows)), self._device)
        return (
            torch.stack([summed_loss(logits, answers, None, 0.0), n_correct(logits, answers)]).double().cpu()
        )


def _wanted(batch: Batch, places: Tensor, mix: Mix | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The rows and versions that some places of a batch need; at least one.

    A process that has no place in the batch still takes part, with the first image and none of its rows.
    """
    needed = places if mix is None else _with_partners(places, mix)[0]
    found = needed.tolist() or [0]
    return tuple(batch.rows[place] for place in found), tuple(batch.views[place] for place in found)


def _with_partners(places: Tensor, mix: Mix) -> tuple[Tensor, Tensor]:
    """The places and their partners' (which may be another process's), each once, and where those are among them."""
    both: tuple[Tensor, Tensor] = torch.cat([places, mix.partners[places]]).unique(return_inverse=True)  # type: ignore[no-untyped-call]
    return both


def no_number(what: str, epoch: int) -> TrainingError:
    """The error where a loss has become infinite, or no number at all."""
    return TrainingError(
        f"{what} in epoch {epoch} is not a number: the weights have run away.",
        next_step="Lower the learning rate, lengthen the warm-up or clip the gradient; the best weights so far are kept.",
    )
