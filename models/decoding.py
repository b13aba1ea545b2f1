"""One image file into upright RGB pixels, or the reason why not, in words.

What becomes of each kind of picture:

    1, L, P, RGB, YCbCr, HSV, CMYK      as Pillow converts them (Adobe's inverted CMYK is put right)
    LAB                                 through littleCMS into sRGB
    RGBA, LA, PA, transparent P         laid on white
    I;16, and I up to 65535             divided by 257, so that 65535 is white
    I above 65535                       divided by the largest 32-bit value; negative values are black
    F with all values in 0..1           times 255; other F is taken as 0..255 and clipped
    animated                            the first frame
    turned by its EXIF orientation      turned upright

Colour profiles are not applied: the networks were trained on pictures opened without them.
"""

from __future__ import annotations

import errno
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.errors import ImagesError
from models.file_reasons import unreadable_reason

# Named, because Pillow would hand anything that looks like PostScript to Ghostscript, a program.
FORMATS = (
    "JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "QOI",
)  # fmt: skip

# A draft keeps this many times the pixels asked for on each side, so that the resize after it still
# filters: with 1 instead of 2 the difference that `decoded` states is twice as large.
DRAFT_MARGIN = 2

ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow raises on damaged bytes, found by feeding it some (tests/models/test_decoding_faults.py). Warning
# stands here for programs, such as the tests, that turn warnings into errors.
DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError,
    RuntimeError, AssertionError, MemoryError, struct.error, zlib.error, Warning,
    Image.DecompressionBombError,
)  # fmt: skip

# These filters hold for the whole program: to set them around each call would not be safe in threads.
# Pillow's remarks on broken metadata are of no use to anyone, because the picture is used all the same.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
# Between one and two times its limit of pixels Pillow only warns; here the limit is a limit.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def decoded(path: str | Path, *, at_least: tuple[int, int] | None = None) -> Image.Image:
    """The picture in a file: RGB, upright, without metadata, the file closed.

    Args:
        path: the file; its suffix does not matter, its content does.
        at_least: (width, height) in pixels, as in Pillow, of the upright picture that the caller will
            resize to. A JPEG that has at least four times as many pixels on both sides is then decoded
            at a half, a quarter or an eighth of its size, never below twice ``at_least``. After the
            resize to 256 pixels, photos of 3000 x 2000 pixels differ from a full decode by less than 1
            of 255 on average and at most 8, under strong noise as well; drawn edges in full colour by at
            most 32. (Bilinear and bicubic differ by 1 and 18.) None decodes the full size.

    Returns:
        An image of mode RGB, of the size stored (or of the draft).

    Raises:
        ImagesError: the file is missing, empty, cut short, no image, too large...; the ``message`` is the
            reason alone, fit for a list of unreadable files.
    """
    path = Path(path)
    try:
        _check_file(path)
        with Image.open(path, formats=FORMATS) as image:
            _check_pixels(image)
            if at_least is not None:
                _draft(image, at_least)
            picture = rgb(image)
            return _upright(picture, _orientation(image))
    except DAMAGE as error:
        reason = unreadable_reason(error, path)
        raise ImagesError(reason, next_step=f"Replace or remove {path.name}.") from error


def rgb(image: Image.Image) -> Image.Image:
    """A new RGB image of the same pixels, by the rules at the head of this file.

    Raises:
        ValueError: it holds values that are not numbers.

    >>> rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    >>> rgb(Image.new("LA", (1, 1), (0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    if image.mode.startswith("I"):
        return _from_numbers(np.asarray(image), _integer_white(image))
    if image.mode == "F":
        return _from_numbers(np.asarray(image), _float_white(image))
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    converted = image.convert("RGB")
    converted.info.clear()  # an EXIF orientation left here could turn the picture a second time
    return converted


def _check_file(path: Path) -> None:
    """Raise for what `open` would wait on for ever (a pipe) or call by a confusing name (a folder)."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file")
    if not stat.S_ISREG(mode):
        raise OSError("not a file but a device or a pipe")


def _check_pixels(image: Image.Image) -> None:
    """Raise where the limit was passed with Pillow's warning silenced by somebody's filters."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise Image.DecompressionBombWarning(f"{image.width} x {image.height} pixels")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION_TAG)
    except DAMAGE:  # broken metadata is no reason to lose the picture
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    return picture if orientation == 1 else picture.transpose(TURNS[orientation])


def _draft(image: Image.Image, at_least: tuple[int, int]) -> None:
    width, height = at_least
    if _orientation(image) >= 5:  # these four swap the sides
        width, height = height, width
    image.draft(None, (max(1, DRAFT_MARGIN * width), max(1, DRAFT_MARGIN * height)))


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _integer_white(image: Image.Image) -> float:
    """The value that stands for white in an image of integers."""
    if image.mode != "I":
        return 65535.0
    highest = image.getextrema()[1]
    return 65535.0 if float(highest) <= 65535 else float(2**31 - 1)  # type: ignore[arg-type]


def _float_white(image: Image.Image) -> float:
    pixels = np.asarray(image)
    if not np.isfinite(pixels).all():
        raise ValueError("it holds values that are not numbers")
    return 1.0 if pixels.min() >= 0 and pixels.max() <= 1 else 255.0


def _from_numbers(pixels: npt.NDArray[Any], white: float) -> Image.Image:
    """Scale so that ``white`` becomes 255, clip, and repeat the one channel to three."""
    scaled = np.rint(pixels.astype(np.float64) * (255 / white)).clip(0, 255)
    return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # only some builds of Pillow have it, and hardly any image needs it

    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("its LAB colours cannot be converted")
    return converted
