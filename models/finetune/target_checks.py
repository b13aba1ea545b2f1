"""What a target that was written by hand may say. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def target_problem(given: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with the settings of a target, if anything is.

    Args:
        given: setting to value, as `models.finetune.spec.Target.to_json` names them.

    Returns:
        The setting, what is wrong with it, and what to give; the setting is "" where one is missing.
    """
    for key in ("kind", "name"):
        if key not in given:
            return "", f'the target has no "{key}"', f"Give {_SETTINGS[key][1]}."
    for key, value in given.items():
        holds, wanted = _SETTINGS[key]
        if not holds(value):
            return key, f'"{key}" of the target cannot be {value!r}', f"Give {wanted}."
    if not given.get("cells") and not given.get("images"):
        return "", "the target names no mistakes", "Give its cells or its images."
    return None


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _are_texts(value: Any, count: int | None = None) -> bool:
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return is_list and (count is None or len(value) == count)


_KINDS = ("cell", "group", "error", "selection")
_SETTINGS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "kind": (lambda value: value in _KINDS, f"one of {', '.join(_KINDS)}"),
    "name": (lambda value: isinstance(value, str), "a text"),
    "cells": (
        lambda value: isinstance(value, list) and all(_are_texts(each, 2) for each in value),
        "a list of [label, predicted], class names in quotes where they look like numbers",
    ),
    "images": (_are_texts, "a list of images' ids, in quotes where they look like numbers"),
    "strength": (lambda value: _is_number(value, 1, 1000), "a number from 1 to 1000"),
    "neighbours": (
        lambda value: isinstance(value, int) and _is_number(value, 1, 10_000),
        "a whole number from 1 to 10000",
    ),
    "cap": (lambda value: _is_number(value, 0, 1), "a number from 0 to 1"),
    "chosen_on": (lambda value: value in ("half", "all"), "half or all"),
}
