"""Reading the file of settings that ``models.finetune.recipe_file`` writes. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from models.errors import ErrorscopeError, RecipeError
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.recipe import DEFAULTS, Recipe
from models.finetune.recipe_words import SECTIONS, SETTINGS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.target_checks import target_problem
from models.finetune.yaml_text import Place, read_yaml

T = TypeVar("T")
_IMAGES = {"images": "validation", "split": "validation_split", "limit": "limit", "groups": "groups"}
"""Setting of an evaluation to setting of the file."""


def read_recipe(path: Path) -> FinetuneSpec:
    """The fine-tuning that a file of settings describes.

    Args:
        path: of the file; its relative paths begin at its folder.

    Raises:
        RecipeError: the file cannot be read, or a setting makes no sense; says which, and in which line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(
            f"The recipe {path} cannot be read ({reason}).", next_step="Check the path."
        ) from error
    return recipe_of_text(text, folder=path.absolute().parent, file=path.name)


def recipe_of_text(text: str, *, folder: Path, file: str = "The recipe") -> FinetuneSpec:
    """The fine-tuning that the text of such a file describes.

    Args:
        text: YAML.
        folder: where relative paths begin.
        file: what the file is called in messages.

    Raises:
        RecipeError: a setting makes no sense.
    """
    try:
        read = read_yaml(text)
    except RecipeError as error:
        raise RecipeError(f"{file}: {error.message}", next_step=error.next_step) from error
    if not isinstance(read.value, dict):
        raise RecipeError(f"{file} holds no settings.", next_step="Begin with one that Errorscope wrote.")
    return _Reader(read.value, read.lines, file, folder).spec()


