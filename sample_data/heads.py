"""Heads: ears, skull, muzzle, eyes, nose, whiskers.

A head has coordinates of its own: 0, 0 between the eyes, 1 half the usual width of a skull, y down.
``turn`` shifts the face to one side, as when an animal looks past the camera.
"""

from __future__ import annotations

import numpy as np

from sample_data.breeds import Breed, Look
from sample_data.canvas import SIDE, Canvas, Frame, ellipse, limb, mixed, outline, plain, polygon
from sample_data.coats import Coat, ear_colours, head_colours, muzzle_colours

DARK = (0.07, 0.06, 0.06)


def paint_head(canvas: Canvas, coat: Coat, breed: Breed, head: Frame, turn: float, *, tongue: bool) -> None:
    """Paint a head where its frame lies."""
    look = coat.look
    hanging = look.ears == "drop"
    if not hanging:
        _paint_ears(canvas, coat, head, turn)
    skull = outline(head, _skull(look, breed.group))
    canvas.paint(skull, head_colours(coat, head), fur=look.fur, relief=0.4)
    if hanging:
        _paint_ears(canvas, coat, head, turn)
    if breed.group == "cat":
        _paint_cat_face(canvas, coat, head, turn)
    else:
        _paint_dog_face(canvas, coat, head, turn, tongue=tongue)


def _skull(look: Look, group: str) -> list[tuple[float, float]]:
    wide = look.face
    if group == "cat":
        return [(0, -0.72), (0.55 * wide, -0.6), (0.92 * wide, 0), (0.8 * wide, 0.48), (0.35 * wide, 0.82),
                (0, 0.86), (-0.35 * wide, 0.82), (-0.8 * wide, 0.48), (-0.92 * wide, 0), (-0.55 * wide, -0.6)]  # fmt: skip
    return [(0, -0.78), (0.5 * wide, -0.7), (0.8 * wide, -0.2), (0.76 * wide, 0.3), (0.5 * wide, 0.75),
            (0, 0.9), (-0.5 * wide, 0.75), (-0.76 * wide, 0.3), (-0.8 * wide, -0.2), (-0.5 * wide, -0.7)]  # fmt: skip


def _paint_ears(canvas: Canvas, coat: Coat, head: Frame, turn: float) -> None:
    look = coat.look
    for side in (-1, 1):
        near = 1 + 0.18 * side * turn
        wide, size = side * look.face * near, look.ear_size * near
        if look.ears == "drop":
            _paint_drop_ear(canvas, coat, head, wide, size)
        elif look.ears == "rose":
            _paint_rose_ear(canvas, coat, head, wide, size)
        else:
            _paint_upright_ear(canvas, coat, head, wide, size)


_UPRIGHT = {
    "upright": (0.12, 0.9, 0.74, 1.0),
    "prick": (0.2, 0.72, 0.6, 0.85),
    "bat": (0.25, 0.85, 1.12, 1.05),
}
"""Inner foot, outer foot and tip (x), length: of each kind of ear that stands."""


def _paint_upright_ear(canvas: Canvas, coat: Coat, head: Frame, wide: float, size: float) -> None:
    inner, outer, tip, length = _UPRIGHT[coat.look.ears]
    top = -0.5 - 0.85 * length * size
    shape = [(inner * wide, -0.62), (tip * wide, top), (outer * wide, -0.1)]
    ear = polygon(head, shape) if coat.look.ears == "upright" else outline(head, _rounded(shape))
    canvas.paint(ear, ear_colours(coat), fur=coat.look.fur * 0.7 + 0.08, relief=0.3)
    centre = np.mean(shape, axis=0)
    inside = [tuple(centre + 0.58 * (np.asarray(point) - centre) + (0, 0.04)) for point in shape]
    skin = mixed(plain((0.72, 0.5, 0.46)), coat.look.base, 0.4)
    canvas.paint(polygon(head, inside), skin * 0.9, fur=0.15, relief=0.15)


def _rounded(shape: list[tuple[float, float]]) -> list[tuple[float, float]]:
    (ax, ay), (bx, by), (cx, cy) = shape
    return [(ax, ay), ((ax + 2 * bx) / 3 - 0.06 * np.sign(bx), (ay + 2 * by) / 3), (bx, by),
            ((cx + 2 * bx) / 3 + 0.06 * np.sign(bx), (cy + 2 * by) / 3), (cx, cy), ((ax + cx) / 2, (ay + cy) / 2)]  # fmt: skip


def _paint_drop_ear(canvas: Canvas, coat: Coat, head: Frame, wide: float, size: float) -> None:
    shape = [(0.5 * wide, -0.66), (0.9 * wide, -0.5), (1.12 * wide, 0.1 * size), (1.08 * wide, 0.85 * size),
             (0.85 * wide, 0.95 * size), (0.68 * wide, 0.4 * size), (0.62 * wide, -0.2)]  # fmt: skip
    colours = ear_colours(coat) * np.float32(0.86)
    canvas.paint(outline(head, shape), colours, fur=coat.look.fur * 0.8 + 0.05, relief=0.4)


def _paint_rose_ear(canvas: Canvas, coat: Coat, head: Frame, wide: float, size: float) -> None:
    shape = [(0.35 * wide, -0.68), (0.68 * wide, -0.68 - 0.34 * size), (1.02 * wide, -0.52 - 0.12 * size),
             (0.98 * wide, -0.3), (0.74 * wide, -0.34)]  # fmt: skip
    canvas.paint(outline(head, shape), ear_colours(coat) * np.float32(0.8), fur=0.05, relief=0.4)


