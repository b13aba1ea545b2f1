"""The app from its front door, without a browser: what it says before anything can be drawn."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.evaluation import EvaluationSpec, evaluation_of
from models.job_kinds import JOB_KINDS
from models.jobs import jobs
from models.saved_predictions import kept_predictions
from models.store import Store, default_store
from tests.conftest import ROOT, SAMPLE
from tests.models.test_jobs import ended, until_told

TIMEOUT_SECONDS = 60


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.chdir(ROOT)

    def app(model: Path, images: Path) -> AppTest:
        monkeypatch.setattr(sys, "argv", ["app.py", "--model", str(model), "--images", str(images)])
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_SECONDS)

    return app


def texts(app: AppTest) -> str:
    elements = [*app.error, *app.info, *app.markdown, *app.caption, *app.title]
    return "\n".join(element.value for element in elements).replace("\\", "")


def test_images_that_are_not_there_are_one_clear_message(
    launched: Callable[..., AppTest], tmp_path: Path
) -> None:
    app = launched(SAMPLE / "shufflenet_v2_x0_5.pth", tmp_path / "no_images")
    app.run()
    assert not app.exception
    assert "These images cannot be opened" in texts(app)
    assert "no_images" in texts(app)


def test_a_model_that_is_not_there_ends_its_job_with_the_reason(
    launched: Callable[..., AppTest], tmp_path: Path
) -> None:
    app = launched(tmp_path / "none.pth", SAMPLE / "pets" / "test")
    app.run()
    runner = jobs(default_store())
    assert ended(runner, app.session_state["job"]).state == "failed"
    app.run()
    assert not app.exception
    assert "This checkpoint cannot be opened" in texts(app)
    assert "none.pth" in texts(app)
    runner.close()


def test_a_link_to_files_never_opened_here_opens_nothing_by_itself(
    launched: Callable[..., AppTest], tmp_path: Path
) -> None:
    app = launched(SAMPLE / "shufflenet_v2_x0_5.pth", SAMPLE / "pets" / "val")
    app.query_params["model"] = "/other/model.pth"
    app.query_params["images"] = "/other/images"
    app.run()
    assert not app.exception
    assert not (tmp_path / "workspace" / "evaluations").exists()


def test_another_page_leaves_the_jobs_of_one_image_and_forgets_what_was_pressed(
    launched: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, "explain_long", until_told)
    app = launched(SAMPLE / "shufflenet_v2_x0_5.pth", tmp_path / "no_images")
    runner = jobs(default_store())
    id = runner.submit("explain_long", {}, title="LIME of cat.jpg", watcher="this tab")
    app.session_state["explain_jobs"] = {"the question": id}
    app.session_state["explain_watcher"] = "this tab"
    app.session_state["jobs_pressed"] = {"cell_run": "cell"}
    app.run()
    assert not app.exception
    assert ended(runner, id).state == "cancelled"
    assert not app.session_state["explain_jobs"] and not app.session_state["jobs_pressed"]
    runner.close()


def fail() -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("is_bug", [False, True])
def test_a_page_that_failed_before_it_came_to_its_buttons_begins_nothing_later(
    launched: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_bug: bool
) -> None:
    app = launched(SAMPLE / "shufflenet_v2_x0_5.pth", tmp_path / "no_images")
    if is_bug:
        monkeypatch.setattr("pages.explain.watched_jobs.leave_jobs", fail)
    app.session_state["jobs_pressed"] = {"cell_run": ""}  # on the page that is drawn
    app.run()
    assert [each.value for each in app.exception] == (["a bug"] if is_bug else [])
    assert not app.session_state["jobs_pressed"]


def test_an_address_that_an_interrupted_drawing_was_to_write_is_not_written_by_the_next_page(
    launched: Callable[..., AppTest], tmp_path: Path
) -> None:
    app = launched(SAMPLE / "shufflenet_v2_x0_5.pth", tmp_path / "no_images")
    app.session_state["unwritten"] = {"image": ("0123456789ab", "explain_written_image")}
    app.run()
    assert not app.exception
    assert "unwritten" not in app.session_state
    assert "image" not in app.query_params


def test_a_table_of_predictions_opens_from_the_command_line(
    launched: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "preds.csv"
    table.write_text("path,label,predicted,split\na,cat,dog,val\nb,dog,dog,val\nc,dog,dog,train\n")
    app = launched(SAMPLE, SAMPLE)
    monkeypatch.setattr(sys, "argv", ["app.py", "--predictions", str(table)])
    app.run()
    runner = jobs(default_store())
    # a table is read so fast that the page may have forgotten its job by the end of its first drawing
    [evaluation] = runner.list(kinds=("evaluate",))
    assert ended(runner, evaluation.id).state == "done"
    app.run()
    assert not app.exception
    assert "preds.csv" in texts(app) and "Predictions" in texts(app)
    assert (app.query_params["model"], app.query_params["images"]) == (str(table), str(tmp_path))
    assert kept_predictions(default_store(), app.session_state["fingerprint"]).images["path"].tolist() == [
        "a",
        "b",
    ]
    runner.close()


def test_an_evaluation_that_ends_while_the_page_is_drawn_is_not_called_missing(
    launched: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, runner = launched(SAMPLE / "shufflenet_v2_x0_5.pth", SAMPLE / "pets" / "test"), jobs(default_store())

    def found_too_late(spec: EvaluationSpec, store: Store) -> str | None:
        found = evaluation_of(spec, store)
        for job in runner.list(kinds=("evaluate",)):
            ended(runner, job.id)
        return found

    monkeypatch.setattr("pages.shared.state.evaluation_of", found_too_late)
    app.run()
    assert not app.exception
    assert app.session_state["fingerprint"]
    assert "Not evaluated yet" not in texts(app) and "117 of 140 right" in texts(app)
    runner.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--predictions", "t.csv", "--model", "net.pth"], "both --model and --predictions"),
        (["--predictions", "none.csv"], "is not there"),
    ],
)
def test_what_cannot_be_launched_with_predictions_is_said(
    launched: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    app = launched(SAMPLE, SAMPLE)
    monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
    app.run()
    assert not app.exception
    assert words in texts(app)