@dataclass(frozen=True)
class _Reader:
    content: Mapping[str, Any]
    lines: Mapping[Place, int]
    file: str
    folder: Path

    def spec(self) -> FinetuneSpec:
        self.check_keys((), self.content, SECTIONS)
        start = self.start()
        images = self.section("images")
        return FinetuneSpec(
            start=start,
            baseline=self.baseline(start),
            training=TrainingImages(
                path=self.path("images", "training"),
                split=self.text("images", "training_split"),
                test_path=self.path("images", "test"),
                test_split=self.text("images", "test_split"),
            )
            if images
            else TrainingImages(),
            recipe=self.recipe(),
            augmentation=self.augmentation(),
            target=self.target(),
            **{key: self.word(key) for key in ("name", "parent", "control_of")},
        )

    def start(self) -> EvaluationSpec:
        for section, key in (("model", "checkpoint"), ("images", "validation")):
            if not self.section(section).get(key):
                raise self.wrong(
                    (section,), f'"{section}" needs "{key}"', f"Name the {SETTINGS[section][key]}."
                )
        images: dict[str, Any] = {
            "images": self.path("images", "validation"),
            "split": self.text("images", "validation_split"),
            "limit": self.whole("images", "limit"),
            "groups": self.path("images", "groups"),
        }
        return EvaluationSpec(**self.model("model"), **images)

    def baseline(self, start: EvaluationSpec) -> EvaluationSpec:
        section = "compared_with"
        given = self.section(section, {*SETTINGS["model"], "predictions", *_IMAGES})
        if not given:
            return start
        model = self.model(section)
        if bool(model["checkpoint"]) == bool(model["predictions"]):
            raise self.wrong(
                (section,), f'"{section}" needs a checkpoint or predictions', "Name one of them."
            )
        own = {
            "images": self.path(section, "images"),
            "split": self.text(section, "split"),
            "limit": self.whole(section, "limit"),
            "groups": self.path(section, "groups"),
        }
        images: dict[str, Any] = {key: own[key] if key in given else getattr(start, key) for key in _IMAGES}
        return EvaluationSpec(**model, **images)

    def model(self, section: str) -> dict[str, Any]:
        place = (section, "preprocessing")
        preprocessing = self.of_kind(
            place, dict, "a mapping such as {resize: 256, crop: 224, mean: ..., std: ...}"
        )
        if preprocessing is not None:
            self.at(place, lambda: _check_preprocessing(preprocessing))
        return {
            "checkpoint": self.path(section, "checkpoint") or "",
            "predictions": self.path(section, "predictions"),
            "architecture": self.text(section, "architecture"),
            "class_names": self.path(section, "class_names"),
            "preprocessing": preprocessing,
            "trust_code": bool(self.of_kind((section, "trust_code"), bool, "true or false")),
        }

    def recipe(self) -> Recipe:
        given = self.section("recipe")
        for key, value in given.items():
            self.at(("recipe", key), lambda key=key, value=value: Recipe.from_json({key: value}))  # type: ignore[misc]
        defaults = DEFAULTS[given.get("kind", Recipe().kind)].to_json()
        return self.at(("recipe",), lambda: Recipe.from_json(defaults | given))

    def augmentation(self) -> Augmentation:
        value = self.content.get("augmentation") or []
        if isinstance(value, str) and value in PRESETS:
            return PRESETS[value].augmentation
        if not isinstance(value, list):
            raise self.wrong(
                ("augmentation",),
                "the augmentation is no list",
                f"Write a list, or one of {', '.join(PRESETS)}.",
            )
        for i, each in enumerate(value):
            place = ("augmentation", i)
            self.at(place, lambda each=each: Augmentation.from_json({"operations": [each]}))  # type: ignore[misc]
        return self.at(("augmentation",), lambda: Augmentation.from_json({"operations": value}))

    def target(self) -> Target | None:
        given = self.section("target")
        if not given:
            return None
        problem = target_problem(given)
        if problem is not None:
            key, what, next_step = problem
            raise self.wrong(("target", key) if key else ("target",), what, next_step)
        return Target.from_json(given)

    def section(self, name: str, known: set[str] | None = None) -> dict[str, Any]:
        value = self.content.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(
                (name,), f'"{name}" is no section of settings', "Write its settings under it, indented."
            )
        self.check_keys((name,), value, known or SETTINGS[name])
        return value

    def check_keys(self, place: Place, given: Mapping[str, Any], known: Any) -> None:
        for key in given:
            if key not in known:
                where = f' in "{place[0]}"' if place else ""
                raise self.wrong(
                    (*place, key), f'nothing{where} is called "{key}"', f"There are: {', '.join(known)}."
                )

    def word(self, key: str) -> str:
        return self.of_kind((key,), str, 'a text, in quotes where it looks like a number ("12")') or ""

    def text(self, section: str, key: str) -> str | None:
        value = self.of_kind((section, key), str, 'a text, in quotes where it looks like a number ("12")')
        return value or None

    def path(self, section: str, key: str) -> str | None:
        text = self.text(section, key)
        return None if text is None else os.path.normpath(self.folder / Path(text).expanduser())

    def whole(self, section: str, key: str) -> int | None:
        value = self.of_kind((section, key), int, "a whole number from 1 up")
        if value is not None and (isinstance(value, bool) or value < 1):
            raise self.wrong((section, key), f'"{key}" cannot be {value!r}', "Give a whole number from 1 up.")
        return value

    def of_kind(self, place: Place, kind: type[T], wanted: str) -> T | None:
        value: Any = self.content
        for key in place:
            value = None if value is None else value.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(place, f'"{place[-1]}" cannot be {value!r}', f"Give {wanted}.")
        return value

    def at(self, place: Place, make: Callable[[], T]) -> T:
        """What is made, or what is wrong with it and where it stands."""
        try:
            return make()
        except ErrorscopeError as error:
            raise self.wrong(place, error.message.rstrip("."), error.next_step) from error

    def wrong(self, place: Place, what: str, next_step: str) -> RecipeError:
        line = self.lines.get(place)
        where = self.file if line is None else f"{self.file}, line {line}"
        return RecipeError(f"{where}: {what}.", next_step=next_step)


def _check_preprocessing(value: dict[str, Any]) -> None:
    from models.preprocessing import Preprocessing  # imports torch

    Preprocessing.from_json(value)
