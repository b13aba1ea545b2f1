"""One small network in every wrapping that training scripts put around it."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.errors import ClassNamesError, ClassNamesMismatch, PreprocessingError
from models.forward import logits_and_embeddings
from models.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Preprocessing,
    default_preprocessing,
    network_input,
)
from models.state_dicts import found_weights
from tests.models.families import CLASSES, fresh, images_for, small_weights

NAME = "shufflenet_v2_x0_5"
NAMES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu")
State = dict[str, torch.Tensor]


def prefixed(prefix: str, state: State | None = None) -> State:
    return {prefix + key: value for key, value in (state or small_weights()).items()}


def optimizer_state() -> dict[str, Any]:
    parameter = torch.nn.Parameter(torch.zeros(3, 3))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    return optimizer.state_dict()


@pytest.fixture(scope="module")
def expected() -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = fresh(NAME)(images_for(NAME))
    return logits


WRAPPINGS: dict[str, tuple[Callable[[], Any], str]] = {
    "plain": (small_weights, ""),
    "state_dict": (lambda: {"state_dict": small_weights(), "epoch": 3}, 'weights under "state_dict"'),
    "model": (
        lambda: {"model": small_weights(), "optimizer": optimizer_state(), "lr_scheduler": {"last_epoch": 2}},
        'weights under "model"',
    ),
    "model_state_dict": (
        lambda: {"model_state_dict": small_weights(), "optimizer_state_dict": optimizer_state(), "loss": 0.3},
        'weights under "model_state_dict"',
    ),
    "torchvision's script": (
        lambda: {"model": small_weights(), "args": argparse.Namespace(lr=0.1), "epoch": 1},
        'weights under "model"',
    ),
    "data parallel": (lambda: {"state_dict": prefixed("module.")}, 'prefix "module." removed'),
    "compiled": (lambda: prefixed("_orig_mod."), 'prefix "_orig_mod." removed'),
    "compiled and parallel": (lambda: prefixed("module._orig_mod."), 'prefix "module._orig_mod." removed'),
    "any attribute": (lambda: prefixed("my_classifier.backbone."), 'prefix "my_classifier.backbone." removed'),
    "an attribute with a transformer's name": (lambda: prefixed("encoder."), 'prefix "encoder." removed'),
    "lightning": (
        lambda: {
            "pytorch-lightning_version": "2.4.0",
            "state_dict": {
                **prefixed("model."),
                "criterion.weight": torch.ones(CLASSES),
                "train_acc.tp": torch.zeros(CLASSES),
                "val_f1.fp": torch.zeros(CLASSES),
            },
            "optimizer_states": [optimizer_state()],
            "callbacks": {},
        },
        "set aside as no part of the network: criterion.weight, train_acc.tp, val_f1.fp",
    ),
    "averaged beside": (
        lambda: {"model": small_weights(), "model_ema": {**prefixed("module."), "n_averaged": torch.tensor(9)}},
        "another set of weights is not used: model_ema",
    ),
    "averaged within": (
        lambda: {"state_dict": {**prefixed("net."), **prefixed("net_ema.")}},
        "set aside as no part of the network: net_ema.",
    ),
    "averaged alone": (
        lambda: {"model_ema": {**prefixed("module."), "n_averaged": torch.tensor(9)}},
        'weights under "model_ema"',
    ),
    "nested": (lambda: {"checkpoint": {"net": {"state_dict": small_weights()}}}, "checkpoint.net.state_dict"),
    "half": (lambda: {key: each.half() if each.is_floating_point() else each for key, each in small_weights().items()}, "weights in float16, opened as float32"),
    "double": (lambda: {key: each.double() if each.is_floating_point() else each for key, each in small_weights().items()}, "weights in float64, opened as float32"),
    "without counters": (lambda: {key: each for key, each in small_weights().items() if "num_batches" not in key}, "56 counters of batch normalisation are not in the file"),
    "parameters": (lambda: {key: torch.nn.Parameter(each) if each.is_floating_point() else each for key, each in small_weights().items()}, ""),
    "head behind dropout": (
        lambda: {key.replace("fc.", "fc.1."): value for key, value in small_weights().items()},
        "head found as fc.1 in place of fc",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_every_wrapping_opens_and_is_said(wrapping: str, tmp_path: Path, expected: torch.Tensor) -> None:
    make, words = WRAPPINGS[wrapping]
    torch.save(make(), tmp_path / "weights.pth")
    summary = inspect_checkpoint(tmp_path / "weights.pth")
    assert summary.architectures == (NAME,)
    assert (summary.kind, summary.n_classes) == ("state_dict", CLASSES)
    assert words in summary.wrapper
    assert bool(words) == bool(summary.wrapper)
    network = load_checkpoint(tmp_path / "weights.pth")
    with torch.inference_mode():
        logits, _ = logits_and_embeddings(network, images_for(NAME))
    tolerance = 0.03 if wrapping == "half" else 1e-5
    torch.testing.assert_close(logits, expected, rtol=tolerance, atol=tolerance)


def test_old_format_without_zip(tmp_path: Path, expected: torch.Tensor) -> None:
    torch.save(small_weights(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    network = load_checkpoint(tmp_path / "old.pth")
    with torch.inference_mode():
        torch.testing.assert_close(network.module(images_for(NAME)), expected)


def test_safetensors_with_class_names(tmp_path: Path, expected: torch.Tensor) -> None:
    save_file(
        small_weights(), tmp_path / "weights.safetensors", {"classes": json.dumps(NAMES), "format": "pt"}
    )
    network = load_checkpoint(tmp_path / "weights.safetensors")
    assert network.class_names == NAMES
    assert network.class_names_source == 'the checkpoint\'s metadata ("classes")'
    with torch.inference_mode():
        torch.testing.assert_close(network.module(images_for(NAME)), expected)
    assert inspect_checkpoint(tmp_path / "weights.safetensors").wrapper == ""
    save_file(small_weights(), tmp_path / "plain.safetensors")
    assert load_checkpoint(tmp_path / "plain.safetensors").placeholder_names


def test_old_names_of_densenet(tmp_path: Path) -> None:
    """The file that torchvision itself publishes still has these names."""
    densenet = fresh("densenet121").state_dict()
    old = {
        key.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.").replace("conv1.", "conv.1.").replace("conv2.", "conv.2.")
        if "denselayer" in key else key: value
        for key, value in densenet.items()
    }  # fmt: skip
    assert set(old) != set(densenet)
    torch.save(old, tmp_path / "densenet.pth")
    network = load_checkpoint(tmp_path / "densenet.pth")
    assert all(torch.equal(value, densenet[key]) for key, value in network.module.state_dict().items())


def test_old_names_of_vision_transformers() -> None:
    old = {
        "encoder.layers.encoder_layer_3.mlp.linear_1.weight": torch.zeros(2),
        "heads.head.bias": torch.zeros(2),
    }
    found = found_weights(old, {"encoder", "heads"})
    assert list(found.tensors) == ["encoder.layers.encoder_layer_3.mlp.0.weight", "heads.head.bias"]


def test_file_may_be_overwritten_while_the_network_is_in_use(tmp_path: Path) -> None:
    torch.save(small_weights(), tmp_path / "best.pth")
    network = load_checkpoint(tmp_path / "best.pth")
    (tmp_path / "best.pth").write_bytes(b"")
    with torch.inference_mode():
        assert torch.isfinite(network.module(images_for(NAME))).all()


def test_gradients_reach_the_image_and_random_state_stays(tmp_path: Path) -> None:
    torch.save(small_weights(), tmp_path / "weights.pth")
    before = torch.get_rng_state()
    network = load_checkpoint(tmp_path / "weights.pth")
    assert torch.equal(torch.get_rng_state(), before)
    images = images_for(NAME).requires_grad_()
    network.module(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_fingerprint_follows_weights_names_and_preprocessing(tmp_path: Path) -> None:
    torch.save(small_weights(), tmp_path / "weights.pth")
    first = load_checkpoint(tmp_path / "weights.pth")
    again = load_checkpoint(tmp_path / "weights.pth", class_names=NAMES)
    assert first.with_class_names(NAMES, "the image folder").fingerprint == again.fingerprint
    assert first.fingerprint != again.fingerprint
    gray = Preprocessing(64, 64, IMAGENET_MEAN, IMAGENET_STD, grayscale=True)
    other = load_checkpoint(tmp_path / "weights.pth", class_names=NAMES, preprocessing=gray)
    assert again.with_preprocessing(gray).fingerprint == other.fingerprint != again.fingerprint
    assert not again.placeholder_names
    with pytest.raises(ClassNamesMismatch):
        first.with_class_names(NAMES[:3], "the image folder")


SOURCES: dict[str, tuple[str, str]] = {
    "weights.classes.txt": ("\n".join(NAMES), "weights.classes.txt"),
    "weights.json": (json.dumps({name: i for i, name in enumerate(NAMES)}), "weights.json"),
    "classes.txt": ("\n".join(NAMES), "classes.txt"),
    "class_names.json": (json.dumps(NAMES), "class_names.json"),
}


@pytest.mark.parametrize("file", SOURCES)
def test_class_names_beside_the_checkpoint(file: str, tmp_path: Path) -> None:
    content, source = SOURCES[file]
    (tmp_path / file).write_text(content)
    torch.save(small_weights(), tmp_path / "weights.pth")
    network = load_checkpoint(tmp_path / "weights.pth")
    assert (network.class_names, network.class_names_source) == (NAMES, source)


@pytest.mark.parametrize(
    "metadata",
    [
        {"classes": list(NAMES)},
        {"class_to_idx": {name: i for i, name in enumerate(NAMES)}},
        {"idx_to_class": dict(enumerate(NAMES))},
        {"meta": {"classes": NAMES}},
        {"hyper_parameters": {"class_names": list(NAMES), "lr": 0.1}},
    ],
)
def test_class_names_in_the_metadata_come_first(metadata: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("\n".join(reversed(NAMES)))
    torch.save({"state_dict": small_weights(), **metadata}, tmp_path / "weights.pth")
    assert load_checkpoint(tmp_path / "weights.pth").class_names == NAMES
    torch.save({**small_weights(), "classes": list(NAMES)}, tmp_path / "within.pth")
    assert load_checkpoint(tmp_path / "within.pth").class_names == NAMES


def test_class_names_given_come_before_all(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(reversed(NAMES)))
    torch.save({"state_dict": small_weights(), "classes": list(NAMES)}, tmp_path / "weights.pth")
    network = load_checkpoint(tmp_path / "weights.pth", class_names=tmp_path / "names.txt")
    assert network.class_names == tuple(reversed(NAMES))
    assert network.class_names_source == "names.txt"


def test_without_names_there_are_placeholders_that_say_so(tmp_path: Path) -> None:
    torch.save(small_weights(), tmp_path / "weights.pth")
    (tmp_path / "weights.json").write_text('{"epochs": 3, "accuracy": 0.9}')
    network = load_checkpoint(tmp_path / "weights.pth")
    assert network.placeholder_names
    assert network.class_names[:2] == ("class_0", "class_1")
    summary = inspect_checkpoint(tmp_path / "weights.pth")
    assert summary.class_names is None
    assert "class_0" in summary.class_names_source


def test_names_that_do_not_fit_stop_loading_but_not_the_preview(tmp_path: Path) -> None:
    (tmp_path / "weights.classes.txt").write_text("ant\nbee")
    torch.save(small_weights(), tmp_path / "weights.pth")
    with pytest.raises(ClassNamesMismatch, match=r"7 outputs, but weights.classes.txt holds 2 class names"):
        load_checkpoint(tmp_path / "weights.pth")
    summary = inspect_checkpoint(tmp_path / "weights.pth")
    assert summary.class_names is None
    assert "7 outputs" in summary.class_names_source
    assert load_checkpoint(tmp_path / "weights.pth", class_names=NAMES).class_names == NAMES
    with pytest.raises(ClassNamesError, match="repeated"):
        load_checkpoint(tmp_path / "weights.pth", class_names=["ant"] * 7)


def test_preprocessing_given_saved_inside_beside_or_default(tmp_path: Path) -> None:
    recipes = [Preprocessing(side, side, IMAGENET_MEAN, IMAGENET_STD) for side in (64, 72, 80)]
    path = tmp_path / "weights.pth"
    torch.save(small_weights(), path)
    assert load_checkpoint(path).preprocessing == default_preprocessing(NAME)
    (tmp_path / "weights.preprocessing.json").write_text(json.dumps(recipes[0].to_json()))
    assert load_checkpoint(path).preprocessing == recipes[0]
    torch.save({"model": small_weights(), "preprocessing": recipes[1].to_json()}, path)
    assert load_checkpoint(path).preprocessing == recipes[1]
    assert load_checkpoint(path, preprocessing=recipes[2]).preprocessing == recipes[2]
    torch.save({"model": small_weights(), "preprocessing": {"resize": 3}}, path)
    with pytest.raises(PreprocessingError, match="lacks crop, mean, std"):
        load_checkpoint(path)


def test_summary_holds_what_a_person_wants_to_see(tmp_path: Path) -> None:
    torch.save({"arch": NAME, "state_dict": small_weights()}, tmp_path / "weights.pth")
    summary = inspect_checkpoint(str(tmp_path / "weights.pth"))
    assert summary.n_weights == sum(each.numel() for each in fresh(NAME).parameters())
    assert summary.size_bytes == (tmp_path / "weights.pth").stat().st_size
    assert summary.preprocessing == default_preprocessing(NAME)


def test_recognition_is_quick(tmp_path: Path) -> None:
    torch.save(fresh("densenet121").state_dict(), tmp_path / "weights.pth")
    inspect_checkpoint(tmp_path / "weights.pth")
    started = time.process_time()
    inspect_checkpoint(tmp_path / "weights.pth")
    assert time.process_time() - started < 1


@pytest.mark.real
def test_real_checkpoint_opens_by_itself_and_is_right(real: Path) -> None:
    network = load_checkpoint(real / "weights" / "mobilenet_v2_pets34.pth")
    assert network.architecture == "mobilenet_v2"
    assert len(network.class_names) == 34
    assert network.class_names_source == "mobilenet_v2_pets34.classes.txt"
    breeds = ("samoyed", "Persian", "pug", "Sphynx")
    images, labels = [], []
    for breed in breeds:
        for file in sorted((real / "pets" / "val" / breed).iterdir())[:3]:
            with Image.open(file) as image:
                images.append(network_input(image, network.preprocessing))
            labels.append(network.class_names.index(breed))
    with torch.inference_mode():
        logits, _ = logits_and_embeddings(network, torch.stack(images))
    assert (logits.argmax(1) == torch.tensor(labels)).float().mean() >= 0.9


@pytest.mark.real
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_real_imagenet_weights_open(name: str, real: Path) -> None:
    summary = inspect_checkpoint(real / "weights" / f"{name}_imagenet.pth")
    assert (summary.architectures, summary.n_classes) == ((name,), 1000)
