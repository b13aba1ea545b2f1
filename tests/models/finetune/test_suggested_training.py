from pathlib import Path

import pandas as pd
import pytest

from models.evaluation_spec import EvaluationSpec
from models.finetune.spec import TrainingImages
from models.finetune.suggested_training import suggested_training
from tests.models.image_files import write_images


def _suggested(images: Path, split: str | None = None) -> TrainingImages | None:
    return suggested_training(EvaluationSpec("net.pth", str(images), split=split))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    splits = ("train", "val", "test")
    names = [f"{split}/{label}/1.png" for split in splits for label in ("cat", "dog")]
    return write_images(tmp_path / "pets", names)


def test_folders_beside_the_open_one(pets: Path) -> None:
    found = TrainingImages(str(pets / "train"), None, str(pets / "test"))
    assert _suggested(pets / "val") == found
    assert _suggested(pets / "test") == TrainingImages(str(pets / "train"))


def test_splits_of_the_open_folder(pets: Path) -> None:
    assert _suggested(pets, "val") == TrainingImages(str(pets), "train", str(pets), "test")


def test_training_images_that_are_open_suggest_no_others(pets: Path) -> None:
    assert _suggested(pets / "train") is None
    assert _suggested(pets) is None  # all splits together
    assert _suggested(pets, "train") == TrainingImages(None, None, str(pets), "test")


def test_a_folder_of_other_classes_is_not_suggested(pets: Path) -> None:
    write_images(pets.parent / "other/val", ["car/1.png", "bus/1.png"])
    (pets.parent / "other/train/cat").mkdir(parents=True)
    assert _suggested(pets.parent / "other/val") is None


def test_other_spellings(tmp_path: Path) -> None:
    write_images(tmp_path / "Training", ["cat/1.png", "dog/1.png"])
    write_images(tmp_path / "Validation", ["cat/1.png", "dog/1.png"])
    assert _suggested(tmp_path / "Validation") == TrainingImages(str(tmp_path / "Training"))


def test_splits_of_a_table(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(6)]
    write_images(tmp_path, names)
    splits = ["train", "train", "val", "val", "test", "test"]
    table = pd.DataFrame({"path": names, "label": ["cat", "dog"] * 3, "split": splits})
    table.to_csv(tmp_path / "images.csv", index=False)
    file = tmp_path / "images.csv"
    assert _suggested(file, "val") == TrainingImages(str(file), "train", str(file), "test")
    assert _suggested(file) is None


def test_images_that_are_gone_suggest_nothing(tmp_path: Path) -> None:
    assert _suggested(tmp_path / "nowhere" / "val") is None
    assert _suggested(tmp_path / "nowhere", "val") is None
