"""Networks that bring their own code: TorchScript and torch.export. Opened only once a person trusts them.

What wraps them so that they take any number of images serves ``models.onnx_programs`` too.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.errors import CheckpointError, CheckpointNotTrusted
from models.weights_file import DOWNLOAD_AGAIN

ProgramKind = Literal["torchscript", "export"]

NAMES: dict[ProgramKind, str] = {"torchscript": "TorchScript", "export": "torch.export"}
USUAL_SIDES = (224, 299, 256, 384, 240, 300, 380, 480, 518, 128, 96, 64, 32)
_MANY = 1 << 30


@dataclass(frozen=True)
class BatchRange:
    """How many images a program takes at once.

    Args:
        smallest: a smaller batch is filled up.
        largest: a larger batch is cut.
    """

    smallest: int = 1
    largest: int = _MANY


class Program(nn.Module):
    """A program that takes any number of images and gives logits.

    Args:
        inner: what the file held.
        batch: how many images ``inner`` takes at once.
        gives_probabilities: whether ``inner`` ends in a softmax; its logarithm is then taken, which is
            a logit: softmax of it gives the same probabilities.
    """

    def __init__(self, inner: nn.Module, batch: BatchRange, *, gives_probabilities: bool = False) -> None:
        super().__init__()
        self.inner = inner
        self.batch = batch
        self.gives_probabilities = gives_probabilities

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C) of normalised images (B, 3, H, W), whatever B is."""
        parts = [self._outputs(part) for part in torch.split(images, self.batch.largest)]
        logits = parts[0] if len(parts) == 1 else torch.cat(parts)
        return logits.clamp_min(torch.finfo(logits.dtype).tiny).log() if self.gives_probabilities else logits

    def _outputs(self, part: Tensor) -> Tensor:
        lacking = self.batch.smallest - len(part)
        if lacking <= 0:
            return self._tensor(self.inner(part))
        filled = torch.cat([part, part[-1:].expand(lacking, -1, -1, -1)])
        return self._tensor(self.inner(filled))[: len(part)]

    def _tensor(self, output: Any) -> Tensor:
        if isinstance(output, Tensor):
            return output
        raise CheckpointError(
            f"The program gives a {type(output).__name__}, where one tensor of logits is needed.",
            next_step="Wrap the network so that it returns the logits alone, and save it again.",
        )


@dataclass(frozen=True)
class OpenedProgram:
    """A program that was tried on one image.

    Args:
        module: takes any number of normalised images.
        n_classes: C, the width of its output.
        input_size: (height, width) in pixels that it was tried with.
        fixed_size: whether the program takes no other size.
        n_weights: numbers in its parameters.
    """

    module: Program
    n_classes: int
    input_size: tuple[int, int]
    fixed_size: bool
    n_weights: int

    @property
    def words(self) -> tuple[str, ...]:
        """What is done around the program."""
        batch = self.module.batch
        remarks = {
            "it ends in a softmax, whose logarithm is taken": self.module.gives_probabilities,
            f"it takes {batch.smallest} images at a time; others are filled up": batch.smallest > 1,
        }
        return tuple(words for words, true in remarks.items() if true)


def opened_program(
    path: Path,
    kind: ProgramKind,
    *,
    trust_code: bool,
    size: tuple[int, int] | None,
    device: torch.device,
) -> OpenedProgram:
    """Open a program and run it on one image to learn how many classes it has.

    Args:
        path: the file.
        kind: what it is.
        trust_code: whether the person said that they trust the file.
        size: (height, width) to try it with, or None to find one that works.
        device: where it is to run.

    Raises:
        CheckpointNotTrusted: it is a program, and trust was not given.
        CheckpointError: it cannot be opened, takes no (B, 3, H, W), or gives no (B, C) with C > 1.
    """
    if not trust_code:
        raise CheckpointNotTrusted(
            f"{path.name} is a {NAMES[kind]} program: opening it runs code that its author wrote.",
            next_step="Say that you trust the file, if you do, or choose a file of weights alone.",
        )
    inner, batch, own = (_torchscript if kind == "torchscript" else _exported)(path, device)
    return tried_program(inner, batch, own, path, size=size, device=device)


@dataclass(frozen=True)
class OwnSize:
    """The size of image that a program asks for.

    Args:
        size: (height, width) in pixels, or None where it does not say.
        fixed: whether it takes no other.
    """

    size: tuple[int, int] | None = None
    fixed: bool = False


