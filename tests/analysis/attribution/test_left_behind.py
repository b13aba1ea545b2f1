"""Whatever happens, the network is as before, and nobody else sees what a method does."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from analysis.attribution import METHODS, attribute, attribution_steps, spatial_layers
from analysis.attribution.private_copy import private_copy
from models.errors import AttributionError
from models.network import Network
from tests.models.calibrated import calibrated_network, images

FAST = {"smooth_grad": {"samples": 7}}
Watch = Callable[[Network], None]


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def inputs(small_network: Network) -> torch.Tensor:
    return images(small_network.architecture)


def test_a_closed_generator_leaves_nothing(
    small_network: Network, inputs: torch.Tensor, method: str, nothing_left: Watch
) -> None:
    nothing_left(small_network)
    steps = attribution_steps(small_network, inputs, [0, 1], method, **FAST.get(method, {}))
    first = next(steps)
    assert len(first.attributions) == 2
    steps.close()
    assert list(steps) == []


def test_a_failing_layer_leaves_nothing(
    small_network: Network,
    inputs: torch.Tensor,
    method: str,
    nothing_left: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_left(small_network)
    spatial_layers(small_network, (96, 96))

    def fail(*_: object) -> None:
        raise ZeroDivisionError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(nn.Linear, "forward", fail)
        with pytest.raises(ZeroDivisionError, match="injected"):
            attribute(small_network, inputs, 0, method, **FAST.get(method, {}))


def test_a_failing_backward_pass_leaves_nothing(
    small_network: Network,
    inputs: torch.Tensor,
    method: str,
    nothing_left: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_left(small_network)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "grad", fail)
        with pytest.raises((AttributionError, RuntimeError)):
            attribute(calibrated_network("squeezenet1_1"), inputs, 0, method, **FAST.get(method, {}))
        with pytest.raises((AttributionError, RuntimeError)):
            attribute(small_network, inputs, 0, method, **FAST.get(method, {}))


def test_between_two_steps_the_caller_keeps_its_own_mode(
    small_network: Network, inputs: torch.Tensor, method: str
) -> None:
    with torch.no_grad():
        for _ in attribution_steps(small_network, inputs, [0], method, **FAST.get(method, {})):
            assert not torch.is_grad_enabled()
    with torch.inference_mode():
        inside = attribute(small_network, inputs.clone(), 0, method, **FAST.get(method, {}))
        assert torch.is_inference_mode_enabled()
    outside = attribute(small_network, inputs, 0, method, **FAST.get(method, {}))
    np.testing.assert_array_equal(inside.relevance, outside.relevance)


def test_threads_do_not_disturb_each_other(small_network: Network, method: str, nothing_left: Watch) -> None:
    """Two explain the same network while a third predicts with it."""
    nothing_left(small_network)
    several = images(small_network.architecture, 4, seed=3)
    options = FAST.get(method, {})
    alone = [attribute(small_network, image, 1, method, **options).relevance for image in several]
    with torch.no_grad():
        answer = small_network.module(several)
    stop = threading.Event()

    def disturbed_answers() -> int:
        wrong = 0
        while not stop.is_set():
            with torch.inference_mode():
                wrong += not torch.equal(small_network.module(several), answer)
        return wrong

    with ThreadPoolExecutor(3) as pool:
        predicting = pool.submit(disturbed_answers)
        jobs = [
            pool.submit(attribute, small_network, image, 1, method, **options)
            for _ in range(4)
            for image in several
        ]
        together = [job.result().relevance for job in jobs]
        stop.set()
        assert predicting.result() == 0
    for found, expected in zip(together, alone * 4, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_private_copy_computes_the_same_from_the_same_weights(family: Network) -> None:
    twin = private_copy(family.module)
    pairs = list(zip(twin.named_modules(), family.module.named_modules(), strict=True))
    assert all(a[0] == b[0] and a[1] is not b[1] and type(a[1]) is type(b[1]) for a, b in pairs)
    theirs = family.module.state_dict()
    assert all(
        weight.data_ptr() == theirs[name].data_ptr() and not weight.requires_grad
        for name, weight in twin.state_dict().items()
    )
    with torch.no_grad():
        inputs = images(family.architecture, 2)
        assert torch.equal(twin(inputs), family.module(inputs))


def test_hooks_stay_on_their_own_side(small_network: Network, inputs: torch.Tensor) -> None:
    twin, seen = private_copy(small_network.module), []
    twin.get_submodule("conv5").register_forward_hook(lambda *_: seen.append("twin"))
    handle = small_network.module.get_submodule("conv5").register_forward_hook(
        lambda *_: seen.append("original")
    )
    try:
        private_copy(small_network.module)(inputs)
        assert seen == []
        twin(inputs)
        small_network.module(inputs)
    finally:
        handle.remove()
    assert seen == ["twin", "original"]
