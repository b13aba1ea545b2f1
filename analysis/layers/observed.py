"""What each layer of a network gives, seen in one forward pass without touching the network.

A layer is what owns the weights of a convolution or a linear map, seen behind the norm and the activation that belong
to it: what the next layer gets. Blocks whose output is more than that of their last layer (a residual sum, a
concatenation) are layers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from analysis.attribution.private_copy import private_copy
from analysis.attribution.spatial import spatial_map
from models.devices import plain_arithmetic

T = TypeVar("T")
_WEIGHTED = frozenset({"conv2d", "linear"})
_NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm"})
ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "hardtanh", "silu", "gelu", "hardswish", "hardsigmoid", "sigmoid"),
        *("leaky_relu", "elu", "mish", "tanh", "softplus", "prelu", "selu"),
    )
)
_FOLLOWING = _NORMS | ACTIVATIONS | {"dropout", "dropout2d", "contiguous"}
_LOOKS_ONLY = frozenset({"get", "size", "dim", "numel", "is_contiguous", "repr"})


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What one layer gave for a batch.

    Args:
        name: dotted name of the module that owns the weights, or of the block.
        tensor: as the network has it, whichever way round. It goes on computing with it: read it, do not keep it.
        activation: what was applied to it ("relu6"), or "" where nothing was.
        is_block: whether it is a block's, not a single layer's.
        channels_second: turns a tensor of the same shape the way of ``values``.
    """

    name: str
    tensor: Tensor
    activation: str
    is_block: bool
    channels_second: Callable[[Tensor], Tensor]

    @cached_property
    def values(self) -> Tensor:
        """(B, D, ...) channels second; rows and columns of places behind them where it is a map. Mostly a view."""
        return self.channels_second(self.tensor)

    @property
    def is_map(self) -> bool:
        """Whether it has places in rows and columns."""
        return self.values.ndim == 4


def observed_forward(module: nn.Module, inputs: Tensor, hear: Callable[[LayerOutput], object]) -> Tensor:
    """Run a network and hand on what each layer gives, as soon as it is known.

    Hooks and the interception are on a private copy and in this thread; of the outputs none is kept, so the memory is
    that of the forward pass. They have a history for a backward pass where ``inputs`` asks for a gradient.

    Args:
        module: a network, no program, in evaluation mode.
        inputs: (B, 3, H, W), normalised.
        hear: called with each layer's output, in the order in which they are computed. A layer that runs several
            times is heard each time. It may end the forward pass by raising.

    Returns:
        (B, C) logits.
    """
    observing = _Observing(inputs, hear)
    with torch.set_grad_enabled(inputs.requires_grad):
        return _run(observing, private_copy(module), inputs)


def before_head(heard: Mapping[str, T], head: str | None) -> dict[str, T]:
    """The layers that were heard before the head: it, and a block that ends with it, give the answer itself.

    Args:
        heard: name to anything, in the order in which they were heard.
        head: dotted name of the last layer with weights; None for all layers.

    >>> before_head({"features": 1, "classifier.1": 2, "classifier": 3}, "classifier.1")
    {'features': 1}
    """
    return dict(takewhile(lambda each: each[0] != head, heard.items()))


def forward_from(module: nn.Module, inputs: Tensor, layer: str) -> tuple[LayerOutput | None, Tensor]:
    """Run a network so that a backward pass reaches one layer, and no further.

    Args:
        module: a network, no program, in evaluation mode.
        inputs: (B, 3, H, W), normalised.
        layer: name of a layer, as `observed_forward` hears it; one that runs several times is taken at its last run.

    Returns:
        The layer's output, of which ``tensor`` is a leaf that asks for a gradient, and the (B, C) logits that hang on
        it; None where there is no such layer.
    """
    observing = _Observing(inputs, lambda _: None, cut_at=layer)
    with torch.enable_grad():
        logits = _run(observing, private_copy(module), inputs.detach())
    return observing.cut, logits


def _run(observing: _Observing, copied: nn.Module, inputs: Tensor) -> Tensor:
    for name, each in copied.named_modules():
        each.register_forward_pre_hook(partial(observing.enter, name))
        each.register_forward_hook(partial(observing.leave, name))
    # in full precision on a card too: what a layer gives is what the evaluation's answer was made of
    with plain_arithmetic(inputs.device), observing:
        logits = copied(inputs)
        observing.close()
    return logits if isinstance(logits, Tensor) else next(iter(logits))


