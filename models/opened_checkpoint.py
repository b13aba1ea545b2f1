"""A checkpoint that was recognised, but of which no network has been made yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.architecture_table import COUNTER, top_level_names
from models.architectures import Comparison
from models.companions import preprocessing_for, program_metadata
from models.errors import CheckpointError, PreprocessingError
from models.network import NetworkKind
from models.onnx_programs import ONNX, onnx_program, opened_session
from models.onnx_runtime import session_metadata
from models.own_checkpoint import check_fit, module_on_meta, own_preprocessing, plan_in
from models.own_networks import NetworkPlan
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, default_preprocessing
from models.programs import OpenedProgram, ProgramKind, opened_program
from models.recognition import only_one, recognised
from models.state_dicts import FoundWeights, found_weights
from models.torch_files import read_file
from models.weights_check import check_finite, check_kinds
from models.weights_file import FileKind, file_kind

_ARCHITECTURE_KEYS = ("architecture", "arch", "model_name")
_PROGRAM_NAMES: Mapping[str, str] = {"torchscript": "torchscript", "export": "torch.export", "onnx": ONNX}


@dataclass(frozen=True)
class Built:
    """A network made of a checkpoint: the module, torchvision's name, the dotted name of its head."""

    module: nn.Module
    architecture: str
    head: str | None


@dataclass(frozen=True)
class OpenedCheckpoint:
    """What is known of a checkpoint before a network is made of it.

    Args:
        kind: weights, or a program.
        architectures: names that fit exactly, best first.
        n_classes: C, the number of logits.
        n_weights: numbers in the parameters.
        metadata: plain data from inside the file.
        preprocessing: the one given, else the file's own, else the architecture's.
        words: what was unwrapped, removed, set aside or filled in.
        build: makes the network.
    """

    kind: NetworkKind
    architectures: tuple[str, ...]
    n_classes: int
    n_weights: int
    metadata: Mapping[str, Any]
    preprocessing: Preprocessing
    words: tuple[str, ...]
    build: Callable[[], Built]


def opened_checkpoint(
    path: Path,
    *,
    architecture: str | None,
    preprocessing: Preprocessing | None,
    trust_code: bool,
    device: torch.device,
) -> OpenedCheckpoint:
    """Recognise a checkpoint.

    Args:
        path: the file.
        architecture: torchvision's name, or None to recognise it.
        preprocessing: the person's choice, or None.
        trust_code: whether the person said that they trust a program.
        device: where a program is to run.

    Raises:
        CheckpointError: the file cannot be used; its subclasses say why.
        PreprocessingError: the preprocessing saved with the file makes no sense.
    """
    kind = file_kind(path)
    if kind == "torchscript" or kind == "export":  # noqa: PLR1714 - mypy narrows only this form
        return _program(path, kind, preprocessing, trust_code, device)
    if kind == "onnx":
        return _onnx(path, preprocessing)
    return _weights(path, kind, architecture, preprocessing)


def _weights(
    path: Path, kind: FileKind, architecture: str | None, preprocessing: Preprocessing | None
) -> OpenedCheckpoint:
    found = found_weights(read_file(path, kind), top_level_names())
    check_kinds(found.tensors)
    plan = plan_in(found.metadata)
    if plan is not None and not plan.is_torchvisions:
        return _own(path, plan, found, architecture, preprocessing)
    shapes = {key: tuple(tensor.shape) for key, tensor in found.tensors.items()}
    hint = next((found.metadata[key] for key in _ARCHITECTURE_KEYS if key in found.metadata), "")
    fits = sorted(recognised(shapes, architecture), key=lambda each: each.architecture.name != hint)
    first = fits[0]
    n_classes = _checked_outputs(first, path)
    return OpenedCheckpoint(
        kind="state_dict",
        architectures=tuple(each.architecture.name for each in fits),
        n_classes=n_classes,
        n_weights=sum(weight.numel() for weight in first.module.parameters()),
        metadata=found.metadata,
        preprocessing=preprocessing
        or preprocessing_for(path, found.metadata)
        or default_preprocessing(first.architecture.name, first.image_size),
        words=(*found.words, *_remarks(first, found.tensors)),
        build=lambda: _torchvisions(only_one(tuple(fits), str(hint)), found.tensors),
    )


def _own(
    path: Path,
    plan: NetworkPlan,
    found: FoundWeights,
    architecture: str | None,
    preprocessing: Preprocessing | None,
) -> OpenedCheckpoint:
    """A network that Errorscope made itself: its plan says how it is built, and the weights must fit exactly."""
    module, head = module_on_meta(plan)
    check_fit(path, plan, module, found.tensors, architecture)
    keys = {key: key for key in module.state_dict()}
    return OpenedCheckpoint(
        kind="state_dict",
        architectures=(plan.architecture,),
        n_classes=plan.n_classes,
        n_weights=sum(weight.numel() for weight in module.parameters()),
        metadata=found.metadata,
        preprocessing=preprocessing or preprocessing_for(path, found.metadata) or own_preprocessing(plan),
        words=found.words,
        build=lambda: Built(_filled(module, keys, found.tensors), plan.architecture, head),
    )


