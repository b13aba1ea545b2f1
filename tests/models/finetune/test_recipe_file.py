"""A recipe that was written is read again as it was, and every slip of a person's hand is named with its line."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import RecipeError
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.augmentation_table import OPERATIONS
from models.finetune.recipe import DEFAULTS, Recipe
from models.finetune.recipe_file import recipe_text, write_recipe
from models.finetune.recipe_reader import read_recipe, recipe_of_text
from models.finetune.recipe_words import SETTINGS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from tests.conftest import ROOT
from tests.models.finetune.version_samples import finetune_spec

FOLDER = Path("/data/project")
SHORT = "model: {checkpoint: start.pth}\nimages: {validation: val}\n"
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda name: name.strip() == name
)
CELLS = st.lists(st.tuples(NAMES, NAMES), max_size=3).map(tuple)
PATHS = NAMES.filter(
    lambda name: "/" not in name and name not in (".", "..") and not name.startswith("~")
).map(lambda name: str(FOLDER / name))
MAYBE = st.none() | NAMES
PREPROCESSING = {"resize": 160, "crop": [96, 128], "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.25]}
RECIPES = st.builds(
    replace,
    st.sampled_from([*DEFAULTS.values()]),
    learning_rate=st.floats(1e-8, 10),
    l1=st.floats(0, 1e-3),
    hidden=st.lists(st.integers(1, 512), max_size=3).map(tuple),
    patience=st.none() | st.integers(1, 99),
    head_epochs=st.none() | st.integers(0, 9),
    mixing=st.sampled_from(["none", "mixup", "cutmix"]),
    new_head=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
OPERATION = st.sampled_from([*OPERATIONS.values()]).flatmap(
    lambda kind: st.builds(
        Operation,
        st.just(kind.key),
        st.just(kind.default),
        st.floats(0, 1),
        st.sampled_from(["edge", "black"]),
    )
)
AUGMENTATIONS = st.lists(OPERATION, max_size=4, unique_by=lambda operation: operation.name).map(
    lambda operations: Augmentation(tuple(operations))
)
TARGETS = st.builds(
    Target, st.sampled_from(["cell", "group", "error", "selection"]), NAMES, CELLS, st.lists(NAMES, min_size=1).map(tuple),
    st.floats(1, 10), st.integers(1, 99), st.floats(0, 1), st.sampled_from(["half", "all"]),
)  # fmt: skip


@st.composite
def specs(draw: st.DrawFn) -> FinetuneSpec:
    start = EvaluationSpec(
        draw(PATHS), draw(PATHS), draw(MAYBE), draw(st.none() | PATHS), draw(st.none() | PATHS),
        draw(st.sampled_from([None, PREPROCESSING])), draw(st.booleans()), draw(MAYBE), draw(st.none() | st.integers(1, 9)),
    )  # fmt: skip
    others: list[EvaluationSpec] = [
        start,
        replace(start, checkpoint=draw(PATHS), trust_code=False),
        replace(start, split=draw(MAYBE), limit=None, groups=None),
        EvaluationSpec.of_predictions(draw(PATHS), start.images, split=start.split),
    ]
    places = [draw(st.none() | PATHS), draw(MAYBE), draw(st.none() | PATHS), draw(MAYBE)]
    return FinetuneSpec(
        start, draw(st.sampled_from(others)), TrainingImages(*places), draw(RECIPES), draw(AUGMENTATIONS),
        draw(st.none() | TARGETS), draw(NAMES | st.just("")), draw(st.sampled_from(["", "20261101-120000-abcdef"])),
        draw(st.sampled_from(["", "20261101-120000-fedcba"])),
    )  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(specs(), st.sampled_from([None, FOLDER, Path("/elsewhere")]))
def test_what_was_written_is_read_again(spec: FinetuneSpec, folder: Path | None) -> None:
    text = recipe_text(spec, folder=folder)
    assert recipe_of_text(text, folder=folder or Path("/anywhere")) == spec


def test_a_file_and_what_it_names_can_be_moved_together(tmp_path: Path) -> None:
    spec = finetune_spec(tmp_path / "here")
    (tmp_path / "here").mkdir()
    write_recipe(tmp_path / "here" / "recipe.yaml", spec)
    (tmp_path / "here").rename(tmp_path / "there")
    assert read_recipe(tmp_path / "there" / "recipe.yaml") == finetune_spec(tmp_path / "there")
    text = (tmp_path / "there" / "recipe.yaml").read_text()
    assert "  checkpoint: start.pth  # the file of weights\n" in text and "--recipe recipe.yaml" in text


def test_every_setting_has_its_words() -> None:
    assert [field.name for field in fields(Recipe)] == list(SETTINGS["recipe"])
    assert [field.name for field in fields(Target)] == list(SETTINGS["target"])


def test_little_is_enough_and_the_rest_is_usual() -> None:
    spec = recipe_of_text(SHORT, folder=FOLDER)
    start = EvaluationSpec(str(FOLDER / "start.pth"), str(FOLDER / "val"))
    assert spec == FinetuneSpec(start, start, TrainingImages(), Recipe(), Augmentation())
    short = recipe_of_text(
        SHORT + "recipe: {kind: scratch, epochs: 3}\naugmentation: small_data\n", folder=FOLDER
    )
    assert short.recipe == replace(DEFAULTS["scratch"], epochs=3)
    assert short.augmentation == PRESETS["small_data"].augmentation


def test_paths_begin_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    text = "model: {checkpoint: ../start.pth}\nimages: {validation: ~/val, training: /train, test: ./t}\n"
    spec = recipe_of_text(text, folder=FOLDER)
    assert (spec.start.checkpoint, spec.start.images) == ("/data/start.pth", "/home/me/val")
    assert (spec.training.path, spec.training.test_path) == ("/train", "/data/project/t")


def wrong() -> Iterator[tuple[str, str, str]]:
    yield "colour: red\n", 'line 3: nothing is called "colour"', "There are: name, model"
    yield "recipe:\n  epoch: 3\n", 'line 4: nothing in "recipe" is called "epoch"', "epochs"
    yield (
        "recipe:\n  kind: bottleneck\n  learning_rate: fast\n",
        'line 5: The setting "learning_rate"',
        "a number",
    )
    yield "recipe:\n  kind: all\n", 'line 4: The setting "kind"', "bottleneck"
    yield "recipe:\n  hidden: [a]\n", 'line 4: The setting "hidden"', "whole numbers"
    yield "recipe: last_block\n", 'line 3: "recipe" is no section', "indented"
    yield (
        "augmentation:\n  - {name: flip}\n",
        "line 4: There is no random change called 'flip'",
        "horizontal_flip",
    )
    yield "augmentation:\n  - {name: rotation, strength: 900}\n", "line 4: ", "180"
    yield "augmentation:\n  - rotation\n", "line 4: ", "preset"
    yield "augmentation: much\n", "line 3: the augmentation is no list", "mild"
    yield "target: {kind: cell, name: a/b}\n", "line 3: the target names no mistakes", "cells"
    yield "target: {name: a/b}\n", 'line 3: the target has no "kind"', "cell, group"
    yield "target:\n  kind: cell\n  name: 1\n", 'line 5: "name" of the target cannot be 1', "a text"
    yield "target:\n  kind: cell\n  name: a\n  cells:\n    - [1, 2]\n", 'line 6: "cells"', "in quotes"
    yield (
        "target: {kind: cell, name: a, images: [x], strength: 0.5}\n",
        'line 3: "strength"',
        "from 1 to 1000",
    )
    yield "target: {kind: cell, name: a, images: [x], cap: 2}\n", 'line 3: "cap"', "from 0 to 1"
    yield (
        "target: {kind: cell, name: a, colour: red}\n",
        'line 3: nothing in "target" is called "colour"',
        "chosen_on",
    )
    yield "name: 12\n", 'line 3: "name" cannot be 12', "in quotes"
    yield "compared_with: {architecture: resnet18}\n", "needs a checkpoint or predictions", "one of them"
    yield (
        "compared_with: {checkpoint: a, predictions: b}\n",
        "needs a checkpoint or predictions",
        "one of them",
    )
    yield "compared_with:\n  checkpoint: a\n  limit: 0\n", 'line 5: "limit" cannot be 0', "from 1 up"


@pytest.mark.parametrize(("more", "words", "step"), list(wrong()))
def test_a_slip_is_named_with_its_line(more: str, words: str, step: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of_text(SHORT + more, folder=FOLDER, file="my.yaml")
    assert caught.value.message.startswith("my.yaml") and words in caught.value.message
    assert step in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no settings"),
        ("just words\n", "holds no settings"),
        ("a: [\n", "Line 2 is no YAML"),
        ("images: {validation: val}\n", '"model" needs "checkpoint"'),
        ("model: {checkpoint: a}\n", '"images" needs "validation"'),
        ("model: {checkpoint: 5}\nimages: {validation: val}\n", 'line 1: "checkpoint" cannot be 5'),
        ("model: {checkpoint: a, trust_code: maybe}\nimages: {validation: v}\n", 'line 1: "trust_code"'),
        ("model:\n  checkpoint: a\n  preprocessing: {resize: -1}\nimages: {validation: v}\n", "line 3: "),
        ("model: {checkpoint: a}\nimages: {validation: v, validation_limit: 3}\n", "validation_limit"),
    ],
)
def test_what_is_missing_or_no_recipe_is_said(text: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_of_text(text, folder=FOLDER, file="my.yaml")
    assert "my.yaml" in caught.value.message and words in caught.value.message and caught.value.next_step


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "no.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "bytes.yaml")


def test_a_page_may_import_all_of_it_without_torch() -> None:
    program = (
        "import sys, models.finetune.recipe_file, models.finetune.recipe_reader, models.finetune.versions, "
        "models.finetune.version_tree, models.finetune.export, models.finetune.command_line\n"
        "print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    answer: Any = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
