"""Which version came from which. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.finetune.version_record import Version


@dataclass(frozen=True)
class TreeRow:
    """A version in the tree.

    Args:
        version: the version.
        depth: how many versions it came from, one after the other; 0 where it started from another checkpoint, or from
            a version that was deleted.
        parent_is_gone: whether it was the latter.
    """

    version: Version
    depth: int
    parent_is_gone: bool = False


def version_tree(versions: Sequence[Version]) -> list[TreeRow]:
    """The versions in the order of their tree: each under the one it started from.

    Args:
        versions: in any order.

    Returns:
        Every version once. Those without a parent come newest first, the children of one oldest first; a control stands
        right under what it is the control of.
    """
    known = {each.id for each in versions}
    children: dict[str, list[Version]] = {}
    for each in sorted(versions, key=lambda each: (each.created, each.id)):
        children.setdefault(each.parent if each.parent in known else "", []).append(each)
    rows: list[TreeRow] = []
    placed: set[str] = set()

    def place(each: Version, depth: int) -> None:
        if each.id in placed:  # records that somebody edited may go in a circle
            return
        placed.add(each.id)
        rows.append(TreeRow(each, depth, bool(each.parent) and each.parent not in known))
        for child in _controls_after(children.get(each.id, [])):
            place(child, depth + 1)

    for root in _controls_after(children.get("", [])[::-1]):
        place(root, 0)
    for left in versions:
        place(left, 0)
    return rows


def _controls_after(siblings: Sequence[Version]) -> list[Version]:
    """The siblings in their order, but each control right after what it is the control of."""
    ids = {each.id for each in siblings}
    controls = [each for each in siblings if each.control_of in ids - {each.id}]
    ordered: list[Version] = []
    for each in siblings:
        if each not in controls:
            ordered += [each, *(control for control in controls if control.control_of == each.id)]
    return ordered + [each for each in controls if each not in ordered]
