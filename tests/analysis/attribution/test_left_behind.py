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
from tests.analysis.attribution.fast import FAST, WITHOUT_GRADIENTS, network_for
from tests.models.calibrated import calibrated_network, images, shared_network

Watch = Callable[[Network], None]


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(method: str, small_network: Network) -> Network:
    return network_for(method, small_network)


@pytest.fixture
def inputs(small_network: Network) -> torch.Tensor:
    return images(small_network.architecture)


def test_a_closed_generator_leaves_nothing(
    network: Network, inputs: torch.Tensor, method: str, nothing_left: Watch
) -> None:
    nothing_left(network)
    steps = attribution_steps(network, inputs, [0, 1], method, **FAST.get(method, {}))
    first = next(steps)
    assert len(first.attributions) == 2
    steps.close()
    assert list(steps) == []


@pytest.mark.parametrize("method", ["gradient", "grad_cam", "guided_backprop", "occlusion"], indirect=True)
def test_a_network_in_training_mode_is_explained_as_evaluated_and_stays_as_it_is(
    inputs: torch.Tensor, method: str, nothing_left: Watch
) -> None:
    evaluated = calibrated_network("resnet18")
    expected = attribute(evaluated, inputs, 1, method, **FAST.get(method, {})).relevance
    evaluated.module.train()
    nothing_left(evaluated)
    found = attribute(evaluated, inputs, 1, method, **FAST.get(method, {})).relevance
    np.testing.assert_array_equal(found, expected)
    assert all(module.training for module in evaluated.module.modules())


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_an_answer_that_is_no_number_is_refused_by_every_method(
    network: Network, inputs: torch.Tensor, method: str, answer: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = network.module.get_submodule(str(network.head))
    assert isinstance(head.bias, nn.Parameter)
    spoilt = head.bias.detach().clone()
    spoilt[2] = answer
    monkeypatch.setitem(head._parameters, "bias", nn.Parameter(spoilt))
    with pytest.raises(AttributionError) as caught:
        attribute(network, inputs, 2, method, **FAST.get(method, {}))
    assert caught.value.next_step


def test_a_failing_layer_leaves_nothing(
    network: Network,
    inputs: torch.Tensor,
    method: str,
    nothing_left: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_left(network)
    spatial_layers(network, (96, 96))

    def fail(*_: object) -> None:
        raise ZeroDivisionError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(nn.Linear, "forward", fail)
        with pytest.raises(ZeroDivisionError, match="injected"):
            attribute(network, inputs, 0, method, **FAST.get(method, {}))


def test_a_failing_backward_pass_leaves_nothing(
    network: Network,
    inputs: torch.Tensor,
    method: str,
    nothing_left: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_left(network)
    options = FAST.get(method, {})
    expected = attribute(network, inputs, 0, method, **options)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    with monkeypatch.context() as patch:
        patch.setattr(torch.autograd, "grad", fail)
        if method in WITHOUT_GRADIENTS:
            found = attribute(network, inputs, 0, method, **options)
            np.testing.assert_array_equal(found.relevance, expected.relevance)
            return
        with pytest.raises((AttributionError, RuntimeError)):
            attribute(shared_network("squeezenet1_1"), inputs, 0, method, **options)
        with pytest.raises((AttributionError, RuntimeError)):
            attribute(network, inputs, 0, method, **options)


def test_between_two_steps_the_caller_keeps_its_own_mode(
    network: Network, inputs: torch.Tensor, method: str
) -> None:
    with torch.no_grad():
        for _ in attribution_steps(network, inputs, [0], method, **FAST.get(method, {})):
            assert not torch.is_grad_enabled()
    with torch.inference_mode():
        inside = attribute(network, inputs.clone(), 0, method, **FAST.get(method, {}))
        assert torch.is_inference_mode_enabled()
    outside = attribute(network, inputs, 0, method, **FAST.get(method, {}))
    np.testing.assert_array_equal(inside.relevance, outside.relevance)


def test_threads_do_not_disturb_each_other(network: Network, method: str, nothing_left: Watch) -> None:
    """Two explain the same network while a third predicts with it."""
    nothing_left(network)
    several = images(network.architecture, 4, seed=3)
    options = FAST.get(method, {})
    alone = [attribute(network, image, 1, method, **options).relevance for image in several]
    with torch.no_grad():
        answer = network.module(several)
    stop = threading.Event()

    def disturbed_answers() -> int:
        wrong = 0
        while not stop.is_set():
            with torch.inference_mode():
                wrong += not torch.equal(network.module(several), answer)
        return wrong

    with ThreadPoolExecutor(3) as pool:
        predicting = pool.submit(disturbed_answers)
        jobs = [
            pool.submit(attribute, network, image, 1, method, **options)
            for _ in range(4)
            for image in several
        ]
        try:
            together = [job.result().relevance for job in jobs]
        finally:
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
