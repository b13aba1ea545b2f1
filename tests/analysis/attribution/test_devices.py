"""What differs from device to device: 64 bits, TensorFloat-32, and how much memory there is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from analysis.attribution import METHODS, Contrast, attribute, attributions, spatial_layers
from analysis.attribution.faithfulness import insertion_deletion
from analysis.attribution.gradients import PROGRAM_NAMES, derivatives, gradients_on, logits
from analysis.attribution.layouts import channel_axis
from analysis.attribution.randomisation import randomisation
from analysis.attribution.spatial import CHANNELS_LAST
from models.errors import AttributionError
from models.network import Network
from tests.analysis.attribution.fast import FAST, network_for
from tests.analysis.attribution.test_spatial import Turned, network
from tests.analysis.evaluated import result
from tests.models.calibrated import calibrated_network, images, shared_network

FULL = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."


class WithoutDoubles(TorchDispatchMode):
    """Like Apple's graphics chips: nothing on the device can be turned into float64, only a copy on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.on_the_processor = WeakIdKeyDictionary()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        wide = [each for each in tree_leaves(found) if isinstance(each, torch.Tensor)]
        if any(each.dtype == torch.float64 for each in wide) and any(
            each.dtype == torch.float32 and each not in self.on_the_processor for each in given
        ):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return found


@pytest.fixture
def without_doubles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mode = WithoutDoubles()

    def copied(tensor: torch.Tensor) -> torch.Tensor:
        copy = tensor.clone()
        mode.on_the_processor[copy] = True
        return copy

    monkeypatch.setattr("models.devices._WITHOUT_DOUBLES", {"cpu"})
    monkeypatch.setattr(torch.Tensor, "cpu", copied)
    with mode:
        yield


@pytest.mark.usefixtures("without_doubles")
def test_the_imitation_refuses_what_the_device_refuses() -> None:
    tensor = torch.ones(3)
    with pytest.raises(TypeError, match="float64"):
        tensor.double()
    with pytest.raises(TypeError, match="float64"):
        tensor.sum(dtype=torch.float64)
    assert tensor.cpu().double().sum() == 3


@pytest.mark.parametrize("method", METHODS)
def test_every_method_works_on_a_device_without_doubles(
    small_network: Network, method: str, request: pytest.FixtureRequest
) -> None:
    asked = network_for(method, small_network), images(small_network.architecture), [1, Contrast(3, 0)]
    expected = attributions(*asked, method, **FAST.get(method, {}))
    request.getfixturevalue("without_doubles")
    found = attributions(*asked, method, **FAST.get(method, {}))
    for each, wanted in zip(found, expected, strict=True):
        scale = np.abs(wanted.relevance).max()
        np.testing.assert_allclose(each.relevance, wanted.relevance, atol=1e-3 * scale)
        assert each.note == wanted.note


@pytest.mark.parametrize("architecture", ["convnext_tiny", "vit_b_16", "efficientnet_b0"])
def test_deep_lift_adds_up_without_doubles(architecture: str, request: pytest.FixtureRequest) -> None:
    """LayerNorm, softmax and gates, whose single steps otherwise take doubles."""
    asked = shared_network(architecture), images(architecture), 1, "deep_lift"
    expected = attribute(*asked)
    request.getfixturevalue("without_doubles")
    found = attribute(*asked)
    assert found.completeness_error is not None and found.completeness_error < 1e-3
    assert found.note == expected.note
    distance = np.linalg.norm(found.relevance - expected.relevance)
    assert distance < 1e-2 * np.linalg.norm(expected.relevance)


@pytest.mark.parametrize("target", [1, Contrast(0, 2)])
def test_curves_work_on_a_device_without_doubles(
    small_network: Network, target: int | Contrast, request: pytest.FixtureRequest
) -> None:
    inputs = images(small_network.architecture)
    maps = {"gradient": attribute(small_network, inputs, target, "gradient").relevance}
    request.getfixturevalue("without_doubles")
    assert result(insertion_deletion(small_network, inputs, maps, target, steps=2, orders=1)).maps


