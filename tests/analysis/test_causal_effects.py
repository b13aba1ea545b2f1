"""The causal test on a network whose cause is known: which images are edited, and what they are held against."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from analysis import causal_effects
from analysis.causal_controls import CONTROLS
from analysis.causal_effects import causal_test
from analysis.causal_test import CausalTest, Edit
from analysis.cell_record import CellMaps
from analysis.map_groups import map_groups
from analysis.map_places import placed, strongest_images
from analysis.picture_edits import pasted
from models.decoding import decoded
from models.images import open_image_set
from models.network import Network
from models.predictions import Predictions, predict
from models.preprocessing import Preprocessing
from models.store import write_json
from tests.analysis.evaluated import driven
from tests.analysis.planted_maps import MARK, planted_cell

EMPTY = (0.0, 0.0, 0.25, 0.25)


def test_a_place_is_found_again_on_a_picture_that_was_cropped() -> None:
    preprocessing = Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3)
    left, top, right, bottom = preprocessing.crop_box(128, 64)
    seen = (left / 128, top / 64, right / 128, bottom / 64)
    assert placed((0.0, 0.0, 1.0, 1.0), seen) == (0.25, 0.0, 0.75, 1.0)
    assert placed((0.5, 0.5, 1.0, 1.0), (-0.5, 0.0, 1.5, 1.0)) == (0.5, 0.5, 1.0, 1.0)


class RedCorner(nn.Module):
    """Calls an image "marked" if its lower right corner is red, else by how bright its left half is."""

    def __init__(self, n_classes: int = 3) -> None:
        super().__init__()
        self.n_classes = n_classes

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        corner = inputs[:, 0, 26:, 26:].mean((1, 2)) - inputs[:, 1, 26:, 26:].mean((1, 2))
        bright = inputs[:, :, :, :16].mean((1, 2, 3))
        return torch.stack([20 * corner - 10, 4 * bright, -4 * bright], dim=1)[:, : self.n_classes]


Case = tuple[Network, Predictions]
LEVELS = {"marked": 128, "bright": 200, "dark": 50}


def made(folder: Path, **counts: int) -> Case:
    """Grey images of each class; those of "marked", and with "bright=-9" of "bright", have a red corner."""
    draws = np.random.default_rng(0)
    for name, n in counts.items():
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(abs(n)):
            pixels = draws.integers(-30, 30, (64, 64, 3)) + LEVELS[name]
            if name == "marked" or n < 0:
                pixels[52:, 52:] = (250, 0, 0)
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / "pictures" / name / f"{number:02}.png")
    network = Network(
        RedCorner(len(counts)), tuple(counts),
        Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3), "a test", "0" * 32, folder / "none.pth",
    )  # fmt: skip
    return network, predict(network, open_image_set(str(folder / "pictures")))


@pytest.fixture
def marked(tmp_path: Path) -> Case:
    return made(tmp_path, marked=12, bright=10, dark=10)


def maps_of(predictions: Predictions, cell: str) -> CellMaps:
    """Even maps: what is tested is the edit, not the attribution."""
    return planted_cell(map_groups(predictions, cell))


def outcome(case: Case, cell: str, region: tuple[float, float, float, float], edit: Edit) -> CausalTest:
    found, seen = driven(causal_test(*case, maps_of(case[1], cell), region, edit))
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions) and (fractions[-1] == 1 or not found.n)
    return found


def test_the_known_cause_is_confirmed_by_both_edits(marked: Case) -> None:
    assert marked[1].accuracy == 1
    for edit, n in (("cover", 12), ("paste", 20)):
        found = outcome(marked, "marked/marked", MARK, edit)  # type: ignore[arg-type]
        assert (found.verdict, found.changed, found.n) == ("confirmed", n, n)
        assert found.control_changed < 2 and found.p < 1e-4


def test_a_place_without_effect_is_not_confirmed(marked: Case) -> None:
    for edit in ("cover", "paste"):
        found = outcome(marked, "marked/marked", EMPTY, edit)
        assert found.verdict == "not confirmed" and found.changed <= 1


def test_the_mark_means_nothing_to_another_class(marked: Case) -> None:
    found = outcome(marked, "bright/bright", MARK, "cover")
    assert (found.verdict, found.changed, found.target_name) == ("not confirmed", 0, "bright")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which pictures a test looks at, in order: the image, the source, the controls, the next image ..."""
    paths: list[Path] = []

    def noted(path: Path, **options: Any) -> Image.Image:
        paths.append(path)
        return decoded(path, **options)

    monkeypatch.setattr(causal_effects, "decoded", noted)
    monkeypatch.setattr(causal_effects, "PICTURES_KEPT", 0)  # so each look decodes
    return paths


