"""Augmentations to begin with. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.finetune.augmentation import Augmentation, Operation


@dataclass(frozen=True)
class Preset:
    """An augmentation with a name.

    Args:
        key: in ``PRESETS``.
        label: on the page.
        sentence: what it does, for whom it is.
        augmentation: the random changes.
    """

    key: str
    label: str
    sentence: str
    augmentation: Augmentation


PRESETS: Mapping[str, Preset] = {
    preset.key: preset
    for preset in (
        Preset(
            "none", "None", "Each image as the network sees it when it is judged; the quickest.", Augmentation()
        ),
        Preset(
            "mild", "Mild",
            "Flipped, turned, moved and lit a little differently: what hardly any set of photos suffers from.",
            Augmentation((
                Operation("horizontal_flip", 1.0, 0.5), Operation("rotation", 10.0), Operation("shift", 0.05),
                Operation("zoom", 0.1), Operation("brightness", 0.15), Operation("contrast", 0.15),
            )),
        ),
        Preset(
            "strong", "Strong",
            "Random crops, two random changes and a hidden rectangle: for thousands of images and long runs.",
            Augmentation((
                Operation("horizontal_flip", 1.0, 0.5), Operation("random_resized_crop", 0.35),
                Operation("rand_augment", 9.0), Operation("cutout", 0.2, 0.25),
            )),
        ),
        Preset(
            "small_data", "Small data",
            "Turned up to 40°, shifted, sheared and zoomed by up to a fifth, flipped; edges are drawn out. For some "
            "dozens of images a class.",
            Augmentation((
                Operation("horizontal_flip", 1.0, 0.5), Operation("rotation", 40.0, fill="edge"),
                Operation("shift", 0.2, fill="edge"), Operation("shear", 0.2, fill="edge"),
                Operation("zoom", 0.2, fill="edge"),
            )),
        ),
    )
}  # fmt: skip
"""Key to preset, in the order of the page."""


def preset_of(augmentation: Augmentation) -> str | None:
    """The key of the preset that is exactly this, or None.

    >>> preset_of(Augmentation())
    'none'
    """
    return next((key for key, preset in PRESETS.items() if preset.augmentation == augmentation), None)
