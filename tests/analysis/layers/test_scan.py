"""The look through all images: against plain hooks, with planted channels, stopped and taken up again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from analysis.layers.channel_facts import ChannelFacts
from analysis.layers.scan import _with_vectors, scan_steps
from analysis.layers.scan_record import PEAKS, LayerScan, saved_scan, scan_folder
from models.errors import ErrorscopeError
from models.evaluation import EvaluationSpec
from models.image_input import image_input
from models.network import Network
from models.open_networks import shared_network
from models.store import Store
from tests.analysis.evaluated import Evaluated, context_of, driven
from tests.models.calibrated import calibrated_module

N_IMAGES, SIDE = 11, 96
SPOT = (7, 64, 16)
"""Image with the planted spot, and the row and column of its corner."""
DEAD, DETECTOR = 3, 5


def _pictures(folder: Path) -> None:
    draws = np.random.default_rng(0)
    for i in range(N_IMAGES):
        pixels = draws.integers(60, 120, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[..., 0] = pixels[..., 1]  # as much red as green: the detector is silent
        if i == SPOT[0]:
            pixels[SPOT[1] : SPOT[1] + 16, SPOT[2] : SPOT[2] + 16] = (255, 0, 0)
        (folder / f"class_{i % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"class_{i % 2}" / f"{i:02}.png")


def _planted() -> dict[str, Tensor]:
    """A ResNet whose first layer has a channel that never moves, and one that answers red without green."""
    module = calibrated_module("resnet18", 2)
    norm = module.get_submodule("bn1")
    conv = module.get_submodule("conv1")
    with torch.no_grad():
        norm.weight[DEAD], norm.bias[DEAD] = 0.5, -1000.0  # never above 0
        conv.weight[DETECTOR] = 0
        conv.weight[DETECTOR, :, 2:5, 2:5] = torch.tensor([1.0, -1.0, 0.0])[:, None, None]
        norm.running_mean[DETECTOR], norm.running_var[DETECTOR] = 0.0, 1.0
        norm.weight[DETECTOR], norm.bias[DETECTOR] = 1.0, 0.0
    return module.state_dict()


class Case(Evaluated):
    def __init__(self, folder: Path) -> None:
        _pictures(folder / "pictures")
        torch.save(_planted(), folder / "net.pth")
        preprocessing = {
            "resize": SIDE, "crop": SIDE, "mean": [0.5] * 3, "std": [0.25] * 3,
            "interpolation": "bilinear", "grayscale": False,
        }  # fmt: skip
        super().__init__(
            Store(folder / "workspace"),
            EvaluationSpec(
                str(folder / "net.pth"), str(folder / "pictures"), architecture="resnet18",
                preprocessing=preprocessing,
            ),
        )  # fmt: skip

    @property
    def job(self) -> dict[str, object]:
        return {"evaluation": self.evaluation.to_json(), "predictions": self.fingerprint}

    def scan(self) -> LayerScan:
        driven(scan_steps(self.job, context_of(self.store)))
        found = saved_scan(self.store, self.fingerprint)
        assert found is not None
        return found

    def network(self) -> Network:
        return shared_network(self.evaluation, self.predictions)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("scan"))


def _hooked(case: Case, module: str) -> list[Tensor]:
    """What a module gives for each image, one by one, by torch's own hook on a copy."""
    import copy

    network = case.network()
    twin, found = copy.deepcopy(network.module), []
    twin.get_submodule(module).register_forward_hook(lambda *given: found.append(given[-1][0].clone()))
    predictions = case.predictions
    with torch.no_grad():
        for path in predictions.images["path"]:
            twin(image_input(predictions.absolute(path), network.preprocessing)[None])
    return found


def test_it_says_of_a_block_what_a_hook_sees(case: Case) -> None:
    scan = case.scan()
    layer = scan.layer("layer2.1")
    assert layer is not None and layer.is_block and layer.n_channels == 128 and layer.places == (12, 12)
    values = torch.stack(_hooked(case, "layer2.1"))
    channels = layer.channels
    np.testing.assert_allclose(scan.low[channels], values.amin((0, 2, 3)), atol=1e-4)
    np.testing.assert_allclose(scan.high[channels], values.amax((0, 2, 3)), atol=1e-4)
    np.testing.assert_allclose(scan.mean[channels], values.mean((0, 2, 3)), atol=1e-4)
    np.testing.assert_allclose(scan.active[channels], (values > 0).float().mean((0, 2, 3)), atol=1e-3)
    vectors = scan.vectors_of(layer)
    assert vectors is not None
    np.testing.assert_allclose(vectors, values.mean((2, 3)), rtol=2e-3, atol=2e-3)
    highest = values.amax((2, 3))
    largest, images = highest.topk(PEAKS, dim=0)
    np.testing.assert_allclose(scan.peak_values[channels], largest.T, atol=1e-4)
    assert (scan.peak_images[channels] == images.T.numpy()).mean() > 0.99  # ties apart
    row, column = scan.peak_places[channels][0, 0]
    assert values[images[0, 0], 0, row, column] == pytest.approx(float(largest[0, 0]), abs=1e-4)


