"""Two forward passes of one network, the second held against the first, operation by operation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from analysis.attribution.operations import Operation, Rewritten, is_weight, stood
from analysis.attribution.rescale_rule_operations import EXACT, EXTENSIONS, Passage, is_linear, passages
from analysis.attribution.rescale_rule_pairs import Pair
from models.errors import AttributionError

_PASSAGES = passages()
_SPELLINGS = {"axis": "dim", "keepdims": "keepdim"}


@dataclass(frozen=True)
class _Call:
    """What one call of an operation got in the baseline."""

    operation: Operation
    tensors: tuple[torch.Tensor, ...]
    in_place: bool


class Comparison:
    """The forward pass of the baseline, and then that of the image.

    One after the other, rather than as a batch of two: nothing then depends on where a network keeps its
    batch (attention has it second), and a batch of one is computed exactly as in a prediction.
    """

    def __init__(self) -> None:
        self._calls: deque[_Call] = deque()
        self.beyond_the_paper = False
        """Whether a rule was used that DeepLift's paper does not have."""

    def baseline_pass(self) -> Rewritten:
        """The mode for the baseline: operations that are not linear note what they get."""
        return Rewritten({each: partial(self._noted, each) for each in _PASSAGES})

    def image_pass(self) -> Rewritten:
        """The mode for the image: the values are the plain ones, the gradients are multipliers."""
        return Rewritten({each: partial(self._compared, each) for each in _PASSAGES})

    def check_finished(self) -> None:
        """Stop if the image did not meet all operations that the baseline met.

        Raises:
            AttributionError: the network took another path.
        """
        if self._calls:
            raise _another_path()

    def _noted(self, operation: Operation, *args: Any, **kwargs: Any) -> Any:
        args = _in_order(args, kwargs)
        if is_linear(operation, args, kwargs):
            return operation(*args, **kwargs)
        # copies, as the network may overwrite them
        tensors = tuple(each.clone() for each in _tensors(args, kwargs))
        result = operation(*args, **kwargs)
        self._calls.append(_Call(operation, tensors, in_place=any(result is each for each in args)))
        return result

    def _compared(self, operation: Operation, *args: Any, **kwargs: Any) -> Any:
        args = _in_order(args, kwargs)
        if is_linear(operation, args, kwargs):
            return operation(*args, **kwargs)
        call = self._next_call(operation, args, kwargs)
        passage = _PASSAGES[operation]
        result = _stand_in(call, passage, args, kwargs)
        if result is None:
            return operation(*args, **kwargs)
        self.beyond_the_paper |= passage in EXTENSIONS
        if passage not in EXACT:
            with torch.no_grad():
                start = [args[0].clone()] if call.in_place else args[:1]
                plain = operation(*start, *args[1:], **kwargs)
            result = _carried(plain, result)
        return args[0].copy_(result) if call.in_place else result

    def _next_call(self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Call:
        shapes = [each.shape for each in _tensors(args, kwargs)]
        call = self._calls.popleft() if self._calls else None
        if call is None or call.operation is not operation or [each.shape for each in call.tensors] != shapes:
            raise _another_path()
        return call


def _stand_in(call: _Call, passage: Passage, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if all(is_weight(each) for each in _tensors(args, kwargs)):
        return None
    then = iter(call.tensors)
    pairs = [_paired(each, then) for each in args]
    return passage(call.operation, *pairs, **{name: _paired(each, then) for name, each in kwargs.items()})


def _paired(value: Any, then: Iterator[torch.Tensor]) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    before = next(then)
    return value if is_weight(value) else Pair(value, before)


def _tensors(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    return [each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor)]


def _in_order(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments, those that may come by name in their place; other spellings of names are unified."""
    for old, new in _SPELLINGS.items():
        if old in kwargs:
            kwargs[new] = kwargs.pop(old)
    first = (kwargs.pop("input"),) if "input" in kwargs else ()
    second = (kwargs.pop("other"),) if "other" in kwargs else ()
    return (*first, *args, *second)


def _carried(plain: Any, stand_in: Any) -> Any:
    if isinstance(plain, torch.Tensor):
        return stood(plain, stand_in.to(plain.dtype))
    found = stand_in if isinstance(stand_in, tuple) else (stand_in,)
    values = [stood(value, each.to(value.dtype)) for value, each in zip(plain, found, strict=False)]
    # where places come with the values (max-pooling), they carry nothing
    return type(plain)((*values, *plain[len(found) :]))


def _another_path() -> AttributionError:
    return AttributionError(
        "The network runs other operations for this image than for the baseline, so DeepLift cannot compare.",
        next_step="Choose another baseline, or another method.",
    )
