import pytest
import torch

from models.devices import best_device, checked_device
from models.errors import CheckpointError


def test_best_device_works() -> None:
    assert torch.ones(2, device=best_device()).sum() == 2
    assert checked_device(None).type == best_device()


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=f'no device "{name}"'):
        checked_device(name)
