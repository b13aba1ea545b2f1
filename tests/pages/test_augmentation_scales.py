"""What sliders show is what was chosen."""

import pytest

from models.finetune.augmentation import Operation
from models.finetune.augmentation_presets import PRESETS
from models.finetune.augmentation_table import OPERATIONS
from pages.improve.augmentation_scales import PROBABILITY, scale_of

STRONG = [kind for kind in OPERATIONS.values() if kind.has_strength]


@pytest.mark.parametrize("kind", STRONG, ids=lambda kind: kind.key)
def test_every_place_of_a_slider_is_a_strength_that_may_be_used(kind) -> None:  # type: ignore[no-untyped-def]
    scale = scale_of(kind)
    assert {type(each) for each in (scale.low, scale.high, scale.step, scale.shown(kind.default))} == {
        type(scale.step)
    }
    steps = round((scale.high - scale.low) / scale.step)
    for place in range(steps + 1):
        shown = scale.low + place * scale.step
        assert scale.shown(Operation(kind.key, scale.meant(shown)).strength) == shown
    assert scale.meant(scale.low) == kind.lowest and scale.meant(scale.high) == kind.highest


def test_presets_and_usual_values_stand_on_steps() -> None:
    usual = [Operation(kind.key, kind.default, kind.probability) for kind in OPERATIONS.values()]
    presets = [each for preset in PRESETS.values() for each in preset.augmentation.operations]
    for operation in (*usual, *presets):
        kind = OPERATIONS[operation.name]
        if kind.has_strength:
            scale = scale_of(kind)
            shown = scale.shown(operation.strength)
            assert scale.meant(shown) == operation.strength
            assert ((shown - scale.low) / scale.step).is_integer()
        assert PROBABILITY.meant(PROBABILITY.shown(operation.probability)) == operation.probability
        assert PROBABILITY.shown(operation.probability) % PROBABILITY.step == 0
