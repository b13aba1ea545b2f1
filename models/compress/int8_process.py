"""Writes a checkpoint as ONNX, whole and in 8 bits: ``python -m models.compress.int8_process WEIGHTS INPUTS N WHOLE SMALL``."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.checkpoint import load_checkpoint
from models.cores import use_background_threads
from models.errors import ErrorscopeError
from models.finetune.export_program import check_same
from models.finetune.parent_death import end_with_parent
from models.network import Network
from models.onnx_programs import N_WEIGHTS, OnnxModule
from models.onnx_runtime import onnx_session
from models.store import write_atomically
from models.terminal import BAD_INPUT, DONE, one_sentence, said

INPUT, OUTPUT = "images", "logits"
_OPSET = 17


def main(arguments: Sequence[str]) -> int:
    """Write both files.

    Args:
        arguments: the checkpoint, the inputs (.npy), how many of them count, the two files to write.

    Returns:
        The exit status.
    """
    weights, inputs, n, whole, small = arguments
    end_with_parent()
    use_background_threads()
    logging.disable(logging.WARNING)
    try:
        network = load_checkpoint(weights)
    except ErrorscopeError as error:
        return said(one_sentence(error), BAD_INPUT)
    images = np.load(inputs, mmap_mode="r")[: int(n)]
    write_atomically(Path(whole), lambda path: write_whole(network, images[:2], path))
    write_atomically(Path(small), lambda path: write_small(Path(whole), images, path))
    _describe(Path(small), network)
    return DONE


def write_whole(network: Network, images: npt.NDArray[np.float32], path: Path) -> None:
    """Write a network as ONNX in 32 bits, for any number of images.

    Args:
        network: on the processor.
        images: one or two inputs, (B, 3, H, W).
        path: the file.

    Raises:
        RuntimeError: it cannot be traced, or the file gives other logits than it.
    """
    batch = torch.from_numpy(np.array(images))
    module = network.module.eval().requires_grad_(False)
    # The older exporter: the newer one needs one more library, and neither is kept in this process for long.
    torch.onnx.export(
        module, (batch,), str(path), dynamo=False, opset_version=_OPSET, input_names=[INPUT], output_names=[OUTPUT],
        dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
    )  # fmt: skip
    with torch.no_grad():
        check_same(OnnxModule(onnx_session(path.read_bytes()))(batch), module(batch))


def write_small(whole: Path, images: npt.NDArray[np.float32], path: Path) -> None:
    """Write an ONNX file in 8 bits: weights by channel, activations by the smallest and largest seen.

    Args:
        whole: the file in 32 bits.
        images: what the ranges of the activations are measured on, (n, 3, H, W).
        path: the file to write.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    quantize_static(
        str(whole), str(path), _Inputs(images), quant_format=QuantFormat.QDQ, per_channel=True,
        # unsigned activations: with signed ones the fast instructions of many processors cannot be used
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
    )  # fmt: skip


class _Inputs:
    """The inputs one by one, as the quantisation asks for them.

    Args:
        images: (n, 3, H, W).
    """

    def __init__(self, images: npt.NDArray[np.float32]) -> None:
        self._images: Iterator[npt.NDArray[np.float32]] = iter(images)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        """The next one, or None."""
        image = next(self._images, None)
        return None if image is None else {INPUT: np.array(image)[None]}


def _describe(path: Path, network: Network) -> None:
    """Write into the file what is needed to open it: class names, preprocessing."""
    import onnx

    model: Any = onnx.load(path)
    texts = {
        "class_names": json.dumps(list(network.class_names)),
        "preprocessing": json.dumps(network.preprocessing.to_json()),
        "architecture": network.architecture,
        N_WEIGHTS: str(sum(weight.numel() for weight in network.module.parameters())),
    }
    onnx.helper.set_model_props(model, texts)
    write_atomically(path, lambda temporary: onnx.save(model, temporary))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
