"""What to fine-tune, on what, towards what: the spec of a job, as plain data. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from models.errors import JobError
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.recipe import Recipe


@dataclass(frozen=True)
class Target:
    """The mistakes that a training is meant to mend, declared before it runs.

    Args:
        kind: what was chosen on the page.
        name: what a person calls it: "Bengal/Egyptian_Mau", the names of a group joined by " + ", an image's path.
        cells: pairs (label, predicted) of class names; a mistake in any of them belongs to the target. () where the
            images alone say it.
        images: ids of the validation images that were chosen, for a rare error or a selection; else ().
        strength: how many times as often the nearest training images are drawn, 1 or more.
        neighbours: training images raised for each mistake.
        cap: largest share of an epoch that raised images may take, 0..1.
        chosen_on: "half" where only the choosing half of the images was looked at, "all" where all were.
    """

    kind: Literal["cell", "group", "error", "selection"]
    name: str
    cells: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    strength: float = 5.0
    neighbours: int = 20
    cap: float = 0.5
    chosen_on: Literal["half", "all"] = "all"

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {**asdict(self), "cells": [list(cell) for cell in self.cells], "images": list(self.images)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Target:
        """The target that ``to_json`` wrote."""
        cells = tuple((str(label), str(predicted)) for label, predicted in value.get("cells", ()))
        return cls(**{**value, "cells": cells, "images": tuple(value.get("images", ()))})


@dataclass(frozen=True)
class TrainingImages:
    """Where the images come from that a network learns from, and is tested on at the end.

    Args:
        path: a folder or a table of training images; None splits the validation images: the choosing half is trained
            on, the other half is held out for the comparison.
        split: only this split of them.
        test_path: images for the one test at the end, or None; may be ``path`` again, with another split.
        test_split: only this split of those.
    """

    path: str | None = None
    split: str | None = None
    test_path: str | None = None
    test_split: str | None = None


@dataclass(frozen=True)
class FinetuneSpec:
    """All that a fine-tuning job needs to know.

    Args:
        start: the checkpoint to start from, with how to read it; its ``images`` are the validation images. For
            "scratch" only the images and the preprocessing count.
        baseline: what the result is compared with and what chose the target, on the same images; the open model.
        training: the training images.
        recipe: how to train.
        augmentation: of the training images.
        target: what it is meant to mend, or None.
        name: of the version that comes of it.
        parent: id of the version that it starts from, or "".
        control_of: id of the version whose control this is (the same without its target), or "".
    """

    start: EvaluationSpec
    baseline: EvaluationSpec
    training: TrainingImages
    recipe: Recipe
    augmentation: Augmentation
    target: Target | None = None
    name: str = ""
    parent: str = ""
    control_of: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {
            "start": self.start.to_json(),
            "baseline": self.baseline.to_json(),
            "training": asdict(self.training),
            "recipe": self.recipe.to_json(),
            "augmentation": self.augmentation.to_json(),
            "target": None if self.target is None else self.target.to_json(),
            "name": self.name,
            "parent": self.parent,
            "control_of": self.control_of,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FinetuneSpec:
        """The spec that ``to_json`` wrote.

        Raises:
            JobError: a key is missing or unknown.
            RecipeError: a setting makes no sense.
        """
        known = {field.name for field in fields(cls)}
        wrong = sorted(set(value) ^ known)
        if wrong:
            raise JobError(f'The spec of a fine-tuning has no, or should have, "{wrong[0]}".')
        return cls(
            start=EvaluationSpec.from_json(value["start"]),
            baseline=EvaluationSpec.from_json(value["baseline"]),
            training=TrainingImages(**value["training"]),
            recipe=Recipe.from_json(value["recipe"]),
            augmentation=Augmentation.from_json(value["augmentation"]),
            target=None if value["target"] is None else Target.from_json(value["target"]),
            name=value["name"],
            parent=value["parent"],
            control_of=value["control_of"],
        )

    def control(self, version: str) -> FinetuneSpec:
        """The same training without its target: what the recipe does by itself.

        Args:
            version: id of the version that came of this spec.
        """
        return replace(self, target=None, name=f"Control of {self.name}", control_of=version)