def test_the_planted_channel_that_never_moves_is_found_and_no_other(case: Case) -> None:
    scan = case.scan()
    layer = scan.layer("conv1")
    assert layer is not None and layer.activation == "relu"
    assert scan.still(layer).tolist() == [DEAD]
    assert scan.active[layer.channels][DEAD] == 0


def test_the_planted_pattern_is_what_its_channel_answers_most(case: Case) -> None:
    scan = case.scan()
    layer = scan.layer("conv1")
    assert layer is not None
    at = layer.first_channel + DETECTOR
    names = case.predictions.images["path"]
    assert names.iloc[scan.peak_images[at, 0]].endswith(f"{SPOT[0]:02}.png")
    row, column = scan.peak_places[at, 0] * 2  # its stride
    assert SPOT[1] - 2 <= row < SPOT[1] + 18 and SPOT[2] - 2 <= column < SPOT[2] + 18
    assert scan.peak_values[at, 0] > 5 * max(0.01, scan.peak_values[at, 1])


def test_the_head_is_no_layer_and_each_is_named_once(case: Case) -> None:
    names = [each.name for each in case.scan().layers]
    assert "fc" not in names and len(set(names)) == len(names)
    assert names[0] == "conv1" and names[-1] == "layer4.1"


def test_stopped_and_taken_up_it_is_the_same(
    tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.prediction_pipeline.images_at_once", lambda _: 4)
    other = Case(tmp_path)
    steps = scan_steps(other.job, context_of(other.store))
    for progress in steps:
        if progress.done >= 4:
            break
    steps.close()
    folder = scan_folder(other.store, other.fingerprint)
    assert (folder / "state.pt").exists() and saved_scan(other.store, other.fingerprint) is None
    _, seen = driven(scan_steps(other.job, context_of(other.store)))
    counted = [each.done for each in seen if each.total == N_IMAGES]
    assert counted[0] == 4 and counted[-1] == N_IMAGES
    found, whole = saved_scan(other.store, other.fingerprint), case.scan()
    assert found is not None and not (folder / "state.pt").exists()
    for name in ("low", "high", "mean", "active", "peak_values"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found.vectors, whole.vectors)


def test_what_was_kept_and_is_damaged_is_begun_anew(tmp_path: Path) -> None:
    other = Case(tmp_path)
    folder = scan_folder(other.store, other.fingerprint)
    folder.mkdir(parents=True)
    (folder / "state.pt").write_bytes(b"torn")
    assert other.scan().n_images == N_IMAGES


def test_of_images_that_reach_the_same_limit_the_one_that_does_in_most_places_comes_first() -> None:
    facts = ChannelFacts(2)
    values = torch.zeros(PEAKS + 5, 2, 4, 4)
    for i in range(len(values)):
        values[i, 0].view(-1)[: i + 1] = 6.0
    for rows in torch.arange(len(values)).split(4):
        facts.add(values[rows], rows)
    assert facts.arrays()["peak_images"][0].tolist() == list(range(len(values) - 1, 4, -1))
    assert (facts.arrays()["peak_values"][0] == 6).all()


def test_an_image_that_went_is_named_and_the_others_are_looked_at(tmp_path: Path) -> None:
    other = Case(tmp_path)
    gone = other.predictions.images["path"].iloc[4]
    other.predictions.absolute(gone).unlink()
    scan = other.scan()
    assert [row for row, _ in scan.unreadable] == [4] and scan.unreadable[0][1]
    missing = np.isnan(np.asarray(scan.vectors, np.float32)).all(1)
    assert np.flatnonzero(missing).tolist() == [4]
    assert not (scan.peak_images == 4).any()


def test_where_no_image_is_left_it_says_so(tmp_path: Path) -> None:
    other = Case(tmp_path)
    for path in other.predictions.images["path"]:
        other.predictions.absolute(path).unlink()
    with pytest.raises(ErrorscopeError, match="None of the images can be read"):
        other.scan()


def test_a_damaged_record_is_looked_for_again(tmp_path: Path) -> None:
    other = Case(tmp_path)
    other.scan()
    (scan_folder(other.store, other.fingerprint) / "low.npy").write_bytes(b"no array")
    assert saved_scan(other.store, other.fingerprint) is None
    assert other.scan().n_images == N_IMAGES


@pytest.mark.parametrize("n_images", [100, 100_000, 3_000_000])
def test_the_vectors_that_are_kept_are_bounded(n_images: int) -> None:
    layers = {f"layer{i}": (2 ** (5 + i // 8), i % 4 == 3) for i in range(40)}
    kept = _with_vectors(layers, n_images)
    assert kept and "layer39" in kept
    size = sum(layers[name][0] for name in kept) * n_images * 2
    assert size <= 512 * 2**20 or len(kept) == 1
