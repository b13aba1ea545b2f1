"""What tests of jobs on images share: a workspace, a small network and its predictions of ten pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models.evaluation import EvaluationSpec, opened_network
from models.job_context import JobContext
from models.network import Network
from models.predictions import Predictions, predict
from models.store import Store
from tests.analysis.evaluated import context_of
from tests.models.calibrated import calibrated_module
from tests.models.prediction_samples import CLASSES, pictures


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Jobs give torch other threads: the next test gets the former ones."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def network(tmp_path: Path) -> Network:
    torch.save(calibrated_module("shufflenet_v2_x0_5", len(CLASSES)).state_dict(), tmp_path / "net.pth")
    return opened_network(EvaluationSpec(str(tmp_path / "net.pth"), ".")).with_class_names(CLASSES, "a test")


@pytest.fixture
def made(tmp_path: Path, store: Store, network: Network) -> Predictions:
    """Predictions of ten pictures in ``pictures/`` by the checkpoint ``net.pth``."""
    return predict(network, pictures(tmp_path / "pictures", 10), store=store)


@pytest.fixture
def context(store: Store) -> JobContext:
    return context_of(store)
