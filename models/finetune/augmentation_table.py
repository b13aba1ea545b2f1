"""The random changes there are: what each does, how strong it may be. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stage = Literal["crop", "move", "change"]


@dataclass(frozen=True)
class OperationKind:
    """One of the random changes, as a page shows it.

    Args:
        key: as in ``Operation.name``.
        label: on the page.
        sentence: what it does, with the meaning of its strength.
        stage: "crop" takes the place of resize and centre crop; "move" moves pixels of the resized picture before the
            centre crop; "change" works on what the network would see.
        unit: of the strength: "degrees", "share" (0..1, shown in percent), "number"; "" has no strength.
        lowest: the smallest strength.
        highest: the largest; equal to ``lowest`` where there is none to choose.
        default: strength to begin with.
        probability: to begin with, 0..1.
        moves_pixels: whether places are left that must be filled.
        whole: whether the strength is a whole number.
        strength_label: over the slider of the strength.
    """

    key: str
    label: str
    sentence: str
    stage: Stage
    unit: Literal["degrees", "share", "number", ""] = ""
    lowest: float = 1.0
    highest: float = 1.0
    default: float = 1.0
    probability: float = 1.0
    moves_pixels: bool = False
    whole: bool = False
    strength_label: str = "Strength, up to"

    @property
    def has_strength(self) -> bool:
        """Whether there is a strength to choose."""
        return self.lowest < self.highest


OPERATIONS: Mapping[str, OperationKind] = {
    kind.key: kind
    for kind in (
        OperationKind(
            "horizontal_flip", "Horizontal flip",
            "Left and right change places. Not where a side means something: text, hands, road signs.",
            "change", probability=0.5,
        ),
        OperationKind(
            "vertical_flip", "Vertical flip",
            "Top and bottom change places. For pictures taken from above or through a microscope.",
            "change", probability=0.5,
        ),
        OperationKind(
            "rotation", "Rotation", "Turned about the middle, up to this many degrees either way.",
            "move", "degrees", 0, 180, 15, moves_pixels=True,
        ),
        OperationKind(
            "shift", "Shift", "Moved across and down, each up to this share of the side either way.",
            "move", "share", 0, 0.5, 0.1, moves_pixels=True,
        ),
        OperationKind(
            "shear", "Shear",
            "Slanted: the top moves sideways against the bottom by up to this share of the height, either way.",
            "move", "share", 0, 0.5, 0.1, moves_pixels=True,
        ),
        OperationKind(
            "zoom", "Zoom", "Made larger or smaller by up to this share.",
            "move", "share", 0, 0.5, 0.1, moves_pixels=True,
        ),
        OperationKind(
            "perspective", "Perspective",
            "Seen from the side: each corner moves inwards by up to half this share of the side.",
            "move", "share", 0, 0.6, 0.3, 0.5, moves_pixels=True,
        ),
        OperationKind(
            "random_resized_crop", "Random resized crop",
            "In place of resize and centre crop: a rectangle with at least this share of the picture, sides 3:4 to 4:3, "
            "resized to what the network takes. A small share is strong.",
            "crop", "share", 0.05, 1, 0.5, strength_label="Smallest share",
        ),
        OperationKind(
            "brightness", "Brightness", "Darker or brighter by up to this share.",
            "change", "share", 0, 0.9, 0.2,
        ),
        OperationKind(
            "contrast", "Contrast", "Less or more contrast, by up to this share.",
            "change", "share", 0, 0.9, 0.2,
        ),
        OperationKind(
            "saturation", "Saturation", "Paler or more colourful by up to this share.",
            "change", "share", 0, 0.9, 0.2,
        ),
        OperationKind(
            "hue", "Hue",
            "All colours moved by up to this share of the colour circle, either way. Not where colour tells classes "
            "apart.",
            "change", "share", 0, 0.5, 0.03,
        ),
        OperationKind(
            "grayscale", "Grayscale", "The colours are taken away.", "change", probability=0.1,
        ),
        OperationKind(
            "rand_augment", "RandAugment",
            "Two of fourteen changes at random (moves, colours, posterize, solarize ...), both of this strength of 30.",
            "change", "number", 0, 30, 9, moves_pixels=True, whole=True, strength_label="Strength",
        ),
        OperationKind(
            "trivial_augment", "TrivialAugment",
            "One of fourteen changes at random, of a random strength up to extreme. Nothing to set.",
            "change", moves_pixels=True,
        ),
        OperationKind(
            "blur", "Blur", "Blurred by a Gaussian with a sigma of up to this share of the shorter side.",
            "change", "share", 0, 0.05, 0.01, 0.3,
        ),
        OperationKind(
            "noise", "Noise", "Gaussian noise with a standard deviation of up to this share of the full range.",
            "change", "share", 0, 0.3, 0.05, 0.3,
        ),
        OperationKind(
            "cutout", "Cutout",
            "A rectangle of 2% up to this share of the picture is hidden under the mean colour (random erasing).",
            "change", "share", 0.02, 0.5, 0.2, 0.5,
        ),
        OperationKind(
            "grid_shuffle", "Grid shuffle",
            "Cut into this many tiles a side, which change places: what is left is texture without shape.",
            "change", "number", 2, 8, 3, 0.2, whole=True, strength_label="Tiles a side",
        ),
    )
}  # fmt: skip
"""Key to kind, in the order of the page, which is the order in which they happen."""
