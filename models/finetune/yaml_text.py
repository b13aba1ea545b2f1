"""YAML that people write by hand: read with the line of everything, and without surprises.

PyYAML follows YAML 1.1, where ``no`` is False, ``1e-4`` is a text, ``12:30`` is 750 and ``2024-01-01`` a date. Here the
core schema of YAML 1.2 holds, as in most other programs: `true`, `false`, `null`, decimal numbers, all else is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from models.errors import RecipeError

Place = tuple[str | int, ...]
"""Keys and numbers that lead to a value: ("augmentation", 0, "strength")."""

_SCHEMA = (
    ("null", r"~|null|", "~n\0"),
    ("bool", r"true|false", "tf"),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    (
        "float",
        r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)",
        "-+.0123456789",
    ),
)
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own way


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own way


for _each in (_Loader, _Dumper):
    for _name, _pattern, _first in _SCHEMA:
        first = ["" if letter == "\0" else letter for letter in _first]
        _each.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), first)


@dataclass(frozen=True)
class ReadYaml:
    """Plain data, and where each part of it stands.

    Args:
        value: dict, list, str, int, float, bool or None.
        lines: place to line, counted from 1.
    """

    value: Any
    lines: dict[Place, int] = field(default_factory=dict)


def yaml_value(value: Any) -> str:
    """Plain data in one line of YAML.

    >>> yaml_value("no: 1"), yaml_value("1e-4"), yaml_value([1, 0.0001, None, True, "no"])
    ("'no: 1'", "'1e-4'", '[1, 0.0001, null, true, no]')
    """
    # in brackets: a text by itself would get a line that ends the document
    written = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9
    )
    return str(written).strip()[1:-1]


def read_yaml(text: str) -> ReadYaml:
    """Read a document.

    Args:
        text: one document of YAML, without anchors, tags or repeated keys.

    Raises:
        RecipeError: it is no such document; says in which line.
    """
    lines: dict[Place, int] = {}
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise _wrong(event.start_mark, "stands a reference (*)", "Write the value itself.")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(mark, f"is no YAML ({error.problem or error.context})", "Mend the line.") from error
    except yaml.YAMLError as error:  # a letter that no text has
        problem = str(error).splitlines()[0]
        raise RecipeError(f"This is no YAML: {problem}.", next_step="Save it as UTF-8 text.") from error
    return ReadYaml(None if node is None else _plain(node, (), lines), lines)


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return dict(_entries(node, place, lines))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*place, i), lines) for i, each in enumerate(node.value)]
    return _scalar(node)


def _entries(node: yaml.MappingNode, place: Place, lines: dict[Place, int]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(key.start_mark, "has a key that is no word", "Write a word before the colon.")
        name = str(key.value)
        if name in seen:
            raise _wrong(key.start_mark, f'says "{name}" a second time', "Remove one of them.")
        seen.add(name)
        lines[(*place, name)] = key.start_mark.line + 1
        yield name, _plain(value, (*place, name), lines)


def _scalar(node: yaml.Node) -> Any:
    kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    try:
        return {"int": int, "float": float}[kind](text)
    except (KeyError, ValueError) as error:
        raise _wrong(node.start_mark, f"has a value of the kind {node.tag}", "Remove the tag (!).") from error


def _wrong(mark: Any, what: str, next_step: str) -> RecipeError:
    where = "The file" if mark is None else f"Line {mark.line + 1}"
    return RecipeError(f"{where} {what}.", next_step=next_step)
