"""One forward pass that takes no memory, and what it shows of each module: shapes, multiply-adds, receptive field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from analysis.layers.receptive_field import Field, FollowedFields
from analysis.layers.refused_size import refused_size
from models.meta_modules import without_memory

_FLOPS_OF_A_MULTIPLY_ADD = 2


@dataclass
class Passed:
    """What one module did in a forward pass of one image.

    Args:
        output_shape: of what it gave at its last call, without the batch; None where that is no tensor.
        receptive_field: of that; see `receptive_field.Field`.
        multiply_adds: of it and all modules in it.
        calls: how often it ran.
    """

    output_shape: tuple[int, ...] | None = None
    receptive_field: Field = None
    multiply_adds: int = 0
    calls: int = 0


@dataclass
class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up multiply-adds in this thread; torch's own counter hooks all modules of the process."""

    modules: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        counted = flop_registry.get(func._overloadpacket)
        if counted is not None:
            number = counted(*args, **kwargs, out_val=made) // _FLOPS_OF_A_MULTIPLY_ADD
            for name in set(self.modules) | {""}:
                self.counts[name] = self.counts.get(name, 0) + number
        return made


def passage(module: nn.Module, input_size: tuple[int, int]) -> dict[str, Passed]:
    """What each module of a network does with one image.

    Counted are the multiply-adds of convolutions, matrix products and attention, as the literature counts them: one
    multiplication and one addition together are one. Norms, activations and pooling are left out.

    Args:
        module: a network, no program; it is copied without its memory, and neither run nor changed.
        input_size: (H, W) in pixels.

    Returns:
        Dotted name to what it did, in the order in which they are defined; "" is the whole network. Modules that did
        not run (extra heads for training) have 0 calls.

    Raises:
        ErrorscopeError: the network does not take an input of this size.
    """
    copied = without_memory(module)
    inputs = torch.empty(1, 3, *input_size, device="meta")
    counting, fields = _Counting(), FollowedFields(inputs)
    passed = {name: Passed() for name, _ in copied.named_modules()}
    for name, each in copied.named_modules():
        each.register_forward_pre_hook(partial(_enter, name, counting.modules))
        each.register_forward_hook(partial(_leave, passed[name], counting.modules, fields))
    with refused_size(input_size), torch.no_grad(), counting, fields:
        copied(inputs)
    for name, each in passed.items():
        each.multiply_adds = counting.counts.get(name, 0)
    return passed


def counted_forward(forward: Callable[[], object]) -> int:
    """The multiply-adds of whatever ``forward`` computes, also within a TorchScript or torch.export program."""
    counting = _Counting()
    with torch.no_grad(), counting:
        forward()
    return counting.counts.get("", 0)


def _enter(name: str, modules: list[str], *_: object) -> None:
    modules.append(name)


def _leave(passed: Passed, modules: list[str], fields: FollowedFields, *given: Any) -> None:
    modules.pop()
    passed.calls += 1
    output = _first_tensor(given[-1])
    passed.output_shape = None if output is None else tuple(output.shape[1:])
    passed.receptive_field = None if output is None else fields.of(output)


def _first_tensor(output: object) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    inner = (
        output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    )
    return next((found for each in inner if (found := _first_tensor(each)) is not None), None)
