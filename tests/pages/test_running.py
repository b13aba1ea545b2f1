"""Jobs of the image page: several people share them, a reload finds them again, few begin unasked."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image

from analysis.attribution import METHODS, attribute
from models.errors import WorkspaceError
from models.evaluation_spec import EvaluationSpec
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from models.preprocessing import Preprocessing
from pages.explain import running, watched_jobs
from pages.explain.asked_class import AskedClass
from pages.explain.chosen_image import Chosen
from pages.explain.running import Standing, View, begin, begin_drawing, standing, stop_the_forgotten
from pages.shared import state
from tests.conftest import SAMPLE
from tests.models.test_jobs import ended, until_told, wait_for

Tab = Callable[[str], None]


@pytest.fixture
def view(tmp_path: Path) -> View:
    class Thing:
        fingerprint = "0" * 32
        key = "1" * 32
        path = tmp_path / "cat.jpg"

    thing: Any = Thing()
    workspace = state.Workspace(EvaluationSpec("net.pth", "images"), "2" * 32)
    return View(workspace, thing, thing, AskedClass(0, None, "cat"))


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> Tab:
    sessions: dict[str, dict[str, Any]] = {}

    def go_to(name: str) -> None:
        monkeypatch.setattr(st, "session_state", sessions.setdefault(name, {}))
        monkeypatch.setattr(watched_jobs, "connection", lambda: name)

    go_to("one")
    return go_to


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(running, "seconds_needed", lambda *_: 1.0)
    for kind in ("explain", "explain_long"):
        monkeypatch.setitem(JOB_KINDS, kind, until_told)
    made = state.running_jobs()
    yield made
    made.close()


def all_drawn(view: View, *methods: str) -> list[Standing]:
    """What a tab shows; it then leaves what it does not show."""
    begin_drawing()
    found = [standing(view, METHODS[method], {}) for method in methods]
    stop_the_forgotten()
    return found


def drawn(view: View, method: str) -> Standing:
    (found,) = all_drawn(view, method)
    return found


def step_on() -> None:
    begin_drawing()
    stop_the_forgotten()


def identifier(found: Standing) -> str:
    assert found.phase == "running" and found.job is not None
    return found.job.id


def test_whoever_steps_on_leaves_the_job_to_the_others(view: View, jobs: Jobs, tab: Tab) -> None:
    first = identifier(drawn(view, "smooth_grad"))
    tab("two")
    assert identifier(drawn(view, "smooth_grad")) == first
    tab("one")
    step_on()
    assert jobs.status(first).state in ("queued", "running")
    tab("two")
    assert identifier(drawn(view, "smooth_grad")) == first
    step_on()
    assert ended(jobs, first).state == "cancelled"
    # Whoever comes back gets it anew.
    assert identifier(drawn(view, "smooth_grad")) != first


def test_a_slow_job_is_taken_up_again_after_a_reload(view: View, jobs: Jobs, tab: Tab) -> None:
    assert drawn(view, "lime").phase == "idle"
    id = begin(view, METHODS["lime"], {})
    tab("reloaded")
    assert identifier(drawn(view, "lime")) == id and jobs.status(id).kind == "explain_long"
    jobs.cancel(id)
    assert ended(jobs, id).state == "cancelled"
    assert drawn(view, "lime").phase == "stopped"
    tab("reloaded again")
    assert drawn(view, "lime").phase == "stopped"
    again = begin(view, METHODS["lime"], {})
    assert again != id and identifier(drawn(view, "lime")) == again


@pytest.mark.parametrize(
    ("seconds", "method", "phase", "kind"),
    [
        (1.6, "gradient", "running", "explain"),  # "at once" on most networks, but not on this one
        (16.0, "gradient", "idle", "explain_long"),
        (14.0, "score_cam", "running", "explain"),
        (16.0, "score_cam", "idle", "explain_long"),
        (None, "score_cam", "idle", "explain_long"),
        (2.0, "kernel_shap", "idle", "explain_long"),
    ],
)
def test_only_what_ends_in_seconds_begins_by_itself(  # noqa: PLR0917
    view: View, jobs: Jobs, tab: Tab, monkeypatch: pytest.MonkeyPatch,
    seconds: float | None, method: str, phase: str, kind: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(running, "seconds_needed", lambda *_: seconds)
    assert drawn(view, method).phase == phase
    if phase == "idle":
        begin(view, METHODS[method], {})
    assert [job.kind for job in jobs.list()] == [kind]


def test_a_job_whose_maps_are_gone_is_begun_anew(view: View, jobs: Jobs, tab: Tab) -> None:
    id = identifier(drawn(view, "smooth_grad"))
    wait_for(lambda: jobs.status(id).state == "running")
    (state.store().root / "jobs" / id / "go").touch()
    wait_for(lambda: jobs.status(id).state == "done")
    assert drawn(view, "smooth_grad").phase == "idle"
    assert identifier(drawn(view, "smooth_grad")) != id


@pytest.mark.parametrize("seconds", [1.4, None])
def test_what_is_quick_is_known_at_once_and_needs_no_job(
    view: View, jobs: Jobs, tab: Tab, monkeypatch: pytest.MonkeyPatch, seconds: float | None
) -> None:
    monkeypatch.setattr(running, "seconds_needed", lambda *_: seconds)
    found: Any = object()
    monkeypatch.setattr(running, "_run_now", lambda *_: found)
    shown = drawn(view, "gradient")
    assert (shown.phase, shown.attribution) == ("done", found) and jobs.list() == []


def test_who_goes_to_another_page_leaves_at_once(view: View, jobs: Jobs, tab: Tab) -> None:
    ours, theirs = map(identifier, all_drawn(view, "smooth_grad", "score_cam"))
    tab("another")
    assert identifier(drawn(view, "score_cam")) == theirs
    tab("one")
    watched_jobs.leave_jobs()
    assert ended(jobs, ours).state == "cancelled"
    assert jobs.status(theirs).is_active
    tab("another")
    assert identifier(drawn(view, "score_cam")) == theirs
    watched_jobs.leave_jobs()
    assert ended(jobs, theirs).state == "cancelled"


def test_a_tab_that_is_loaded_anew_keeps_its_job_and_a_closed_one_does_not(
    view: View, jobs: Jobs, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.job_context.SECONDS_BETWEEN_ROUNDS", 0.01)
    monkeypatch.setattr("models.job_watchers.SECONDS_OF_GRACE", 0.1)
    kept, given_up = map(identifier, all_drawn(view, "smooth_grad", "score_cam"))
    tab("loaded anew")
    assert identifier(drawn(view, "smooth_grad")) == kept
    watched_jobs.parted("one")
    assert ended(jobs, given_up).state == "cancelled"
    assert jobs.status(kept).state == "running"


def test_a_workspace_that_cannot_be_used_is_said_on_the_tile_and_stops_no_job(
    view: View, jobs: Jobs, tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise WorkspaceError("The database is locked.", next_step="Try again.")

    id = identifier(drawn(view, "smooth_grad"))
    with monkeypatch.context() as broken:
        broken.setattr(running, "_kept", locked)
        shown = drawn(view, "smooth_grad")
    assert (shown.phase, shown.problem) == ("failed", "The database is locked. Try again.")
    assert identifier(drawn(view, "smooth_grad")) == id


def test_a_picture_replaced_while_it_is_read_never_gives_the_new_one_its_map(
    jobs: Jobs, tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import models.image_input
    from models.checkpoint import load_checkpoint

    def picture(grey: int) -> None:
        Image.new("RGB", (64, 64), (grey, grey, grey)).save(path)
        os.utime(path, (grey, grey))

    path, read = tmp_path / "cat.png", models.image_input.image_input
    picture(250)

    def replaced_just_after(file: Path, preprocessing: Preprocessing) -> torch.Tensor:
        inputs = read(file, preprocessing)
        picture(5)
        return inputs

    network = load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")
    workspace = state.Workspace(EvaluationSpec("net.pth", "images"), "2" * 32)
    shown: Any = None
    chosen = Chosen(path, shown, (64, 64), None, None)
    view = View(workspace, network, chosen, AskedClass(0, None, "cat"))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(models.image_input, "image_input", replaced_just_after)
        old = drawn(view, "gradient").attribution
    new = drawn(view, "gradient").attribution
    assert old is not None and new is not None
    expected = attribute(network, read(path, network.preprocessing), 0, "gradient").relevance
    np.testing.assert_allclose(new.relevance, expected, atol=1e-3 * np.abs(expected).max())
    assert not np.allclose(old.relevance, expected, atol=1e-3 * np.abs(expected).max())
