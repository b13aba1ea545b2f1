"""A square of colours that parts of an animal are painted on, with light, fur and soft edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIDE = 256
"""Pixels a side while drawing; the finished picture is half of it."""

LIMB_CIRCLES = 40
"""A limb is drawn as so many overlapping circles."""

Field = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]
Colour = tuple[float, float, float]


def smooth_noise(rng: np.random.Generator, rows: int, columns: int) -> Field:
    """Random hills and valleys over the whole canvas.

    Args:
        rng: where the randomness comes from.
        rows: how many hills fit from top to bottom.
        columns: how many fit from left to right.

    Returns:
        (SIDE, SIDE), about -1 to 1.
    """
    cells = rng.uniform(-1, 1, (rows + 2, columns + 2)).astype(np.float32)
    box = (1, 1, columns + 1, rows + 1)
    return np.asarray(Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def layered_noise(rng: np.random.Generator, cells: int, layers: int = 3) -> Field:
    """Noise with detail: each layer has twice the hills of the one before, at half the height."""
    fields = [smooth_noise(rng, cells * 2**layer, cells * 2**layer) / 2**layer for layer in range(layers)]
    return np.asarray(np.sum(fields, axis=0), np.float32)


def step(field: Field, low: Field | float, high: Field | float) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between; falling where ``low`` is above ``high``."""
    share = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def mixed(first: Field, second: Field | Colour, share: Field | float) -> Field:
    """Colours (SIDE, SIDE, 3) between two, by a share (SIDE, SIDE) of the second."""
    weight = np.asarray(share, np.float32)
    weight = weight[..., None] if weight.ndim == 2 else weight
    return np.asarray(first + (np.asarray(second, np.float32) - first) * weight, np.float32)


def plain(colour: Colour) -> Field:
    """One colour everywhere, (SIDE, SIDE, 3) in 0..1."""
    return np.broadcast_to(np.asarray(colour, np.float32), (SIDE, SIDE, 3))


