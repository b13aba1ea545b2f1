"""The job that looks at every layer for every image: once, and then all pages about layers read what it kept."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.layers.scan_record import LayerScan, ScannedLayer, save_scan, saved_scan, scan_folder
from models.cores import use_background_threads
from models.errors import CheckpointError, ErrorscopeError, ImagesError
from models.evaluation_spec import EvaluationSpec
from models.file_lock import FileLock
from models.job_context import JobContext
from models.open_networks import shared_network
from models.predictions import Predictions
from models.progress import Progress
from models.saved_predictions import kept_predictions

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.layers.channel_facts import ChannelFacts
    from analysis.layers.observed import LayerOutput
    from models.network import Network

PHASE = "Looking at every layer"
MOST_BYTES = 512 * 2**20
"""Of the vectors that are kept; of a large set only those of blocks, or of some layers."""
_AHEAD = 8
_IMAGES_BETWEEN_SAVES = 512
_STATE, _VECTORS = "state.pt", "vectors.npy"


def scan_steps(spec: dict[str, Any], context: JobContext) -> Generator[Progress, None, dict[str, Any]]:
    """The job "layer_scan": every image through the network, every layer looked at.

    A job that was stopped goes on from where it stood.

    Args:
        spec: ``evaluation`` (``EvaluationSpec.to_json()``) and ``predictions`` (its fingerprint).
        context: the job's.

    Yields:
        Progress in images.

    Returns:
        ``n_images`` and ``n_layers``.

    Raises:
        ErrorscopeError: the checkpoint cannot be opened, is a program, or no image can be read.
    """
    predictions = kept_predictions(context.store, spec["predictions"])
    yield Progress("Opening the model", 0, 0)
    network = shared_network(EvaluationSpec.from_json(spec["evaluation"]), predictions)
    from analysis.attribution.layers import refuse_programs

    refuse_programs(network)
    use_background_threads()
    folder = scan_folder(context.store, predictions.fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock") as lock:
        while not lock.acquire():  # another process makes the same
            yield Progress("Waiting for the same work elsewhere", 0, 0)
        found = saved_scan(context.store, predictions.fingerprint)
        if found is None:
            found = yield from _scanned(network, predictions, folder)
    return {"n_images": found.n_images, "n_layers": len(found.layers)}


def _scanned(
    network: Network, predictions: Predictions, folder: Path
) -> Generator[Progress, None, LayerScan]:
    scan = _Scan(network, predictions, folder)
    scan.resume()
    yield Progress(PHASE, scan.done, len(predictions))
    try:
        for rows, inputs, problems in _batches(network, predictions, scan.done):
            scan.add(rows, inputs, problems)
            yield Progress(PHASE, scan.done, len(predictions))
            if scan.done - scan.kept >= _IMAGES_BETWEEN_SAVES:
                scan.keep()
    finally:
        scan.keep()
    return scan.finish()


class _Scan:
    """One pass over the images of an evaluation."""

    def __init__(self, network: Network, predictions: Predictions, folder: Path) -> None:
        self._network, self._n = network, len(predictions)
        self._folder = folder
        self._layers: dict[str, ScannedLayer] = {}
        self._facts: dict[str, ChannelFacts] = {}
        self._vectors: npt.NDArray[np.float16] | None = None
        self._unreadable: list[tuple[int, str]] = []
        self.done = self.kept = 0

    def resume(self) -> None:
        """Go on from what an earlier run kept; begin anew where that cannot be read."""
        from analysis.layers.channel_facts import ChannelFacts
        from models.torch_files import read_file

        try:
            state = copy.deepcopy(read_file(self._folder / _STATE, "torch zip"))  # else it stays on the disk
            layers = [ScannedLayer(**each) for each in state["layers"]]
            vectors = np.load(self._folder / _VECTORS, mmap_mode="r+", allow_pickle=False)
        except (CheckpointError, OSError, ValueError, EOFError, KeyError, TypeError):
            return
        if len(vectors) != self._n:
            return
        self._layers = {each.name: each for each in layers}
        for name, facts in state["facts"].items():
            self._facts[name] = ChannelFacts(0)
            self._facts[name].restore(facts)
        self._vectors, self.done = vectors, state["done"]
        self._unreadable = [(row, reason) for row, reason in state["unreadable"]]
        self.kept = self.done

    def add(self, rows: Sequence[int], inputs: Tensor | None, problems: Sequence[tuple[int, str]]) -> None:
        """Look at a batch."""
        import torch

        from analysis.layers.observed import observed_forward

        self._unreadable += problems
        if inputs is not None:
            at = torch.tensor(rows)
            if not self._layers:
                self._choose(inputs[:1])
            means: dict[str, Tensor] = {}

            def hear(output: LayerOutput) -> None:
                # a layer that runs several times: its facts are of all runs, its vector of the last
                if output.name in self._facts and output.values.shape[1] == len(self._facts[output.name].low):
                    means[output.name] = self._facts[output.name].add(output.values, at)

            observed_forward(self._network.module, inputs, hear)
            self._write(rows, means)
        self.done += len(rows) + len(problems)

    def _choose(self, inputs: Tensor) -> None:
        """Which layers there are, and of which the vectors are kept."""
        from analysis.layers.channel_facts import ChannelFacts
        from analysis.layers.observed import before_head, observed_forward

        heard: dict[str, tuple[int, tuple[int, int] | None, str, bool]] = {}

        def hear(output: LayerOutput) -> None:
            shape = output.values.shape
            places = (shape[2], shape[3]) if output.is_map else None
            heard[output.name] = (shape[1], places, output.activation, output.is_block)

        observed_forward(self._network.module, inputs, hear)
        heard = before_head(heard, self._network.head)
        kept = _with_vectors({name: (each[0], each[3]) for name, each in heard.items()}, self._n)
        channel = number = 0
        for name, (n_channels, places, activation, is_block) in heard.items():
            first = number if name in kept else None
            self._layers[name] = ScannedLayer(name, n_channels, places, activation, is_block, channel, first)
            self._facts[name] = ChannelFacts(n_channels)
            channel += n_channels
            number += n_channels if name in kept else 0
        self._vectors = np.lib.format.open_memmap(
            self._folder / _VECTORS, mode="w+", dtype=np.float16, shape=(self._n, number)
        )
        self._vectors[:] = np.nan

    def _write(self, rows: Sequence[int], means: dict[str, Tensor]) -> None:
        assert self._vectors is not None
        largest = float(np.finfo(np.float16).max)
        for name, values in means.items():
            numbers = self._layers[name].numbers
            if numbers is not None:
                self._vectors[list(rows), numbers] = values.float().clamp(-largest, largest).cpu().numpy()

    def keep(self) -> None:
        """Write down what there is, so that another run goes on from here."""
        import torch

        from models.store import write_atomically

        if self._vectors is None or self.done == self.kept:
            return
        self._vectors.flush()  # type: ignore[attr-defined]
        state = {
            "layers": [vars(each) for each in self._layers.values()],
            "facts": {name: each.state() for name, each in self._facts.items()},
            "unreadable": [list(each) for each in self._unreadable],
            "done": self.done,
        }
        write_atomically(self._folder / _STATE, lambda path: torch.save(state, path))
        self.kept = self.done

    def finish(self) -> LayerScan:
        """The whole, kept for all pages."""
        if self._vectors is None:
            raise ErrorscopeError(
                "None of the images can be read any more.",
                next_step="Put the images back where they were, or open others.",
            )
        arrays = [self._facts[name].arrays() for name in self._layers]
        joined = {name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]}
        found = LayerScan(
            layers=tuple(self._layers.values()),
            n_images=self._n,
            unreadable=tuple(self._unreadable),
            vectors=self._vectors,
            **joined,
        )
        save_scan(self._folder, found)
        (self._folder / _STATE).unlink(missing_ok=True)
        return found


def _with_vectors(layers: dict[str, tuple[int, bool]], n_images: int) -> set[str]:
    """The layers whose vectors are kept: all if they are not too large, else those of blocks, else some."""
    for names in (list(layers), [name for name, (_, is_block) in layers.items() if is_block] or list(layers)):
        if sum(layers[name][0] for name in names) * n_images * 2 <= MOST_BYTES:
            return set(names)
    while len(names) > 1 and sum(layers[name][0] for name in names) * n_images * 2 > MOST_BYTES:
        names = names[::-2][::-1]  # every other one, the last among them
    return set(names)


def _batches(
    network: Network, predictions: Predictions, first: int
) -> Iterator[tuple[list[int], Tensor | None, list[tuple[int, str]]]]:
    """The images from a row on, decoded ahead: rows, (B, 3, H, W), and rows with the reason they cannot be read."""
    import torch

    from models.image_input import image_input
    from models.prediction_pipeline import images_at_once
    from models.torch_workers import torch_workers

    device = next(network.module.parameters()).device
    size = images_at_once(network.preprocessing) if network.preprocessing.input_size() else 1

    def read(row: int) -> Tensor | str:
        try:
            path = predictions.absolute(predictions.images["path"].iloc[row])
            return image_input(path, network.preprocessing)
        except ImagesError as error:
            return error.message

    rows = iter(range(first, len(predictions)))
    with torch_workers(1, name="errorscope-layers") as pool:
        waiting: deque[tuple[int, Future[Tensor | str]]] = deque()
        while True:
            waiting.extend(
                (row, pool.submit(read, row)) for row in islice(rows, size + _AHEAD - len(waiting))
            )
            batch = [waiting.popleft() for _ in range(min(size, len(waiting)))]
            if not batch:
                return
            found = [(row, future.result()) for row, future in batch]
            good = [(row, each) for row, each in found if not isinstance(each, str)]
            inputs = torch.stack([each for _, each in good]).to(device) if good else None
            yield (
                [row for row, _ in good],
                inputs,
                [(row, each) for row, each in found if isinstance(each, str)],
            )
