"""What is changed at random in training images, as plain data. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from models.errors import RecipeError
from models.finetune.augmentation_table import OPERATIONS, OperationKind

Fill = Literal["reflect", "edge", "black", "mean"]


@dataclass(frozen=True)
class Operation:
    """One random change.

    Args:
        name: a key of ``augmentation_table.OPERATIONS``.
        strength: in the unit of the operation (degrees, share of the side ...); 1 where it has none.
        probability: how often it happens, 0..1.
        fill: what stands where the picture was moved away from: the picture mirrored, its outermost pixels drawn out,
            black, or the mean colour that the preprocessing subtracts. Only for operations that move pixels.

    Raises:
        RecipeError: there is no such operation, or a value makes no sense.
    """

    name: str
    strength: float = 1.0
    probability: float = 1.0
    fill: Fill = "reflect"

    def __post_init__(self) -> None:
        kind = OPERATIONS.get(self.name) if isinstance(self.name, str) else None
        if kind is None:
            raise RecipeError(
                f"There is no random change called {self.name!r}.",
                next_step=f"Choose of: {', '.join(OPERATIONS)}.",
            )
        _check_number(kind, "strength", self.strength, kind.lowest, kind.highest)
        _check_number(kind, "probability", self.probability, 0, 1)
        if kind.whole and self.strength != int(self.strength):
            raise _refusal(kind, "strength", self.strength, "a whole number")
        if self.fill not in get_args(Fill):
            raise _refusal(kind, "fill", self.fill, f"one of {', '.join(get_args(Fill))}")
        # 15 and 15.0 are the same change, so they must give the same text and the same key of what is kept.
        object.__setattr__(self, "strength", float(self.strength))
        object.__setattr__(self, "probability", float(self.probability))


@dataclass(frozen=True)
class Augmentation:
    """Random changes, one after another, of training images only.

    Args:
        operations: each at most once; () changes nothing. They happen in three stages, in this order within each:
            what takes the place of the crop, what moves pixels of the resized picture (all at once, so that it is
            interpolated once), what changes the picture that the network would see.

    Raises:
        RecipeError: an operation stands there twice.
    """

    operations: tuple[Operation, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [operation.name for operation in self.operations]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RecipeError(
                f"The random change “{OPERATIONS[twice].label}” is there twice.",
                next_step="Remove one of them.",
            )

    def __bool__(self) -> bool:
        return bool(self.operations)

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {"operations": [asdict(operation) for operation in self.operations]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Augmentation:
        """The augmentation that ``to_json`` wrote.

        Raises:
            RecipeError: a key is unknown, or a value makes no sense.
        """
        try:
            return cls(tuple(Operation(**operation) for operation in value["operations"]))
        except (KeyError, TypeError) as error:
            raise RecipeError(f"This is no augmentation: {value!r}.", next_step="Choose a preset.") from error


def _check_number(kind: OperationKind, name: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and isfinite(value) and low <= value <= high):
        wanted = f"{low:g}" if low == high else f"a number from {low:g} to {high:g}"
        raise _refusal(kind, name, value, wanted)


def _refusal(kind: OperationKind, name: str, value: object, wanted: str) -> RecipeError:
    return RecipeError(
        f"The {name} of the random change “{kind.label}” cannot be {value!r}.", next_step=f"Give {wanted}."
    )
