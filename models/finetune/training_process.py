"""What one of the processes that train together does; `models.finetune.worker` starts it.

The first of them says on its standard output where it stands, one JSON object to a line.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from models.cores import available_cores
from models.errors import Cancelled, ErrorscopeError
from models.finetune.distributed import connected_ranks
from models.finetune.preparation import preparation_steps
from models.finetune.run import Ranks
from models.finetune.spec import FinetuneSpec
from models.finetune.training import training_steps
from models.job_context import STOP_FILE
from models.job_events import write_event
from models.progress import finished
from models.saved_predictions import kept_predictions
from models.store import Store


class FolderRun:
    """A run whose only link to the outside is its folder.

    Args:
        folder: the job's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def should_stop(self) -> bool:
        """Whether the file ``STOP`` is there."""
        return (self.folder / STOP_FILE).exists()

    def note(self, event: str, **details: Any) -> None:
        """Add an event to the diary."""
        write_event(self.folder, event, **details)

    def log(self, message: str) -> None:
        """Write a sentence into the diary."""
        self.note("log", message=message)


def main(folder: Path, store: Store, baseline: str) -> None:
    """Train with the others, and say what cannot be trained.

    Args:
        folder: the job's, with its ``spec.json``.
        store: the workspace, in which all that is needed has been prepared.
        baseline: fingerprint of the baseline's evaluation.
    """
    try:
        _train(folder, store, baseline)
    except Cancelled:
        pass
    except ErrorscopeError as error:  # no restart would help
        _write({"error": {"title": error.title, "message": error.message, "next_step": error.next_step}})


def _train(folder: Path, store: Store, baseline: str) -> None:
    spec = FinetuneSpec.from_json(
        json.loads((folder / "spec.json").read_text(encoding="utf-8"))["spec"]["finetune"]
    )
    with connected_ranks() as (ranks, device):
        torch.set_num_threads(max(1, available_cores() // int(os.environ["LOCAL_WORLD_SIZE"])))
        run, before = FolderRun(folder), kept_predictions(store, baseline)
        steps = preparation_steps(spec, before, store, log=lambda _: None, device=device)
        prepared = finished(steps, lambda _: None)
        training = training_steps(prepared.phases, spec.recipe, run, device=device, ranks=ranks)
        finished(training, lambda progress: _say(ranks, progress=asdict(progress)))


def _say(ranks: Ranks, **words: Any) -> None:
    if ranks.rank == 0:
        _write(words)


def _write(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()
