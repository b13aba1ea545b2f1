"""RandAugment and TrivialAugment: torchvision's changes with torchvision's ranges, drawn from our generator."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from PIL import Image

from models.finetune import augmentation_policies as policies
from models.finetune.augmentation_policies import (
    BINS,
    RAND_AUGMENT,
    TRIVIAL_AUGMENT,
    bin_strength,
    changed,
    rand_augmented,
    trivial_augmented,
)
from models.torchvision_import import torchvision  # noqa: F401
from tests.models.finetune.test_augmentation_warp import MEAN, ON_THE_BORDER, picture, share_apart

from torchvision.transforms import v2  # isort: skip

SPACES = {
    "RandAugment": (RAND_AUGMENT, v2.RandAugment),
    "TrivialAugment": (TRIVIAL_AUGMENT, v2.TrivialAugmentWide),
}


@pytest.mark.parametrize("policy", SPACES)
def test_the_ranges_are_torchvisions(policy: str) -> None:
    ours, theirs = SPACES[policy]
    assert list(ours) == list(theirs._AUGMENTATION_SPACE)
    height, width = 331, 662
    for name, limits in ours.items():
        bins, signed = theirs._AUGMENTATION_SPACE[name]
        expected = bins(BINS, height, width)
        assert signed == (limits is not None and limits[2])
        if expected is None:
            assert limits is None
            continue
        side = 1
        if policy == "RandAugment" and name.startswith("Translate"):
            side = width if name.endswith("X") else height
        found = [bin_strength(limits, place, name) * side for place in range(BINS)]
        assert found == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", RAND_AUGMENT)
@pytest.mark.parametrize("place", [0, 9, 30])
@pytest.mark.parametrize("sign", [-1, 1])
def test_each_change_is_torchvisions(name: str, place: int, sign: int) -> None:
    limits = RAND_AUGMENT[name]
    strength = bin_strength(limits, place, name) * (60 if name.startswith("Translate") else 1)
    strength *= sign if limits is not None and limits[2] else 1
    image = picture(60, 60)
    transform = v2.RandAugment(interpolation=v2.InterpolationMode.BILINEAR, fill=0)
    expected = transform._apply_image_or_video_transform(
        image, name, strength, interpolation=v2.InterpolationMode.BILINEAR, fill=transform._fill
    )
    found = changed(image, name, strength, "black", MEAN)
    assert share_apart(found, expected) < ON_THE_BORDER


def counted(
    monkeypatch: pytest.MonkeyPatch, names: Mapping[str, object], draws: int, wide: bool
) -> Counter[str]:
    seen: list[tuple[str, float]] = []

    def noted(image: Image.Image, name: str, strength: float, *_: object) -> Image.Image:
        seen.append((name, strength))
        return image

    monkeypatch.setattr(policies, "changed", noted)
    generator = torch.Generator().manual_seed(0)
    for _ in range(draws):
        if wide:
            trivial_augmented(picture(20, 20), "black", MEAN, generator)
        else:
            rand_augmented(picture(20, 20), 9, "black", MEAN, generator)
    assert {name for name, _ in seen} == set(names)
    signed = [strength > 0 for name, strength in seen if name in ("Rotate", "Color") and strength]
    assert 0.4 < np.mean(signed) < 0.6
    return Counter(name for name, _ in seen)


@pytest.mark.parametrize("wide", [False, True])
def test_all_changes_are_drawn_equally_often(monkeypatch: pytest.MonkeyPatch, wide: bool) -> None:
    names = TRIVIAL_AUGMENT if wide else RAND_AUGMENT
    draws = 2800
    counts = counted(monkeypatch, names, draws, wide)
    expected = draws * (1 if wide else 2) / len(names)
    assert max(abs(count - expected) for count in counts.values()) < 4 * expected**0.5