@dataclass
class _Open:
    """A layer whose output is not final yet: a norm or an activation may follow."""

    name: str
    value: Tensor
    channel_axis: int
    activation: str = ""


class _Observing(TorchFunctionMode):
    """Follows the open layer; with ``cut_at``, puts a leaf in the place of what that layer gives."""

    def __init__(
        self, inputs: Tensor, hear: Callable[[LayerOutput], object], *, cut_at: str | None = None
    ) -> None:
        super().__init__()
        self.cut: LayerOutput | None = None
        self._cut_at = cut_at
        self._swapped: tuple[Tensor, Tensor] | None = None
        self._n_images, self._size = len(inputs), (inputs.shape[-2], inputs.shape[-1])
        self._hear = hear
        self._modules: list[str] = []
        self._open: _Open | None = None
        self._told: tuple[Tensor, int] | None = None
        self._is_telling = False

    def enter(self, name: str, *_: object) -> None:
        self._modules.append(name)

    def leave(self, name: str, module: nn.Module, _: object, output: object) -> None:
        self._modules.pop()
        if not name or not isinstance(output, Tensor) or next(module.children(), None) is None:
            return
        if not self._is_known(output):
            self.close()
            self._tell(name, output, None, "", is_block=True)

    def close(self) -> None:
        """Whatever layer is open has given what it gives."""
        if self._open is not None:
            given, self._open = self._open, None
            self._tell(given.name, given.value, given.channel_axis, given.activation, is_block=False)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and follow the open layer through its norm and activation."""
        if self._is_telling:
            return func(*args, **(kwargs or {}))
        args = self._with_the_leaf(args)
        name = getattr(func, "__name__", "").strip("_")
        reads_open = self._open is not None and any(each is self._open.value for each in args)
        follows = reads_open and name in _FOLLOWING
        if name in _WEIGHTED or (reads_open and not follows and name not in _LOOKS_ONLY):
            self.close()  # before the operation, which may write over it
            args = self._with_the_leaf(args)
        made = func(*args, **(kwargs or {}))
        if name in _WEIGHTED and isinstance(made, Tensor):
            self._open = _Open(self._modules[-1], made, 1 if name == "conv2d" else -1)
        elif follows and self._open is not None:
            self._open.value = made
            if name in ACTIVATIONS:
                self._open.activation = name
                self.close()
        return self._with_the_leaf(made)

    def _with_the_leaf(self, value: Any) -> Any:
        """The same, but with what stands in the place of the layer's output that was cut."""
        if self._swapped is None:
            return value
        if value is self._swapped[0]:
            return self._swapped[1]
        if isinstance(value, list | tuple) and any(isinstance(each, Tensor | list | tuple) for each in value):
            return type(value)(map(self._with_the_leaf, value))
        return value

    def _is_known(self, output: Tensor) -> bool:
        if self._open is not None and output is self._open.value:
            return True
        return self._told is not None and output is self._told[0] and output._version == self._told[1]

    def _tell(
        self, name: str, value: Tensor, channel_axis: int | None, activation: str, *, is_block: bool
    ) -> None:
        self._told = value, value._version
        if len(value) != self._n_images or value.ndim < 2:  # windows of Swin, tables of positions
            return
        self._is_telling = True
        try:
            leaf = value.detach().clone().requires_grad_() if name == self._cut_at else value
            turn = partial(_channels_second, channel_axis=channel_axis, input_size=self._size)
            heard = LayerOutput(name, leaf, activation, is_block, turn)
            if leaf is not value:
                # a copy goes on: a leaf must not be written over
                self.cut, self._swapped = heard, (value, leaf.clone())
                self._told = None
            self._hear(heard)
        finally:
            self._is_telling = False


def _channels_second(value: Tensor, channel_axis: int | None, input_size: tuple[int, int]) -> Tensor:
    """(B, D, h, w) of a map, (B, D) of a vector or of a map of one place, (B, D, T) of other tokens."""
    if value.ndim == 4 and channel_axis is not None:
        turned = value.movedim(channel_axis, 1)
        return turned.flatten(1) if turned.shape[2:] == (1, 1) else turned
    if value.ndim == 2:
        return value
    places = spatial_map(value, input_size)
    if places is not None:
        return places
    if value.ndim == 4 and value.shape[2:] == (1, 1):
        return value.flatten(1)
    return value.movedim(-1, 1) if value.ndim == 3 else value