def _paint_cat_face(canvas: Canvas, coat: Coat, head: Frame, turn: float) -> None:
    look, shift = coat.look, 0.28 * turn
    colours = muzzle_colours(coat)
    for side in (-1, 1):
        pad = ellipse(head, (shift * 1.2 + 0.19 * side, 0.46), 0.25, 0.19)
        canvas.paint(pad, colours, fur=0.15 + 0.2 * look.fur, relief=0.25)
        _paint_cat_eye(canvas, look, head, (shift + 0.42 * look.face * side, 0.02), 1 + 0.2 * side * turn)
    nose = [(shift * 1.3 - 0.12, 0.24), (shift * 1.3 + 0.12, 0.24), (shift * 1.3, 0.38)]
    canvas.tint(polygon(head, nose), look.nose)
    _paint_mouth(canvas, head, shift * 1.3, 0.38, 0.2)
    _paint_whiskers(canvas, head, shift, look)


def _paint_cat_eye(canvas: Canvas, look: Look, head: Frame, centre: tuple[float, float], near: float) -> None:
    slant = -0.28 if centre[0] > 0 else 0.28
    canvas.tint(ellipse(head, centre, 0.255 * near, 0.215, slant), DARK, 0.8)
    canvas.tint(ellipse(head, centre, 0.215 * near, 0.175, slant), look.eye)
    canvas.tint(ellipse(head, (centre[0], centre[1] - 0.08), 0.2 * near, 0.08), (0, 0, 0), 0.25)
    canvas.tint(ellipse(head, centre, 0.065 * near, 0.165), DARK)
    canvas.tint(ellipse(head, (centre[0] - 0.07, centre[1] - 0.07), 0.045, 0.045), (1, 1, 1), 0.9)


def _paint_whiskers(canvas: Canvas, head: Frame, shift: float, look: Look) -> None:
    pale = sum(look.base) > 2.2
    for side in (-1, 1):
        for lift in (-0.1, 0.05, 0.2):
            end = (shift + 1.25 * side, 0.4 + 1.5 * lift)
            hair = limb(head, ((shift + 0.3 * side, 0.46), (0.75 * side, 0.36 + lift), end), (0.018, 0.008))
            canvas.tint(hair, (0.45, 0.42, 0.4) if pale else (0.93, 0.93, 0.93), 0.55)


def _paint_dog_face(canvas: Canvas, coat: Coat, head: Frame, turn: float, *, tongue: bool) -> None:
    look = coat.look
    shift = turn * (0.3 + 0.55 * look.muzzle)
    tip = (shift, 0.44 + 0.3 * look.muzzle)
    for side in (-1, 1):
        _paint_dog_eye(
            canvas, head, (0.3 * turn + 0.37 * look.face * side, -0.1), 1 + 0.15 * side * turn, look
        )
    if tongue:
        canvas.paint(outline(head, _tongue(tip)), plain((0.85, 0.42, 0.45)), relief=0.3)
    radii = (0.4 * look.face, 0.3 + 0.06 * look.face)
    snout = limb(head, ((0.2 * turn, 0.16), (0.6 * shift, 0.3), tip), radii)
    canvas.paint(snout, muzzle_colours(coat), fur=look.fur * 0.5 + 0.05, relief=0.42)
    nose = (tip[0] + 0.12 * turn, tip[1] - 0.12)
    canvas.paint(ellipse(head, nose, 0.19, 0.14), plain(DARK), relief=0.3)
    canvas.tint(ellipse(head, (nose[0] - 0.05, nose[1] - 0.05), 0.06, 0.03), (1, 1, 1), 0.45)
    _paint_mouth(canvas, head, nose[0], nose[1] + 0.13, 0.26)


def _tongue(tip: tuple[float, float]) -> list[tuple[float, float]]:
    x, y = tip
    return [
        (x - 0.14, y + 0.15),
        (x + 0.14, y + 0.15),
        (x + 0.15, y + 0.55),
        (x, y + 0.66),
        (x - 0.14, y + 0.55),
    ]


def _paint_dog_eye(canvas: Canvas, head: Frame, centre: tuple[float, float], near: float, look: Look) -> None:
    dark_coat = sum(look.base) < 0.6
    rim = (0.3, 0.25, 0.2) if dark_coat else DARK
    canvas.tint(ellipse(head, centre, 0.165 * near, 0.14), rim, 0.85)
    canvas.tint(ellipse(head, centre, 0.135 * near, 0.12), look.eye)
    canvas.tint(ellipse(head, centre, 0.07 * near, 0.075), DARK)
    canvas.tint(ellipse(head, (centre[0] - 0.04, centre[1] - 0.05), 0.04, 0.04), (1, 1, 1), 0.95)


def _paint_mouth(canvas: Canvas, head: Frame, x: float, y: float, width: float) -> None:
    thickness = 0.02 if head.unit > SIDE / 12 else 0.03
    for side in (-1, 1):
        lip = limb(
            head, ((x, y), (x + 0.05 * side, y + 0.14), (x + width * side, y + 0.1)), (thickness, thickness)
        )
        canvas.tint(lip, DARK, 0.7)
