"""What changed between two networks, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from analysis.layers.difference_record import LayerChange, Part
from models.architecture_table import top_level_names
from models.errors import CheckpointError
from models.evaluation import opened_network
from models.evaluation_spec import EvaluationSpec
from models.own_checkpoint import plan_in
from models.recognition import only_one, recognised
from models.state_dicts import found_weights
from models.torch_files import read_file
from models.weights_file import file_kind

_BLOCK = 2**22
_NORM_STATISTICS = ("running_mean", "running_var")
_COUNTER = "num_batches_tracked"


def weights_of(spec: EvaluationSpec) -> Mapping[str, Tensor]:
    """The weights of a checkpoint under the names that the network has them, for reading only.

    They are mapped from the file where its kind allows it, so that looking at them one by one takes the memory of one;
    no network is made of them. Of a program, which only opens as a whole, its own are given.

    Args:
        spec: a checkpoint, with the choices it was opened with.

    Raises:
        CheckpointError: it cannot be opened.
    """
    path = Path(spec.checkpoint)
    kind = file_kind(path)
    if kind == "onnx":
        raise CheckpointError(
            f"{path.name} is an ONNX file, whose weights are not read here.",
            next_step="Compare with the checkpoint that it was made from.",
        )
    if kind in ("torchscript", "export"):
        inside = opened_network(spec).module.state_dict()
        return {key.removeprefix("inner."): each for key, each in inside.items()}
    found = found_weights(read_file(path, kind), top_level_names())
    plan = plan_in(found.metadata)
    if plan is not None and not plan.is_torchvisions:
        return found.tensors
    shapes = {key: tuple(tensor.shape) for key, tensor in found.tensors.items()}
    fits = recognised(shapes, spec.architecture)
    hint = next(
        (str(found.metadata[key]) for key in ("architecture", "arch", "model_name") if key in found.metadata),
        "",
    )
    keys = only_one(fits, hint).file_keys() if len(fits) > 1 else fits[0].file_keys()
    return {key: found.tensors[source] for key, source in keys.items() if source in found.tensors}


def changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Iterator[LayerChange]:
    """How each weight, bias and batch-norm statistic changed, in the order of the network.

    Args:
        before: name to tensor.
        after: the same of the other network.

    Yields:
        One for each name of either, at once when it is known. Counters of batches are left out.
    """
    for name in compared_names(before, after):
        yield _change(name, before.get(name), after.get(name))


def compared_names(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    """The names that `changes` goes through."""
    both = [*after, *(each for each in before if each not in after)]
    return [name for name in both if not name.endswith(_COUNTER)]


def _change(name: str, before: Tensor | None, after: Tensor | None) -> LayerChange:
    layer, _, own = name.rpartition(".")
    either = after if after is not None else before
    assert either is not None
    shapes = [None if each is None else tuple(each.shape) for each in (before, after)]
    plain = LayerChange(layer, own, _part(own, either), shapes[0], shapes[1], either.numel())
    if before is None or after is None or shapes[0] != shapes[1]:
        return plain
    return _measured(plain, before, after)


def _part(own: str, tensor: Tensor) -> Part:
    if own in _NORM_STATISTICS:
        return "statistics"
    return "weight" if tensor.ndim > 1 else "vector"


def _measured(plain: LayerChange, before: Tensor, after: Tensor) -> LayerChange:
    moved = length = other = product = largest = 0.0
    n_changed = 0
    a, b = before.detach().reshape(-1), after.detach().reshape(-1)
    for blocks in zip(torch.split(a, _BLOCK), torch.split(b, _BLOCK), strict=True):
        one, two = (each.cpu().double() for each in blocks)
        gap = two - one
        moved += float(gap.square().sum())
        length += float(one.square().sum())
        other += float(two.square().sum())
        product += float(one @ two)
        largest = max(largest, float(gap.abs().max()) if len(gap) else 0.0)
        n_changed += int((one != two).sum())
    return LayerChange(
        plain.layer, plain.own, plain.part, plain.shape_before, plain.shape_after, plain.n_weights,
        relative=_finite((moved / length) ** 0.5 if length else float(moved > 0)),
        cosine=_finite(product / (length * other) ** 0.5 if length and other else float(length == other)),
        largest=_finite(largest),
        changed=n_changed / max(1, plain.n_weights),
        is_finite=all(torch.isfinite(torch.tensor([moved, length, other]))),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    """None for what is no number: JSON has no other word."""
    return value if abs(value) < float("inf") else None