def _program(
    path: Path, kind: ProgramKind, preprocessing: Preprocessing | None, trust_code: bool, device: torch.device
) -> OpenedCheckpoint:
    metadata = program_metadata(path)
    given = preprocessing or preprocessing_for(path, metadata)
    size = given.input_size() if given else None
    program = opened_program(path, kind, trust_code=trust_code, size=size, device=device)
    return _of_program(path, kind, program, given, metadata)


def _onnx(path: Path, preprocessing: Preprocessing | None) -> OpenedCheckpoint:
    """An ONNX file holds operations by name, none of its own: no trust is needed."""
    session = opened_session(path)
    metadata = session_metadata(session)
    given = preprocessing or preprocessing_for(path, metadata)
    program = onnx_program(session, path, given.input_size() if given else None)
    return _of_program(path, "onnx", program, given, metadata)


def _of_program(
    path: Path,
    kind: ProgramKind | Literal["onnx"],
    program: OpenedProgram,
    given: Preprocessing | None,
    metadata: Mapping[str, Any],
) -> OpenedCheckpoint:
    size = given.input_size() if given else None
    if given is not None and program.fixed_size and size != program.input_size:
        height, width = program.input_size
        raise PreprocessingError(
            f"{path.name} takes images of {height} x {width} pixels only, but the preprocessing gives "
            f"{f'{size[0]} x {size[1]}' if size else 'various sizes'}.",
            next_step=f"Set the crop to ({height}, {width}).",
        )
    name = _PROGRAM_NAMES[kind]
    return OpenedCheckpoint(
        kind=kind,
        architectures=(name,),
        n_classes=program.n_classes,
        n_weights=program.n_weights,
        metadata=metadata,
        preprocessing=given or _usual_preprocessing(program),
        words=program.words,
        build=lambda: Built(program.module, name, None),
    )


def _checked_outputs(comparison: Comparison, path: Path) -> int:
    n_classes = comparison.head.shape[0] if comparison.head else 0
    if n_classes < 2:
        raise CheckpointError(
            f"The network in {path.name} has {n_classes} output, but needs one for each of two or more classes.",
            next_step="Train it with one output for each class (softmax), not with a single yes or no.",
        )
    return n_classes


def _usual_preprocessing(program: OpenedProgram) -> Preprocessing:
    """ImageNet's mean and std, and the size that the program was tried with."""
    height, width = program.input_size
    if height != width:
        return Preprocessing((height, width), None, IMAGENET_MEAN, IMAGENET_STD)
    return Preprocessing(round(height * 256 / 224), height, IMAGENET_MEAN, IMAGENET_STD)


def _remarks(comparison: Comparison, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What is done to weights that fit: said, because nothing is done in silence."""
    own, source = comparison.architecture.head, comparison.head.source if comparison.head else ""
    types = {each.dtype for each in tensors.values() if each.is_floating_point()} - {torch.float32}
    names = ", ".join(sorted(str(each).removeprefix("torch.") for each in types))
    counters = [key for key in comparison.file_keys() if key.endswith(COUNTER) and key not in tensors]
    remarks = {
        f"head found as {source} in place of {own}; Dropout beside it does nothing when predicting": source
        != own,
        f"weights in {names}, opened as float32": bool(types),
        f"{len(counters)} counters of batch normalisation are not in the file (predictions do not need them)": bool(
            counters
        ),
    }
    return tuple(words for words, true in remarks.items() if true)


def _torchvisions(comparison: Comparison, tensors: Mapping[str, Tensor]) -> Built:
    module = _filled(comparison.module, comparison.file_keys(), tensors)
    return Built(module, comparison.architecture.name, comparison.architecture.head)


def _filled(module: nn.Module, file_keys: Mapping[str, str], tensors: Mapping[str, Tensor]) -> nn.Module:
    """The module with copies of the file's weights; the only moment that takes memory."""
    wanted = module.state_dict()
    state: OrderedDict[str, Tensor] = OrderedDict()
    for key, source in file_keys.items():
        if source in tensors:
            state[key] = _copied(tensors[source])
        else:
            state[key] = torch.zeros_like(wanted[key], device="cpu")
    check_finite({key: each for key, each in state.items() if each.is_floating_point()})
    # modules that changed over time (MNASNet) ask which version of them the weights are
    state._metadata = wanted._metadata  # type: ignore[attr-defined]
    module.load_state_dict(state, assign=True)
    return module


def _copied(tensor: Tensor) -> Tensor:
    """In memory, so that nothing breaks when the file is overwritten by the next training run."""
    kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(kind, copy=True, memory_format=torch.contiguous_format)
