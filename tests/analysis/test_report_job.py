"""The report as a job: made, found again, and out of date as soon as a decision changes."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import analysis.job_kinds  # noqa: F401 - makes them known
from analysis.report_facts import circumstances, evaluation_facts
from analysis.report_job import notes_key, save_report, saved_report
from analysis.report_parts import REPORT_SECTIONS
from models.evaluation import EvaluationSpec, table_predictions
from models.jobs import Jobs
from models.libraries import errorscope_version
from models.notes import decide, write_subject_note
from models.predictions import Predictions, save_predictions
from models.store import Store
from tests.models.prediction_samples import picture_folder
from tests.models.test_evaluation_of_table import table

N = 10


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "workspace")


@pytest.fixture
def spec(tmp_path: Path) -> EvaluationSpec:
    return EvaluationSpec.of_predictions(table(tmp_path / "results"), picture_folder(tmp_path / "photos", N))


@pytest.fixture
def predictions(spec: EvaluationSpec, store: Store) -> Predictions:
    made = table_predictions(spec)
    save_predictions(store, made)
    return made


@pytest.fixture
def manager(store: Store) -> Iterator[Jobs]:
    made = Jobs(store)
    yield made
    made.close()


def test_the_job_makes_a_report_that_is_found_again(
    manager: Jobs, store: Store, spec: EvaluationSpec, predictions: Predictions
) -> None:
    assert saved_report(store, predictions.fingerprint) is None
    wanted = {
        "fingerprint": predictions.fingerprint,
        "sections": ["cells", "notes", "classes"],
        "facts": evaluation_facts(spec, predictions),
    }
    wrong = predictions.absolute(
        predictions.images["path"][int((predictions.labels != predictions.predicted).argmax())]
    )
    decide(store, wrong, label="ant", decision="image")
    job = manager.submit("report", wanted, title="Report")
    while manager.status(job).is_active:
        time.sleep(0.01)
    ended = manager.status(job)
    assert ended.state == "done", ended.error
    report = saved_report(store, predictions.fingerprint)
    assert report is not None and ended.result == {"size_bytes": report.size_bytes}
    assert report.sections == ("cells", "notes", "classes") and report.notes == notes_key(store, predictions)
    assert abs(report.made - time.time()) < 60
    html = report.path.read_text(encoding="utf-8")
    assert "Where most errors are" in html and "Notes and decisions" in html
    assert "Pairs that are taken for each other" not in html and "What is taken for what" not in html
    assert str(spec.model) in html and errorscope_version() in html
    assert html.count("data:image/jpeg") > 3


def test_the_key_of_the_notes_changes_with_every_note_about_these_images(
    store: Store, predictions: Predictions, tmp_path: Path
) -> None:
    keys = [notes_key(store, predictions)]
    assert notes_key(store, predictions) == keys[0]
    image = predictions.absolute(predictions.images["path"][3])
    decide(store, image, label="dog", decision="label", corrected_label="cat")
    keys.append(notes_key(store, predictions))
    decide(store, image, label="dog", decision="model")
    keys.append(notes_key(store, predictions))
    write_subject_note(store, predictions.class_names, "class", "cat", tags=["x"], text="")
    keys.append(notes_key(store, predictions))
    assert len(set(keys)) == 4
    elsewhere = picture_folder(tmp_path / "other", N + 1) / "ant" / "010.jpg"
    decide(store, elsewhere, label="ant", decision="image")
    assert notes_key(store, predictions) == keys[-1]


@pytest.mark.parametrize("damage", ["no record", "half a record", "other keys", "half a page"])
def test_a_damaged_report_is_no_report(store: Store, damage: str) -> None:
    save_report(store, "0" * 32, b"<html>", tuple(REPORT_SECTIONS), "k")
    found = saved_report(store, "0" * 32)
    assert found is not None and (found.size_bytes, found.notes) == (6, "k")
    record = found.path.with_name("report.json")
    if damage == "no record":
        record.unlink()
    elif damage == "half a record":
        record.write_text(record.read_text()[:20])
    elif damage == "other keys":
        record.write_text(json.dumps({"sections": []}))
    else:
        found.path.write_bytes(b"<h")
    assert saved_report(store, "0" * 32) is None


def test_facts_say_what_was_evaluated(spec: EvaluationSpec, predictions: Predictions) -> None:
    chosen = replace(spec, split="val")
    assert evaluation_facts(chosen, predictions) == {
        "Predictions": spec.model,
        "Images": spec.images,
        "Split": "val",
    }
    network = EvaluationSpec("net.pth", "photos", groups="groups.csv")
    facts = evaluation_facts(network, replace(predictions, architecture="resnet18"))
    assert list(facts) == ["Checkpoint", "Architecture", "Images", "Groups"]
    assert set(circumstances()) == {"Made", "With"}
