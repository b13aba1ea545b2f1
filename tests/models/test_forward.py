"""Embeddings are taken without hooks, in the right thread, and wrong outputs are named."""

import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.devices import plain_arithmetic
from models.errors import PredictionsError
from models.forward import head_weight, logits_and_embeddings
from models.network import Network
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

PREPROCESSING = Preprocessing(8, 8, IMAGENET_MEAN, IMAGENET_STD)


class Small(nn.Module):
    """Two linear layers, of which only the second is the head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(images.mean((2, 3))).relu())
        return logits


def network(module: nn.Module, head: str | None = "head", classes: int = 2) -> Network:
    names = tuple(f"class {i}" for i in range(classes))
    return Network(module.eval(), names, PREPROCESSING, "small", "0" * 32, Path("none"), head=head)


def test_embedding_is_what_goes_into_the_head() -> None:
    module = Small()
    batch = torch.randn(4, 3, 8, 8)
    logits, embeddings = logits_and_embeddings(network(module), batch)
    assert embeddings is not None
    torch.testing.assert_close(embeddings, module.body(batch.mean((2, 3))).relu())
    torch.testing.assert_close(module.head(embeddings), logits)
    assert not module.head._forward_hooks
    assert not module.head._forward_pre_hooks


def test_without_a_head_there_are_logits_alone() -> None:
    logits, embeddings = logits_and_embeddings(network(Small(), head=None), torch.randn(2, 3, 8, 8))
    assert logits.shape == (2, 2)
    assert embeddings is None


def test_the_head_s_weight_may_be_a_tensor_that_is_no_parameter() -> None:
    module = Small()
    weight = module.head.weight.detach()
    del module.head.weight
    module.head.weight = weight  # type: ignore[assignment]
    batch = torch.randn(2, 3, 8, 8)
    assert head_weight(network(module)) is weight
    assert logits_and_embeddings(network(module), batch)[1] is not None
    assert head_weight(network(nn.Sequential(nn.ReLU()), head="0")) is None


def test_gradients_flow_to_the_batch() -> None:
    batch = torch.randn(2, 3, 8, 8, requires_grad=True)
    logits, _ = logits_and_embeddings(network(Small()), batch)
    logits.sum().backward()
    assert batch.grad is not None
    assert batch.grad.abs().sum() > 0


def test_threads_see_their_own_embeddings() -> None:
    shared = network(Small())
    batches = [torch.full((3, 3, 8, 8), float(value)) for value in range(1, 9)]
    expected = [logits_and_embeddings(shared, batch)[1] for batch in batches]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(40):
            found = logits_and_embeddings(shared, batches[index])[1]
            if found is None or not torch.equal(found, expected[index]):  # type: ignore[arg-type]
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_wrong_number_of_outputs_is_named() -> None:
    with pytest.raises(PredictionsError, match=r"output is \(2, 2\), but for 2 images and 3 class names"):
        logits_and_embeddings(network(Small(), classes=3), torch.randn(2, 3, 8, 8))


def test_outputs_that_are_no_tensor_are_named() -> None:
    class Pair(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, images

    with pytest.raises(PredictionsError, match="output is a tuple"):
        logits_and_embeddings(network(Pair(), head=None), torch.randn(2, 3, 8, 8))


def test_images_without_finite_logits_are_named() -> None:
    batch = torch.randn(5, 3, 8, 8)
    batch[1] = float("nan")
    batch[3, 0, 0, 0] = float("inf")
    module = Small()
    module.body.weight.data.abs_()  # by chance all weights may be negative: ReLU would then swallow the infinity
    with pytest.raises(
        PredictionsError, match=r"2 of 5 images are not finite \(positions in the batch: 1, 3\)"
    ):
        logits_and_embeddings(network(module), batch)


def test_a_batch_that_does_not_fit_is_explained() -> None:
    with pytest.raises(PredictionsError, match=r"small cannot take a batch of shape \(2, 4, 8, 8\)"):
        logits_and_embeddings(network(Small()), torch.randn(2, 4, 8, 8))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("DefaultCPUAllocator: not enough memory: ..."),
    ],
)
@pytest.mark.parametrize(
    ("n", "words", "step"),
    [(2, "batch of 2 images", "smaller batch"), (1, "one image of 8 x 8", "other programs")],
)
def test_want_of_memory_is_explained(error: Exception, n: int, words: str, step: str) -> None:
    class Large(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise error

    with pytest.raises(PredictionsError, match=f"not enough memory for (a )?{words}") as caught:
        logits_and_embeddings(network(Large(), head=None), torch.randn(n, 3, 8, 8))
    assert step in caught.value.next_step and caught.value.__cause__ is error


@pytest.mark.parametrize(("device", "allowed"), [("cpu", False), ("cuda", True)])
def test_predictions_are_computed_in_plain_single_precision(
    monkeypatch: pytest.MonkeyPatch, device: str, allowed: bool
) -> None:
    """The processor stands for a card that has TensorFloat-32, or for itself."""
    seen = []

    class Watched(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(torch.backends.cudnn.allow_tf32)
            return images.mean((2, 3))

    monkeypatch.setattr("models.devices._WITH_TENSOR_FLOAT", {device})
    logits_and_embeddings(network(Watched(), head=None, classes=3), torch.randn(1, 3, 8, 8))
    assert seen == [allowed] and torch.backends.cudnn.allow_tf32


def test_the_last_thread_out_restores_the_setting() -> None:
    card = torch.device("cuda")
    first, second = plain_arithmetic(card), plain_arithmetic(card)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not torch.backends.cudnn.allow_tf32, "the second is still computing"
    second.__exit__(None, None, None)
    assert torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), plain_arithmetic(card):
        raise ZeroDivisionError
    assert torch.backends.cudnn.allow_tf32


def test_assertions_of_a_network_are_explained() -> None:
    class Asserting(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            torch._assert(images.shape[-1] == 4, "Wrong image width! Expected 4 but got 8!")
            return images

    with pytest.raises(PredictionsError, match="Wrong image width! Expected 4") as caught:
        logits_and_embeddings(network(Asserting(), head=None), torch.randn(2, 3, 8, 8))
    assert "preprocessing" in caught.value.next_step
