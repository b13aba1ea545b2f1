"""Copies of a picture agree in their pixels, whatever was done to them; other pictures do not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from analysis.pixel_agreement import SAME, agreement_steps, grey, pixel_agreement
from tests.analysis.evaluated import driven
from tests.analysis.picture_copies import CHANGES, scene, write


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_the_same_picture_both_ways(change: str) -> None:
    for seed in range(2):
        picture = scene(seed)
        one, other = grey(picture), grey(CHANGES[change](picture))
        there, back = pixel_agreement(one, other), pixel_agreement(other, one)
        assert there.is_same and back.is_same, (seed, there, back)
        assert there.mirrored == back.mirrored == (change == "mirrored")


def test_other_pictures_are_not() -> None:
    pictures = [grey(scene(seed)) for seed in range(6)]
    scores = [pixel_agreement(a, b).score for i, a in enumerate(pictures) for b in pictures[:i]]
    assert max(scores) < SAME - 0.2


def test_one_subject_drawn_twice_is_not() -> None:
    """The same large shapes, other detail."""
    ground, spots = scene(0), [scene(seed) for seed in (1, 2)]
    alike = [grey(Image.blend(ground.resize((12, 9)).resize(ground.size), spot, 0.3)) for spot in spots]
    plain = np.corrcoef(alike[0].ravel(), alike[1].ravel())[0, 1]
    assert plain > 0.6
    assert not pixel_agreement(*alike).is_same


def test_a_bright_badge_in_two_dark_pictures_makes_them_no_copies() -> None:
    dark = []
    for seed in (3, 4):
        picture = scene(seed).point(lambda value: value // 12)
        ImageDraw.Draw(picture).ellipse((180, 130, 225, 175), fill="white", outline="teal", width=8)
        dark.append(grey(picture))
    assert np.corrcoef(dark[0].ravel(), dark[1].ravel())[0, 1] > 0.9  # nearly all of their variance
    assert not pixel_agreement(*dark).is_same


def test_a_picture_of_one_colour_agrees_with_nothing_not_even_itself() -> None:
    blank = grey(Image.new("RGB", (50, 40), "grey"))
    assert pixel_agreement(blank, blank).score == -1
    assert pixel_agreement(blank, grey(scene(0))).score == -1


def test_what_is_shared_says_how_much_was_cropped() -> None:
    picture = scene(5)
    whole, part = grey(picture), grey(CHANGES["cropped"](picture))
    shared = pixel_agreement(whole, part).shared
    assert shared[0] == pytest.approx(0.64, abs=0.05) and shared[1] == pytest.approx(1, abs=0.05)
    assert pixel_agreement(whole, part).words.startswith("the same picture, cropped to 6")


def test_files_are_compared_and_one_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    one = write(scene(0), tmp_path / "one.jpg")
    other = write(CHANGES["cropped"](scene(0)), tmp_path / "other.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    pairs = [(one, other), (one, tmp_path / "bad.jpg"), (tmp_path / "gone.jpg", one)]
    found, seen = driven(agreement_steps(pairs))
    assert found[0] is not None and found[0].is_same
    assert found[1:] == [None, None]
    assert seen[0].total == 3
    assert driven(agreement_steps([]))[0] == []
