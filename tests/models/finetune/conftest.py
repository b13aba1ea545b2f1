"""What all tests of fine-tuning share."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks: more threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package", autouse=True)
def jobs_in_a_hurry() -> Iterator[None]:
    """Jobs step back behind everything else on a machine; where that is busy, tests would wait for minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.job_worker.NICENESS", 0)
        yield
