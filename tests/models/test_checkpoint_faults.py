"""Every planted fault is met with one clear sentence and a way out, and never with a half-loaded network."""

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.checkpoint import inspect_checkpoint, load_checkpoint
from models.errors import CheckpointError
from tests.models.checkpoint_faults import FAULTS
from tests.models.families import small_weights

ONLY_WHEN_LOADING = {"NaN", "infinite"}


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_explained(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of quantised and sparse tensors when the fault is made
        path = fault.make(tmp_path)
    for open_file in (
        (load_checkpoint,) if name in ONLY_WHEN_LOADING else (load_checkpoint, inspect_checkpoint)
    ):
        with pytest.raises(CheckpointError) as caught:
            open_file(path)
        assert type(caught.value) is fault.error
        assert fault.words in caught.value.message
        assert fault.step in caught.value.next_step
        assert caught.value.next_step
        assert caught.value.message.endswith(".")
        assert len(caught.value.message) < 500
        assert "\n" not in str(caught.value)


def test_there_are_faults_enough() -> None:
    assert len(FAULTS) >= 30


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)


def test_code_in_a_pickle_is_never_run(tmp_path: Path) -> None:
    """The classical attack, as a torch file of both formats and as a plain pickle."""
    marker = tmp_path / "it ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    torch.save({"state_dict": small_weights(), "x": Attack()}, tmp_path / "a.pth")
    torch.save(
        {"state_dict": small_weights(), "x": Attack()},
        tmp_path / "b.pth",
        _use_new_zipfile_serialization=False,
    )
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(Attack()))
    for name in ("a.pth", "b.pth", "c.pkl"):
        with pytest.raises(CheckpointError):
            load_checkpoint(tmp_path / name)
        assert not marker.exists()


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.pth": lambda path: torch.save({"model": small_weights(), "epoch": 3}, path),
    "old.pth": lambda path: torch.save(small_weights(), path, _use_new_zipfile_serialization=False),
    "a.safetensors": lambda path: save_file(small_weights(), path),
}


@pytest.fixture(scope="module", params=WRITERS)
def sound_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / str(request.param)
    WRITERS[request.param](path)
    return path


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_random_damage_is_explained_or_harmless(sound_file: Path, random: Random) -> None:
    """Bytes are changed near both ends, where the structure is, or the file is cut."""
    content = bytearray(sound_file.read_bytes())
    if random.random() < 0.3:
        content = content[: random.randrange(len(content))]
    for _ in range(random.choice([1, 3, 20]) if content else 0):
        distance = random.randrange(min(20000, len(content)))
        content[random.choice([distance, len(content) - 1 - distance])] = random.randrange(256)
    path = sound_file.with_name(f"damaged{sound_file.suffix}")
    path.write_bytes(bytes(content))
    try:
        network = load_checkpoint(path)
    except CheckpointError as error:
        assert error.next_step
        assert "\n" not in error.message
    else:
        assert all(torch.isfinite(each).all() for each in network.module.parameters())
