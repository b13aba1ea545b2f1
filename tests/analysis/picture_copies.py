"""Pictures, and what people do to copies of them."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

Change = Callable[[Image.Image], Image.Image]


def scene(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """A picture of large shapes and detail that no other seed has."""
    draws = np.random.default_rng(seed)
    picture = Image.fromarray(draws.integers(40, 200, (6, 8, 3), np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    pen = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = draws.integers(0, size[0]), draws.integers(0, size[1])
        w, h = draws.integers(4, 40, 2)
        pen.ellipse((x, y, x + w, y + h), fill=tuple(draws.integers(0, 256, 3).tolist()))
    return picture


def _saved_anew(quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")

    return change


def _cropped(share: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        width, height = (round(side * share) for side in picture.size)
        left, top = (picture.width - width) // 3, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))

    return change


CHANGES: dict[str, Change] = {
    "saved anew at a low quality": _saved_anew(15),
    "resized": lambda picture: picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)),
    "squeezed": lambda picture: picture.resize((160, 160)),
    "brightened": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    "darkened": lambda picture: ImageEnhance.Brightness(picture).enhance(0.5),
    "without colours": lambda picture: picture.convert("L").convert("RGB"),
    "cropped a little": _cropped(0.95),
    "cropped": _cropped(0.8),
    "mirrored": ImageOps.mirror,
}


def write(picture: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92)
    return path
