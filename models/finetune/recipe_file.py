"""A fine-tuning as a file of settings (YAML) that a person reads, changes, and runs again. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models.evaluation_spec import EvaluationSpec
from models.finetune.recipe_words import HEAD, SECTIONS, SETTINGS
from models.finetune.spec import FinetuneSpec
from models.finetune.yaml_text import yaml_value
from models.store import write_bytes

_MODEL = (*SETTINGS["model"], "predictions")
_PATHS = {
    *("checkpoint", "class_names", "predictions", "groups", "validation", "training", "test"),
}


def write_recipe(path: Path, spec: FinetuneSpec) -> None:
    """Write a fine-tuning as a file of settings; files in its folder are named by relative paths.

    Args:
        path: of the file; its folder exists.
        spec: what is to be trained.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    write_bytes(path, recipe_text(spec, folder=path.absolute().parent, file=path.name).encode())


def recipe_text(spec: FinetuneSpec, *, folder: Path | None = None, file: str = "FILE") -> str:
    """The settings of a fine-tuning as YAML with comments.

    Args:
        spec: what is to be trained.
        folder: files in this folder are named by paths relative to it; None names all by absolute paths.
        file: what the file is called, for its head.
    """
    content = _content(spec)
    lines = [HEAD.format(file=file)]
    for section, words in SECTIONS.items():
        if section in content:
            lines += _section(section, content[section], words, folder)
    return "\n".join(lines) + "\n"


def _content(spec: FinetuneSpec) -> dict[str, Any]:
    """The sections of the file; what has no value is left out."""
    content: dict[str, Any] = {
        "name": spec.name,
        "model": _model(spec.start),
        "images": _images(spec),
        "compared_with": _baseline(spec),
        "target": None if spec.target is None else spec.target.to_json(),
        "recipe": spec.recipe.to_json(),
        "augmentation": spec.augmentation.to_json()["operations"],
        "parent": spec.parent,
        "control_of": spec.control_of,
    }
    return {
        key: value for key, value in content.items() if key == "augmentation" or value not in (None, "", {})
    }


def _model(spec: EvaluationSpec) -> dict[str, Any]:
    return _given({key: getattr(spec, key) for key in _MODEL})


def _images(spec: FinetuneSpec) -> dict[str, Any]:
    start, training = spec.start, spec.training
    return _given(
        {
            "validation": start.images,
            "validation_split": start.split,
            "limit": start.limit,
            "groups": start.groups,
            "training": training.path,
            "training_split": training.split,
            "test": training.test_path,
            "test_split": training.test_split,
        }
    )


def _baseline(spec: FinetuneSpec) -> dict[str, Any]:
    """What is compared with, less what is the same as of the model it starts from."""
    if spec.baseline == spec.start:
        return {}
    others = {"images", "split", "limit", "groups"}
    same = {key for key in others if getattr(spec.baseline, key) == getattr(spec.start, key)}
    different = {key: getattr(spec.baseline, key) for key in others - same}
    return _model(spec.baseline) | dict(sorted(different.items()))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, False, "")}


def _section(section: str, value: Any, words: str, folder: Path | None) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{section}: {yaml_value(value)}  # {words}"
        return
    yield f"\n{section}:  # {words}"
    if isinstance(value, list):
        yield from (f"  - {yaml_value(each)}" for each in value)
        return
    said = SETTINGS.get(section, {})
    for key, each in value.items():
        shown = (
            _relative(each, folder)
            if key in _PATHS or (key == "images" and section == "compared_with")
            else each
        )
        comment = f"  # {said[key]}" if key in said else ""
        if key == "cells" and each:
            yield f"  {key}:{comment}"
            yield from (f"    - {yaml_value(cell)}" for cell in each)
        else:
            yield f"  {key}: {yaml_value(shown)}{comment}"


def _relative(path: Any, folder: Path | None) -> Any:
    if path is None:
        return None
    absolute = Path(path).expanduser().absolute()
    inside = folder is not None and absolute.is_relative_to(folder)
    return absolute.relative_to(folder).as_posix() if inside and folder is not None else str(absolute)
