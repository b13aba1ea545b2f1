"""The forward pass over batches, on the fastest device of the machine."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from models.devices import is_out_of_memory, moved
from models.errors import PredictionsError
from models.forward import logits_and_embeddings
from models.network import Network

Arrays = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]


class BatchForward:
    """A network's own copy for predicting: on the best device, its weights laid out channels last.

    The given network is left as it is, since other threads may be using it. Programs are not copied
    and stay where they were loaded: their devices and strides can be written into them.

    Args:
        network: the network to run.
        device: "cpu", "cuda", "mps"; None chooses the fastest that can be used.
    """

    def __init__(self, network: Network, device: str | None = None) -> None:
        if network.kind == "state_dict":
            self._layout = torch.channels_last  # 1.2 to 1.6 times faster for convolutions
            self._network = replace(network, module=_copied(network, device))
        else:
            self._layout = torch.contiguous_format
            self._network = network
        self.device = next(self._network.module.parameters(), torch.empty(0)).device

    def __call__(self, inputs: Sequence[torch.Tensor], paths: Sequence[str]) -> Arrays:
        """Predict a batch.

        Args:
            inputs: B tensors (3, H, W), normalised; their sizes may differ.
            paths: B names, for messages.

        Returns:
            Logits (B, C) and embeddings (B, D), or None for embeddings, float32.

        Raises:
            PredictionsError: the network cannot take an image, or its logits are not finite.
        """
        logits: dict[int, npt.NDArray[np.float32]] = {}
        embeddings: dict[int, npt.NDArray[np.float32]] = {}
        for rows in _rows_of_equal_shape(inputs):
            found = self._of_one_shape([inputs[row] for row in rows], [paths[row] for row in rows])
            logits.update(zip(rows, found[0], strict=True))
            if found[1] is not None:
                embeddings.update(zip(rows, found[1], strict=True))
        order = range(len(inputs))
        stacked = np.stack([logits[row] for row in order])
        return stacked, np.stack([embeddings[row] for row in order]) if embeddings else None

    def _of_one_shape(self, inputs: Sequence[torch.Tensor], paths: Sequence[str]) -> Arrays:
        try:
            return self._forward(torch.stack(list(inputs)))
        except PredictionsError as error:
            if len(inputs) == 1:
                raise PredictionsError(f"{paths[0]}: {error.message}", next_step=error.next_step) from error
            if not is_out_of_memory(error.__cause__):
                self._name_the_culprit(inputs, paths)
                raise
        half = len(inputs) // 2
        first = self._of_one_shape(inputs[:half], paths[:half])
        second = self._of_one_shape(inputs[half:], paths[half:])
        embeddings = [each[1] for each in (first, second) if each[1] is not None]
        return np.concatenate([first[0], second[0]]), np.concatenate(embeddings) if embeddings else None

    def _name_the_culprit(self, inputs: Sequence[torch.Tensor], paths: Sequence[str]) -> None:
        """Raise the error of the first image that fails alone; return if each is fine alone."""
        for each, path in zip(inputs, paths, strict=True):
            self._of_one_shape([each], [path])

    def _forward(self, batch: torch.Tensor) -> Arrays:
        with torch.inference_mode():
            moved = batch.to(device=self.device, memory_format=self._layout)
            logits, embeddings = logits_and_embeddings(self._network, moved)
            return _numbers(logits), None if embeddings is None else _numbers(embeddings)


def _copied(network: Network, device: str | None) -> torch.nn.Module:
    with network.lock:  # whoever has it hooked holds the lock, and a copy would copy the hooks
        module = copy.deepcopy(network.module)
    return moved(module.eval().to(memory_format=torch.channels_last), device)  # type: ignore[call-overload]


def _numbers(values: torch.Tensor) -> npt.NDArray[np.float32]:
    numbers: npt.NDArray[np.float32] = values.float().cpu().numpy()
    return numbers


def _rows_of_equal_shape(inputs: Sequence[torch.Tensor]) -> list[list[int]]:
    rows: dict[torch.Size, list[int]] = {}
    for row, each in enumerate(inputs):
        rows.setdefault(each.shape, []).append(row)
    return list(rows.values())
