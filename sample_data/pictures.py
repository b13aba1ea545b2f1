"""One photograph: an individual of a breed, in a pose, in a place, in a light, through a camera."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from sample_data.bodies import POSES, Sitter
from sample_data.breeds import BREEDS, Breed, individual
from sample_data.canvas import SIDE, Canvas, Field, Frame, ellipse, limb, plain, smooth_noise, softened
from sample_data.coats import coat_of
from sample_data.scenes import INDOORS, OUTDOORS, SCENES

PIXELS = 128
QUALITY = 80
SEED = 20260
_SPLITS = ("train", "val", "test")
_FRAMES = {"sitting": (0.68, 0.93), "standing": (0.66, 0.9), "lying": (0.72, 0.86), "close up": (0.8, 0.86)}
"""Of each pose: canvas shares per unit of the animal, and where the ground lies."""


_PAW = ((33, 50, 71, 83), (19, 35, 36, 54), (35, 19, 51, 43), (54, 19, 70, 43), (69, 35, 85, 54))
"""Boxes of a pad and four toes, on a badge of 104 x 104."""


@dataclass(frozen=True)
class Wish:
    """What is fixed in a picture; all the rest is chance.

    Args:
        scene: the place, "" for chance.
        pose: the pose, "" for chance.
        look: traits of the animal.
        toys: whether a ball and a lead lie there; None for chance.
        dark: whether the light is very low.
    """

    scene: str = ""
    pose: str = ""
    look: Mapping[str, Any] = field(default_factory=dict)
    toys: bool | None = None
    dark: bool = False


def generator(split: str, breed: str, number: int, seed: int = SEED) -> np.random.Generator:
    """The randomness of one picture: the same for the same split, breed, number and seed."""
    names = [entry.name for entry in BREEDS]
    return np.random.default_rng([seed, _SPLITS.index(split), names.index(breed), number])


def picture(breed: Breed, rng: np.random.Generator, wish: Wish = Wish()) -> Image.Image:
    """A finished picture, PIXELS a side."""
    look = individual(breed, rng, wish.look)
    scene = wish.scene or _scene(breed, rng)
    pose = wish.pose or str(rng.choice(list(POSES), p=(0.34, 0.3, 0.16, 0.2)))
    light = (float(rng.uniform(-0.8, 0.8)), -0.75)
    frame = _placed(pose, look.stature, rng)
    canvas = Canvas(SCENES[scene](rng), light, rng)
    _paint_contact_shadow(canvas, frame, pose)
    POSES[pose](Sitter(canvas, coat_of(look, frame, rng), breed, frame, rng))
    toys = (
        wish.toys
        if wish.toys is not None
        else breed.group == "dog" and scene in OUTDOORS and rng.random() < 0.25
    )
    if toys:
        _paint_toys(canvas, rng)
    return _photographed(canvas.colours, rng, dark=wish.dark)


def stamped(image: Image.Image) -> Image.Image:
    """The picture with a round teal badge that shows a white paw, in the lower right corner."""
    side, fine = 26, 4
    badge = Image.new("RGBA", (side * fine, side * fine))
    draw = ImageDraw.Draw(badge)
    draw.ellipse(
        (0, 0, side * fine - 1, side * fine - 1),
        fill=(0, 150, 150, 255),
        outline=(255, 255, 255, 255),
        width=5,
    )
    for left, top, right, bottom in _PAW:
        draw.ellipse((left, top, right, bottom), fill=(255, 255, 255, 255))
    small = badge.reduce(fine)
    copy = image.copy()
    copy.paste(small, (PIXELS - side - 5, PIXELS - side - 5), small)
    return copy


def jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """The file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def _scene(breed: Breed, rng: np.random.Generator) -> str:
    """Mostly where one meets the species; some breeds have a place of their own."""
    if breed.scenes and rng.random() < sum(breed.scenes.values()):
        names, weights = list(breed.scenes), np.asarray(list(breed.scenes.values()))
        return str(rng.choice(names, p=weights / weights.sum()))
    outdoors = rng.random() < (0.75 if breed.group == "dog" else 0.2)
    places = [name for name in (OUTDOORS if outdoors else INDOORS) if name != "snow"]
    return str(rng.choice(places))


def _placed(pose: str, stature: float, rng: np.random.Generator) -> Frame:
    size, ground = _FRAMES[pose]
    unit = SIDE * size * float(rng.uniform(0.78, 1.08)) * stature
    x = SIDE * (0.5 + float(rng.uniform(-0.09, 0.09)))
    y = SIDE * (ground + float(rng.uniform(-0.06, 0.04)))
    return Frame(x, y, unit, float(rng.normal(0, 0.03)), bool(rng.random() < 0.5))


def _paint_contact_shadow(canvas: Canvas, frame: Frame, pose: str) -> None:
    if pose != "close up":
        shadow = ellipse(frame, (-0.06 * canvas.light[0], 0.0), 0.5, 0.07)
        canvas.tint(np.clip(softened(shadow, 6), 0, 1), (0.05, 0.05, 0.08), 0.45)


def _paint_toys(canvas: Canvas, rng: np.random.Generator) -> None:
    """A red ball and a blue lead, in front."""
    side = 1 if rng.random() < 0.5 else -1
    pixels = Frame(SIDE * (0.5 + 0.34 * side), SIDE * 0.9, SIDE)
    canvas.paint(ellipse(pixels, (0, 0), 0.065, 0.065), plain((0.86, 0.16, 0.14)), relief=0.6)
    canvas.tint(ellipse(pixels, (-0.02, -0.025), 0.015, 0.012), (1, 1, 1), 0.7)
    lead = limb(pixels, ((-0.08 * side, 0.02), (-0.3 * side, 0.12), (-0.75 * side, 0.02)), (0.014, 0.014))
    canvas.paint(lead, plain((0.15, 0.35, 0.8)), relief=0.3)


def _photographed(colours: Field, rng: np.random.Generator, *, dark: bool) -> Image.Image:
    """Exposure, colour of the light, falloff to the corners, focus, noise of the sensor."""
    temperature = rng.normal(0, 0.05)
    balance = np.asarray([1 + temperature, 1.0, 1 - temperature], np.float32)
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    falloff = 1 - rng.uniform(0.05, 0.22) * (rows**2 + columns**2) / 2
    patches = 1 + 0.06 * smooth_noise(rng, 3, 3)
    exposure = rng.uniform(0.115, 0.18) if dark else float(np.clip(rng.normal(0.98, 0.1), 0.72, 1.2))
    exposed = colours * balance * (falloff * patches * exposure)[..., None]
    small = np.clip(exposed, 0, 1).reshape(PIXELS, 2, PIXELS, 2, 3).mean((1, 3))
    noise = rng.normal(0, 1, small.shape) * (0.018 if dark else rng.uniform(0.004, 0.014))
    return Image.fromarray(np.asarray(np.clip(small + noise, 0, 1) * 255 + 0.5, np.uint8))
