"""Augmentations as data: what they may hold, what is refused, what a file brings back."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import RecipeError
from models.finetune.augmentation import Augmentation, Operation
from models.finetune.augmentation_operations import CHANGES, MOVES
from models.finetune.augmentation_presets import PRESETS, preset_of
from models.finetune.augmentation_table import OPERATIONS
from tests.conftest import ROOT

FILLS = st.sampled_from(["reflect", "edge", "black", "mean"])


@st.composite
def augmentations(draw: st.DrawFn) -> Augmentation:
    names = draw(st.lists(st.sampled_from(list(OPERATIONS)), unique=True))
    return Augmentation(tuple(draw(operations(name)) for name in names))


@st.composite
def operations(draw: st.DrawFn, name: str) -> Operation:
    kind = OPERATIONS[name]
    strength: st.SearchStrategy[float] = st.floats(kind.lowest, kind.highest)
    if kind.whole:
        strength = st.integers(int(kind.lowest), int(kind.highest))
    return Operation(name, draw(strength), draw(st.floats(0, 1)), draw(FILLS))


@given(augmentations())
def test_a_file_brings_an_augmentation_back(augmentation: Augmentation) -> None:
    assert Augmentation.from_json(json.loads(json.dumps(augmentation.to_json()))) == augmentation


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_usual_values_of_each_operation_may_be_used(name: str) -> None:
    kind = OPERATIONS[name]
    for strength in (kind.lowest, kind.default, kind.highest):
        assert Operation(name, strength, kind.probability).strength == strength
    assert kind.has_strength == bool(kind.unit)


def test_each_operation_is_done_in_one_place() -> None:
    stages = {"move": set(MOVES), "change": set(CHANGES), "crop": {"random_resized_crop"}}
    for stage, names in stages.items():
        assert {key for key, kind in OPERATIONS.items() if kind.stage == stage} == names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("spin", 1.0), "spin"),
        (("rotation", 181.0), "from 0 to 180"),
        (("rotation", float("nan")), "from 0 to 180"),
        (("rotation", True), "from 0 to 180"),
        (("rotation", "15"), "from 0 to 180"),
        (("rotation", 15.0, 1.5), "from 0 to 1"),
        (("rotation", 15.0, 1.0, "wrap"), "reflect"),
        (("grid_shuffle", 2.5), "whole number"),
        (("horizontal_flip", 0.5), "Give 1"),
        ((["rotation"], 1.0), "Choose of"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Operation(*arguments)  # type: ignore[arg-type]


def test_an_operation_stands_there_once() -> None:
    with pytest.raises(RecipeError, match="“Rotation” is there twice"):
        Augmentation((Operation("rotation", 5), Operation("rotation", 10)))


@pytest.mark.parametrize("value", [{}, {"operations": [{"strength": 1}]}, {"operations": [{"nom": "x"}]}, {"operations": 1}])  # fmt: skip
def test_what_is_no_augmentation_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Augmentation.from_json(value)


def test_equal_changes_are_written_alike() -> None:
    assert json.dumps(Augmentation((Operation("rotation", 15, 1),)).to_json()) == json.dumps(
        Augmentation((Operation("rotation", 15.0, 1.0),)).to_json()
    )


def test_presets_know_themselves_and_stand_in_the_order_of_the_page() -> None:
    order = list(OPERATIONS)
    for key, preset in PRESETS.items():
        assert preset.key == key == preset_of(preset.augmentation)
        places = [order.index(each.name) for each in preset.augmentation.operations]
        assert places == sorted(places)
    assert preset_of(Augmentation((Operation("noise", 0.1),))) is None
    assert not PRESETS["none"].augmentation


def test_small_data_is_what_it_says() -> None:
    """Rotation 40 degrees, shifts .2, shear .2, zoom .2, horizontal flip, edges drawn out."""
    strengths = {each.name: each.strength for each in PRESETS["small_data"].augmentation.operations}
    assert strengths == {"horizontal_flip": 1, "rotation": 40, "shift": 0.2, "shear": 0.2, "zoom": 0.2}
    fills = {each.fill for each in PRESETS["small_data"].augmentation.operations if each.name in MOVES}
    assert fills == {"edge"}


def test_the_data_needs_no_torch() -> None:
    program = (
        "import sys, models.finetune.augmentation, models.finetune.augmentation_presets\n"
        "print(sorted({'torch', 'torchvision', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
