"""The decision which architecture some weights are opened as, and the refusals when none fits."""

from __future__ import annotations

import difflib

from models.architecture_table import Shapes, architectures, under
from models.architectures import Comparison, compared_with, fitting, nearest, shown
from models.errors import ArchitectureAmbiguous, ArchitectureUnknown, WeightsMismatch
from models.weights_check import foreign_sign

AS_PROGRAM = (
    "Save the network as a program instead: torch.jit.trace(model.eval(), example).save(...) or torch.export."
)
_NEAR = 0.7


def recognised(shapes: Shapes, architecture: str | None) -> tuple[Comparison, ...]:
    """The architectures that fit these weights exactly.

    Args:
        shapes: key to shape, as in the file.
        architecture: the person's choice, or None to try all.

    Returns:
        At least one comparison without differences.

    Raises:
        ArchitectureUnknown: there is no such architecture, or none is near.
        WeightsMismatch: the chosen or the nearest architecture differs; every differing key is held.
    """
    if architecture is not None:
        return (_chosen(shapes, architecture),)
    fits = fitting(shapes)
    if fits:
        return fits
    raise _foreign(shapes) or _unrecognised(nearest(shapes), shapes)


def only_one(fits: tuple[Comparison, ...], hint: str = "") -> Comparison:
    """The architecture to open the weights as.

    Args:
        fits: those that fit exactly.
        hint: the name that the file gives itself, if any; it decides between those that fit.

    Raises:
        ArchitectureAmbiguous: several fit, and the file does not say which it is.
    """
    named = [each for each in fits if each.architecture.name == hint]
    if len(fits) > 1 and not named:
        names = [each.architecture.name for each in fits]
        raise ArchitectureAmbiguous(
            f"These weights fit {len(names)} architectures: {', '.join(names)}.",
            candidates=names,
            next_step="Choose the one that was trained.",
        )
    return named[0] if named else fits[0]


def _chosen(shapes: Shapes, name: str) -> Comparison:
    if name not in architectures():
        alike = difflib.get_close_matches(name, architectures(), n=3)
        raise ArchitectureUnknown(
            f'torchvision has no classifier called "{name}".',
            next_step=f"Did you mean {' or '.join(alike)}?" if alike else "Leave the choice to Errorscope.",
        )
    comparison = compared_with(name, shapes)
    if comparison.differences:
        raise _mismatch(f"These weights are not those of {name}", comparison, "Choose another architecture.")
    return comparison


def _foreign(shapes: Shapes) -> ArchitectureUnknown | None:
    sign = foreign_sign(shapes)
    if sign is None:
        return None
    return ArchitectureUnknown(
        f"These weights fit none of torchvision's {len(architectures())} classifiers. {sign[0]}",
        next_step=sign[1],
    )


def _unrecognised(comparison: Comparison, shapes: Shapes) -> ArchitectureUnknown | WeightsMismatch:
    name = comparison.architecture.name
    if _only_head_differs(comparison):
        return _custom_head(comparison, shapes)
    n_wanted = len(comparison.module.state_dict())
    agreeing = n_wanted - len(comparison.missing) - len(comparison.misshaped)
    if agreeing >= _NEAR * max(n_wanted, len(shapes)):
        start = f"These weights fit no architecture exactly; the nearest is {name}"
        return _mismatch(start, comparison, AS_PROGRAM)
    return ArchitectureUnknown(
        f"These weights fit none of torchvision's {len(architectures())} classifiers, and are near none "
        f"(of {len(shapes)} keys, {max(0, agreeing)} agree with {name}). The file's keys begin with "
        f"{shown(list(shapes), 4)}.",
        next_step=AS_PROGRAM,
    )


def _only_head_differs(comparison: Comparison) -> bool:
    container = comparison.architecture.container
    return all(
        under(key, container) for key in (*comparison.missing, *comparison.extra, *comparison.misshaped)
    )


def _custom_head(comparison: Comparison, shapes: Shapes) -> WeightsMismatch:
    container = comparison.architecture.container
    head = [f"{key} {shape}" for key, shape in shapes.items() if under(key, container)]
    found = f"its head is {shown(head)}" if head else "it has no head"
    return WeightsMismatch(
        f"The body is that of {comparison.architecture.name}, but {found}, where one linear layer "
        f"({comparison.architecture.head}) belongs; what lies between layers is not in the file.",
        missing=comparison.missing,
        extra=comparison.extra,
        misshaped=comparison.misshaped,
        next_step=AS_PROGRAM,
    )


def _mismatch(start: str, comparison: Comparison, next_step: str) -> WeightsMismatch:
    parts = [
        f"{len(keys)} {words}: {shown(keys)}"
        for words, keys in (
            ("missing", comparison.missing),
            ("extra", comparison.extra),
            ("of another shape", comparison.misshaped),
        )
        if keys
    ]
    return WeightsMismatch(
        f"{start} ({'; '.join(parts)}).",
        missing=comparison.missing,
        extra=comparison.extra,
        misshaped=comparison.misshaped,
        next_step=next_step,
    )
