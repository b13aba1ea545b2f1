"""What is saved comes back the same, or says that it is damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.errors import PredictionsError
from models.images import Unreadable
from models.prediction_record import Predictions
from models.prediction_scores import log_softmax, scores
from models.saved_predictions import (
    discard_evaluation,
    is_saved,
    kept_predictions,
    save_predictions,
    saved_network,
    saved_predictions,
)
from models.store import Store
from tests.models.prediction_samples import same

ROOT = Path(__file__).resolve().parents[2]
NAME = "0123456789abcdef" * 2


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def predictions(n: int = 6) -> Predictions:
    draws = np.random.default_rng(0)
    logits = draws.normal(size=(n, 3)).astype(np.float32)
    table = pd.DataFrame(
        {
            **{"id": [str(row) for row in range(n)], "path": [f"ä {row}.jpg" for row in range(n)]},
            **{"label": ["a"] * n, "group": [""] * n, "split": ["val"] * n},
            **{"iso": draws.integers(0, 99, n), "mixed": [1, "x", None, 2.5, True, "y"][:n]},
        }
    )
    log_p = log_softmax(logits)
    return Predictions(
        fingerprint=NAME,
        class_names=("a", "b", "c"),
        groups={"a": "x", "b": "x", "c": "y"},
        images=table.join(scores(log_p, np.zeros(n, np.int64))),
        root=Path("/photos"),
        logits=logits,
        probabilities=np.exp(log_p).astype(np.float32),
        embeddings=draws.normal(size=(n, 4)).astype(np.float32),
        unreadable=(Unreadable("z.jpg", "truncated", "val"),),
        seconds={"forward": 1.5},
        architecture="resnet18",
        n_missing_files=2,
        network_fingerprint="f" * 32,
    )


def test_all_comes_back(store: Store) -> None:
    saved = predictions()
    save_predictions(store, saved)
    found = saved_predictions(store, NAME)
    assert found is not None and is_saved(store, NAME)
    texts = saved.images.astype({"mixed": "str"})
    assert same(found, replace(saved, images=texts))
    for name in (
        "fingerprint",
        "class_names",
        "groups",
        "root",
        "seconds",
        "architecture",
        "n_missing_files",
        "network_fingerprint",
    ):
        assert getattr(found, name) == getattr(saved, name), name
    assert isinstance(found.embeddings, np.memmap) and not found.embeddings.flags.writeable


def test_arrays_that_are_not_there_stay_away(store: Store) -> None:
    save_predictions(store, replace(predictions(), logits=None, embeddings=None, probabilities=None))
    found = saved_predictions(store, NAME)
    assert found is not None and not found.has_probabilities
    assert found.logits is None and found.embeddings is None


def test_saving_again_leaves_nothing_of_before(store: Store) -> None:
    save_predictions(store, predictions())
    save_predictions(store, replace(predictions(4), embeddings=None))
    found = saved_predictions(store, NAME)
    assert found is not None and len(found) == 4 and found.embeddings is None
    assert not (store.evaluation(NAME) / "embeddings.npy").exists()


@pytest.mark.parametrize("name", [NAME, "../" * 3 + "etc", "", "x" * 32])
def test_what_was_never_saved_is_not_there(store: Store, name: str) -> None:
    assert saved_predictions(store, name) is None and not is_saved(store, name)
    with pytest.raises(PredictionsError, match="gone from the workspace"):
        kept_predictions(store, name)
    assert not (store.root / "evaluations").exists()


def test_it_is_complete_only_with_its_record(store: Store) -> None:
    save_predictions(store, predictions())
    (store.evaluation(NAME) / "evaluation.json").unlink()
    assert saved_predictions(store, NAME) is None


def spoil(folder: Path, how: str) -> None:
    record = folder / "evaluation.json"
    content = json.loads(record.read_text())
    if how == "a shorter array":
        np.save(folder / "logits.npy", np.zeros((5, 3), np.float32))
    elif how == "an array of another type":
        np.save(folder / "logits.npy", np.zeros((6, 3), np.float64))
    elif how == "a cut array":
        (folder / "logits.npy").write_bytes((folder / "logits.npy").read_bytes()[:-4])
    elif how == "no array":
        (folder / "logits.npy").unlink()
    elif how == "a table of other images":
        pd.read_parquet(folder / "images.parquet").head(4).to_parquet(folder / "images.parquet")
    elif how == "a table without scores":
        pd.read_parquet(folder / "images.parquet").drop(columns="loss").to_parquet(folder / "images.parquet")
    elif how == "half a record":
        record.write_text(record.read_text()[:40])
    elif how == "a record of another kind":
        record.write_text("[1, 2]")
    elif how == "a key missing":
        record.write_text(json.dumps({name: content[name] for name in content if name != "groups"}))
    else:
        record.write_text(json.dumps({**content, "format": 99}))


@pytest.mark.parametrize(
    "how",
    [
        *("a shorter array", "an array of another type", "a cut array", "no array"),
        *("a table of other images", "a table without scores"),
        *("half a record", "a record of another kind", "a key missing", "another format"),
    ],
)
def test_damage_is_found_and_can_be_removed(store: Store, how: str) -> None:
    save_predictions(store, predictions())
    spoil(store.evaluation(NAME), how)
    with pytest.raises(PredictionsError, match="is damaged") as caught:
        saved_predictions(store, NAME)
    assert "predict again" in caught.value.next_step
    discard_evaluation(store, NAME)
    assert saved_predictions(store, NAME) is None
    save_predictions(store, predictions())
    assert saved_predictions(store, NAME) is not None


def test_an_evaluation_of_an_older_version_names_no_network(store: Store) -> None:
    save_predictions(store, predictions())
    record = store.evaluation(NAME) / "evaluation.json"
    content = json.loads(record.read_text())
    del content["network_fingerprint"]
    record.write_text(json.dumps(content))
    found = saved_predictions(store, NAME)
    assert found is not None and found.network_fingerprint == ""
    assert saved_network(store, NAME) == ("", True)


def test_the_network_is_read_from_the_record_alone(store: Store) -> None:
    assert saved_network(store, NAME) is None and saved_network(store, "../..") is None
    save_predictions(store, predictions())
    (store.evaluation(NAME) / "images.parquet").unlink()
    assert saved_network(store, NAME) == ("f" * 32, True)
    save_predictions(store, replace(predictions(), embeddings=None))
    assert saved_network(store, NAME) == ("f" * 32, False)


@pytest.mark.parametrize("text", ['{"format"', "[1, 2]", "{}", '{"arrays": 3}', "", '"text"'])
def test_the_network_of_a_damaged_record_is_not_known(store: Store, text: str) -> None:
    save_predictions(store, predictions())
    (store.evaluation(NAME) / "evaluation.json").write_text(text)
    assert saved_network(store, NAME) is None


def test_only_evaluations_are_discarded(store: Store) -> None:
    discard_evaluation(store, NAME)  # there is none: nothing happens
    with pytest.raises(PredictionsError, match="not the fingerprint"):
        discard_evaluation(store, "../..")


def test_opening_needs_no_torch(store: Store) -> None:
    save_predictions(store, predictions())
    program = (
        "import sys; from pathlib import Path; from models.store import Store\n"
        "from models.predictions import saved_predictions\n"
        "found = saved_predictions(Store(Path(sys.argv[1])), sys.argv[2])\n"
        "print(len(found), {'torch', 'torchvision', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root), NAME],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "6 set()\n"
