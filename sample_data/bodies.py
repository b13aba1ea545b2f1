"""Bodies in four poses: sitting, standing, lying, and close up.

An animal has coordinates of its own: 0, 0 on the ground below it, y down, so that a sitting animal's
crown lies near y = -1. It faces the viewer or the left; a mirrored frame lets it face right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sample_data.breeds import Breed
from sample_data.canvas import Canvas, Frame, Point, ellipse, limb, outline, softened, step
from sample_data.coats import Coat, body_colours, leg_colours, tail_colours
from sample_data.heads import paint_head


@dataclass(frozen=True)
class Sitter:
    """Who is drawn, and on what.

    Args:
        canvas: what is painted on.
        coat: the animal's coat.
        breed: its breed.
        frame: where it is.
        rng: the chance in its pose.
    """

    canvas: Canvas
    coat: Coat
    breed: Breed
    frame: Frame
    rng: np.random.Generator


def _paint_paw(sitter: Sitter, x: float, size: float = 1.0) -> None:
    paw = ellipse(sitter.frame, (x, -0.03), 0.085 * size, 0.05 * size)
    sitter.canvas.paint(paw, leg_colours(sitter.coat), fur=sitter.coat.look.fur * 0.5, relief=0.3)


def _paint_leg(sitter: Sitter, top: Point, foot: float, shade: float = 1.0) -> None:
    look = sitter.coat.look
    thick = 0.075 * (0.6 + 0.4 * look.build) * (1 + 0.4 * look.fur)
    middle = ((top[0] + foot) / 2 + 0.02, top[1] / 2)
    leg = limb(sitter.frame, (top, middle, (foot, -0.04)), (thick * 1.5, thick * 0.85))
    sitter.canvas.paint(leg, leg_colours(sitter.coat) * np.float32(shade), fur=look.fur * 0.8, relief=0.35)
    _paint_paw(sitter, foot - 0.02, size=0.95 * (0.6 + 0.4 * look.build))


def _paint_tail(sitter: Sitter, root: Point, lift: float) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    look, (x, y) = coat.look, root
    if look.tail == "curl":
        thick = 0.07 + 0.05 * look.fur
        for start, bend, end in (((x, y), (x + 0.22, y - 0.02), (x + 0.17, y - 0.2)),
                                 ((x + 0.17, y - 0.2), (x + 0.08, y - 0.34), (x - 0.05, y - 0.17))):  # fmt: skip
            canvas.paint(
                limb(frame, (start, bend, end), (thick, thick * 0.9)),
                tail_colours(coat),
                fur=look.fur,
                relief=0.4,
            )
        return
    widths = {"thin": (0.05, 0.035), "whip": (0.055, 0.02), "plume": (0.08, 0.13)}[look.tail]
    end = (x + 0.34, y - lift)
    shape = limb(frame, ((x, y), (x + 0.3, y + 0.06 - 0.2 * lift), end), widths)
    canvas.paint(shape, tail_colours(coat), fur=look.fur, relief=0.4)


def _paint_chest(sitter: Sitter, centre: Point, size: float) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    if coat.look.chest < 0.06:
        return
    patch = ellipse(frame, centre, size * (0.5 + 0.5 * coat.look.chest), size * 1.5 * coat.look.chest)
    ragged = softened(patch, 5) + 0.16 * coat.mottle + 0.12 * canvas.strands
    white = step(ragged, 0.4, 0.68) * step(softened(patch, 9), 0.04, 0.12) * canvas.covered
    canvas.tint(white, coat.look.white, 0.9)


def _sitting(sitter: Sitter) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    look, wide = coat.look, coat.look.build
    _paint_tail(
        sitter,
        (0.2 * wide, -0.1),
        sitter.rng.uniform(-0.05, 0.45 if sitter.breed.group == "dog" else 0.2),
    )
    torso = outline(frame, [(0, -0.74), (0.19 * wide, -0.62), (0.25 * wide, -0.4), (0.34 * wide, -0.16), (0.26 * wide, -0.01),
                            (-0.26 * wide, -0.01), (-0.34 * wide, -0.16), (-0.25 * wide, -0.4), (-0.19 * wide, -0.62)])  # fmt: skip
    canvas.paint(torso, body_colours(coat, -0.75, 0.05), fur=look.fur)
    for side in (-1, 1):
        haunch = ellipse(frame, (0.25 * wide * side, -0.14), 0.13 * wide, 0.15)
        canvas.paint(haunch, body_colours(coat, -0.75, 0.1), fur=look.fur, relief=0.45)
        _paint_paw(sitter, 0.29 * wide * side)
    _paint_chest(sitter, (0, -0.42), 0.16 * wide)
    for side in (-1, 1):
        _paint_leg(sitter, (0.1 * wide * side, -0.4), 0.1 * wide * side)
    _head(sitter, (sitter.rng.uniform(-0.04, 0.04), -0.84), 0.25)


def _standing(sitter: Sitter) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    look, deep = coat.look, coat.look.build
    hip = 0.3 + 0.12 * look.legs
    back = -hip - 0.26 * deep
    stride = sitter.rng.uniform(-0.07, 0.07)
    _paint_tail(sitter, (0.4, back + 0.08), sitter.rng.uniform(-0.15, 0.4))
    for x, foot in ((-0.2, -0.2 - stride), (0.33, 0.33 + stride)):
        _paint_leg(sitter, (x, -hip), foot, 0.72)
    trunk = outline(frame, [(-0.4, back + 0.1), (-0.2, back), (0.2, back + 0.02), (0.42, back + 0.06), (0.47, -hip - 0.08),
                            (0.36, -hip + 0.03), (0.05, -hip + 0.05), (-0.25, -hip + 0.08), (-0.42, -hip - 0.02)])  # fmt: skip
    canvas.paint(trunk, body_colours(coat, back, -hip + 0.05), fur=look.fur)
    _paint_chest(sitter, (-0.36, -hip - 0.04), 0.12 * deep)
    for x, foot in ((-0.3, -0.32 + stride), (0.38, 0.42 - stride)):
        _paint_leg(sitter, (x, -hip - 0.02), foot)
    neck = limb(frame, ((-0.3, back + 0.16), (-0.38, back), (-0.44, back - 0.1)), (0.2 * deep, 0.15 * deep))
    canvas.paint(neck, body_colours(coat, back - 0.2, -hip + 0.25), fur=look.fur, relief=0.4)
    _head(sitter, (-0.47, back - 0.12), 0.22, facing=-0.45)


def _lying(sitter: Sitter) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    look, deep = coat.look, 0.6 + 0.4 * coat.look.build
    _paint_tail(sitter, (0.48, -0.1), sitter.rng.uniform(-0.05, 0.12))
    trunk = outline(frame, [(-0.4, -0.3 * deep), (-0.1, -0.4 * deep), (0.3, -0.38 * deep), (0.55, -0.2 * deep),
                            (0.54, -0.02), (0.1, 0.0), (-0.3, 0.0), (-0.46, -0.1)])  # fmt: skip
    canvas.paint(trunk, body_colours(coat, -0.4, 0.05), fur=look.fur)
    haunch = ellipse(frame, (0.36, -0.15), 0.19, 0.16 * deep)
    canvas.paint(haunch, body_colours(coat, -0.4, 0.1), fur=look.fur, relief=0.45)
    _paint_paw(sitter, 0.2, size=1.2)
    _paint_chest(sitter, (-0.36, -0.16), 0.13)
    for x in (-0.5, -0.28):
        paw = limb(frame, ((x + 0.12, -0.1), (x, -0.06), (x - 0.12, -0.045)), (0.075, 0.055))
        canvas.paint(paw, leg_colours(coat, 0.25), fur=look.fur * 0.6, relief=0.35)
    _head(sitter, (-0.36, -0.46), 0.26, facing=-0.15)


def _close_up(sitter: Sitter) -> None:
    canvas, coat, frame = sitter.canvas, sitter.coat, sitter.frame
    look, wide = coat.look, coat.look.build
    trunk = outline(frame, [(0, -0.55), (0.3 * wide, -0.38), (0.48 * wide, 0.0), (0.5 * wide, 0.5),
                            (-0.5 * wide, 0.5), (-0.48 * wide, 0.0), (-0.3 * wide, -0.38)])  # fmt: skip
    canvas.paint(trunk, body_colours(coat, -0.6, 0.6), fur=look.fur)
    _paint_chest(sitter, (0, 0.05), 0.26 * wide)
    _head(sitter, (sitter.rng.uniform(-0.05, 0.05), -0.62), 0.42)


def _head(sitter: Sitter, centre: Point, size: float, facing: float = 0.0) -> None:
    is_dog, rng = sitter.breed.group == "dog", sitter.rng
    turn = float(np.clip(facing + rng.normal(0, 0.3), -0.85, 0.85))
    head = sitter.frame.part(centre, size * (1.0 if is_dog else 0.94), rng.normal(0, 0.11))
    tongue = is_dog and rng.random() < 0.3
    paint_head(sitter.canvas, sitter.coat, sitter.breed, head, turn, tongue=tongue)


Pose = Callable[[Sitter], None]
POSES: dict[str, Pose] = {"sitting": _sitting, "standing": _standing, "lying": _lying, "close up": _close_up}
