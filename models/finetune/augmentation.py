"""What is changed at random in training images, as plain data. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.errors import RecipeError

Fill = Literal["reflect", "edge", "black", "mean"]


@dataclass(frozen=True)
class Operation:
    """One random change.

    Args:
        name: a key of the table of operations.
        strength: in the unit of the operation (degrees, share of the side ...).
        probability: how often it happens, 0..1.
        fill: what stands where the picture was moved away from; only for operations that move pixels.
    """

    name: str
    strength: float
    probability: float = 1.0
    fill: Fill = "reflect"


@dataclass(frozen=True)
class Augmentation:
    """Random changes, one after another, of training images only.

    Args:
        operations: in the order in which they happen; () changes nothing.
    """

    operations: tuple[Operation, ...] = field(default=())

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