def softened(mask: Field, radius: float) -> Field:
    """A mask blurred over about ``radius`` pixels."""
    shrink = max(1, 2 ** int(np.log2(max(radius, 1))) // 2)
    side = SIDE // shrink
    small = np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.BOX))
    for _ in range(max(1, round((radius / shrink) ** 2))):
        padded = np.pad(small, 1, mode="edge")
        padded = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        small = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    return np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Frame:
    """Where a thing with coordinates of its own lies on the canvas.

    Args:
        x: canvas column of its origin.
        y: canvas row of its origin.
        unit: canvas pixels per unit.
        angle: radians it is turned, clockwise on the screen.
        mirror: whether left and right are exchanged.
    """

    x: float
    y: float
    unit: float
    angle: float = 0.0
    mirror: bool = False

    def at(self, points: Sequence[Point] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Canvas positions (N, 2) of points."""
        xs, ys = np.asarray(points, float).T
        turned_x = xs * np.cos(self.angle) - ys * np.sin(self.angle)
        turned_y = xs * np.sin(self.angle) + ys * np.cos(self.angle)
        sign = -1 if self.mirror else 1
        return np.column_stack([self.x + sign * turned_x * self.unit, self.y + turned_y * self.unit])

    def part(self, centre: Point, unit: float, angle: float = 0.0) -> Frame:
        """The frame of a part whose origin lies at ``centre``, ``unit`` of this frame's units large."""
        x, y = self.at([centre])[0]
        return Frame(float(x), float(y), self.unit * unit, self.angle + angle, self.mirror)

    def grid(self) -> tuple[Field, Field]:
        """This frame's coordinates (x, y) of every canvas pixel, each (SIDE, SIDE)."""
        rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        sign = -1 if self.mirror else 1
        across, down = sign * (columns - self.x) / self.unit, (rows - self.y) / self.unit
        cosine, sine = float(np.cos(self.angle)), float(np.sin(self.angle))
        return across * cosine + down * sine, down * cosine - across * sine


def _mask(polygons: Sequence[npt.NDArray[np.float64]]) -> Field:
    image = Image.new("L", (SIDE * 2, SIDE * 2))
    draw = ImageDraw.Draw(image)
    for polygon in polygons:
        draw.polygon([(2 * float(x), 2 * float(y)) for x, y in polygon], fill=255)
    return np.asarray(image.reduce(2), np.float32) / 255


def outline(frame: Frame, points: Sequence[Point]) -> Field:
    """The mask of a smooth closed curve through points (Catmull-Rom)."""
    knots = np.asarray(points, float)
    before, after, beyond = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    curve = []
    for share in np.linspace(0, 1, 8, endpoint=False):
        square, cube = share**2, share**3
        curve.append(
            0.5 * (2 * knots + (after - before) * share)
            + 0.5 * (2 * before - 5 * knots + 4 * after - beyond) * square
            + 0.5 * (3 * knots - before - 3 * after + beyond) * cube
        )
    return _mask([frame.at(np.stack(curve, 1).reshape(-1, 2))])


def polygon(frame: Frame, points: Sequence[Point]) -> Field:
    """The mask of a shape with straight sides."""
    return _mask([frame.at(points)])


def ellipse(frame: Frame, centre: Point, width: float, height: float, angle: float = 0.0) -> Field:
    """The mask of an ellipse; width and height are half axes in the frame's units."""
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    local = np.column_stack([width * np.cos(turns), height * np.sin(turns)])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return _mask([frame.at(local @ turn + centre)])


def limb(frame: Frame, points: tuple[Point, Point, Point], widths: tuple[float, float]) -> Field:
    """The mask of a bent, tapering limb.

    Args:
        frame: whose coordinates are meant.
        points: start, bend and end (a quadratic Bezier curve).
        widths: radius at the start and at the end.
    """
    share = np.linspace(0, 1, LIMB_CIRCLES)[:, None]
    start, bend, end = (np.asarray(point, float) for point in points)
    spine = (1 - share) ** 2 * start + 2 * share * (1 - share) * bend + share**2 * end
    turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    circle = np.column_stack([np.cos(turns), np.sin(turns)])
    radii = np.linspace(widths[0], widths[1], LIMB_CIRCLES)
    pairs = zip(spine, radii, strict=True)
    return _mask([frame.at(centre + radius * circle) for centre, radius in pairs])


class Canvas:
    """The picture while it is being painted.

    Args:
        colours: (SIDE, SIDE, 3) in 0..1, the background.
        light: the direction the light comes from, in canvas coordinates (down is positive).
        rng: the randomness of fur.
    """

    def __init__(self, colours: Field, light: Point, rng: np.random.Generator) -> None:
        self.colours = np.array(colours, np.float32)
        self.light = light
        self._edge_noise = smooth_noise(rng, 90, 90)
        self.strands = smooth_noise(rng, 34, 120) * 0.6 + smooth_noise(rng, 70, 110) * 0.5
        self.covered = np.zeros((SIDE, SIDE), np.float32)

    def paint(self, mask: Field, colours: Field, *, fur: float = 0.0, relief: float = 0.5) -> None:
        """Lay a part over what is there.

        Args:
            mask: (SIDE, SIDE) in 0..1.
            colours: (SIDE, SIDE, 3).
            fur: 0 for a sharp edge, 1 for long hair.
            relief: how round the part looks; 0 is flat.
        """
        if relief:
            self._cast_shadow(mask)
        alpha = self._furred(mask, fur)
        shade = self._relief(mask, relief) * (1 + (0.06 + 0.12 * fur) * self.strands)
        sheen = 0.1 * relief * np.clip(shade - 1, 0, 1) + 0.035 * fur * np.clip(self.strands, 0, 1)
        self.colours = mixed(self.colours, colours * shade[..., None] + sheen[..., None], alpha)
        self.covered = np.maximum(self.covered, alpha)

    def tint(self, mask: Field, colour: Colour, share: float = 1.0) -> None:
        """Blend a flat colour in (an eye, a line, a shadow)."""
        self.colours = mixed(self.colours, colour, mask * share)

    def _furred(self, mask: Field, fur: float) -> Field:
        if not fur:
            return mask
        inside = softened(mask, 1.5 + 3.5 * fur)
        soft = inside + (0.06 + 0.15 * fur) * self._edge_noise
        near_edge = step(inside, 0.02, 0.2) * step(inside, 0.98, 0.8)
        return np.asarray(np.where(near_edge > 0, step(soft, 0.38, 0.62), inside > 0.5), np.float32)

    def _relief(self, mask: Field, relief: float) -> Field:
        if not relief:
            return np.ones_like(mask)
        radius = 9.0
        down, across = np.gradient(softened(mask, radius))
        facing = -(across * self.light[0] + down * self.light[1]) * radius
        return np.asarray(1 + relief * np.clip(facing * 1.6, -0.6, 0.5), np.float32)

    def _cast_shadow(self, mask: Field) -> None:
        shift = (round(-5 * self.light[1]), round(-5 * self.light[0]))
        shadow = np.roll(softened(mask, 5), shift, (0, 1)) * self.covered
        self.colours = self.colours * (1 - 0.3 * shadow[..., None])
