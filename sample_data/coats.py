"""Coat patterns: the colours of every pixel of an animal, by the part of the body it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_data.breeds import Look
from sample_data.canvas import Field, Frame, layered_noise, mixed, plain, smooth_noise, step


@dataclass(frozen=True)
class Coat:
    """One animal's coat, before it is cut into parts.

    Args:
        look: the animal's traits.
        across: the animal's own x coordinate of every pixel.
        down: its y coordinate; 0 is the ground, -1 about the crown.
        mottle: soft irregularity.
        spots: 0..1, where a rosette's rim or a streak is.
        hearts: 0..1, the warmer inside of rosettes.
    """

    look: Look
    across: Field
    down: Field
    mottle: Field
    spots: Field
    hearts: Field


def coat_of(look: Look, frame: Frame, rng: np.random.Generator) -> Coat:
    """The coat of an animal standing in a frame."""
    across, down = frame.grid()
    mottle = layered_noise(rng, 9)
    spots = hearts = np.zeros_like(mottle)
    if look.rosettes:
        spots, hearts = _rosettes(across, down, mottle, rng)
    streaks = _streaks(across, down, mottle, rng)
    spots = np.maximum(spots * look.rosettes, streaks * look.brindle)
    return Coat(look, across, down, mottle, spots, hearts * look.rosettes)


def _rosettes(across: Field, down: Field, mottle: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    columns, rows = np.meshgrid(np.arange(-1.1, 1.1, 0.135), np.arange(-1.3, 0.2, 0.115))
    centres = np.column_stack([columns.ravel(), rows.ravel()]) + rng.normal(0, 0.022, (columns.size, 2))
    nearest = np.full(across.shape, 9.0, np.float32)
    for x, y in centres:
        nearest = np.minimum(nearest, ((across - x) * 0.85) ** 2 + (down - y) ** 2)
    nearest = np.sqrt(nearest)
    nearest = nearest + 0.008 * mottle
    rim = step(nearest, 0.014, 0.024) * step(nearest, 0.05, 0.04)
    return np.asarray(rim, np.float32), step(nearest, 0.03, 0.018)


def _streaks(across: Field, down: Field, mottle: Field, rng: np.random.Generator) -> Field:
    wave = np.sin(38 * (across * 0.95 + 0.25 * down) + 2.2 * mottle + rng.uniform(0, 6))
    return np.asarray(step(wave, 0.35, 0.95) * step(smooth_noise(rng, 22, 22), -0.5, 0.1), np.float32)


def body_colours(coat: Coat, top: float, bottom: float) -> Field:
    """The trunk, from its back (``top``) to its belly (``bottom``)."""
    look = coat.look
    depth = (coat.down - top) / (bottom - top) + 0.1 * coat.mottle
    colours = mixed(plain(look.base), look.belly, step(depth, 0.55, 1.05))
    if look.saddle > 0:
        colours = mixed(colours, look.mark, step(depth, look.saddle * 0.75, look.saddle * 0.75 - 0.15))
    return _with_markings(colours, coat, 1.0)


def leg_colours(coat: Coat, height: float = 0.4) -> Field:
    """A leg; paws lie at 0, the hip at ``-height``."""
    look = coat.look
    colours = mixed(plain(look.base), look.belly, 0.35 if look.saddle == 0 else 0.9)
    rise = -coat.down / height + 0.12 * coat.mottle
    colours = mixed(colours, look.mark, look.points * step(rise, 1.0, 0.15))
    colours = _with_markings(colours, coat, 0.8)
    return mixed(
        colours,
        look.white,
        min(1.0, look.socks * 2) * step(rise, look.socks * 0.75, look.socks * 0.75 - 0.15),
    )


def tail_colours(coat: Coat) -> Field:
    """The tail."""
    look = coat.look
    colours = mixed(plain(look.base), look.mark, max(look.points, 0.8 * look.saddle))
    rings = step(np.sin(34 * (coat.across - coat.down)), 0.1, 0.6) * look.rosettes
    return mixed(colours, look.mark, rings)


def head_colours(coat: Coat, head: Frame) -> Field:
    """The skull: mask of points, blaze, forehead stripes."""
    look = coat.look
    across, down = head.grid()
    colours = mixed(plain(look.base), look.belly, step(down + 0.15 * coat.mottle, 0.25, 0.9) * 0.8)
    reach = np.hypot(across * 0.9, down - 0.35) + 0.1 * coat.mottle
    colours = mixed(colours, look.mark, look.points * step(reach, 1.0, 0.45))
    forehead = (
        step(np.sin(15 * across), 0.25, 0.7) * step(down, -0.15, -0.4) * step(np.abs(across), 0.75, 0.5)
    )
    cheeks = step(np.sin(13 * down + 3 * np.abs(across)), 0.4, 0.8) * step(np.abs(across), 0.55, 0.7)
    colours = mixed(colours, look.mark, np.maximum(forehead, cheeks) * look.rosettes * 0.9)
    colours = mixed(colours, look.mark, coat.spots * min(1.0, look.brindle) * 0.7)
    width = look.blaze * (0.22 + 0.35 * step(down, -0.1, 0.5)) + 0.04 * coat.mottle * (look.blaze > 0)
    return mixed(colours, look.white, step(np.abs(across), width, width - 0.09) * min(1.0, look.blaze * 3))


def ear_colours(coat: Coat) -> Field:
    """The outside of an ear."""
    look = coat.look
    darkened = mixed(plain(look.base), look.mark, max(look.points, 0.25, 0.35 * look.rosettes))
    return mixed(darkened, look.mark, coat.spots * look.brindle * 0.5)


def muzzle_colours(coat: Coat) -> Field:
    """The muzzle."""
    look = coat.look
    colours = mixed(plain(look.base), look.belly, 0.75)
    colours = mixed(colours, look.mark, look.points * 0.9)
    return mixed(colours, look.white, min(1.0, look.blaze * 2.2))


def _with_markings(colours: Field, coat: Coat, strength: float) -> Field:
    look = coat.look
    colours = np.asarray(colours * (1 + 0.05 * coat.mottle[..., None]), np.float32)
    warm = tuple(0.55 * a + 0.45 * b for a, b in zip(look.base, look.mark, strict=True))
    colours = mixed(colours, (warm[0], warm[1], warm[2]), coat.hearts * strength * 0.8)
    return mixed(colours, look.mark, np.clip(coat.spots * strength, 0, 1) * 0.95)
