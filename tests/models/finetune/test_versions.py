"""Versions appear at once and whole, are found again, renamed and deleted, whoever is killed in the middle."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import VersionError, WorkspaceError
from models.finetune.version_record import RECORD, WEIGHTS, Version
from models.finetune.versions import (
    amend_version,
    delete_version,
    jobs_with,
    note_version,
    rename_version,
    save_version,
    size_bytes,
    unreadable_versions,
    version,
    version_at,
    versions,
)
from models.job_database import JobDatabase
from models.libraries import errorscope_version
from models.store import Store
from tests.conftest import ROOT
from tests.models.finetune.version_samples import METRICS, NAMES, finetune_spec, history, saved, small_content

KILLS = 20


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


def hidden(store: Store) -> list[str]:
    return [path.name for path in (store.root / "versions").glob(".*")]


def test_a_version_is_found_again_as_it_was_saved(store: Store) -> None:
    made = saved(store)
    assert versions(store) == [made] and version(store, made.id) == made
    assert made.finetune_spec == finetune_spec(store.root)
    assert (made.name, made.class_names, made.metrics["report"]["n"]) == ("Cats and dogs", NAMES, 30)
    assert made.history == tuple(history()) and made.created == pytest.approx(time.time(), abs=60)
    assert (
        made.libraries["torch"] == torch.__version__.split("+")[0]
        or made.libraries["torch"] == torch.__version__
    )
    assert made.libraries["errorscope"] == errorscope_version()
    content = torch.load(made.checkpoint, weights_only=True)
    for key, tensor in small_content()["state_dict"].items():
        assert torch.equal(content["state_dict"][key], tensor)
    assert content["class_names"] == list(NAMES)
    assert size_bytes(made) > made.checkpoint.stat().st_size
    assert not hidden(store)


def test_there_may_be_none(store: Store) -> None:
    assert versions(store) == [] and unreadable_versions(store) == []
    assert not store.root.exists()


def test_a_job_has_one_version_however_often_it_saves(store: Store) -> None:
    def save(seed: int) -> Version:
        return save_version(
            store, small_content(seed), spec=finetune_spec(store.root), architecture="resnet18", class_names=NAMES,
            metrics=METRICS, job="20261101-120000-abcdef",
        )  # fmt: skip

    first, weights = save(0), (store.root / "versions" / "20261101-120000-abcdef" / WEIGHTS).read_bytes()
    assert save(1) == first and first.job == first.id
    assert first.checkpoint.read_bytes() == weights


def test_a_loss_that_is_no_number_is_kept_as_none(store: Store) -> None:
    made = save_version(
        store, small_content(), spec=finetune_spec(store.root), architecture="resnet18", class_names=NAMES,
        metrics={"report": {"loss": float("nan")}}, history=[{"epoch": 1, "train_loss": float("inf")}],
    )  # fmt: skip
    assert made == version(store, made.id)
    assert made.metrics == {"report": {"loss": None}} and made.history[0]["train_loss"] is None


def test_names_and_notes_change_and_nothing_else(store: Store) -> None:
    made = saved(store)
    rename_version(store, made.id, "  Better cats ")
    noted = note_version(store, made.id, "for the shop\n")
    assert noted == replace(made, name="Better cats", note="for the shop") == version(store, made.id)
    with pytest.raises(VersionError, match="needs a name"):
        rename_version(store, made.id, "   ")
    assert len(rename_version(store, made.id, "x" * 999).name) == 200


def test_what_is_measured_later_joins_what_was_measured_before(store: Store) -> None:
    made = saved(store)
    amended = amend_version(store, made.id, evaluation="e" * 32, metrics={"test": {"n": 9, "accuracy": 0.5}})
    assert amended.evaluation == "e" * 32
    assert amended.metrics == {**METRICS, "test": {"n": 9, "accuracy": 0.5}}
    assert version(store, made.id) == amended


def test_two_at_once_lose_no_change(store: Store) -> None:
    made = saved(store)

    def measure(i: int) -> None:
        amend_version(store, made.id, metrics={f"number {i}": i})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(measure, range(24)))
    assert version(store, made.id).metrics == METRICS | {f"number {i}": i for i in range(24)}
    assert not hidden(store)


def test_a_deleted_version_is_gone_and_its_children_stay(store: Store) -> None:
    parent = saved(store)
    child = saved(store, "Child", parent=parent.id)
    delete_version(store, parent.id)
    assert versions(store) == [child] and child.parent == parent.id
    assert not parent.folder.exists() and not hidden(store)
    with pytest.raises(VersionError, match="There is no version"):
        delete_version(store, parent.id)


def test_a_version_that_a_job_uses_is_not_deleted(store: Store) -> None:
    made = saved(store)
    spec = finetune_spec(store.root, parent=made.id).to_json()
    database = JobDatabase(store)
    database.add("20261101-120000-aaaaaa", "finetune", json.dumps(spec), "Go on from cats", "somebody")
    # a server that has died holds nothing: its job counts as interrupted
    assert jobs_with(store, made) in ([], ["Go on from cats"])
    from models.job_owner import JobOwner

    owner = JobOwner(database)
    owner.begin()
    try:
        job = database.add(
            "20261101-120000-bbbbbb", "finetune", json.dumps({**spec, "name": "b"}), "B", owner.name
        )
        with pytest.raises(VersionError, match='The job "B" uses the version "Cats and dogs"'):
            delete_version(store, made.id)
        database.cancel(job)
        delete_version(store, made.id)
    finally:
        owner.end()
    assert versions(store) == []


@pytest.mark.parametrize("id", ["", ".", "..", "../versions", "a/b", "no", ".hidden", "a\0b", "x" * 5000])
def test_an_id_from_anywhere_opens_nothing_else(store: Store, id: str) -> None:
    saved(store)
    with pytest.raises(VersionError):
        version(store, id)


def test_what_cannot_be_read_is_listed_and_hides_nothing(store: Store) -> None:
    good, cut, foreign, other = (saved(store, name) for name in ("good", "cut", "foreign", "other"))
    (cut.folder / RECORD).write_text('{"id": "')
    (foreign.folder / RECORD).write_text(json.dumps({**foreign.to_json(), "colour": "red"}))
    (other.folder / RECORD).write_text("[]")
    assert versions(store) == [good]
    problems = [error.message for error in unreadable_versions(store)]
    assert len(problems) == 3 and any("colour" in words for words in problems)


def test_a_copied_folder_is_a_version_of_its_own(store: Store) -> None:
    made = saved(store)
    shutil.copytree(made.folder, made.folder.with_name("backup"))
    assert sorted(each.id for each in versions(store)) == sorted([made.id, "backup"])
    delete_version(store, "backup")
    assert versions(store) == [made]


def test_a_file_of_weights_leads_to_its_version(store: Store) -> None:
    made = saved(store)
    assert version_at(store, str(made.checkpoint)) == made
    for other in (
        "",
        "weights.pth",
        str(store.root / "versions" / "no" / WEIGHTS),
        str(made.folder / "other.pth"),
    ):
        assert version_at(store, other) is None


def test_a_folder_without_a_record_is_no_version_and_a_full_disk_leaves_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.folder("versions", "20261101-120000-abcdef")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        saved(store)
    assert versions(store) == [] and not hidden(store)


def test_the_full_disk_of_torch_is_an_error_of_the_system() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    from models.finetune.versions import _save_weights

    with pytest.raises(OSError, match="No space left"):
        _save_weights(Path("/dev/full"), small_content(width=500))


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from models.finetune.versions import delete_version, save_version
from models.store import Store
from tests.models.finetune.version_samples import METRICS, NAMES, finetune_spec, small_content

store, content, kills, at_once = Store(Path(sys.argv[1])), small_content(width=400), int(sys.argv[2]), 4
spec, draw = finetune_spec(store.root), random.Random(0)

def save():
    return save_version(store, content, spec=spec, architecture="resnet18", class_names=NAMES, metrics=METRICS).id

def work():
    while True:
        os.write(1, f"saved {save()}\\n".encode())
        delete_version(store, save())

for _ in range(kills // at_once):
    children = []
    for _ in range(at_once):  # side by side, so that they also clear away while others are at it
        children.append(os.fork())
        if not children[-1]:
            work()
    for child in children:
        time.sleep(draw.uniform(0.02, 0.15))
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_kills_at_any_moment_lose_no_version_and_leave_no_half_one(store: Store) -> None:
    """Many processes save and delete, and are killed; each starts in the rubble of the last ones."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLER, str(store.root), str(KILLS)]
    told = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment, check=True
    ).stdout
    ids = {line.removeprefix("saved ") for line in told.splitlines()}
    found = versions(store)
    assert ids <= {each.id for each in found} and len(ids) >= KILLS
    assert unreadable_versions(store) == []
    wanted = small_content(width=400)["state_dict"]
    for each in found:
        state = torch.load(each.checkpoint, weights_only=True)["state_dict"]
        assert all(torch.equal(state[key], tensor) for key, tensor in wanted.items())
    delete_version(store, saved(store).id)
    assert not hidden(store)
