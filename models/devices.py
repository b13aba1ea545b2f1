"""Where networks run."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from models.errors import CheckpointError

logger = logging.getLogger(__name__)

_WITH_TENSOR_FLOAT = frozenset({"cuda"})
_WITHOUT_DOUBLES = frozenset({"mps"})
_NO_MEMORY = (
    "DefaultCPUAllocator",  # it has no other complaint; its words differ between systems
    "MPS backend out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


DEVICE_VARIABLE = "ERRORSCOPE_DEVICE"
"""Names the device to use, where the fastest one belongs to other work."""


def best_device() -> str:
    """What ``ERRORSCOPE_DEVICE`` names, else the fastest device of this machine: "cuda", "mps" or "cpu"."""
    return os.environ.get(DEVICE_VARIABLE) or _fastest_device()


def _fastest_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def checked_device(device: str | None) -> torch.device:
    """The device a person named, or for None the fastest one that can be used.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", or None for the one that ``ERRORSCOPE_DEVICE`` names, else the fastest.
            A fastest one that is busy or full is passed over for the processor.

    Raises:
        CheckpointError: there is no such device here.
    """
    device = device or os.environ.get(DEVICE_VARIABLE) or None
    try:
        chosen = torch.device(device or best_device())
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        if device is None:
            return _processor(best_device(), error)
        raise CheckpointError(
            f'There is no device "{device}" on this machine.',
            next_step=f'Choose "cpu" or "{_fastest_device()}", or leave {DEVICE_VARIABLE} unset.',
        ) from error
    return chosen


def moved(module: nn.Module, device: str | None) -> nn.Module:
    """The module on a device, its memory format as it was.

    Args:
        module: moved in place.
        device: as in ``checked_device``; for None a module that does not fit goes to the processor.

    Raises:
        CheckpointError: there is no such device here, or the module does not fit onto it.
    """
    chosen = checked_device(device)
    try:
        return module.to(chosen)
    except RuntimeError as error:
        if device is None:
            return module.to(_processor(str(chosen), error))
        raise CheckpointError(
            f'The network does not fit onto the device "{device}" ({str(error).splitlines()[0]}).',
            next_step='Free some of its memory, or choose "cpu".',
        ) from error


def has_doubles(device: torch.device) -> bool:
    """Whether it can compute with 64 bits; Apple's graphics chips cannot."""
    return device.type not in _WITHOUT_DOUBLES


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether torch gave up for want of memory, of the device's or of the machine's."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


class _TensorFloatOff:
    """The setting belongs to the whole process: the first one in changes it, the last one out restores it.

    Were each to restore what it found, two threads that overlap would switch it on under each other, and
    leave it off for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = True

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = torch.backends.cudnn.allow_tf32
                torch.backends.cudnn.allow_tf32 = False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.backends.cudnn.allow_tf32 = self._before


_tensor_float_off = _TensorFloatOff()


@contextmanager
def plain_arithmetic(device: torch.device) -> Iterator[None]:
    """Convolutions inside are computed in single precision, as on the processor.

    TensorFloat-32, which graphics cards use unless told otherwise, would change logits in the third digit:
    an image's answer would hang on the machine, and its map explain another answer than the evaluation's.

    Args:
        device: where the network runs; elsewhere than on an NVIDIA card nothing needs to be done.
    """
    if device.type not in _WITH_TENSOR_FLOAT:
        yield
        return
    with _tensor_float_off:
        yield


def _processor(instead_of: str, error: Exception) -> torch.device:
    logger.warning("%s cannot be used (%s); the processor computes instead.", instead_of, error)
    return torch.device("cpu")
