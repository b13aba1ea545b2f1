"""What is said where a network does not take images of a size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import ErrorscopeError


@contextmanager
def refused_size(input_size: tuple[int, int]) -> Iterator[None]:
    """Around a forward pass: what torch says of an impossible size becomes one sentence.

    Args:
        input_size: (H, W) in pixels.

    Raises:
        ErrorscopeError: the forward pass failed.
    """
    try:
        yield
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ErrorscopeError(
            f"The network cannot be followed with an input of {input_size[0]} x {input_size[1]} pixels ({first}).",
            next_step="Check the preprocessing: the side of the crop must be one that the network takes.",
        ) from error
