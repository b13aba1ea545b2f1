"""One calibrated network of each family, built once."""

from collections.abc import Callable, Iterator

import pytest
import torch

from models.network import Network
from tests.models.calibrated import HEADS, shared_network


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small inputs: more threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=HEADS)
def family(request: pytest.FixtureRequest) -> Network:
    return shared_network(request.param)


@pytest.fixture(scope="session")
def small_network() -> Network:
    return shared_network("shufflenet_v2_x0_5")


State = tuple[dict[str, tuple[int, int, int]], list[object]]


def seen(weight: torch.Tensor) -> tuple[int, int, int]:
    """Where a tensor lies, how often it was changed in place, and the sum of its bits."""
    bits = weight.detach().reshape(-1).view(torch.int32)  # all weights have 4 or 8 bytes
    return weight.data_ptr(), weight._version, int(bits.sum(dtype=torch.int64))


def state(network: Network) -> State:
    """All that a method could leave behind on a network."""
    weights = {name: seen(weight) for name, weight in network.module.state_dict().items()}
    rest = [
        (
            name,
            sorted(vars(layer)),
            {key: len(value) for key, value in vars(layer).items() if "_hooks" in key},
            layer.training,
            [(weight.requires_grad, weight.grad is None) for weight in layer.parameters(recurse=False)],
        )
        for name, layer in network.module.named_modules()
    ]
    return weights, [*rest, torch.random.get_rng_state().tolist(), torch.is_grad_enabled()]


@pytest.fixture
def nothing_left() -> Iterator[Callable[[Network], None]]:
    """Register a network; after the test it must be as it was."""
    before: list[tuple[Network, State]] = []
    yield lambda network: before.append((network, state(network)))
    assert before, "the test registered no network"
    for network, (weights, rest) in before:
        weights_now, rest_now = state(network)
        assert rest_now == rest
        assert weights_now == weights