def test_a_picture_that_was_just_looked_at_is_not_decoded_again(
    marked: Case, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for edit in ("cover", "paste"):
        read.clear()
        expected = outcome(marked, "marked/marked", MARK, edit)
        looks = list(read)
        read.clear()
        with monkeypatch.context() as patch:
            patch.setattr(causal_effects, "PICTURES_KEPT", 8)
            assert outcome(marked, "marked/marked", MARK, edit) == expected
        assert set(read) == set(looks)
        assert len(read) < len(looks) if edit == "paste" else read == looks


def test_pasting_never_takes_its_controls_from_the_image_or_its_class(marked: Case, read: list[Path]) -> None:
    found = outcome(marked, "marked/marked", MARK, "paste")
    assert found.control == "other images" and len(read) == found.n * (2 + CONTROLS) == 100
    for start in range(0, 100, 2 + CONTROLS):
        image, source, *controls = read[start : start + 2 + CONTROLS]
        assert source.parent.name == "marked" and len(set(controls)) == CONTROLS
        assert {each.parent.name for each in controls} == {"bright", "dark"} - {image.parent.name}


def test_pieces_come_from_many_images_each_pasted_equally_often(marked: Case) -> None:
    found = outcome(marked, "marked/marked", MARK, "paste")
    sources = Counter(each.source for each in found.effects)
    donors = Counter(control.piece for each in found.effects for control in each.controls)
    assert found.n_pieces == len(sources) == 20 // CONTROLS and len(donors) == CONTROLS * len(sources)
    assert set(sources.values()) == {3, 4} and set(donors.values()) <= {3, 4}


def test_a_cell_of_two_images_has_too_few_to_paste_from(tmp_path: Path) -> None:
    found = outcome(made(tmp_path, marked=2, bright=12, dark=12), "marked/marked", MARK, "paste")
    assert (found.verdict, found.changed, found.n, found.n_pieces) == ("too few images", 24, 24, 2)
    three = outcome(made(tmp_path / "more", marked=3, bright=12, dark=12), "marked/marked", MARK, "paste")
    assert three.verdict == "confirmed" and three.p == 1 / 220


def test_a_row_of_mistakes_takes_no_controls_from_the_class_they_are_called(
    tmp_path: Path, read: list[Path]
) -> None:
    # all of "bright" are called "marked", so the row's class is "marked"
    found = outcome(made(tmp_path, marked=9, bright=-9, dark=9), "bright/", MARK, "paste")
    assert found.target_name == "marked" and {path.parent.name for path in read} == {"bright", "dark"}


@pytest.mark.parametrize(
    ("counts", "cell"),
    [
        ({"marked": 8, "bright": 9}, "marked/marked"),
        ({"marked": 8, "bright": 9, "dark": 2}, "marked/marked"),  # two of another class are too few
        ({"marked": 8, "bright": -9, "dark": 9}, "bright/marked"),  # a mistake leaves one other class
    ],
)
def test_with_few_classes_pasting_is_held_against_other_places_of_the_source(
    tmp_path: Path, read: list[Path], counts: dict[str, int], cell: str
) -> None:
    case = made(tmp_path, **counts)
    for region, verdict in ((MARK, "confirmed"), (EMPTY, "not confirmed")):
        read.clear()
        found = outcome(case, cell, region, "paste")
        assert (found.verdict, found.control, found.target_name) == (verdict, "other places", "marked")
        assert found.n >= 9 and {len(each.controls) for each in found.effects} == {CONTROLS}
        assert {path.parent.name for path in read[1 :: 2 + CONTROLS]} == {cell.partition("/")[0]}
        assert all(
            len(set(read[start : start + 1 + CONTROLS])) == 1 for start in range(1, len(read), 2 + CONTROLS)
        )
        write_json(tmp_path / "result.json", found.to_json())  # which refuses what is not a number


def test_the_other_places_of_a_source_are_the_same_on_all_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else eight images with one source would count as eight trials."""
    taken: list[tuple[Image.Image, Any]] = []

    def noted(image: Image.Image, region: Any, source: Image.Image, source_region: Any) -> Image.Image:
        taken.append((source, source_region))
        return pasted(image, region, source, source_region)

    monkeypatch.setattr(causal_effects, "pasted", noted)
    found = outcome(made(tmp_path, marked=4, bright=9), "marked/marked", MARK, "paste")
    assert found.n_pieces == 4 and found.n == 9
    places = {(source.tobytes(), place) for source, place in taken}
    assert len(places) == 4 * (1 + CONTROLS)


def test_without_images_to_paste_on_it_says_that_it_cannot_be_tested(tmp_path: Path) -> None:
    found = outcome(made(tmp_path, marked=8, bright=-9), "bright/marked", MARK, "paste")
    assert (found.n, found.verdict) == (0, "cannot be tested")
    assert found.words == "Cannot be tested: there is no image of another class to paste it on"
    write_json(tmp_path / "result.json", found.to_json())


def test_a_control_that_cannot_be_read_does_not_count_and_the_others_do(marked: Case) -> None:
    predictions = marked[1]
    dark = [path for path in predictions.images["path"] if path.startswith("dark")]
    for path in dark[:4]:
        predictions.absolute(path).write_bytes(b"no picture")
    found = outcome(marked, "marked/marked", MARK, "paste")
    assert {len(each.controls) for each in found.effects} >= {CONTROLS - 1, CONTROLS}
    assert found.verdict == "confirmed" and found.control_changed == 0


class _Device(torch.Tensor):
    """As on Apple's chips: no double precision before the tensor is on the CPU."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            found = function(*args, **(kwargs or {}))
            if not isinstance(found, torch.Tensor):
                return found
            if function is torch.Tensor.cpu:
                return found.as_subclass(torch.Tensor)
            if found.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
            return found.as_subclass(cls)


class OnDevice(nn.Module):
    """Answers from such a device."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.module(inputs)
        return answer.as_subclass(_Device)


def test_a_device_without_double_precision_gives_the_same(marked: Case) -> None:
    expected = outcome(marked, "marked/marked", MARK, "cover")
    device = replace(marked[0], module=OnDevice(marked[0].module))
    assert outcome((device, marked[1]), "marked/marked", MARK, "cover") == expected


def test_an_empty_cell_has_no_result_but_no_error_either(marked: Case) -> None:
    for edit in ("cover", "paste"):
        found = outcome(marked, "marked/bright", MARK, edit)
        assert (found.n, found.verdict, found.p) == (0, "cannot be tested", 1)


def test_what_is_pasted_comes_from_the_images_with_most_evidence_there(
    marked: Case,
) -> None:
    maps = maps_of(marked[1], "marked/marked")
    rows = maps.rows("cell")
    maps.maps[rows[[3, 7]], 24:, 24:] = [[[9.0]], [[5.0]]]
    assert strongest_images(maps, marked[1], MARK, 2).tolist() == maps.images[rows[[3, 7]]].tolist()
