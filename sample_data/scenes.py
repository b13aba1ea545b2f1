"""Places: the blurred backgrounds that animals are photographed in.

Each place is a function of randomness alone and gives colours (SIDE, SIDE, 3); the ground begins
below the middle. Dogs are mostly met outdoors and cats indoors, as in real photographs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sample_data.canvas import (
    SIDE,
    Colour,
    Field,
    Frame,
    ellipse,
    layered_noise,
    mixed,
    plain,
    polygon,
    smooth_noise,
    softened,
    step,
)

_PIXELS = Frame(0, 0, SIDE)


def _height() -> Field:
    return np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32)[:, None], (SIDE, SIDE))


def _tone(rng: np.random.Generator, colour: Colour, spread: float = 0.05) -> Colour:
    change = rng.normal(0, 0.7 * spread) + rng.normal(0, 0.55 * spread, 3)
    red, green, blue = np.clip(np.asarray(colour) + change, 0, 1)
    return (float(red), float(green), float(blue))


def _box(
    colours: Field, edges: tuple[float, float, float, float], colour: Colour, blur: float = 2.0
) -> Field:
    left, top, right, bottom = edges
    shape = polygon(_PIXELS, [(left, top), (right, top), (right, bottom), (left, bottom)])
    return mixed(colours, colour, np.clip(softened(shape, blur), 0, 1))


def _discs(
    colours: Field, rng: np.random.Generator, number: int, palette: Colour, span: tuple[float, float]
) -> Field:
    for _ in range(number):
        size = rng.uniform(0.04, 0.12)
        disc = ellipse(_PIXELS, (rng.uniform(0, 1), rng.uniform(*span)), size, size * rng.uniform(0.7, 1))
        colours = mixed(
            colours, _tone(rng, palette, 0.1), np.clip(softened(disc, 3), 0, 1) * rng.uniform(0.3, 0.8)
        )
    return colours


def _ground(colours: Field, rng: np.random.Generator, horizon: float, colour: Colour, rough: float) -> Field:
    grain = 0.6 * smooth_noise(rng, 60, 24) + 0.6 * smooth_noise(rng, 14, 6)
    near = step(_height(), horizon, 1.0)
    ground = (
        plain(colour) * (1 + rough * grain * (0.3 + 0.7 * near))[..., None] * (0.88 + 0.2 * near)[..., None]
    )
    return mixed(colours, np.asarray(ground, np.float32), step(_height(), horizon - 0.015, horizon + 0.015))


def meadow(rng: np.random.Generator) -> Field:
    """Grass before trees."""
    sky = mixed(plain(_tone(rng, (0.68, 0.8, 0.92))), _tone(rng, (0.85, 0.9, 0.92)), _height())
    trees = step(_height() + 0.12 * layered_noise(rng, 5), 0.16, 0.26)
    colours = _discs(mixed(sky, _tone(rng, (0.22, 0.36, 0.2)), trees), rng, 9, (0.4, 0.55, 0.3), (0.1, 0.5))
    horizon = rng.uniform(0.45, 0.6)
    colours = _ground(colours, rng, horizon, _tone(rng, (0.38, 0.54, 0.22)), 0.2)
    blades = step(smooth_noise(rng, 26, 110), 0.05, 0.7) * step(_height(), horizon + 0.08, horizon + 0.35)
    return mixed(colours, _tone(rng, (0.58, 0.7, 0.32)), 0.35 * blades)


def snow(rng: np.random.Generator) -> Field:
    """Snow before a winter wood."""
    sky = plain(_tone(rng, (0.78, 0.84, 0.91), 0.03))
    trees = step(smooth_noise(rng, 1, 14), 0.1, 0.5) * step(_height(), 0.08, 0.3)
    colours = mixed(sky, _tone(rng, (0.42, 0.46, 0.52), 0.04), 0.6 * trees)
    return _ground(colours, rng, rng.uniform(0.42, 0.58), _tone(rng, (0.9, 0.93, 0.98), 0.015), 0.05)


def beach(rng: np.random.Generator) -> Field:
    """Sand, sea, sky."""
    colours = mixed(
        plain(_tone(rng, (0.5, 0.7, 0.9))), _tone(rng, (0.85, 0.9, 0.93)), step(_height(), 0, 0.35)
    )
    sea = step(_height(), 0.33, 0.35)
    colours = mixed(colours, _tone(rng, (0.2, 0.48, 0.6)), sea)
    colours = mixed(colours, (0.92, 0.95, 0.95), step(smooth_noise(rng, 70, 5), 0.3, 0.6) * sea * 0.6)
    return _ground(colours, rng, rng.uniform(0.5, 0.62), _tone(rng, (0.84, 0.74, 0.55)), 0.1)


def street(rng: np.random.Generator) -> Field:
    """Pavement before house fronts."""
    colours = plain(_tone(rng, (0.62, 0.52, 0.46), 0.08))
    for x in np.arange(rng.uniform(0, 0.15), 1, rng.uniform(0.2, 0.3)):
        colours = _box(colours, (x, 0.08, x + 0.11, 0.34), _tone(rng, (0.32, 0.38, 0.45)), 3)
    colours = _box(colours, (0, 0.5, 1, 0.56), _tone(rng, (0.36, 0.34, 0.33)), 4)
    return _ground(colours, rng, rng.uniform(0.52, 0.62), _tone(rng, (0.5, 0.5, 0.51), 0.03), 0.14)


def wood(rng: np.random.Generator) -> Field:
    """Trunks over fallen leaves."""
    colours = mixed(
        plain(_tone(rng, (0.6, 0.55, 0.32))),
        _tone(rng, (0.3, 0.34, 0.18)),
        step(layered_noise(rng, 5), -0.5, 0.6),
    )
    for x in rng.uniform(0, 1, 4):
        width = rng.uniform(0.03, 0.08)
        colours = _box(colours, (x, 0, x + width, 0.6), _tone(rng, (0.26, 0.2, 0.15), 0.03), 4)
    return _ground(colours, rng, rng.uniform(0.46, 0.58), _tone(rng, (0.52, 0.34, 0.17)), 0.3)


def sofa(rng: np.random.Generator) -> Field:
    """A sofa against a wall."""
    fabric = np.asarray(
        [(0.58, 0.2, 0.22), (0.22, 0.36, 0.46), (0.5, 0.47, 0.42), (0.36, 0.28, 0.44)][rng.integers(4)]
    )
    colour = _tone(rng, (float(fabric[0]), float(fabric[1]), float(fabric[2])), 0.04)
    dark = (colour[0] * 0.72, colour[1] * 0.72, colour[2] * 0.72)
    colours = plain(_tone(rng, (0.82, 0.77, 0.68), 0.06))
    top = rng.uniform(0.18, 0.32)
    colours = _box(colours, (-0.05, top, 1.05, 1.1), colour, 5)
    for x in (rng.uniform(0.25, 0.4), rng.uniform(0.65, 0.8)):
        colours = _box(colours, (x, top, x + 0.012, 0.62), dark, 2)
    colours = _ground(
        colours, rng, rng.uniform(0.6, 0.68), (colour[0] * 1.1, colour[1] * 1.1, colour[2] * 1.1), 0.07
    )
    return _discs(colours, rng, 1, _tone(rng, (0.85, 0.7, 0.35)), (top + 0.1, top + 0.2))


def parquet(rng: np.random.Generator) -> Field:
    """Floorboards, a skirting board, a picture on the wall."""
    colours = plain(_tone(rng, (0.78, 0.8, 0.78), 0.07))
    x = rng.uniform(0.05, 0.6)
    colours = _box(colours, (x, 0.06, x + 0.28, 0.28), _tone(rng, (0.3, 0.25, 0.2)), 2)
    colours = _box(colours, (x + 0.03, 0.09, x + 0.25, 0.25), _tone(rng, (0.6, 0.65, 0.6), 0.15), 2)
    colours = _box(colours, (0, 0.5, 1, 0.6), (0.93, 0.92, 0.9), 2)
    colours = _ground(colours, rng, rng.uniform(0.56, 0.62), _tone(rng, (0.62, 0.43, 0.26)), 0.08)
    joints = step(np.abs(np.sin(_height() ** 2 * rng.uniform(24, 34))), 0.14, 0.04) * step(
        _height(), 0.6, 0.64
    )
    return mixed(colours, (0.32, 0.2, 0.12), 0.6 * joints)


def window(rng: np.random.Generator) -> Field:
    """A sill before a bright window."""
    colours = plain(_tone(rng, (0.7, 0.66, 0.62), 0.06))
    colours = _box(colours, (0.08, -0.1, 0.92, 0.6), (0.95, 0.95, 0.93), 2)
    for left, right in ((0.12, 0.47), (0.53, 0.88)):
        colours = _box(colours, (left, -0.1, right, 0.56), _tone(rng, (0.72, 0.85, 0.95)), 3)
    colours = _discs(colours, rng, 5, (0.55, 0.72, 0.5), (0.3, 0.5))
    colours = _box(colours, (0.47, -0.1, 0.53, 0.6), (0.95, 0.95, 0.93), 2)
    return _ground(colours, rng, rng.uniform(0.6, 0.68), _tone(rng, (0.86, 0.84, 0.8), 0.03), 0.03)


def carpet(rng: np.random.Generator) -> Field:
    """A patterned carpet before a curtain."""
    folds = 0.5 + 0.5 * np.sin(np.linspace(0, rng.uniform(30, 50), SIDE, dtype=np.float32))[None] * np.ones(
        (SIDE, 1)
    )
    cloth = _tone(rng, (0.5, 0.5, 0.56), 0.12)
    colours = mixed(plain(cloth), (cloth[0] * 0.7, cloth[1] * 0.7, cloth[2] * 0.7), folds.astype(np.float32))
    colours = _ground(colours, rng, rng.uniform(0.5, 0.6), _tone(rng, (0.6, 0.3, 0.28), 0.1), 0.1)
    bands = step(np.sin(_height() * rng.uniform(40, 60)), 0.6, 0.9) * step(_height(), 0.6, 0.66)
    return mixed(colours, _tone(rng, (0.85, 0.76, 0.58)), 0.6 * bands)


SCENES: dict[str, Callable[[np.random.Generator], Field]] = {
    "meadow": meadow, "snow": snow, "beach": beach, "street": street, "wood": wood,
    "sofa": sofa, "parquet": parquet, "window": window, "carpet": carpet,
}  # fmt: skip
OUTDOORS = ("meadow", "snow", "beach", "street", "wood")
INDOORS = ("sofa", "parquet", "window", "carpet")
