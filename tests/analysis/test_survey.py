"""The survey: each part made once, kept, found again, and damaged ones explained."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import survey as module
from analysis.survey import SurveyPart, part_file, saved_part, survey
from models.errors import WorkspaceError
from models.progress import Progress
from models.store import Store
from tests.analysis.picture_copies import CHANGES, scene, write
from tests.analysis.planted_predictions import planted_predictions

made: list[str] = []


@dataclass(frozen=True)
class Found:
    words: str
    rows: np.ndarray

    def to_saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"words": self.words}, {"rows": self.rows}

    @classmethod
    def from_saved(cls, plain: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> "Found":
        return cls(plain["words"], arrays["rows"])


def found_steps(predictions: Any, facts: pd.DataFrame) -> Generator[Progress, None, Found]:
    made.append("part")
    yield Progress("Looking", 0, 1)
    return Found(f"{len(predictions)} images, {len(facts)} facts", np.arange(3))


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    made.clear()
    part = SurveyPart("part", __name__, "found_steps", "Found", 1)
    monkeypatch.setattr(module, "SURVEY_PARTS", {"one": part, "two": part})
    monkeypatch.setattr(module.importlib, "import_module", lambda name: __import__("sys").modules[name])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def finished(steps: Generator[Progress, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


PREDICTIONS = planted_predictions(np.array([0, 1, 1]), ("a", "b"), predicted=np.array([0, 1, 0]))


@pytest.mark.usefixtures("parts")
def test_each_part_is_made_once_and_found_again(store: Store) -> None:
    first = finished(survey(PREDICTIONS, store))
    assert made == ["part", "part"] and first["one"].words == "3 images, 3 facts"
    again = finished(survey(PREDICTIONS, store))
    assert made == ["part", "part"]
    assert again["two"].words == first["two"].words and again["two"].rows.tolist() == [0, 1, 2]


@pytest.mark.usefixtures("parts")
def test_a_survey_that_was_stopped_keeps_the_parts_that_were_done(store: Store) -> None:
    steps = survey(PREDICTIONS, store)
    while len(made) < 2:
        next(steps)
    steps.close()
    assert saved_part(store, PREDICTIONS.fingerprint, "one") is not None
    assert saved_part(store, PREDICTIONS.fingerprint, "two") is None
    finished(survey(PREDICTIONS, store))
    assert made == ["part", "part", "part"]


@pytest.mark.usefixtures("parts")
def test_a_damaged_part_says_so(store: Store) -> None:
    finished(survey(PREDICTIONS, store))
    part_file(store, PREDICTIONS.fingerprint, "one").write_text("{")
    with pytest.raises(WorkspaceError, match="damaged"):
        saved_part(store, PREDICTIONS.fingerprint, "one")
    arrays = part_file(store, PREDICTIONS.fingerprint, "two").with_suffix(".npz")
    arrays.write_bytes(arrays.read_bytes()[:-40])
    with pytest.raises(WorkspaceError, match="damaged"):
        saved_part(store, PREDICTIONS.fingerprint, "two")


def test_the_slices_count_a_picture_and_its_copies_once(tmp_path: Path) -> None:
    made = planted_predictions(np.arange(60) % 2, ("a", "b"), predicted=np.arange(60) % 3 % 2, root=tmp_path)
    for row, path in enumerate(made.images["path"]):
        picture = scene(row // 2, (96, 64))  # every picture twice, the second saved anew
        write(CHANGES["saved anew at a low quality"](picture) if row % 2 else picture, tmp_path / path)
    found = finished(survey(made, Store(tmp_path / "workspace")))
    assert len(found["duplicates"].clusters) >= 25
    assert found["slices"].n_images == 60 - found["duplicates"].n_extra