def tried_program(
    inner: nn.Module,
    batch: BatchRange,
    own: OwnSize,
    path: Path,
    *,
    size: tuple[int, int] | None,
    device: torch.device,
) -> OpenedProgram:
    """Run a program on an image or two, to learn what it gives.

    Args:
        inner: what the file held.
        batch: how many images it takes at once.
        own: the size that it asks for.
        path: the file, for messages.
        size: (height, width) to try it with, or None to find one that works.
        device: where it runs.

    Raises:
        CheckpointError: it takes no (B, 3, H, W), or gives no (B, C) with C > 1.
    """
    program = Program(inner, batch)
    used, output = _tried(program, own.size if own.fixed else size or own.size, path, device)
    program.gives_probabilities = _are_probabilities(program, used, device)
    n_weights = sum(weight.numel() for weight in inner.parameters())
    return OpenedProgram(program, output.shape[1], used, own.fixed, n_weights)


def _torchscript(path: Path, device: torch.device) -> tuple[nn.Module, BatchRange, OwnSize]:
    # torch 2.13 calls TorchScript deprecated at every use; the file's owner cannot change that here
    warnings.filterwarnings("ignore", message=".*torch.jit.load. is deprecated", category=DeprecationWarning)
    try:
        module = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    except Exception as error:  # its reader raises whatever its many layers raise
        raise _damaged(path, "torchscript", error) from error
    return module.eval(), BatchRange(), OwnSize()


def _exported(path: Path, device: torch.device) -> tuple[nn.Module, BatchRange, OwnSize]:
    try:
        with _silent("torch.export"):  # it logs a traceback before it raises
            program = torch.export.load(path)
    except Exception as error:  # its reader raises whatever its many layers raise
        raise _damaged(path, "export", error) from error
    inputs = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    if len(inputs) != 1 or inputs[0].ndim != 4:
        raise CheckpointError(
            f"{path.name} takes {len(inputs)} inputs of shapes {[tuple(each.shape) for each in inputs]}, "
            "where one of (images, 3, height, width) is needed.",
            next_step="Export the network with one batch of images as its only argument.",
        )
    count, _, height, width = inputs[0].shape
    if device.type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    own = OwnSize((_hint(height), _hint(width)), isinstance(height, int) and isinstance(width, int))
    return program.module(), _batch_range(program, count), own


def _batch_range(program: torch.export.ExportedProgram, count: int | torch.SymInt) -> BatchRange:
    if isinstance(count, int):
        return BatchRange(count, count)
    limits = program.range_constraints.get(count.node.expr)
    if limits is None:
        return BatchRange()
    # without a limit the upper one is a symbol of infinity, which is no number
    return BatchRange(int(limits.lower), int(limits.upper) if limits.upper.is_Integer else _MANY)


def _hint(side: int | torch.SymInt) -> int:
    """The side in pixels; where it may vary, the one that the program was exported with."""
    return side if isinstance(side, int) else int(side.node.hint)


def _tried(
    program: Program, size: tuple[int, int] | None, path: Path, device: torch.device
) -> tuple[tuple[int, int], Tensor]:
    sizes = [size] if size else [(side, side) for side in USUAL_SIDES]
    reason: Exception | None = None
    for height, width in sizes:
        try:
            with torch.no_grad():
                output = program(torch.zeros(1, 3, height, width, device=device))
        except (RuntimeError, AssertionError) as error:
            reason = error
            continue
        if output.ndim != 2 or output.shape[0] != 1 or output.shape[1] < 2:
            raise CheckpointError(
                f"{path.name} gives an output of shape {tuple(output.shape)} for one image, "
                "where (1, classes) with two or more classes is needed.",
                next_step="Save the network so that it returns one logit for each class.",
            )
        return (height, width), output
    raise CheckpointError(
        f"{path.name} cannot take an image of {' or '.join(f'{h} x {w}' for h, w in sizes[:3])} pixels "
        f"with three channels ({short_reason(reason)}).",
        next_step="Set the resize and crop that it was trained with.",
    ) from reason


def _are_probabilities(program: Program, size: tuple[int, int], device: torch.device) -> bool:
    """Whether the outputs for two unlike images are both positive and sum to one."""
    ramp = torch.linspace(-2, 2, 3 * size[0] * size[1], device=device).view(1, 3, *size)
    with torch.no_grad():
        rows = program(torch.cat([ramp, -ramp])).double()
    return bool((rows >= 0).all()) and bool((rows.sum(1) - 1).abs().max() < 1e-3)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _damaged(path: Path, kind: ProgramKind, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path.name} is a damaged {NAMES[kind]} program, or one of another version of PyTorch "
        f"({short_reason(error)}).",
        next_step=DOWNLOAD_AGAIN,
    )


def short_reason(error: Exception | None) -> str:
    """The last line of what an error says."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:160] if lines else type(error).__name__
