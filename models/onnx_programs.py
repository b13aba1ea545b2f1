"""Opening ONNX files, with ONNX Runtime, on the processor. They hold a graph of known operations, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import CheckpointError
from models.onnx_runtime import INSTALL, onnx_session, session_metadata
from models.programs import BatchRange, OpenedProgram, OwnSize, short_reason, tried_program
from models.weights_file import DOWNLOAD_AGAIN

ONNX = "onnx"
"""What the architecture of such a network is called."""
N_WEIGHTS = "n_weights"
"""Under which text the file says how many weights it has, where it does."""
_FLOATS: Mapping[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxModule(nn.Module):
    """A network in ONNX Runtime, as a module of torch. It has no weights that torch could see, and no gradients.

    Args:
        session: of `models.onnx_runtime.onnx_session`.
    """

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session
        self._input = session.get_inputs()[0]
        self._output = session.get_outputs()[0].name

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C) of images (B, 3, H, W), on the processor."""
        batch = images.detach().cpu().contiguous().numpy().astype(_FLOATS[self._input.type], copy=False)
        try:
            (found,) = self._session.run([self._output], {self._input.name: batch})
        except Exception as error:  # it raises classes of its own, all of them plain exceptions
            raise RuntimeError(" ".join(str(error).split())[:160]) from error
        return torch.from_numpy(np.asarray(found, np.float32))


def opened_session(path: Path) -> Any:
    """An ONNX file in ONNX Runtime.

    Args:
        path: the file.

    Raises:
        CheckpointError: ONNX Runtime is not installed, or the file cannot be opened.
    """
    try:
        return onnx_session(path.read_bytes())
    except ImportError as error:
        raise CheckpointError(
            f"{path.name} is an ONNX file, and ONNX Runtime, which opens such files, is not installed.",
            next_step=INSTALL,
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read ({error.strerror or error}).",
            next_step="Check that you may read it.",
        ) from error
    except Exception as error:  # it raises classes of its own, all of them plain exceptions
        raise CheckpointError(
            f"{path.name} is a damaged ONNX file, or one that this ONNX Runtime does not know ({short_reason(error)}).",
            next_step=DOWNLOAD_AGAIN,
        ) from error


def onnx_program(session: Any, path: Path, size: tuple[int, int] | None) -> OpenedProgram:
    """Run an opened ONNX file on one image to learn how many classes it has.

    Args:
        session: of ``opened_session``.
        path: the file, for messages.
        size: (height, width) to try it with, or None for the one that it names, or one that works.

    Raises:
        CheckpointError: it takes no (B, 3, H, W), or gives no (B, C) with C > 1.
    """
    inputs = session.get_inputs()
    shape = list(inputs[0].shape) if inputs else []
    if len(inputs) != 1 or len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
        raise CheckpointError(
            f"{path.name} takes inputs of shapes {[list(each.shape) for each in inputs]}, where one of "
            "(images, 3, height, width) is needed.",
            next_step="Export the network with one batch of images as its only argument.",
        )
    if inputs[0].type not in _FLOATS:
        raise CheckpointError(
            f"{path.name} takes images of the type {inputs[0].type}, where floating point numbers are needed.",
            next_step="Export the network so that it takes normalised images.",
        )
    fixed, count = _fixed_size(shape), shape[0]
    batch = BatchRange(count, count) if isinstance(count, int) else BatchRange()
    own = OwnSize(fixed, fixed is not None)
    program = tried_program(OnnxModule(session), batch, own, path, size=size, device=torch.device("cpu"))
    weights = session_metadata(session).get(N_WEIGHTS, "")
    return replace(program, n_weights=int(weights) if weights.isdecimal() else 0)


def _fixed_size(shape: list[Any]) -> tuple[int, int] | None:
    height, width = shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None
