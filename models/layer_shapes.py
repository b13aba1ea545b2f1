"""Networks whose layers are narrower than their architecture's: which weights have another shape, and giving them it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from models.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]


def narrower_shapes(found: Shapes, usual: nn.Module) -> dict[str, tuple[int, ...]]:
    """The weights of a network that have another shape than its architecture gives them.

    Args:
        found: key to shape, of the network.
        usual: the network as its architecture has it; the meta device will do.
    """
    known = {key: tuple(tensor.shape) for key, tensor in usual.state_dict().items()}
    return {key: shape for key, shape in found.items() if key in known and shape != known[key]}


def make_narrower(module: nn.Module, shapes: Shapes) -> None:
    """Give weights of a network on the meta device these shapes, in place.

    Args:
        module: as its architecture has it, without memory for its weights.
        shapes: key to shape, of those that are narrower.

    Raises:
        CheckpointError: there is no such weight, or the shape is none that removing channels could leave.
    """
    changed: set[str] = set()
    for key, shape in shapes.items():
        owner_name, _, name = key.rpartition(".")
        owner = _owner(module, owner_name, key)
        former: Tensor | None = owner._parameters.get(name)
        former = owner._buffers.get(name) if former is None else former
        if former is None or not _is_narrower(shape, tuple(former.shape), owner):
            raise shape_refusal(key, shape)
        empty = torch.empty(shape, dtype=former.dtype, device="meta")
        if isinstance(former, nn.Parameter):
            owner.register_parameter(name, nn.Parameter(empty, requires_grad=former.requires_grad))
        else:
            owner.register_buffer(name, empty)
        changed.add(owner_name)
    for name in changed:
        _tell_widths(module.get_submodule(name))


def check_runs(module: nn.Module, side: int) -> None:
    """Make sure that the layers of a narrower network fit each other, by a forward pass without memory.

    Args:
        module: on the meta device.
        side: of the image, pixels.

    Raises:
        CheckpointError: they do not.
    """
    was_training = module.training
    try:
        with torch.no_grad():
            module.eval()(torch.empty(1, 3, side, side, device="meta"))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1][:160] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"The layers that the plan of the network in the file describes do not fit each other ({reason}).",
            next_step="Save the version again, or choose another file.",
        ) from error
    finally:
        module.train(was_training)


def shape_refusal(key: str, shape: object) -> CheckpointError:
    """The error for a shape that makes no sense."""
    return CheckpointError(
        f'The plan of the network in the file makes no sense: the shape of its "{key[:80]}" is {str(shape)[:60]}.',
        next_step="Save the version again, or choose another file.",
    )


def _owner(module: nn.Module, name: str, key: str) -> nn.Module:
    try:
        return module.get_submodule(name)
    except AttributeError as error:
        raise shape_refusal(key, "of no layer") from error


def _is_narrower(shape: tuple[int, ...], usual: tuple[int, ...], owner: nn.Module) -> bool:
    """Whether removing channels can have left a shape: never more of anything, and the window of a convolution as it was."""
    if len(shape) != len(usual) or not all(1 <= new <= old for new, old in zip(shape, usual, strict=True)):
        return False
    return not isinstance(owner, nn.Conv2d) or shape[2:] == usual[2:]


def _tell_widths(layer: nn.Module) -> None:
    """Write into a layer's attributes how wide its weights are."""
    if isinstance(layer, nn.Conv2d):
        n_out, n_in_group = layer.weight.shape[:2]
        is_depthwise = layer.groups == layer.in_channels and layer.groups > 1
        layer.groups = n_out if is_depthwise else layer.groups
        layer.out_channels, layer.in_channels = n_out, n_in_group * layer.groups
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, _BatchNorm) and layer.weight is not None:
        layer.num_features = len(layer.weight)
    elif isinstance(layer, nn.LayerNorm) and layer.weight is not None:
        layer.normalized_shape = tuple(layer.weight.shape)
