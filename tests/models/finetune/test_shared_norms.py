import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.finetune.run import Ranks
from models.finetune.shared_norms import SharedNorms, shared_batch_norm


def test_alone_it_is_batch_norm() -> None:
    """For one process, `F.batch_norm` with gradients and running statistics is the reference."""
    draws = torch.Generator().manual_seed(0)
    values = torch.randn(5, 3, 4, 4, generator=draws) * 3 + 2
    found = []
    for norm in (F.batch_norm, None):
        inputs = values.clone().requires_grad_()
        weight, bias = torch.tensor([0.5, 2.0, -1.0], requires_grad=True), torch.ones(3, requires_grad=True)
        mean, variance = torch.zeros(3), torch.ones(3)
        if norm is None:
            output = shared_batch_norm(
                Ranks(), inputs, mean, variance, weight=weight, bias=bias, momentum=0.3
            )
        else:
            output = norm(inputs, mean, variance, weight, bias, training=True, momentum=0.3)
        slopes = torch.autograd.grad((output**3).sum(), (inputs, weight, bias))
        found.append([output, *slopes, mean, variance])
    for ours, theirs in zip(found[1], found[0], strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)


class Twice(Ranks):
    """As if another process had the same images."""

    world = 2

    def sum(self, values: Tensor) -> Tensor:
        return 2 * values


def test_the_number_of_images_counts_in_the_running_variance() -> None:
    values, variance = torch.tensor([[0.0], [2.0]]), torch.zeros(1)
    shared_batch_norm(Twice(), values, None, variance, momentum=1.0)
    assert variance.item() == pytest.approx(4 / 3)  # of 0, 2, 0, 2


class Counting(Ranks):
    calls = 0

    def sum(self, values: Tensor) -> Tensor:
        self.calls += 1
        return values


def test_only_batch_norms_in_training_mode_ask_the_others() -> None:
    ranks, layer = Counting(), nn.BatchNorm2d(3)
    with SharedNorms(ranks):
        layer.eval()(torch.randn(2, 3, 2, 2))
        assert ranks.calls == 0
        layer.train()(torch.randn(2, 3, 2, 2))
        assert ranks.calls == 2
        F.batch_norm(torch.randn(2, 3), None, None, training=True)
        assert ranks.calls == 4
    layer(torch.randn(2, 3, 2, 2))
    assert ranks.calls == 4
    assert layer.num_batches_tracked is not None and int(layer.num_batches_tracked) == 2


def test_half_precision_comes_back_as_it_went_in() -> None:
    output = shared_batch_norm(Ranks(), torch.randn(4, 3).bfloat16(), None, None)
    assert output.dtype is torch.bfloat16
