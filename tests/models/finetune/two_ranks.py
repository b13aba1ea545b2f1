"""One of several gloo processes that train together; run by ``test_training_ranks.py``.

    python -m tests.models.finetune.two_ranks RANK WORLD FOLDER

It trains each of ``CASES`` in a folder of its own below FOLDER and leaves ``CASE/RANK.pt`` there: history and weights.
"""

import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from models.errors import Cancelled
from models.finetune.distributed import ConnectedRanks
from models.finetune.finish import ask_to_finish
from models.finetune.phase import Phase
from models.finetune.recipe import Recipe
from models.finetune.run import Ranks
from tests.models.finetune.training_samples import (
    RecordingRun,
    head_phase,
    image_feeds,
    seeded,
    trained,
    weights,
    whole_phase,
    without_times,
)  # fmt: skip

BASE = Recipe("whole", epochs=3, batch_size=6, learning_rate=0.05, patience=None, views=0)


@dataclass(frozen=True)
class Case:
    """A training.

    Args:
        recipe: how.
        n: training images.
        stop_after: rank 1 alone is told to stop after so many batches; then all go on.
        finish_in: the epoch after which the training is asked to finish.
    """

    recipe: Recipe
    n: int = 21
    stop_after: int | None = None
    finish_in: int | None = None


CASES = {
    "plain": Case(BASE),
    "mixup": Case(
        replace(BASE, mixing="mixup", mixing_alpha=1.0, balance="class_weights", label_smoothing=0.1)
    ),
    "cutmix": Case(replace(BASE, mixing="cutmix", mixing_alpha=1.0, l1=0.001, clip_norm=0.3)),
    "adamw": Case(replace(BASE, optimiser="adamw", learning_rate=0.005, schedule="plateau")),
    "single": Case(replace(BASE, batch_size=1), n=5),  # one process has no image in most batches
    "stopped": Case(replace(BASE, mixing="mixup"), stop_after=9),
    "finished": Case(BASE, finish_in=2),
}


class AskingRun(RecordingRun):
    """Asks the training to finish after an epoch."""

    finish_in: int | None = None

    def note(self, event: str, **details: Any) -> None:
        super().note(event, **details)
        if event == "epoch" and details["epoch"] == self.finish_in:
            ask_to_finish(self.folder)


def phases(case: Case) -> list[Phase]:
    module: nn.Module = seeded()
    feeds = image_feeds(case.n)
    heavy = torch.linspace(1, 3, case.n)
    return [head_phase(module, feeds, 1), whole_phase(module, feeds, 3, sampling_weights=heavy)]


def outcome(case: Case, folder: Path, ranks: Ranks | None) -> dict[str, Any]:
    """Train, with the stops that the case wants."""
    stop = case.stop_after if ranks is not None and ranks.rank == 1 else None
    if case.stop_after is not None and ranks is not None:
        try:
            trained(phases(case), case.recipe, RecordingRun(folder, stop), ranks)
        except Cancelled:
            dist.barrier()
    made, run = phases(case), AskingRun(folder)
    run.finish_in = case.finish_in
    result = trained(made, case.recipe, run, ranks)
    return {
        "history": without_times(result.history),
        "weights": weights(made[0].module),
        "best_epoch": result.best_epoch,
        "stopped": result.stopped,
        "n_events": len(run.events),
    }


def main(rank: int, world: int, folder: Path) -> None:
    """One process."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=60),
    )
    for name, case in CASES.items():
        (folder / name).mkdir(exist_ok=True)
        torch.save(outcome(case, folder / name, ConnectedRanks()), folder / name / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
