"""Random numbers that belong to a training: repeatable, and out of the reach of other threads.

torch's global generator is shared by all threads of the process: an attribution that draws noise would change the
losses of a training beside it. So nothing here draws from it. Each number comes of a generator of its own, seeded by
what it is for, and a training that goes on draws what it would have drawn without the break.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from models.errors import TrainingError

_aten = torch.ops.aten
_SELF_IS_ONLY_FILLED = frozenset(
    {_aten.bernoulli_.float, _aten.uniform_.default, _aten.normal_.default, _aten.exponential_.default}
)


def seed_of(*parts: int | str) -> int:
    """A seed for one purpose.

    Args:
        parts: what the numbers are for: the recipe's seed, a word, numbers of phase, epoch, batch ...

    Returns:
        0 to 2^63 - 1; the same on every machine.

    >>> seed_of(0, "order", 3) == seed_of(0, "order", 3) != seed_of(0, "order", 4)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator_of(*parts: int | str, device: torch.device | None = None) -> torch.Generator:
    """A generator of its own for one purpose.

    Args:
        parts: as for ``seed_of``.
        device: where it draws; None is the processor.
    """
    return torch.Generator(device or "cpu").manual_seed(seed_of(*parts))


class RepeatableDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, dropout and the like draw from one generator, in this thread only.

    Every operation that torch marks as random is caught below autograd, whichever function or module it comes of.
    The numbers are drawn for the whole batch and those of some rows are taken. So a batch that is computed in parts,
    here or by several processes, drops the same activations as one that is computed at once.

    Args:
        draws: the generator, on the network's device.
        rows: the rows of the whole batch that are computed, or None: all of them.
        n_rows: rows of the whole batch.

    Raises:
        TrainingError: an operation draws numbers that cannot be repeated.
    """

    def __init__(self, draws: torch.Generator, rows: Tensor | None, n_rows: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._draws = draws
        self._rows = rows
        self._n_rows = n_rows

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operation, a random one with the generator."""
        kwargs = kwargs or {}
        if not _is_random(func) or _drops_nothing(func, args, kwargs):
            return func(*args, **kwargs)
        if func is _aten.native_dropout.default:
            return self._dropout(*args)
        if func in _SELF_IS_ONLY_FILLED:
            return args[0].copy_(self._filled(func, args, kwargs))
        if self._rows is not None or not _takes_generator(func):
            raise TrainingError(
                f"This network draws random numbers ({func}) in a way that cannot be repeated.",
                next_step="Train another architecture, or fewer of its stages.",
            )
        return func(*args, **{**kwargs, "generator": self._draws})

    def _filled(self, fill: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Random numbers in the shape of the first argument."""
        like: Tensor = args[0]
        rows, folded = self._rows, 1
        if rows is not None and len(rows):
            # What an image is cut into (windows of a transformer) stands in the first axis, image after image.
            folded = like.shape[0] // len(rows)
        shape = like.shape if rows is None else (self._n_rows, folded, *like.shape[1:])
        # Numbers are filled in as they lie in memory, so they must lie in the same order whatever ``like`` looks like.
        drawn: Tensor = fill(like.new_empty(shape), *args[1:], **{**kwargs, "generator": self._draws})
        return drawn if rows is None else drawn[rows].flatten(0, 1)

    def _dropout(self, values: Tensor, share: float, train: bool | None = True) -> tuple[Tensor, Tensor]:
        """The fused dropout of graphics cards, which takes no generator."""
        if train is False:
            return values.clone(), torch.ones_like(values, dtype=torch.bool)
        kept = self._filled(_aten.bernoulli_.float, (values, 1 - share), {})
        scale = 1 / (1 - share) if share < 1 else 0.0
        return values * kept * scale, kept.bool()


@cache
def _is_random(func: Callable[..., Any]) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(func, "tags", ())


def _drops_nothing(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation that may drop something (fused attention, of vision transformers) is told to drop nothing."""
    for place, argument in enumerate(func._schema.arguments):
        if argument.name == "dropout_p":
            given = args[place] if place < len(args) else argument.default_value
            return not kwargs.get("dropout_p", given)
    return False


@cache
def _takes_generator(func: Any) -> bool:
    return any(argument.name == "generator" for argument in func._schema.arguments)
