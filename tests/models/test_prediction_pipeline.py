"""Who computes when: several threads on a processor, one at a time on a GPU, none once it is stopped."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import models.prediction_pipeline
from models.batch_forward import Arrays
from models.images import ImageSet
from models.network import Network
from models.prediction_pipeline import Pipeline
from tests.models.prediction_samples import pictures, small_network


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return pictures(tmp_path_factory.mktemp("pictures"), 40)


@functools.cache
def network() -> Network:
    return small_network()


class Watched:
    """Stands for the forward pass on some device: notes how many are at work at once."""

    def __init__(self, kind: str) -> None:
        self.device = torch.device(kind)
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, inputs: Sequence[torch.Tensor], paths: Sequence[str]) -> Arrays:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.batches.append(len(inputs))
            self.threads.add(torch.get_num_threads())
        time.sleep(0.05)
        with self._lock:
            self._now -= 1
        return np.zeros((len(inputs), 5), np.float32), None


def pipeline(monkeypatch: pytest.MonkeyPatch, images: ImageSet, forward: Watched, cores: int) -> Pipeline:
    monkeypatch.setattr(models.prediction_pipeline, "BatchForward", lambda network: forward)
    monkeypatch.setattr(models.prediction_pipeline, "available_cores", lambda: cores)
    return Pipeline(network(), images)


@pytest.mark.parametrize(
    ("cores", "at_once", "torch_threads"), [(1, 1, 1), (3, 3, 1), (16, 8, 2)], ids=["1 core", "3", "16"]
)
def test_a_processor_computes_for_as_many_threads_as_it_has_cores(
    monkeypatch: pytest.MonkeyPatch, images: ImageSet, cores: int, at_once: int, torch_threads: int
) -> None:
    forward = Watched("cpu")
    found = pipeline(monkeypatch, images, forward, cores)
    parts = list(found.parts([range(at, at + 2) for at in range(0, 40, 2)]))
    assert [part.start for part in parts] == list(range(0, 40, 2))
    assert forward.most_at_once == at_once
    assert forward.threads == {torch_threads}


def test_a_gpu_computes_whole_batches_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch, images: ImageSet
) -> None:
    forward = Watched("cuda")
    found = pipeline(monkeypatch, images, forward, 4)
    assert found.batch_size(64) == 64
    list(found.parts([range(at, at + 8) for at in range(0, 40, 8)]))
    assert forward.most_at_once == 1 and forward.batches == [8] * 5


def test_a_processor_takes_few_images_at_once(monkeypatch: pytest.MonkeyPatch, images: ImageSet) -> None:
    found = pipeline(monkeypatch, images, Watched("cpu"), 1)
    assert found.batch_size(64) == 4 * 224**2 // 96**2 == 21
    assert found.batch_size(3) == 3


def test_only_so_many_images_wait_to_be_taken(monkeypatch: pytest.MonkeyPatch, images: ImageSet) -> None:
    forward = Watched("cpu")
    parts = pipeline(monkeypatch, images, forward, 1).parts([range(at, at + 1) for at in range(40)])
    next(parts)
    time.sleep(0.8)
    # One was taken; two threads and two ahead are all that may lie ready.
    assert 1 < len(forward.batches) <= 5
    parts.close()


def test_closing_stops_within_an_image(monkeypatch: pytest.MonkeyPatch, images: ImageSet) -> None:
    opened: list[Path] = []
    real = models.prediction_pipeline.image_input

    def slow(path: Path, preprocessing: object) -> torch.Tensor:
        opened.append(path)
        time.sleep(0.02)
        return real(path, network().preprocessing)

    monkeypatch.setattr(models.prediction_pipeline, "image_input", slow)
    parts = pipeline(monkeypatch, images, Watched("cpu"), 1).parts([range(2), range(2, 40)])
    next(parts)
    parts.close()
    n_opened = len(opened)
    assert n_opened < 20
    time.sleep(0.1)
    assert len(opened) == n_opened
    assert not [each for each in threading.enumerate() if each.name.startswith("errorscope-predict")]


def test_a_run_that_ends_before_its_threads_have_begun_lets_them_begin(
    monkeypatch: pytest.MonkeyPatch, images: ImageSet, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that takes itself for failed drains its pool's wake-ups, and the pool's end may wait for ever."""
    assert list(pipeline(monkeypatch, images, Watched("cpu"), 8).parts([])) == []
    assert not caplog.records
