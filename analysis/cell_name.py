"""A cell of the matrix as text: in links, in file names, in notes.

``Bengal/Egyptian_Mau`` is labelled Bengal and predicted Egyptian_Mau, ``Bengal/`` the whole row,
``/Bengal`` the whole column, ``group:cat/group:dog`` a cell of two folded groups.
"""

from __future__ import annotations

from urllib.parse import unquote

_GROUP = "group:"


class GroupName(str):
    """The name of a folded group, so that it is never taken for a class of the same name."""

    __slots__ = ()


def cell_name(label: str | None, predicted: str | None) -> str:
    """The text that names a cell.

    Args:
        label: a class, a ``GroupName``, or None for every label.
        predicted: a class, a ``GroupName``, or None for every prediction.

    Returns:
        ``label/predicted``. "/" and "%" within names are percent-encoded, and so is the colon of a
        class whose name begins with "group:".

    Raises:
        ValueError: a name is empty.

    >>> cell_name("Bengal", None), cell_name(GroupName("cat"), "50/50")
    ('Bengal/', 'group:cat/50%2F50')
    """
    return f"{_encoded(label)}/{_encoded(predicted)}"


def parsed_cell(text: str) -> tuple[str | None, str | None]:
    """The label and the prediction that a text names.

    Args:
        text: what ``cell_name`` gave, or what a person typed into the address.

    Returns:
        Class names, ``GroupName`` for groups, None for a side left empty. A text without "/" names a
        row; one with two or more names nothing, (None, None).

    >>> parsed_cell("group:cat/50%2F50")
    ('cat', '50/50')
    """
    label, _, predicted = text.partition("/")
    if "/" in predicted:
        return None, None
    return _decoded(label), _decoded(predicted)


def _encoded(name: str | None) -> str:
    if name is None:
        return ""
    if not name:
        raise ValueError("a class or a group has an empty name")
    encoded = name.replace("%", "%25").replace("/", "%2F")
    if isinstance(name, GroupName):
        return _GROUP + encoded
    return encoded.replace(":", "%3A", 1) if encoded.startswith(_GROUP) else encoded


def _decoded(part: str) -> str | None:
    if part.startswith(_GROUP) and part != _GROUP:
        return GroupName(unquote(part.removeprefix(_GROUP)))
    return unquote(part) or None
