"""One picture alone gets the answer it got within an evaluation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.one_image import class_probabilities
from analysis.picture_edits import covered, kept_picture
from models.checkpoint import load_checkpoint
from models.decoding import decoded
from models.errors import ImagesError
from models.images import open_image_set
from models.network import Network
from models.predictions import predict
from models.store import Store
from tests.conftest import SAMPLE


@pytest.fixture(scope="module")
def network() -> Network:
    return load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")


def test_the_probabilities_are_those_of_the_evaluation(network: Network) -> None:
    images = open_image_set(SAMPLE / "pets" / "test")
    made = predict(network, images)
    assert made.probabilities is not None
    for path, expected in zip(made.images["path"][:4], made.probabilities[:4], strict=True):
        found = class_probabilities(network, made.absolute(path))
        assert found.shape == (len(network.class_names),) and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_an_edited_picture_has_an_answer_of_its_own(network: Network, tmp_path: Path) -> None:
    path = next((SAMPLE / "pets" / "test").rglob("*.jpg"))
    picture = decoded(path)
    same = kept_picture(Store(tmp_path), picture, path.name)
    hidden = kept_picture(Store(tmp_path), covered(picture, (0, 0, 1, 1), fill="grey"), path.name)
    before = class_probabilities(network, path)
    assert class_probabilities(network, same).argmax() == before.argmax()
    assert np.abs(class_probabilities(network, hidden) - before).max() > 0.05


def test_no_gradient_is_recorded_and_nothing_is_left(network: Network) -> None:
    path = next((SAMPLE / "pets" / "test").rglob("*.jpg"))
    class_probabilities(network, path)
    assert all(each.grad is None for each in network.module.parameters())
    assert not torch.is_inference_mode_enabled()


def test_a_device_without_doubles_answers_too(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    path = next((SAMPLE / "pets" / "test").rglob("*.jpg"))
    expected, cpu, copies = class_probabilities(network, path), torch.Tensor.cpu, list[torch.Tensor]()
    double = torch.Tensor.double

    def copied(tensor: torch.Tensor) -> torch.Tensor:
        copies.append(cpu(tensor))
        return copies[-1]

    def refused(tensor: torch.Tensor) -> torch.Tensor:
        if not any(tensor is each for each in copies):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return double(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", copied)
    monkeypatch.setattr(torch.Tensor, "double", refused)
    np.testing.assert_array_equal(class_probabilities(network, path), expected)


def test_a_file_that_is_no_picture_is_refused(network: Network, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(ImagesError):
        class_probabilities(network, tmp_path / "notes.jpg")
