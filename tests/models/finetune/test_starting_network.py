"""The network that a training starts from: its classes, its head, and whether it can be opened again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.checkpoint import load_checkpoint
from models.errors import TrainingError
from models.evaluation_spec import EvaluationSpec
from models.finetune import small_cnn
from models.finetune import starting_network as module_of_it
from models.finetune.recipe import Recipe
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.starting_network import StartingNetwork, starting_network
from models.images import open_image_set
from models.network import Network
from models.own_networks import checkpoint_content
from models.preprocessing import Preprocessing
from tests.models.calibrated import HEADS
from tests.models.families import fresh, images_for
from tests.models.finetune.planted_images import (
    CLASSES,
    PREPROCESSING,
    coloured_folder,
    planted_spec,
    save_start,
)
from tests.models.finetune.training_samples import same


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    coloured_folder(folder / "val", 1, 0)
    coloured_folder(folder / "train", 1, 10)
    return folder


def started(
    images: Path, names: tuple[str, ...], recipe: Recipe | None = None, **changes: str
) -> StartingNetwork:
    """From a checkpoint of some classes, on images of ``CLASSES``."""
    save_start(images / "start.pth", names)
    spec = planted_spec(images)
    spec = replace(
        spec,
        recipe=recipe or spec.recipe,
        training=TrainingImages(**{"path": str(images / "train"), **changes}),
    )
    return starting_network(spec, open_image_set(images / "val"))


def head_of(start: StartingNetwork) -> torch.Tensor:
    weight = start.module.get_submodule(start.head).weight
    assert isinstance(weight, torch.Tensor)
    return weight


@pytest.mark.parametrize("names", [CLASSES, CLASSES[::-1], ("ape", *CLASSES, "zoo")])
def test_a_network_that_knows_all_labels_keeps_its_classes_and_its_head(
    names: tuple[str, ...], images: Path
) -> None:
    start = started(images, names)
    assert start.class_names == names and not start.has_new_head
    opened = load_checkpoint(images / "start.pth").module
    assert same(dict(start.module.state_dict()), dict(opened.state_dict()))
    assert all(each.requires_grad for each in start.module.parameters())


@pytest.mark.parametrize("names", [("cat", "dog", "fox"), ("blue", "green"), ("Blue", "green", "red")])
def test_one_that_does_not_gets_a_head_for_the_labels(names: tuple[str, ...], images: Path) -> None:
    start = started(images, names)
    assert start.class_names == CLASSES and start.has_new_head
    assert len(head_of(start)) == len(CLASSES)


def test_labels_that_only_training_images_have_come_last(images: Path, tmp_path: Path) -> None:
    coloured_folder(tmp_path, 1, 20, ("blue", "grey", "red"))
    start = started(images, CLASSES, path=str(tmp_path))
    assert start.class_names == ("blue", "green", "red", "grey") and start.has_new_head


def test_a_head_is_new_where_it_is_asked_for(images: Path) -> None:
    names = (*CLASSES, "zoo")
    asked = started(images, names, Recipe(new_head=True, seed=3))
    assert asked.class_names == names and asked.has_new_head
    other = started(images, names, Recipe(new_head=True, seed=4))
    assert same(
        dict(asked.module.state_dict()),
        dict(started(images, names, Recipe(new_head=True, seed=3)).module.state_dict()),
    )
    assert not torch.equal(head_of(asked), head_of(other))
    hidden = started(images, names, Recipe(hidden=(5,), dropout=0.4))
    assert hidden.has_new_head and hidden.plan.hidden == (5,) and hidden.plan.dropout == 0.4


@pytest.mark.parametrize(("n_classes", "expected"), [(3, False), (4, True), (2, True)])
def test_a_network_without_names_takes_those_of_as_many_labels(
    n_classes: int, expected: bool, images: Path, tmp_path: Path
) -> None:
    torch.save(fresh("shufflenet_v2_x0_5", n_classes).state_dict(), tmp_path / "bare.pth")
    start = EvaluationSpec(str(tmp_path / "bare.pth"), str(images / "val"))
    spec = replace(planted_spec(images), start=start)
    found = starting_network(spec, open_image_set(images / "val"))
    assert (found.class_names, found.has_new_head) == (CLASSES, expected)
    # a fourth label, which only the training images have: which of four logits is it?
    coloured_folder(tmp_path / "train", 1, 30, (*CLASSES, "grey"))
    more = replace(spec, training=TrainingImages(str(tmp_path / "train")))
    assert starting_network(more, open_image_set(images / "val")).has_new_head


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "squeezenet1_1"])
def test_every_family_starts_and_is_opened_again(
    name: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a new head; GoogLeNet and Inception without their extra ones."""
    module, batch = fresh(name), images_for(name)
    side = batch.shape[-1]
    network = Network(
        module, tuple(map(str, range(7))), Preprocessing(side, side, (0.5,) * 3, (0.25,) * 3), name, "", Path(name),
        head=HEADS[name],
    )  # fmt: skip
    monkeypatch.setattr(module_of_it, "opened_network", lambda _: network)
    start = starting_network(planted_spec(images), open_image_set(images / "val"))
    assert start.has_new_head and start.input_size == (side, side)
    assert not any(key.startswith("aux") or key.startswith("Aux") for key in start.module.state_dict())
    with torch.no_grad():
        expected = start.module(batch)
        assert module(batch).shape == (2, 7)  # the opened one is as it was
    assert expected.shape == (2, 3)
    torch.save(
        checkpoint_content(start.module, start.plan, start.class_names, start.preprocessing),
        tmp_path / "it.pth",
    )
    again = load_checkpoint(tmp_path / "it.pth")
    with torch.no_grad():
        assert torch.equal(again.module(batch), expected)


def scratch(images: Path, start: EvaluationSpec) -> StartingNetwork:
    spec = FinetuneSpec(
        start,
        start,
        TrainingImages(str(images / "train")),
        Recipe("scratch", seed=5),
        planted_spec(images).augmentation,
    )
    return starting_network(spec, open_image_set(images / "val"))


def test_from_scratch_only_the_preprocessing_is_taken(images: Path, tmp_path: Path) -> None:
    save_start(tmp_path / "start.pth", ("cat", "dog"))
    beside = scratch(images, EvaluationSpec(str(tmp_path / "start.pth"), str(images / "val")))
    assert beside.preprocessing == PREPROCESSING and beside.input_size == (32, 32)
    assert beside.class_names == CLASSES and beside.architecture == "small_cnn" and beside.has_new_head
    table = EvaluationSpec.of_predictions(tmp_path / "none.csv", images / "val")
    assert scratch(images, table).input_size == small_cnn.PREPROCESSING.input_size()
    given = replace(table, preprocessing=replace(PREPROCESSING, resize=48, crop=(40, 48)).to_json())
    assert scratch(images, given).input_size == (40, 48)
    assert same(
        dict(scratch(images, given).module.state_dict()), dict(scratch(images, table).module.state_dict())
    )


def test_pictures_too_small_for_the_small_cnn_are_refused(images: Path, tmp_path: Path) -> None:
    table = EvaluationSpec.of_predictions(tmp_path / "none.csv", images / "val")
    tiny = replace(table, preprocessing=replace(PREPROCESSING, resize=28, crop=28).to_json())
    with pytest.raises(TrainingError, match="32 pixels or more, and the preprocessing gives 28 x 28"):
        scratch(images, tiny)
