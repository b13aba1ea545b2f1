"""The panel of a job: what a waiting one waits for, and the way out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import analysis.job_kinds  # noqa: F401 - it names the lanes, which must not change while jobs wait
from models.evaluation import THUMBNAILS_PHASE
from models.job_context import JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs, jobs
from models.progress import Progress
from models.store import default_store
from tests.models.test_jobs import Steps, began, ended, until_told, wait_for

WAITING = "Waits for\\: Maps of Bengal/Egyptian\\_Mau"


def at_forty(spec: dict[str, Any], context: JobContext) -> Steps:
    for step in until_told(spec, context):
        yield Progress(step.phase, 4, 10, "images")
    return {}


def with_thumbnails(spec: dict[str, Any], context: JobContext) -> Steps:
    for _ in until_told(spec, context):
        yield Progress(THUMBNAILS_PHASE, 4, 10, "images")
    return {}


def panel_of_the_last() -> None:
    import streamlit as st

    from pages.shared import state
    from pages.shared.job_panel import running_job

    identifier = st.session_state.setdefault("shown", state.running_jobs().list(limit=1)[0].id)
    if any(job.id == identifier for job in state.running_jobs().list() if job.is_active):
        running_job(identifier, key="cancel")
    else:
        st.write("It has ended.")


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "explain_cell", at_forty)
    made = jobs(default_store())
    yield made
    made.close()


@pytest.fixture
def behind(manager: Jobs, tmp_path: Path) -> Callable[[int], tuple[str, str]]:
    """Submit jobs of other cells, and one more; the id of the running one and of the last."""

    def submitted(others: int) -> tuple[str, str]:
        first = manager.submit("explain_cell", {"n": 0}, title="Maps of Bengal/Egyptian_Mau")
        began(manager, first, tmp_path)
        wait_for(lambda: manager.status(first).total == 10)
        for number in range(1, others):
            manager.submit("explain_cell", {"n": number}, title="Maps of others")
        return first, manager.submit("explain_cell", {"n": others}, title="Maps of this")

    return submitted


def words(app: AppTest) -> str:
    (bar,) = app.get("progress")
    text: str = bar.proto.text
    return text


def test_a_waiting_job_names_the_one_before_it_which_can_be_stopped(
    manager: Jobs, behind: Callable[[int], tuple[str, str]], tmp_path: Path
) -> None:
    first, last = behind(1)
    app = AppTest.from_function(panel_of_the_last).run(timeout=30)
    assert not app.exception
    assert words(app) == f"{WAITING} · 40%"
    app.button(key="cancel_before").click().run(timeout=30)
    assert ended(manager, first).state == "cancelled"
    began(manager, last, tmp_path)
    wait_for(lambda: manager.status(last).total == 10)
    app.run(timeout=30)
    assert words(app).startswith("Waiting · 4 of 10 images")
    assert [button.key for button in app.button] == ["cancel"]


def test_more_than_one_before_it_are_counted(behind: Callable[[int], tuple[str, str]]) -> None:
    behind(3)
    app = AppTest.from_function(panel_of_the_last).run(timeout=30)
    assert words(app) == f"{WAITING} · 40% · and 2 more"


def test_a_job_that_evaluates_on_its_way_is_shown_while_it_makes_thumbnails(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, "explain_cell", with_thumbnails)
    job = manager.submit("explain_cell", {}, title="Copies of these images in train")
    wait_for(lambda: manager.status(job).phase == THUMBNAILS_PHASE)
    app = AppTest.from_function(panel_of_the_last).run(timeout=30)
    assert not app.exception
    assert words(app).startswith(f"{THUMBNAILS_PHASE} · 4 of 10 images")


def test_its_own_button_cancels_the_waiting_one(
    manager: Jobs, behind: Callable[[int], tuple[str, str]]
) -> None:
    first, last = behind(1)
    app = AppTest.from_function(panel_of_the_last).run(timeout=30)
    app.button(key="cancel").click().run(timeout=30)
    assert manager.status(last).state == "cancelled" and manager.status(first).state == "running"
    assert [each.value for each in app.markdown] == ["It has ended."]


def test_one_that_is_gone_draws_the_page_anew(
    manager: Jobs, behind: Callable[[int], tuple[str, str]]
) -> None:
    _, last = behind(1)
    manager.cancel(last)
    manager.delete(last)
    app = AppTest.from_function(panel_of_one_just_gone)
    app.session_state["shown"] = last
    app.run(timeout=30)
    assert not app.exception and not app.error
    assert [each.value for each in app.markdown] == ["Drawn anew."]


def panel_of_one_just_gone() -> None:
    import streamlit as st

    from pages.shared.job_panel import running_job

    if st.session_state.setdefault("times", 0):
        st.write("Drawn anew.")
    else:
        st.session_state["times"] = 1
        running_job(st.session_state["shown"], key="cancel")


def test_cancelling_what_is_gone_is_no_error(manager: Jobs) -> None:
    from pages.shared.job_panel import cancel_job

    cancel_job("none")
