"""The job that makes a picture that excites a channel or a class."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from analysis.layers.excitation_record import ExcitationRecord, ExcitationSpec, save_excitation
from analysis.layers.map_pictures import png
from models.cores import use_background_threads
from models.errors import CheckpointError, JobError
from models.job_context import JobContext
from models.open_networks import shared_network
from models.progress import Progress
from models.saved_predictions import kept_predictions
from models.store import write_atomically, write_bytes

if TYPE_CHECKING:
    from analysis.layers.excitation import Climb
    from models.network import Network

PHASE = "Climbing"
SECONDS_BETWEEN_PICTURES = 1.5


def excitation_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "excitation": climb from noise to a picture that excites a channel or a class.

    The picture so far is kept as it comes; a job that was stopped goes on from there.

    Args:
        spec: ``ExcitationSpec.to_json()``.
        context: the job's.

    Yields:
        Progress in steps.

    Returns:
        ``highest``: as in `ExcitationRecord`.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, is a program, or has no such channel.
    """
    from analysis.layers.excitation import Climb

    wanted = ExcitationSpec.from_json(spec)
    yield Progress("Opening the model", 0, wanted.steps, "steps")
    network = shared_network(wanted.evaluation, kept_predictions(context.store, wanted.predictions))
    if network.fingerprint != wanted.network:
        raise JobError("The spec of an excitation names another network than its evaluation's.")
    use_background_threads()
    climb = Climb(network, wanted.excited, network.preprocessing.usual_size(), wanted.seed)
    context.store.folder(*wanted.file(context.store).parent.relative_to(context.store.root).parts)
    yield from _climbed(climb, wanted, context)
    record = _record(climb, wanted, network)
    write_bytes(wanted.file(context.store, "png"), _png(climb.picture()))
    save_excitation(wanted.file(context.store), record)
    for kind in ("pt", "so-far.png"):
        wanted.file(context.store, kind).unlink(missing_ok=True)
    return {"highest": record.highest}


def _climbed(climb: Climb, wanted: ExcitationSpec, context: JobContext) -> Generator[Progress, None, None]:
    state = wanted.file(context.store, "pt")
    _resume(climb, state)
    shown = 0.0
    try:
        while len(climb.values) < wanted.steps:
            climb.step()
            if time.monotonic() - shown >= SECONDS_BETWEEN_PICTURES:
                shown = time.monotonic()
                write_bytes(wanted.file(context.store, "so-far.png"), _png(climb.picture()))
            yield Progress(PHASE, len(climb.values), wanted.steps, "steps")
    finally:
        if len(climb.values) < wanted.steps:
            _keep(climb, state)


def _resume(climb: Climb, file: Path) -> None:
    from models.torch_files import read_file

    # what cannot be read is begun anew
    with suppress(CheckpointError, OSError, ValueError, KeyError, TypeError):
        climb.restore(copy.deepcopy(read_file(file, "torch zip")))  # else it stays on the disk


def _keep(climb: Climb, file: Path) -> None:
    import torch

    write_atomically(file, lambda path: torch.save(climb.state(), path))


def _record(climb: Climb, wanted: ExcitationSpec, network: Network) -> ExcitationRecord:
    import torch

    from models.preprocessing import normalized

    seen = torch.from_numpy(np.round(climb.picture() * 255) / 255).permute(2, 0, 1)
    device = next(network.module.parameters()).device
    with torch.inference_mode():
        logits = network.module(normalized(seen, network.preprocessing)[None].float().to(device))
        probabilities = logits.double().softmax(1)[0].cpu()
    predicted = int(probabilities.argmax())
    return ExcitationRecord(
        seed=wanted.seed, steps=wanted.steps, values=tuple(climb.values), highest=climb.highest(),
        predicted=predicted, confidence=float(probabilities[predicted]),
    )  # fmt: skip


def _png(picture: npt.NDArray[np.float32]) -> bytes:
    """A picture, (H, W, 3) from 0 to 1, as a PNG."""
    return png(Image.fromarray(np.round(picture * 255).astype(np.uint8)))
