"""Two gloo processes with the same global batch train as one does, with all that looks at a batch or draws."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import ROOT
from tests.models.finetune.two_ranks import CASES, outcome

LOSS_TOLERANCE = 1e-6
"""Relative; about 1e-7 is found: sums are taken in another order."""
WORLD = 2
SECONDS = 120


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which both processes have trained every case."""
    folder = tmp_path_factory.mktemp("ranks")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.models.finetune.two_ranks", str(rank), str(WORLD), str(folder)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(WORLD)
    ]
    try:
        errors = [process.communicate(timeout=SECONDS)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * WORLD, "\n".join(errors)
    return folder


def found(folder: Path, case: str) -> list[dict[str, Any]]:
    return [torch.load(folder / case / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


def numbers(row: dict[str, Any]) -> dict[str, float]:
    return {key: value for key, value in row.items() if not isinstance(value, str)}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one(name: str, together: Path, tmp_path: Path) -> None:
    alone = outcome(CASES[name], tmp_path, None)
    for each in found(together, name):
        assert each["stopped"] == alone["stopped"]
        assert each["best_epoch"] == alone["best_epoch"]
        assert len(each["history"]) == len(alone["history"])
        for row, expected in zip(each["history"], alone["history"], strict=True):
            assert numbers(row) == pytest.approx(numbers(expected), rel=LOSS_TOLERANCE)
        for key, value in alone["weights"].items():
            assert torch.allclose(each["weights"][key], value, rtol=1e-5, atol=1e-6), key


@pytest.mark.parametrize("name", CASES)
def test_all_processes_hold_the_same_weights(name: str, together: Path) -> None:
    first, second = found(together, name)
    assert first["history"] == second["history"]
    assert all(torch.equal(value, second["weights"][key]) for key, value in first["weights"].items())


def test_one_process_alone_writes(together: Path) -> None:
    first, second = found(together, "plain")
    assert first["n_events"] > 0
    assert second["n_events"] == 0
