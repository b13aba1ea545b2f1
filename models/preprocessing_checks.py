"""What values a preprocessing may have, and the sentences for those it may not."""

from __future__ import annotations

from typing import Any

from models.errors import PreprocessingError

LARGEST_SIDE = 8192


def refusal(name: str, value: object, wanted: str) -> PreprocessingError:
    """The error for a value that is not what was ``wanted``."""
    return PreprocessingError(
        f"The preprocessing's {name} is {value!r}, but must be {wanted}.",
        next_step="Correct it, or go back to the architecture's default.",
    )


def check_size(name: str, value: Any) -> None:
    """Refuse what is no side, no (height, width) and not None."""
    sides = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    if value is not None and not all(_is_number(side, int) and 1 <= side <= LARGEST_SIDE for side in sides):
        wanted = f"pixels from 1 to {LARGEST_SIDE}, (height, width), or nothing"
        raise refusal(name, value, wanted)


def check_channels(name: str, value: Any, *, lowest: float, highest: float) -> None:
    """Refuse what is not three numbers within the limits."""
    wanted = f"three numbers from {lowest:g} to {highest:g}, for channels scaled to 0..1"
    if not (isinstance(value, tuple) and len(value) == 3):
        raise refusal(name, value, wanted)
    numbers = all(_is_number(item, int | float) for item in value)
    if not (numbers and all(lowest <= item <= highest for item in value)):
        hint = "; divide by 255" if numbers and max(value) > 2 else ""
        raise refusal(name, value, wanted + hint)


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Refuse what is not one of the choices (1 is not True)."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise refusal(name, value, " or ".join(str(choice) for choice in choices))


def check_keys(found: list[str], *, required: list[str], known: list[str]) -> None:
    """Refuse keys that are missing or unknown."""
    missing = [name for name in required if name not in found]
    unknown = [name for name in found if name not in known]
    if missing or unknown:
        words = [
            f"{what} {', '.join(keys)}"
            for what, keys in (("lacks", missing), ("has unknown", unknown))
            if keys
        ]
        raise PreprocessingError(
            f"The preprocessing {' and '.join(words)}.", next_step=f"Its keys are {', '.join(known)}."
        )


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
