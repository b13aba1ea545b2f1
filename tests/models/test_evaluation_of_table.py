"""Predictions without a network, from a table to a saved evaluation and back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import TableError
from models.evaluation import EvaluationSpec, evaluation_of
from models.jobs import Jobs
from models.predictions import Predictions, saved_predictions
from models.recent import recent
from models.store import Store
from tests.models.prediction_samples import CLASSES, picture_folder
from tests.models.test_evaluation import ROOT, evaluated

N = 10


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def manager(store: Store) -> Iterator[Jobs]:
    made = Jobs(store)
    yield made
    made.close()


def table(folder: Path, *, probabilities: bool = True) -> Path:
    """A table beside nothing, of the pictures that picture_folder makes."""
    rows = [(f"{CLASSES[i % len(CLASSES)]}/{i:03d}.jpg", CLASSES[i % len(CLASSES)]) for i in range(N)]
    columns = pd.DataFrame(rows, columns=["path", "label"]).assign(camera=["old", "new"] * (N // 2))
    if probabilities:
        drawn = np.random.default_rng(0).dirichlet(np.ones(len(CLASSES)), N)
        columns[list(CLASSES)] = drawn
    else:
        columns["predicted"] = columns["label"].to_numpy()[::-1]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("preds.csv" if probabilities else "preds.parquet")
    columns.to_csv(path, index=False) if probabilities else columns.to_parquet(path, index=False)
    return path


def opened(manager: Jobs, store: Store, spec: EvaluationSpec) -> Predictions:
    job = evaluated(manager, spec)
    assert job.state == "done", job.error
    assert job.result is not None
    found = saved_predictions(store, job.result["fingerprint"])
    assert found is not None and job.result["n_images"] == len(found)
    return found


@pytest.mark.parametrize("probabilities", [True, False])
def test_a_table_becomes_an_evaluation_with_its_pictures(
    manager: Jobs, store: Store, tmp_path: Path, probabilities: bool
) -> None:
    pictures = picture_folder(tmp_path / "photos", N)
    path = table(tmp_path / "results", probabilities=probabilities)
    spec = EvaluationSpec.of_predictions(path, pictures)
    assert evaluation_of(spec, store) is None
    found = opened(manager, store, spec)
    assert (found.has_probabilities, found.n_missing_files, found.architecture) == (probabilities, 0, "")
    assert list(found.images["camera"]) == ["old", "new"] * (N // 2)
    assert len(list((store.root / "thumbnails").rglob("*.jpg"))) == N
    assert evaluation_of(spec, store) == found.fingerprint
    (entry,) = recent(store)
    assert (entry.spec, entry.n_classes, entry.architecture) == (spec.to_json(), len(CLASSES), "")


def test_a_changed_table_is_read_anew(manager: Jobs, store: Store, tmp_path: Path) -> None:
    path = table(tmp_path)
    spec = EvaluationSpec.of_predictions(path)
    before = opened(manager, store, spec)
    path.write_text(path.read_text().replace(",old,", ",very old,"))
    assert evaluation_of(spec, store) is None
    after = opened(manager, store, spec)
    assert after.fingerprint != before.fingerprint and "very old" in set(after.images["camera"])
    assert [each.fingerprint for each in recent(store)] == [after.fingerprint]


def test_pictures_that_come_later_are_seen(manager: Jobs, store: Store, tmp_path: Path) -> None:
    spec = EvaluationSpec.of_predictions(table(tmp_path))
    without = opened(manager, store, spec)
    assert without.n_missing_files == N and evaluation_of(spec, store) == without.fingerprint
    picture_folder(tmp_path, N)
    assert evaluation_of(spec, store) is None
    assert opened(manager, store, spec).n_missing_files == 0


def test_a_table_that_is_not_there_is_said_at_once(store: Store, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is not there"):
        evaluation_of(EvaluationSpec.of_predictions(tmp_path / "none.csv"), store)


def test_a_table_that_makes_no_sense_ends_its_job_with_the_reason(manager: Jobs, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("path,label\na,cat\n")
    job = evaluated(manager, EvaluationSpec.of_predictions(tmp_path / "bad.csv"))
    assert job.state == "failed" and job.error is not None
    assert "neither what was predicted" in job.error["message"]


def test_no_torch_is_needed_on_this_way(store: Store, tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from models.store import Store; from models.jobs import Jobs\n"
        "from models.evaluation import EvaluationSpec, evaluation_of\n"
        "store, spec = Store(Path(sys.argv[1])), EvaluationSpec.of_predictions(sys.argv[2])\n"
        "jobs = Jobs(store); id = jobs.submit('evaluate', spec.to_json(), title='x')\n"
        "while jobs.status(id).is_active: time.sleep(.01)\n"
        "print(jobs.status(id).state, evaluation_of(spec, store) is not None, 'torch' in sys.modules); jobs.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root), str(table(tmp_path))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["done", "True", "False"]
