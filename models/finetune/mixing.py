"""MixUp and CutMix: each image of a batch is mixed with a partner, and so is its label."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import TrainingError
from models.finetune.randomness import generator_of, seed_of
from models.finetune.recipe import Recipe

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mix:
    """How the images of one batch are mixed.

    Args:
        partners: (B,) int64, the row of the batch that each image is mixed with; may be itself.
        share: 0..1, how much of the image stays; the rest is its partner's.
        centre: of CutMix's box, as shares (vertical, horizontal) of the side, 0..1; None is MixUp.
    """

    partners: Tensor
    share: float
    centre: tuple[float, float] | None = None

    def box(self, height: int, width: int) -> Box:
        """The (top, bottom, left, right) of what is the partner's in CutMix, cut off at the border."""
        assert self.centre is not None
        radius = 0.5 * (1 - self.share) ** 0.5
        y, x = int(self.centre[0] * height), int(self.centre[1] * width)
        half_height, half_width = int(radius * height), int(radius * width)
        return (
            max(y - half_height, 0),
            min(y + half_height, height),
            max(x - half_width, 0),
            min(x + half_width, width),
        )


def drawn_mix(recipe: Recipe, n: int, *parts: int | str) -> Mix | None:
    """How to mix a batch.

    Args:
        recipe: its ``mixing`` and ``mixing_alpha``.
        n: B.
        parts: what the batch is known by (seed, phase, epoch, batch): the same parts give the same mix.

    Returns:
        None where the recipe mixes nothing.
    """
    if recipe.mixing == "none":
        return None
    draws = random.Random(seed_of(*parts, "share"))
    share = draws.betavariate(recipe.mixing_alpha, recipe.mixing_alpha)
    centre = (draws.random(), draws.random()) if recipe.mixing == "cutmix" else None
    return Mix(torch.randperm(n, generator=generator_of(*parts, "partners")), share, centre)


def mixed(images: Tensor, partners: Tensor, mix: Mix) -> tuple[Tensor, float]:
    """Images with their partners mixed in.

    Args:
        images: (B, ...) float32; (B, C, H, W) for CutMix.
        partners: the partner of each, of the same shape.
        mix: how.

    Returns:
        The mixed images, and the share 0..1 that is the images' own (in CutMix after the box was cut off at the border).

    Raises:
        TrainingError: CutMix of what is no image.

    Source:
        Zhang et al. 2018, "mixup"; Yun et al. 2019, "CutMix".
    """
    if mix.centre is None:
        return images * mix.share + partners * (1 - mix.share), mix.share
    if images.ndim != 4:
        raise TrainingError(
            "CutMix cuts pieces out of images, and here the network learns from features.",
            next_step="Choose MixUp, or switch the cache of features off.",
        )
    height, width = images.shape[2:]
    top, bottom, left, right = mix.box(height, width)
    result = images.clone()
    result[:, :, top:bottom, left:right] = partners[:, :, top:bottom, left:right]
    return result, 1 - (bottom - top) * (right - left) / (height * width)