class Watched(nn.Module):
    """Notes, forward and backward, whether TensorFloat-32 is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed: list[bool] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.allowed.append(torch.backends.cudnn.allow_tf32)
        means = inputs.mean((2, 3))
        if means.requires_grad:
            means.register_hook(lambda _: self.allowed.append(torch.backends.cudnn.allow_tf32))
        return means


@pytest.mark.parametrize(("device", "allowed"), [("cpu", False), ("cuda", True)])
def test_maps_are_computed_as_the_evaluation_computes(
    monkeypatch: pytest.MonkeyPatch, device: str, allowed: bool
) -> None:
    """The processor stands for a card that has TensorFloat-32, or for itself."""
    monkeypatch.setattr("models.devices._WITH_TENSOR_FLOAT", {device})
    assert torch.backends.cudnn.allow_tf32
    module = Watched()
    watched = network(module, 3)
    with gradients_on():
        leaf = torch.rand(1, 3, 8, 8, requires_grad=True)
        derivatives(logits(module, leaf, watched), [0, 1], leaf, watched)
    assert module.allowed == [allowed] * 3
    assert torch.backends.cudnn.allow_tf32


def fail(*_: object, **__: object) -> None:
    raise RuntimeError(FULL)


@pytest.mark.parametrize("error", [RuntimeError(FULL), torch.OutOfMemoryError("CUDA out of memory.")])
def test_want_of_memory_is_not_taken_for_anything_else(error: Exception) -> None:
    class Large(nn.Module):
        def forward(self, _: torch.Tensor) -> torch.Tensor:
            raise error

    with pytest.raises(AttributionError, match=r'memory of the device "cpu" is not enough') as caught:
        attribute(network(Large(), 3), torch.rand(3, 8, 8), 0, "gradient")
    assert "Close other programs" in caught.value.next_step and caught.value.__cause__ is error


def test_memory_that_torch_itself_cannot_get_is_recognised() -> None:
    class Large(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs.mean((2, 3)) + torch.empty(10**16).sum()

    with pytest.raises(AttributionError, match="memory of the device"):
        attribute(network(Large(), 3), torch.rand(3, 8, 8), 0, "occlusion")


@pytest.mark.parametrize("kind", ["state_dict", *PROGRAM_NAMES])
def test_want_of_memory_in_the_backward_pass_is_no_missing_gradient(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    small = replace(network(Watched(), 3), kind=kind)
    monkeypatch.setattr(torch.autograd, "grad", fail)
    with pytest.raises(AttributionError, match="memory of the device"):
        attribute(small, torch.rand(3, 8, 8), 0, "gradient")


def test_want_of_memory_while_the_layer_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = calibrated_network("squeezenet1_1", seed=4)
    monkeypatch.setattr(torch.autograd, "grad", fail)
    with pytest.raises(AttributionError, match="memory of the device"):
        spatial_layers(fresh, (96, 96))


def test_want_of_memory_at_another_size_is_not_remembered() -> None:
    """Channels last, and as many as rows: only a run at another size tells."""
    full = True

    class Large(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if full and inputs.shape[-1] != 16:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return inputs

    there_and_back = (Turned(0, 2, 3, 1), Turned(0, 3, 1, 2))
    tail = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3))
    asked = network(nn.Sequential(nn.Conv2d(3, 16, 1), *there_and_back, Large(), *tail), 3, "6")
    with pytest.raises(AttributionError, match="memory of the device"):
        channel_axis(asked, "1", (1, 16, 16, 16), (16, 16))
    full = False
    assert channel_axis(asked, "1", (1, 16, 16, 16), (16, 16)) == CHANNELS_LAST


def test_a_random_network_that_does_not_fit_is_no_blank_map(
    small_network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = images(small_network.architecture)
    found = attribute(small_network, inputs, 1, "saliency")
    monkeypatch.setattr(torch.autograd, "grad", fail)
    with pytest.raises(AttributionError, match="memory of the device"):
        result(randomisation(small_network, inputs, found, shares=(1.0,), draws=1))
