"""TorchScript and torch.export programs: methods of few needs work on them, even where no gradient passes."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import attribute
from analysis.attribution.forward_passes import batches
from models.network import Network
from tests.analysis.attribution.fast import FAST
from tests.analysis.attribution.test_spatial import network

ON_GRADIENTS = ("input_x_gradient", "integrated_gradients", "gradient_shap", "var_grad")
ON_ANSWERS = ("occlusion", "feature_ablation", "lime", "kernel_shap")


class Stopped(nn.Module):
    """A network that lets no gradient through."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.body(inputs.detach())
        return answer


def plain() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten())
        return network(nn.Sequential(body, nn.Linear(54, 3)), 3)


def program(kind: str, module: nn.Module, of: Network) -> Network:
    sample = torch.zeros(1, 3, 24, 24)
    if kind == "export":
        return replace(of, module=torch.export.export(module, (sample,)).module(), kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, about TorchScript
        return replace(of, module=torch.jit.freeze(torch.jit.trace(module, sample).eval()), kind=kind)


def found(asked: Network, method: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    inputs = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(1))
    options: Mapping[str, Any] = FAST.get(method, {})
    return attribute(asked, inputs, 1, method, **options).relevance


@pytest.mark.parametrize("kind", ["torchscript", "export"])
@pytest.mark.parametrize("method", [*ON_GRADIENTS, *ON_ANSWERS])
def test_a_program_gets_the_map_of_its_network(kind: str, method: str) -> None:
    expected = found(plain(), method)
    assert np.abs(expected).max() > 0
    answer = found(program(kind, plain().module, plain()), method)
    assert np.linalg.norm(answer - expected) < 0.01 * np.linalg.norm(expected)


@pytest.mark.parametrize("kind", ["torchscript", "export", "state_dict"])
@pytest.mark.parametrize("method", ON_ANSWERS)
def test_no_gradient_is_needed(kind: str, method: str) -> None:
    module = Stopped(plain().module).eval()
    stopped = replace(plain(), module=module) if kind == "state_dict" else program(kind, module, plain())
    expected = found(plain(), method)
    answer = found(stopped, method)
    np.testing.assert_allclose(answer, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("kind", "first", "sizes"),
    [("state_dict", 1, [1, 4, 4, 1]), ("state_dict", 2, [2, 4, 4]), ("torchscript", 2, [1] * 10)],
)
def test_batches_begin_small_and_programs_get_single_images(kind: str, first: int, sizes: list[int]) -> None:
    cut = list(batches(range(10), replace(plain(), kind=kind), first=first))
    assert [len(batch) for batch in cut] == sizes
    assert [number for batch in cut for number in batch] == list(range(10))


@pytest.mark.parametrize(("kind", "sizes"), [("state_dict", [8, 2]), ("export", [1] * 10)])
def test_batches_are_as_large_as_their_caller_says(kind: str, sizes: list[int]) -> None:
    cut = list(batches(range(10), replace(plain(), kind=kind), first=8, largest=8))
    assert [len(batch) for batch in cut] == sizes
