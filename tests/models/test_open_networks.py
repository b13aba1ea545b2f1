"""Networks that pages and jobs share."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import open_networks
from models.errors import CheckpointError
from models.evaluation import EvaluationSpec, opened_network
from models.open_networks import KEPT, shared_network
from models.predictions import Predictions, predict
from models.store import Store
from tests.models.calibrated import calibrated_module
from tests.models.prediction_samples import CLASSES, pictures


@pytest.fixture(autouse=True)
def nothing_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    open_networks._open.clear()
    yield
    open_networks._open.clear()


@pytest.fixture
def spec(tmp_path: Path) -> EvaluationSpec:
    torch.save(calibrated_module("shufflenet_v2_x0_5", len(CLASSES)).state_dict(), tmp_path / "net.pth")
    return EvaluationSpec(str(tmp_path / "net.pth"), str(tmp_path / "pictures"))


@pytest.fixture
def made(spec: EvaluationSpec, tmp_path: Path) -> Predictions:
    images = pictures(tmp_path / "pictures", 10)
    network = opened_network(spec).with_class_names(images.class_names, "the images")
    return predict(network, images, store=Store(tmp_path / "workspace"))


def test_everybody_gets_the_same_network(spec: EvaluationSpec, made: Predictions) -> None:
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(lambda _: shared_network(spec, made), range(4)))
    assert len({id(network) for network in networks}) == 1
    assert networks[0].class_names == made.class_names
    assert networks[0].fingerprint == made.network_fingerprint


def test_the_oldest_is_closed(
    spec: EvaluationSpec, made: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shared_network(spec, made)
    for place in range(KEPT):
        monkeypatch.setattr(open_networks, "_opened", lambda *_: first)
        shared_network(replace(spec, limit=place + 1), made)
    monkeypatch.undo()
    assert len(open_networks._open) == KEPT
    assert shared_network(spec, made) is not first


def test_a_checkpoint_that_changed_is_refused(spec: EvaluationSpec, made: Predictions) -> None:
    other = calibrated_module("shufflenet_v2_x0_5", len(CLASSES), seed=1)
    torch.save(other.state_dict(), spec.checkpoint)
    os.utime(spec.checkpoint, (1, 1))
    with pytest.raises(CheckpointError, match="has changed since it made these predictions") as caught:
        shared_network(spec, made)
    assert "Open the model and images again" in caught.value.next_step
