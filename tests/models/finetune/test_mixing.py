from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import TrainingError
from models.finetune.mixing import Mix, drawn_mix, mixed
from models.finetune.recipe import Recipe
from models.torchvision_import import torchvision  # noqa: F401

from torchvision.transforms import v2  # isort: skip

MIXUP = Recipe(mixing="mixup", mixing_alpha=0.7)
CUTMIX = replace(MIXUP, mixing="cutmix")


def test_nothing_is_mixed_unless_asked() -> None:
    assert drawn_mix(Recipe(), 8, 0) is None


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(0, 1000))
def test_the_same_parts_give_the_same_mix(n: int, batch: int) -> None:
    first, second = (drawn_mix(CUTMIX, n, 3, batch) for _ in range(2))
    assert first is not None and second is not None
    assert (first.share, first.centre) == (second.share, second.centre)
    assert torch.equal(first.partners, second.partners)
    assert sorted(first.partners.tolist()) == list(range(n))


def test_shares_are_of_the_beta_distribution() -> None:
    shares = torch.tensor([mix.share for batch in range(4000) if (mix := drawn_mix(MIXUP, 2, batch))])
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(0.25 / (2 * 0.7 + 1), abs=0.005)


def test_mixup_is_torchvisions() -> None:
    images, labels = torch.randn(4, 3, 5, 5), torch.tensor([0, 1, 2, 1])
    theirs = v2.MixUp(num_classes=3)
    expected = theirs.transform(images, {"lam": 0.3, "batch_size": 4, "labels": labels})
    rolled = torch.tensor([3, 0, 1, 2])  # torchvision's partner is the image before
    found, share = mixed(images, images[rolled], Mix(rolled, 0.3))
    assert torch.allclose(found, expected)
    assert share == 0.3


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 0.999), st.floats(0, 0.999))
def test_cutmix_takes_a_box_whose_area_is_the_partners_share(share: float, y: float, x: float) -> None:
    own, other = torch.zeros(2, 3, 20, 30), torch.ones(2, 3, 20, 30)
    found, kept = mixed(own, other, Mix(torch.tensor([1, 0]), share, (y, x)))
    assert found.mean().item() == pytest.approx(1 - kept, abs=1e-5)
    assert not own.any()
    lines = found[0, 0].any(1).nonzero()
    if len(lines):
        assert lines.max() - lines.min() + 1 == len(lines)


def test_cutmix_box_is_torchvisions() -> None:
    theirs = v2.CutMix(num_classes=2)
    torch.manual_seed(0)
    for _ in range(20):
        parameters = theirs.make_params([torch.zeros(4, 3, 40, 50)])
        left, top, right, bottom = parameters["box"]
        # the same box of the same centre and radius, where it is not cut off at the border
        if min(left, top) > 0 and right < 50 and bottom < 40:
            share = 1 - (2 * ((bottom - top) / 2) / 40) ** 2
            centre = ((top + bottom) / 2 / 40, (left + right) / 2 / 50)
            found = Mix(torch.arange(4), share, centre).box(40, 50)
            assert max(abs(a - b) for a, b in zip(found, (top, bottom, left, right), strict=True)) <= 1


def test_cutmix_of_features_is_refused() -> None:
    with pytest.raises(TrainingError, match="CutMix"):
        mixed(torch.zeros(2, 5), torch.zeros(2, 5), Mix(torch.tensor([1, 0]), 0.5, (0.5, 0.5)))
