"""Pictures become exactly what torchvision's own presets make of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import ImagesError, PreprocessingError
from models.meta_modules import classifier_names
from models.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    SCALED_INSIDE,
    Preprocessing,
    default_preprocessing,
    network_input,
    pixels,
)
from models.preprocessing_file import read_preprocessing
from models.torchvision_import import torchvision

RECIPES = sorted({"resnet18", "efficientnet_b0", "efficientnet_b1", "inception_v3", "maxvit_t", "swin_t"})


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("name", classifier_names())
def test_default_is_that_of_the_first_published_weights(name: str) -> None:
    preset = next(iter(torchvision.models.get_model_weights(name))).transforms()
    own = default_preprocessing(name)
    image = noise(330, 270)
    expected = preset(image)
    if name in SCALED_INSIDE:
        mean, std = torch.tensor(preset.mean).view(3, 1, 1), torch.tensor(preset.std).view(3, 1, 1)
        expected = (expected * std + mean - 0.5) / 0.5
        torch.testing.assert_close(network_input(image, own), expected, rtol=0, atol=1e-5)
    else:
        assert torch.equal(network_input(image, own), expected)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=15, deadline=None)
@given(width=st.integers(20, 400), height=st.integers(20, 400))
def test_equals_torchvisions_preset_for_every_size(name: str, width: int, height: int) -> None:
    preset = next(iter(torchvision.models.get_model_weights(name))).transforms()
    own = Preprocessing(
        preset.resize_size[0], preset.crop_size[0], tuple(preset.mean), tuple(preset.std), preset.interpolation.value
    )  # fmt: skip
    image = noise(width, height)
    assert torch.equal(network_input(image, own), preset(image))


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(2, 120), height=st.integers(2, 120), resize=st.integers(1, 90), crop=st.integers(1, 120)
)
def test_crop_larger_than_the_picture_pads_as_torchvision_does(
    width: int, height: int, resize: int, crop: int
) -> None:
    transforms = torchvision.transforms
    image = noise(width, height)
    expected = transforms.functional.center_crop(transforms.functional.resize(image, [resize]), [crop, crop])
    own = Preprocessing(resize, crop, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert torch.equal(pixels(image, own), transforms.functional.to_tensor(expected))


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(60, 400),
    height=st.integers(60, 400),
    across=st.floats(0.1, 0.9),
    down=st.floats(0.1, 0.9),
)
def test_planted_dot_is_where_the_crop_box_says(width: int, height: int, across: float, down: float) -> None:
    own = Preprocessing(96, 80, IMAGENET_MEAN, IMAGENET_STD)
    left, top, right, bottom = own.crop_box(width, height)
    x, y = left + across * (right - left), top + down * (bottom - top)
    radius = max(3, min(width, height) // 20)
    image = np.zeros((height, width, 3), dtype=np.uint8)
    rows, columns = np.ogrid[:height, :width]
    image[(rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 <= radius**2] = 255
    seen = pixels(Image.fromarray(image), own)[0].double()
    positions = torch.arange(80, dtype=torch.double) + 0.5
    found_across = (seen.sum(0) * positions).sum() / seen.sum() / 80
    found_down = (seen.sum(1) * positions).sum() / seen.sum() / 80
    assert abs(found_across - across) < 0.03
    assert abs(found_down - down) < 0.03


def test_crop_box_of_a_padded_picture_reaches_beyond_it() -> None:
    own = Preprocessing(None, 100, IMAGENET_MEAN, IMAGENET_STD)
    assert own.crop_box(60, 200) == (-20.0, 50.0, 80.0, 150.0)


def test_stretching_takes_height_then_width() -> None:
    own = Preprocessing((40, 80), None, IMAGENET_MEAN, IMAGENET_STD)
    assert pixels(noise(30, 30), own).shape == (3, 40, 80)
    assert own.input_size() == (40, 80)
    assert own.crop_box(30, 60) == (0.0, 0.0, 30.0, 60.0)


def test_input_size_is_open_without_a_crop() -> None:
    assert Preprocessing(256, None, IMAGENET_MEAN, IMAGENET_STD).input_size() is None
    assert Preprocessing(256, (192, 224), IMAGENET_MEAN, IMAGENET_STD).input_size() == (192, 224)


def test_grayscale_gives_three_equal_channels_of_the_gray_picture() -> None:
    own = Preprocessing(None, None, IMAGENET_MEAN, IMAGENET_STD, grayscale=True)
    image = noise(9, 7)
    seen = pixels(image, own)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen, torchvision.transforms.functional.to_tensor(image.convert("L").convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_pictures_of_other_modes_become_rgb(mode: str) -> None:
    own = Preprocessing(32, 32, IMAGENET_MEAN, IMAGENET_STD)
    assert network_input(noise(40, 50).convert(mode), own).shape == (3, 32, 32)


def test_a_strip_needs_no_gigabytes() -> None:
    own = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD)
    width, height = own.resized(2000, 1)
    assert width * height > 100_000_000
    seen = pixels(noise(2000, 1), own)
    left, _, right, _ = own.crop_box(2000, 1)
    assert seen.shape == (3, 224, 224)
    assert 999 < left < right < 1001


def test_a_strip_is_seen_as_if_it_were_resized_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    own, strip = Preprocessing(256, 224, IMAGENET_MEAN, IMAGENET_STD), noise(500, 3)
    whole = pixels(strip, own)
    monkeypatch.setattr("models.resized_picture.LARGEST_AREA", 100_000)
    assert torch.equal(pixels(strip, own), whole)


@pytest.mark.parametrize(("resize", "crop"), [(256, None), (64, 224)])
def test_a_strip_that_would_take_gigabytes_is_refused_in_words(resize: int, crop: int | None) -> None:
    own = Preprocessing(resize, crop, IMAGENET_MEAN, IMAGENET_STD)  # the second crop reaches beyond it
    with pytest.raises(
        ImagesError, match=r"too large: [\d,]+ x \d+ pixels after resizing, more than \d+ mil"
    ):
        network_input(noise(60_000, 3), own)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory")]
)
@pytest.mark.parametrize("step", ["resized_and_cropped", "normalized"])
def test_too_little_memory_is_said_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, error: Exception, step: str
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"models.preprocessing.{step}", full)
    with pytest.raises(ImagesError, match=r"^too large for the memory of this machine"):
        network_input(noise(30, 30), Preprocessing(64, 64, IMAGENET_MEAN, IMAGENET_STD))


def test_other_errors_of_torch_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("models.preprocessing.resized_and_cropped", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        pixels(noise(30, 30), Preprocessing(64, 64, IMAGENET_MEAN, IMAGENET_STD))


def test_pixels_stay_in_range_and_are_owned() -> None:
    seen = pixels(noise(50, 40), Preprocessing(64, 48, IMAGENET_MEAN, IMAGENET_STD, "bicubic"))
    assert 0 <= seen.min() < seen.max() <= 1
    assert seen.is_contiguous()


SIZES = st.one_of(st.none(), st.integers(1, 600), st.tuples(st.integers(1, 600), st.integers(1, 600)))
RECIPES_OF_PEOPLE = st.builds(
    Preprocessing,
    resize=SIZES,
    crop=SIZES,
    mean=st.tuples(*[st.floats(0, 1)] * 3),
    std=st.tuples(*[st.floats(0.01, 1)] * 3),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    grayscale=st.booleans(),
)


@given(own=RECIPES_OF_PEOPLE)
@settings(max_examples=30)
def test_saved_and_read_again_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, own: Preprocessing
) -> None:
    file = tmp_path_factory.mktemp("saved") / "preprocessing.json"
    file.write_text(json.dumps(own.to_json()))
    assert read_preprocessing(file) == own
    assert Preprocessing.from_json(own.to_json()) == own


GOOD = {"resize": 256, "crop": 224, "mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resize": 0}, "resize is 0"),
        ({"resize": -3}, "resize is -3"),
        ({"resize": True}, "resize is True"),
        ({"resize": "256"}, "resize is '256'"),
        ({"crop": [1, 2, 3]}, "crop is (1, 2, 3)"),
        ({"crop": 100000}, "crop is 100000"),
        ({"crop": 22.5}, "crop is 22.5"),
        ({"mean": [0.5, 0.5]}, "three numbers"),
        ({"mean": [123.7, 116.3, 103.5]}, "divide by 255"),
        ({"mean": [float("nan"), 0.5, 0.5]}, "mean is (nan"),
        ({"mean": None}, "three numbers"),
        ({"std": [0.2, 0.0, 0.2]}, "std is (0.2, 0.0, 0.2)"),
        ({"std": [0.2, "0.2", 0.2]}, "three numbers"),
        ({"interpolation": "cubic"}, "nearest or bilinear or bicubic"),
        ({"grayscale": 1}, "grayscale is 1"),
        ({"scale": 2}, "has unknown scale"),
    ],
)
def test_values_that_make_no_sense_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(PreprocessingError) as caught:
        Preprocessing.from_json({**GOOD, **change})
    assert words in caught.value.message
    assert caught.value.next_step


def test_missing_keys_and_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PreprocessingError, match="lacks mean, std"):
        Preprocessing.from_json({"resize": 1, "crop": 1})
    with pytest.raises(PreprocessingError, match="must be an object"):
        Preprocessing.from_json([1, 2])
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(PreprocessingError, match="cannot be read as JSON"):
        read_preprocessing(tmp_path / "broken.json")
    with pytest.raises(PreprocessingError, match=r"no classifier called .resnet19."):
        default_preprocessing("resnet19")
