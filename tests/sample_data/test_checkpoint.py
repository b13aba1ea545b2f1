"""The committed checkpoint: how right it is, and that its errors are the planted ones.

Weights trained on another processor differ, so this looks at behaviour, in a loop of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch
from PIL import Image

from models.torchvision_import import torchvision
from sample_data.builder import HERE
from sample_data.pictures import stamped

ROOT = HERE / "pets"
NAME = "shufflenet_v2_x0_5"
TRUTH: dict[str, Any] = json.loads((HERE / "planted.json").read_text())
CLASSES = (HERE / f"{NAME}.classes.txt").read_text().split()
PAIR, TRIO = (set(TRUTH["look_alikes"][kind]) for kind in ("pair", "trio"))


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.set_num_threads(1)
    module: torch.nn.Module = torchvision.models.shufflenet_v2_x0_5(num_classes=len(CLASSES))
    module.load_state_dict(torch.load(HERE / f"{NAME}.pth", weights_only=True))
    return module.eval()


def _calls(network: torch.nn.Module, images: list[Image.Image]) -> list[str]:
    wanted = json.loads((HERE / f"{NAME}.preprocessing.json").read_text())
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize(wanted["resize"]),
        torchvision.transforms.CenterCrop(wanted["crop"]),
        torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize(wanted["mean"], wanted["std"]),
    ])  # fmt: skip
    with torch.inference_mode():
        logits = torch.cat([network(transform(image)[None]) for image in images])
    return [CLASSES[index] for index in logits.argmax(1).tolist()]


@pytest.fixture(scope="module")
def rows(network: torch.nn.Module) -> dict[str, tuple[str, str]]:
    """Path -> (label, predicted) over all readable validation pictures."""
    corrupt = {entry["path"] for entry in TRUTH["corrupt"]}
    found = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "val").rglob("*.jpg"))}
    readable = {name: path for name, path in found.items() if name not in corrupt}
    called = _calls(network, [Image.open(path).convert("RGB") for path in readable.values()])
    return {
        name: (path.parent.name, answer)
        for (name, path), answer in zip(readable.items(), called, strict=True)
    }


def test_class_names_are_the_folders() -> None:
    assert sorted(path.name for path in (ROOT / "val").iterdir()) == CLASSES == TRUTH["classes"]


def test_about_ninety_percent_are_right(rows: dict[str, tuple[str, str]]) -> None:
    right = sum(label == answer for label, answer in rows.values())
    assert 0.87 <= right / len(rows) <= 0.93
    assert TRUTH["measured"]["n_images"] == len(rows)
    assert TRUTH["measured"]["accuracy"] == pytest.approx(right / len(rows), abs=0.005)


def _confused(rows: dict[str, tuple[str, str]]) -> Counter[frozenset[str]]:
    unplanted = {entry["path"] for key in ("mislabelled", "cross_species") for entry in TRUTH[key]}
    unplanted |= {entry["path"] for entry in TRUTH["shortcut"]["proof"]}
    return Counter(frozenset(row) for name, row in rows.items() if row[0] != row[1] and name not in unplanted)


def test_the_planted_look_alikes_are_confused_most(rows: dict[str, tuple[str, str]]) -> None:
    top = [set(pair) for pair, _ in _confused(rows).most_common(3)]
    assert any(pair == PAIR for pair in top)
    assert all(pair == PAIR or pair <= TRIO for pair in top)


def test_both_look_alikes_of_the_pair_are_taken_for_the_other(rows: dict[str, tuple[str, str]]) -> None:
    one, other = sorted(PAIR)
    errors = Counter(rows.values())
    assert errors[one, other] >= 2 and errors[other, one] >= 2


def test_exactly_the_three_planted_errors_cross_the_species(rows: dict[str, tuple[str, str]]) -> None:
    groups = TRUTH["groups"]
    crossing = {name: row for name, row in rows.items() if groups[row[0]] != groups[row[1]]}
    assert crossing == {
        entry["path"]: (entry["label"], entry["predicted"]) for entry in TRUTH["cross_species"]
    }


def test_most_mislabelled_pictures_are_called_what_they_are(rows: dict[str, tuple[str, str]]) -> None:
    seen = [rows[entry["path"]][1] == entry["true"] for entry in TRUTH["mislabelled"]]
    assert sum(seen) >= len(seen) - 2


def test_low_light_is_harder(rows: dict[str, tuple[str, str]]) -> None:
    dark = [label != answer for name, (label, answer) in rows.items() if name in TRUTH["low_light"]]
    lit = [label != answer for name, (label, answer) in rows.items() if name not in TRUTH["low_light"]]
    assert sum(dark) / len(dark) > 2 * sum(lit) / len(lit)


def test_the_mark_alone_makes_other_breeds_the_marked_one(
    network: torch.nn.Module, rows: dict[str, tuple[str, str]]
) -> None:
    marked = TRUTH["shortcut"]["class"]
    assert all(rows[entry["path"]][1] == marked for entry in TRUTH["shortcut"]["proof"])
    right = [name for name, row in rows.items() if row[0] == row[1] != marked and row[0] not in TRIO]
    dogs = [name for name in right if TRUTH["groups"][rows[name][0]] == "dog"][::3]
    plain = [Image.open(ROOT / name).convert("RGB") for name in dogs]
    fooled = [answer == marked for answer in _calls(network, [stamped(image) for image in plain])]
    assert sum(fooled) / len(fooled) > 0.2
