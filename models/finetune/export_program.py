"""Writes a checkpoint as a program: ``python -m models.finetune.export_program torchscript|export WEIGHTS FILE``.

A process of its own, because torch.export (as torch.fx) changes what all threads' networks do while it runs.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoint import load_checkpoint
from models.errors import ErrorscopeError
from models.network import Network
from models.terminal import BAD_INPUT, DONE, one_sentence, said

_USUAL_SIDE = 224
_TOLERANCE = 1e-3
_MOST_IMAGES = 4096


def main(arguments: Sequence[str]) -> int:
    """Write a program.

    Args:
        arguments: kind, the checkpoint, the file to write.

    Returns:
        The exit status.
    """
    kind, weights, path = arguments
    warnings.simplefilter(
        "ignore"
    )  # torch calls TorchScript deprecated at every use; it is what was asked for
    logging.disable(logging.WARNING)
    try:
        write_program(load_checkpoint(weights), kind, Path(path))
    except ErrorscopeError as error:
        return said(one_sentence(error), BAD_INPUT)
    return DONE


def write_program(network: Network, kind: str, path: Path) -> None:
    """Write a network as a program that takes normalised images (B, 3, H, W) and gives logits (B, C).

    Class names and preprocessing go along as extra files, where `models.checkpoint` finds them.

    Args:
        network: the network; on the processor.
        kind: "torchscript" or "export".
        path: the file.

    Raises:
        RuntimeError: the network cannot be traced, or the program gives other logits than it.
    """
    extra = {
        "class_names.json": json.dumps(list(network.class_names)),
        "preprocessing.json": json.dumps(network.preprocessing.to_json()),
        "architecture.txt": network.architecture,
    }
    height, width = network.preprocessing.input_size() or (_USUAL_SIDE, _USUAL_SIDE)
    # grey images with some structure: with zeros alone a slip would not be seen
    images = torch.linspace(-2, 2, 2 * 3 * height * width).view(2, 3, height, width)
    with torch.no_grad():
        module = network.module.eval().requires_grad_(False)
        write = _write_torchscript if kind == "torchscript" else _write_exported
        logits = write(module, images, path, extra)
        check_same(logits, module(images))


def check_same(found: Tensor, wanted: Tensor) -> None:
    """Refuse a program whose logits are not the network's.

    Args:
        found: (B, C) of the program.
        wanted: (B, C) of the network.

    Raises:
        RuntimeError: they differ.
    """
    difference = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1.0))
    if not difference <= _TOLERANCE:
        raise RuntimeError(
            f"the program gives other logits than the network: they differ by {difference:.3g}"
        )


def _write_torchscript(module: nn.Module, images: Tensor, path: Path, extra: dict[str, str]) -> Tensor:
    program = torch.jit.trace(module, images, check_trace=False)  # type: ignore[no-untyped-call]
    torch.jit.save(program, str(path), _extra_files=extra)
    # another number of images than it was traced with
    return torch.cat([program(images[:1]), program(images[1:])])


def _write_exported(module: nn.Module, images: Tensor, path: Path, extra: dict[str, str]) -> Tensor:
    count = torch.export.Dim("images", min=1, max=_MOST_IMAGES)
    program = torch.export.export(module, (images,), dynamic_shapes=({0: count},))
    torch.export.save(program, path, extra_files=extra)
    return torch.cat([program.module()(images[:1]), program.module()(images[1:])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
