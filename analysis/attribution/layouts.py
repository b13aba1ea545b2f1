"""Which axis of a layer's output holds the channels, where one shape alone does not tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import nn

from analysis.attribution.gradients import gradients_on, logits
from analysis.attribution.private_copy import private_copy
from analysis.attribution.spatial import CHANNELS_FIRST, channel_axes
from analysis.attribution.trial_inputs import noise, other_size
from models.devices import is_out_of_memory
from models.errors import AttributionError
from models.network import Network

_Shapes = dict[str, torch.Size]

_seen: WeakKeyDictionary[nn.Module, dict[tuple[int, int], _Shapes]] = WeakKeyDictionary()
_seen_lock = threading.Lock()


def channel_axis(
    network: Network, layer: str, shape: Sequence[int], input_size: tuple[int, int]
) -> int | None:
    """The axis of a layer's output that holds its channels.

    Where two axes are possible, the network runs once more on an input of another size: the channels are
    as many as before, the places are not.

    Args:
        network: a plain network, no program.
        layer: dotted name of a module.
        shape: of what the layer gave.
        input_size: (H, W) of the input that it was given for.

    Returns:
        `CHANNELS_FIRST` or `CHANNELS_LAST`; the likelier one for a network that takes one size only; None
        where the output has no such axis: tokens, or no map of places.
    """
    axes = channel_axes(shape, input_size)
    if len(axes) < 2:
        return next(iter(axes), None)
    elsewhere = _shapes_elsewhere(network, input_size).get(layer, ())
    followed = [axis for axis in axes if _only_places_change(shape, elsewhere, axis)]
    return followed[0] if followed else axes[0]


def _only_places_change(shape: Sequence[int], elsewhere: Sequence[int], axis: int) -> bool:
    rows, columns = (2, 3) if axis == CHANNELS_FIRST else (1, 2)
    return (
        len(elsewhere) == len(shape)
        and elsewhere[axis] == shape[axis]
        and elsewhere[rows] != shape[rows]
        and elsewhere[columns] != shape[columns]
    )


def _shapes_elsewhere(network: Network, input_size: tuple[int, int]) -> _Shapes:
    """The shapes that the layers give at another size, remembered for as long as the module lives."""
    other = other_size(input_size)
    with _seen_lock:
        known = _seen.setdefault(network.module, {})
    if other not in known:
        known[other] = _shapes(network, other)
    return known[other]


@gradients_on()
def _shapes(network: Network, input_size: tuple[int, int]) -> _Shapes:
    module = private_copy(network.module)
    shapes: _Shapes = {}
    for name, layer in module.named_modules():
        layer.register_forward_hook(_shape_recorder(name, shapes))
    try:
        with torch.no_grad():
            logits(module, noise(network, input_size), network)
    except AttributionError as error:
        if is_out_of_memory(error.__cause__):
            raise
        return {}  # a vision transformer takes one size only
    return shapes


def _shape_recorder(name: str, shapes: _Shapes) -> Callable[[nn.Module, object, object], None]:
    def record(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, torch.Tensor):
            shapes[name] = output.shape  # a module that runs several times is read at its last run

    return record
