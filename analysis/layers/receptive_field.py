"""Which pixels of the input a place of a layer's map hangs on.

Followed through the forward pass, operation by operation: a convolution or pooling widens the field, an addition or
concatenation joins those of its parts, what works on each place alone keeps it.
Source: A. Araujo, W. Norris, J. Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

Pair = tuple[int, int]


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that place (0, 0) of a map hangs on; place (i, j) sees those i and j strides further.

    Args:
        size: rows and columns of pixels, before the border cuts them.
        stride: pixels from one place to the next, downwards and to the right.
        start: first row and column; negative where padding stands.
        whole: whether each place hangs on the whole image as well, as behind a squeeze-and-excitation gate.
    """

    size: Pair
    stride: Pair
    start: Pair
    whole: bool = False

    def box(self, place: Pair, input_size: Pair) -> tuple[int, int, int, int]:
        """The part of an image that a place sees.

        Args:
            place: row and column of the map.
            input_size: (H, W) in pixels.

        Returns:
            Top, left, bottom, right in pixels, within the image; the last two are one past the end.

        >>> ReceptiveField((7, 7), (2, 2), (-3, -3)).box((0, 2), (32, 32))
        (0, 1, 4, 8)
        """
        first = [start + at * step for start, at, step in zip(self.start, place, self.stride, strict=True)]
        last = [top + size for top, size in zip(first, self.size, strict=True)]
        top, left = (max(0, min(each, side - 1)) for each, side in zip(first, input_size, strict=True))
        bottom, right = (max(1, min(each, side)) for each, side in zip(last, input_size, strict=True))
        return top, left, bottom, right

    def through(self, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> ReceptiveField:
        """The field behind a convolution or pooling.

        >>> ReceptiveField((1, 1), (1, 1), (0, 0)).through((3, 3), (2, 2), (1, 1))
        ReceptiveField(size=(3, 3), stride=(2, 2), start=(-1, -1), whole=False)
        """
        axes = zip(self.size, self.stride, self.start, kernel, stride, padding, dilation, strict=True)
        found = [
            (size + (k - 1) * d * step, step * s, start - p * step) for size, step, start, k, s, p, d in axes
        ]
        size, step, start = zip(*found, strict=True)
        return ReceptiveField(size, step, start, self.whole)

    def joined(self, other: ReceptiveField) -> ReceptiveField | None:
        """The field of what hangs on both; None where their places do not lie alike."""
        if self.stride != other.stride:
            return None
        start = _each(min, self.start, other.start)
        end = _each(
            max, _each(int.__add__, self.start, self.size), _each(int.__add__, other.start, other.size)
        )
        return ReceptiveField(_each(int.__sub__, end, start), self.stride, start, self.whole or other.whole)


WHOLE = "whole"
"""What hangs on all pixels alike: pooled over all places, and what is computed from that."""
Field = ReceptiveField | str | None
"""Of one tensor; None where it is not known or not defined, as behind attention."""

_WORKING_ON_PLACES = (
    "relu relu_ relu6 hardtanh hardtanh_ silu gelu hardswish hardsigmoid sigmoid sigmoid_ leaky_relu leaky_relu_ elu "
    "mish tanh softplus batch_norm dropout dropout2d feature_dropout alpha_dropout clone contiguous detach to float "
    "type_as add add_ iadd radd sub rsub mul mul_ imul rmul div truediv cat concat concatenate neg permute transpose "
    "chunk split unsqueeze getitem layer_norm stochastic_depth clamp local_response_norm"
)
_BY_PLACE = frozenset(_WORKING_ON_PLACES.split())
_WINDOWS = ("conv2d", "max_pool2d", "avg_pool2d", "max_pool2d_with_indices")
_POOLS = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean")


class FollowedFields(TorchFunctionMode):
    """While it is entered, follows the fields of all tensors made in this thread.

    Args:
        inputs: the images, (B, 3, H, W); may be without memory (on "meta").
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self._fields = WeakTensorKeyDictionary()
        self._fields[inputs] = ReceptiveField((1, 1), (1, 1), (0, 0))

    def of(self, tensor: Tensor) -> Field:
        """What is known of a tensor."""
        found: Field = self._fields.get(tensor)  # type: ignore[no-untyped-call]
        return found

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and note the field of what it gives."""
        kwargs = kwargs or {}
        shapes = [(each, tuple(each.shape)) for each in _tensors((args, kwargs))]
        made = func(*args, **kwargs)
        for tensor in _tensors(made):
            field = self._behind(func, args, kwargs, shapes, tensor)
            if field is not None:
                self._fields[tensor] = field
            elif tensor in self._fields:  # written over by what is not known
                del self._fields[tensor]
        return made

    def _behind(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[tuple[Tensor, tuple[int, ...]]],
        made: Tensor,
    ) -> Field:
        name = getattr(func, "__name__", "").strip("_")
        known = [(tensor, shape, field) for tensor, shape in inputs if (field := self.of(tensor)) is not None]
        if not known:
            return None
        _, shape, field = known[0]
        if all(each == WHOLE for _, _, each in known):
            return WHOLE
        if name in _BY_PLACE:
            return _union([each for _, _, each in known])
        if name in _WINDOWS:
            return _window(name, field, args, kwargs)
        return _reshaped(name, field, shape, tuple(made.shape))


def _reshaped(name: str, field: Field, before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    if name in _POOLS:
        return _pooled(field, before, after)
    if name in ("view", "reshape"):  # ShuffleNet mixes channels so; the places stay
        return field if before[-2:] == after[-2:] and len(before) > 3 else None
    return field if name == "linear" and len(before) == 4 else None


def _window(name: str, field: Field, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Field:
    if not isinstance(field, ReceptiveField):
        return field
    if name == "conv2d":
        given = _arguments(
            ("input", "weight", "bias", "stride", "padding", "dilation", "groups"), args, kwargs
        )
        kernel = tuple(given["weight"].shape[-2:])
        stride, dilation = _pair(given.get("stride", 1)), _pair(given.get("dilation", 1))
        padding = given.get("padding", 0)
        if isinstance(padding, str):
            outer = _each(lambda k, d: (k - 1) * d // 2, kernel, dilation)
            return field.through(kernel, stride, outer if padding == "same" else (0, 0), dilation)
        return field.through(kernel, stride, _pair(padding), dilation)
    given = _arguments(("input", "kernel_size", "stride", "padding", "dilation"), args, kwargs)
    kernel = _pair(given["kernel_size"])
    stride = _pair(given["stride"]) if given.get("stride") else kernel
    # the fifth argument of an average is no dilation
    dilation = _pair(given.get("dilation", 1)) if name.startswith("max") else (1, 1)
    return field.through(kernel, stride, _pair(given.get("padding", 0)), dilation)


def _pooled(field: Field, before: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """Behind a mean over places, or a pooling to a given number of them."""
    if not isinstance(field, ReceptiveField) or len(before) != 4:
        return field if field == WHOLE else None
    if before == after:
        return field
    places = after[2:] if len(after) == 4 else (1, 1)
    if places == (1, 1):
        return WHOLE
    times = _each(lambda a, b: a // b if b and a % b == 0 else 0, before[2:], places)
    return field.through(times, times, (0, 0)) if min(times) else None


def _union(fields: list[Field]) -> Field:
    local = [each for each in fields if isinstance(each, ReceptiveField)]
    joined: ReceptiveField | None = local[0]
    for each in local[1:]:
        joined = joined.joined(each) if joined else None
    return replace(joined, whole=True) if joined and WHOLE in fields else joined


def _arguments(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _pair(value: Any) -> Pair:
    if isinstance(value, int):
        return value, value
    found = tuple(value)
    return (found[0], found[-1])


def _each(function: Callable[..., int], *pairs: Iterable[int]) -> Pair:
    first, second = (function(*each) for each in zip(*pairs, strict=True))
    return first, second


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
