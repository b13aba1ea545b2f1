"""Which job checks the maps on show."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.attribution.records import Attribution
from analysis.trust_results import Trust
from models.evaluation_spec import EvaluationSpec
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from pages.explain.asked_class import AskedClass
from pages.explain.chosen_image import Chosen
from pages.explain.running import View
from pages.explain.trust_shown import Shown
from pages.shared import state
from tests.models.test_jobs import began, ended, until_told


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "trust", until_told)
    made = state.running_jobs()
    yield made
    made.close()


def shown(tmp_path: Path, *methods: str) -> Shown:
    nothing: Any = None
    workspace = state.Workspace(EvaluationSpec("net.pth", "images"), "2" * 32)
    chosen = Chosen(tmp_path / "cat.jpg", nothing, (8, 8), None, None)
    view = View(workspace, nothing, chosen, AskedClass(1, None, "dog"))
    return Shown(view, {method: Attribution(np.zeros((8, 8), np.float32), method, 1) for method in methods})


def of_another_picture(maps: Shown, path: Path) -> Shown:
    return replace(maps, view=replace(maps.view, chosen=replace(maps.view.chosen, path=path)))


def of_another_class(maps: Shown, index: int) -> Shown:
    return replace(maps, view=replace(maps.view, asked=AskedClass(index, None, "cow")))


def found(maps: Shown, check: str = "curves") -> str | None:
    job = maps.latest_job(check)
    return None if job is None else job.id


def test_the_check_of_fewer_maps_of_the_same_picture_is_found_again(running: Jobs, tmp_path: Path) -> None:
    two = shown(tmp_path, "gradient", "lrp")
    assert found(two) is None
    one = running.submit("trust", shown(tmp_path, "gradient").spec("curves").to_json(), title="Check")
    other = of_another_picture(two, tmp_path / "dog.jpg")
    running.submit("trust", other.spec("curves").to_json(), title="Check")
    assert found(two) == one and found(two, "randomisation") is None
    assert found(of_another_class(two, 2)) is None
    began(running, one, tmp_path)
    both = running.submit("trust", two.spec("curves").to_json(), title="Check")
    assert found(two) == both and found(shown(tmp_path, "gradient")) == one  # its own, while it is active
    running.cancel(one)
    ended(running, one)
    assert found(shown(tmp_path, "gradient")) == both


def test_the_job_that_checks_maps_has_what_they_were_made_with(tmp_path: Path) -> None:
    maps = shown(tmp_path, "gradient", "lime")
    lime = replace(maps.found["lime"], options={"samples": 50})
    asked = replace(maps.view, asked=AskedClass(1, 2, "dog rather than cow"))
    spec = Shown(asked, {**maps.found, "lime": lime}).spec("curves")
    assert spec.methods == {"gradient": {}, "lime": {"samples": 50}}
    assert (spec.image, spec.target) == (str(tmp_path / "cat.jpg"), (1, 2))


def panel(view: "View", found: "dict[str, Attribution]") -> None:
    from analysis.attribution import METHODS
    from pages.explain.trust import trust_panel

    trust_panel(view, [METHODS[key] for key in found], found)


def test_what_is_measured_is_read_once_and_after_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that ends between the two looks would show neither itself nor what it measured."""
    looks: list[str] = []
    monkeypatch.setattr(Shown, "latest_job", lambda _, check: looks.append(check))
    monkeypatch.setattr(Shown, "trust", lambda _: looks.append("kept") or Trust())
    monkeypatch.setattr("pages.explain.trust.estimated_seconds", lambda *_, **__: None)
    maps = shown(tmp_path, "gradient")
    app = AppTest.from_function(panel, args=(maps.view, maps.found)).run(timeout=30)
    assert not app.exception and not app.error
    assert [app.button(key=f"start_{check}").label for check in ("curves", "randomisation")] == [
        "Measure faithfulness",
        "Check against random weights",
    ]
    assert looks == ["curves", "randomisation", "kept"]
