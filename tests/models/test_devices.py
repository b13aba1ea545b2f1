import logging
from typing import Any

import pytest
import torch

from models.batch_forward import BatchForward
from models.devices import best_device, checked_device, moved
from models.errors import CheckpointError
from tests.models.prediction_samples import small_network


def test_best_device_works() -> None:
    assert torch.ones(2, device=best_device()).sum() == 2
    assert checked_device(None).type == torch.device(best_device()).type


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=f'no device "{name}"'):
        checked_device(name)


def test_a_device_is_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRORSCOPE_DEVICE", "meta")
    assert best_device() == "meta" and checked_device(None).type == "meta"
    assert checked_device("cpu").type == "cpu"
    monkeypatch.setenv("ERRORSCOPE_DEVICE", "cuda:99")
    with pytest.raises(CheckpointError, match='no device "cuda:99"') as refused:
        checked_device(None)
    assert "ERRORSCOPE_DEVICE" in refused.value.next_step


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose GPU is seen, but refuses the first allocation."""
    monkeypatch.delenv("ERRORSCOPE_DEVICE", raising=False)
    empty = torch.empty

    def refused(*size: Any, device: Any = None, **how: Any) -> torch.Tensor:
        if device == torch.device("cuda"):
            raise torch.AcceleratorError("CUDA error: all CUDA-capable devices are busy or unavailable")
        return empty(*size, device=device, **how)

    monkeypatch.setattr("models.devices.best_device", lambda: "cuda")
    monkeypatch.setattr(torch, "empty", refused)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose GPU has no room for a network."""
    to = torch.nn.Module.to

    def refused(self: torch.nn.Module, *place: Any, **how: Any) -> torch.nn.Module:
        if place and place[0] == torch.device("cuda"):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return to(self, *place, **how)

    monkeypatch.setattr("models.devices.checked_device", lambda device: torch.device("cuda"))
    monkeypatch.setattr(torch.nn.Module, "to", refused)


@pytest.mark.usefixtures("busy")
def test_a_busy_device_that_nobody_named_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert checked_device(None) == torch.device("cpu")
    assert "busy or unavailable" in caplog.text and "the processor computes instead" in caplog.text
    assert BatchForward(small_network()).device == torch.device("cpu")
    with pytest.raises(CheckpointError, match='no device "cuda"'):
        checked_device("cuda")


@pytest.mark.usefixtures("full")
def test_a_network_that_does_not_fit_goes_to_the_processor(caplog: pytest.LogCaptureFixture) -> None:
    network = small_network()
    with caplog.at_level(logging.WARNING):
        assert BatchForward(network).device == torch.device("cpu")
    assert "CUDA out of memory" in caplog.text
    with pytest.raises(CheckpointError, match=r'does not fit onto the device "cuda" \(CUDA out of memory\)'):
        moved(network.module, "cuda")
