"""When the survey begins by itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import analysis.job_kinds  # noqa: F401 - it names the lanes, which must not change while jobs wait
from analysis.survey import SURVEY_PARTS
from models.job_context import JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs, jobs
from models.progress import Progress
from models.store import default_store
from tests.models.test_jobs import Steps, ended, until_told


def at_once(spec: dict[str, Any], context: JobContext) -> Steps:
    yield Progress("Measuring the images", 1, 1)
    return {}


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "survey", at_once)
    made = jobs(default_store())
    yield made
    made.close()


def drawn() -> None:
    from models.evaluation import EvaluationSpec
    from pages.shared.state import Workspace
    from pages.shared.surveyed import draw_survey

    draw_survey(Workspace(EvaluationSpec("net.pth", "/pets/val"), "0123"), range(476))  # type: ignore[arg-type]


def surveys(manager: Jobs) -> list[str]:
    return [job.id for job in manager.list(kinds=("survey",))]


def test_it_begins_the_first_time_and_where_a_newer_version_misses_a_part(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = AppTest.from_function(drawn).run(timeout=30)
    assert not app.exception
    (first,) = surveys(manager)
    assert ended(manager, first).state == "done"
    app.run(timeout=30)
    assert surveys(manager) == [first]
    monkeypatch.setitem(SURVEY_PARTS, "slices", replace(SURVEY_PARTS["slices"], revision=99))
    app.run(timeout=30)
    assert len(surveys(manager)) == 2


def test_one_that_was_stopped_waits_for_a_press(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JOB_KINDS, "survey", until_told)
    app = AppTest.from_function(drawn).run(timeout=30)
    (first,) = surveys(manager)
    manager.cancel(first)
    assert ended(manager, first).state == "cancelled"
    app.run(timeout=30)
    assert surveys(manager) == [first]
    assert [button.label for button in app.button] == ["Go on: survey the images"]
