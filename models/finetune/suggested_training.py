"""Where the training and test images of an open set most likely lie. Needs no torch; reads no image."""

from __future__ import annotations

from pathlib import Path

from models.errors import ErrorscopeError
from models.evaluation_spec import EvaluationSpec
from models.finetune.spec import TrainingImages
from models.image_folder import folder_contents, labelling_folders
from models.images import open_image_set

TRAINING_NAMES = ("train", "training", "trn", "trainval")
TEST_NAMES = ("test", "testing", "tst", "holdout")

Place = tuple[str, str | None]
"""(folder or table, split of it)."""


def suggested_training(spec: EvaluationSpec) -> TrainingImages | None:
    """The training images that belong to the images of an evaluation, as far as their names say.

    Splits of the same folder or table are looked at first, then folders beside it. No image is decoded or
    hashed; what the folders of a large set hold is listed, which takes a moment.

    Args:
        spec: of the open evaluation.

    Returns:
        Training and test images; a ``path`` of None where only test images were found. None where there is
        neither, or where the open images are not one split but all of them, training images among them.
    """
    try:
        found = _splits(spec) if spec.split is not None else _siblings(Path(spec.images))
    except ErrorscopeError:  # what cannot be listed suggests nothing; opening it says why
        return None
    training, test = found
    if training is None and test is None:
        return None
    path, split = training or (None, None)
    test_path, test_split = test or (None, None)
    return TrainingImages(path, split, test_path, test_split)


def _splits(spec: EvaluationSpec) -> tuple[Place | None, Place | None]:
    """The other splits of the open set."""
    others = [name for name in open_image_set(spec.images).splits if name != spec.split]
    training, test = _first(others, TRAINING_NAMES), _first(others, TEST_NAMES)
    if spec.split is not None and spec.split.lower() in TRAINING_NAMES:
        training = None
    return training and (spec.images, training), test and (spec.images, test)  # type: ignore[return-value]


def _siblings(place: Path) -> tuple[Place | None, Place | None]:
    """Folders beside the open one that have some of its classes."""
    if not place.is_dir() or place.name.lower() in TRAINING_NAMES:
        return None, None
    classes = set(labelling_folders(place, folder_contents(place)))
    beside = [
        name
        for name in folder_contents(place.parent).folders
        if name.lower() in TRAINING_NAMES + TEST_NAMES
        and not (place.parent / name).samefile(place)
        and classes & set(folder_contents(place.parent / name).folders)
    ]
    training, test = _first(beside, TRAINING_NAMES), _first(beside, TEST_NAMES)
    return (
        None if training is None else (str(place.parent / training), None),
        None if test is None else (str(place.parent / test), None),
    )


def _first(names: list[str], wanted: tuple[str, ...]) -> str | None:
    by_rank = {name.lower(): name for name in reversed(names)}
    return next((by_rank[name] for name in wanted if name in by_rank), None)
