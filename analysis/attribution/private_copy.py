"""A network's twin that may be hooked: its own modules, the same weights, in evaluation mode.

A hook on a shared module acts in every thread that runs it, and stays when something fails before it
is taken off. A twin costs a few milliseconds and no memory to speak of; what is hung on it concerns
nobody else and goes with it. So no method needs the network's lock, and none has anything to undo.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

import torch
from torch import nn

_HOOKS = tuple(name for name in vars(nn.Module()) if "_hooks" in name)
_Module = TypeVar("_Module", bound=nn.Module)


def private_copy(module: _Module) -> _Module:
    """The module with its own tree of submodules and no hooks, sharing all weights and buffers.

    The weights of the copy ask for no gradient, so a backward pass through it computes (and remembers)
    only what leads to the input or to an activation.

    Args:
        module: a network; not a TorchScript or torch.export program.

    Returns:
        A module that computes what the network computes in evaluation mode, bit for bit: batch-norm in
        training mode would write into buffers that everybody shares.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> twin = private_copy(layer)
        >>> twin.weight.data_ptr() == layer.weight.data_ptr(), twin.weight.requires_grad
        (True, False)
    """
    return _copied(module, {})


def _copied(module: _Module, known: dict[int, nn.Module]) -> _Module:
    # A module that stands in several places (a ResNet block's one ReLU) must remain one.
    if id(module) in known:
        return known[id(module)]  # type: ignore[return-value]
    twin = type(module).__new__(type(module))
    known[id(module)] = twin
    state = dict(vars(module))
    state.update({name: OrderedDict() for name in _HOOKS})
    state["training"] = False
    state["_parameters"] = {name: _detached(weight) for name, weight in module._parameters.items()}
    state["_buffers"] = dict(module._buffers)
    state["_modules"] = {
        name: None if child is None else _copied(child, known) for name, child in module._modules.items()
    }
    vars(twin).update(state)
    return twin


def _detached(weight: torch.Tensor | None) -> torch.Tensor | None:
    return None if weight is None else weight.detach()
