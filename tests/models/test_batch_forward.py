"""The forward pass: images of any size, a device that runs out of memory, an image that spoils a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import models.batch_forward
from models.batch_forward import BatchForward
from models.errors import PredictionsError
from models.network import Network
from tests.models.calibrated import images
from tests.models.prediction_samples import small_network

NAMES = [f"{number}.jpg" for number in range(6)]


@pytest.fixture(scope="module")
def network() -> Network:
    return small_network()


@torch.no_grad()
def alone(network: Network, each: torch.Tensor) -> torch.Tensor:
    return network.module(each[None])[0]  # type: ignore[no-any-return]


def test_images_of_different_sizes_keep_their_order(network: Network) -> None:
    batch = images(network.architecture, 6)
    inputs = [each[:, : 64 + 16 * (row % 2), :] for row, each in enumerate(batch)]
    logits, embeddings = BatchForward(network, "cpu")(inputs, NAMES)
    assert embeddings is not None and len(embeddings) == 6
    for row, each in enumerate(inputs):
        np.testing.assert_allclose(logits[row], alone(network, each).numpy(), atol=1e-4)


def test_a_device_without_memory_gets_smaller_batches(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = list(images(network.architecture, 6))
    expected = BatchForward(network, "cpu")(batch, NAMES)
    sizes: list[int] = []
    real = models.batch_forward.logits_and_embeddings

    def little_memory(network: Network, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise PredictionsError("Not enough memory.") from torch.OutOfMemoryError("full")
        return real(network, batch)

    monkeypatch.setattr(models.batch_forward, "logits_and_embeddings", little_memory)
    logits, embeddings = BatchForward(network, "cpu")(batch, NAMES)
    assert sizes == [6, 3, 1, 2, 3, 1, 2]
    assert embeddings is not None and expected[1] is not None
    np.testing.assert_allclose(logits, expected[0], atol=1e-5)
    np.testing.assert_allclose(embeddings, expected[1], atol=1e-5)


def test_a_device_without_any_memory_says_so(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(network: Network, batch: torch.Tensor) -> tuple[torch.Tensor, None]:
        raise PredictionsError("Not enough memory.", next_step="Buy some.") from torch.OutOfMemoryError(
            "full"
        )

    monkeypatch.setattr(models.batch_forward, "logits_and_embeddings", no_memory)
    with pytest.raises(PredictionsError, match=r"0\.jpg: Not enough memory") as caught:
        BatchForward(network, "cpu")(list(images(network.architecture, 4)), NAMES)
    assert caught.value.next_step == "Buy some."


def test_the_image_that_spoils_a_batch_is_named(network: Network) -> None:
    batch = list(images(network.architecture, 4))
    batch[2] = torch.full_like(batch[2], float("nan"))
    with pytest.raises(PredictionsError, match=r"^2\.jpg: .*not finite"):
        BatchForward(network, "cpu")(batch, NAMES)


def test_an_image_too_small_for_the_network_is_named(network: Network) -> None:
    plain = replace(
        network, module=torch.nn.Sequential(torch.nn.Conv2d(3, 5, 9), torch.nn.Flatten()), head=None
    )
    with pytest.raises(PredictionsError, match=r"^0\.jpg: "):
        BatchForward(plain, "cpu")([torch.zeros(3, 4, 4)] * 2, NAMES)


def test_hooks_of_another_thread_are_waited_for(network: Network) -> None:
    """Whoever hooks a module holds its lock; a copy made meanwhile would have the hooks too."""
    import threading

    done = threading.Event()
    with network.lock:
        thread = threading.Thread(target=lambda: (BatchForward(network, "cpu"), done.set()))
        thread.start()
        assert not done.wait(0.2)
    assert done.wait(10)
    thread.join()
