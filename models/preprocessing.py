"""How a picture becomes what a network sees: resize, crop, scale to 0..1, subtract the mean, divide by std.

The arithmetic is that of torchvision's ``ImageClassification`` preset on Pillow images, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image

from models.errors import PreprocessingError
from models.preprocessing_checks import check_channels, check_choice, check_keys, check_size, refusal
from models.resized_picture import memory_explained, resized_and_cropped

Interpolation = Literal["nearest", "bilinear", "bicubic"]
Size = int | tuple[int, int]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
_USUAL_SIDE = 224
SCALED_INSIDE = ("googlenet", "inception_v3")
"""Architectures whose published weights expect their own rescaling inside the network."""


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a picture before the network.

    Args:
        resize: the shorter side in pixels (the longer follows); (height, width) stretches; None keeps it.
        crop: side, or (height, width), of the centre crop in pixels; None crops nothing.
        mean: what is subtracted from each channel (red, green, blue) after scaling to 0..1.
        std: what each channel is then divided by.
        interpolation: how pixels are averaged when resizing.
        grayscale: True turns the picture gray (and repeats it to three channels) first.

    Raises:
        PreprocessingError: a value makes no sense.
    """

    resize: Size | None
    crop: Size | None
    mean: Triple
    std: Triple
    interpolation: Interpolation = "bilinear"
    grayscale: bool = False

    def __post_init__(self) -> None:
        check_size("resize", self.resize)
        check_size("crop", self.crop)
        check_channels("mean", self.mean, lowest=-1.0, highest=2.0)
        check_channels("std", self.std, lowest=1e-4, highest=10.0)
        check_choice("interpolation", self.interpolation, get_args(Interpolation))
        check_choice("grayscale", self.grayscale, (False, True))

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The size (width, height) of a picture of ``width`` x ``height`` pixels after resizing."""
        if self.resize is None:
            return width, height
        if isinstance(self.resize, tuple):
            return self.resize[1], self.resize[0]
        shorter, longer = sorted((width, height))
        new_longer = int(self.resize * longer / shorter)
        return (self.resize, new_longer) if width <= height else (new_longer, self.resize)

    def crop_box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """What the network sees of a picture, in the picture's own pixels.

        Args:
            width: of the original picture, pixels.
            height: of the original picture, pixels.

        Returns:
            (left, top, right, bottom); beyond the picture where the crop is larger than the resized picture
            (the rest is black).

        >>> Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD).crop_box(512, 1024)
        (32.0, 288.0, 480.0, 736.0)
        """
        new_width, new_height = self.resized(width, height)
        left, top, right, bottom = self.crop_of_resized(new_width, new_height)
        x, y = width / new_width, height / new_height
        return left * x, top * y, right * x, bottom * y

    def input_size(self) -> tuple[int, int] | None:
        """(height, width) of the network's input in pixels, or None where it varies with the picture."""
        if self.crop is not None:
            return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
        return self.resize if isinstance(self.resize, tuple) else None

    def usual_size(self) -> tuple[int, int]:
        """(height, width) of an input such as the network is fed: its size where that is fixed, else a square.

        >>> Preprocessing(256, None, IMAGENET_MEAN, IMAGENET_STD).usual_size()
        (256, 256)
        """
        size = self.input_size()
        side = self.resize if isinstance(self.resize, int) else _USUAL_SIDE
        return size or (side, side)

    def crop_of_resized(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the crop, in the pixels of the resized picture."""
        if self.crop is None:
            return 0, 0, width, height
        crop_height, crop_width = (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
        left, top = _margin(width, crop_width), _margin(height, crop_height)
        return left, top, left + crop_width, top + crop_height

    def to_json(self) -> dict[str, Any]:
        """Plain data that ``from_json`` reads back."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, value: Any) -> Preprocessing:
        """The preprocessing that ``to_json`` wrote, every value checked.

        Args:
            value: a mapping; ``interpolation`` and ``grayscale`` may be missing.

        Raises:
            PreprocessingError: a key is missing, unknown, or its value makes no sense.
        """
        if not isinstance(value, Mapping):
            raise refusal("preprocessing", value, "an object with resize, crop, mean and std")
        known = [field.name for field in fields(cls)]
        check_keys([str(key) for key in value], required=known[:4], known=known)
        values: dict[str, Any] = {
            key: tuple(item) if isinstance(item, list) else item for key, item in value.items()
        }
        return cls(**values)


def pixels(image: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    """What the network looks at, before normalisation: for showing beside an explanation.

    Args:
        image: a picture of any size; other modes are turned into RGB.
        preprocessing: how to resize and crop.

    Returns:
        (3, height, width) float32 in 0..1, channels red, green, blue.

    Raises:
        ImagesError: the picture becomes too large; ``message`` is the reason alone.
    """
    with memory_explained():
        if preprocessing.grayscale:
            image = image.convert("L")
        image = image if image.mode == "RGB" else image.convert("RGB")
        seen = resized_and_cropped(image, preprocessing)
        levels = torch.from_numpy(np.array(seen, dtype=np.uint8))
        return levels.permute(2, 0, 1).contiguous().to(torch.float32).div_(255)


def normalized(seen: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Pixels less the mean, divided by std, channel by channel.

    Args:
        seen: (..., 3, height, width) in 0..1.
        preprocessing: holds mean and std.

    Returns:
        A new tensor of the same shape.
    """
    mean = seen.new_tensor(preprocessing.mean).view(3, 1, 1)
    std = seen.new_tensor(preprocessing.std).view(3, 1, 1)
    return (seen - mean) / std


def network_input(image: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    """The tensor that goes into the network for one picture.

    Args:
        image: a picture of any size; other modes are turned into RGB.
        preprocessing: how to resize, crop and normalise.

    Returns:
        (3, height, width) float32, normalised.

    Raises:
        ImagesError: the picture becomes too large; ``message`` is the reason alone.
    """
    seen = pixels(image, preprocessing)
    with memory_explained():
        return normalized(seen, preprocessing)


def default_preprocessing(architecture: str, image_size: int | None = None) -> Preprocessing:
    """The preprocessing of an architecture's first published weights in torchvision.

    The first ones (``IMAGENET1K_V1``), not the newest, because their 256/224 recipe is the one that transfer
    learning tutorials and most people use; later weights differ only in the size before the crop.

    Args:
        architecture: torchvision's name.
        image_size: side in pixels that a vision transformer's position embedding was made for, or None.

    Returns:
        Resize, crop, mean, std and interpolation. GoogLeNet and Inception v3 get mean = std = 0.5, which
        is the arithmetic of their ``transform_input=True`` after ImageNet's mean and std.

    Raises:
        PreprocessingError: torchvision has no such classifier.
    """
    presets = _presets(architecture)
    preset = next((each for each in presets if image_size in (None, each.crop)), None)
    if preset is None:
        return replace(presets[0], resize=image_size, crop=image_size)
    return preset


def _presets(architecture: str) -> list[Preprocessing]:
    from models.torchvision_import import torchvision  # takes a second; images alone do not need it

    try:
        published = list(torchvision.models.get_model_weights(architecture))
    except ValueError as error:
        raise PreprocessingError(
            f'torchvision has no classifier called "{architecture}", so its preprocessing is not known.',
            next_step="Give resize, crop, mean and std yourself.",
        ) from error
    return [_preset(each.transforms(), architecture) for each in published]


def _preset(transforms: Any, architecture: str) -> Preprocessing:
    scaled_inside = architecture in SCALED_INSIDE
    return Preprocessing(
        resize=transforms.resize_size[0],
        crop=transforms.crop_size[0],
        mean=(0.5, 0.5, 0.5) if scaled_inside else tuple(transforms.mean),
        std=(0.5, 0.5, 0.5) if scaled_inside else tuple(transforms.std),
        interpolation=transforms.interpolation.value,
    )


def _margin(side: int, crop: int) -> int:
    # torchvision pads half of what is missing, rounded down, but crops half of what is over, rounded
    return -((crop - side) // 2) if crop > side else round((side - crop) / 2.0)
