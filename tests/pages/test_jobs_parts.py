"""The list of jobs and the one that is shown: what ran, how it ended, and what can be done then."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import analysis.job_kinds  # noqa: F401 - it names the lanes, which must not change while jobs wait
from models.errors import TrainingError
from models.finetune.augmentation import Augmentation
from models.finetune.finish import finish_asked
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.job_context import JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs, jobs
from models.progress import Progress
from models.store import default_store
from pages.shared.sample import sample_spec
from tests.models.test_jobs import Steps, began, ended, until_told, wait_for

ROW = {
    "phase": "Last block", "train_loss": 0.5, "train_accuracy": 0.8, "validation_loss": 0.6, "validation_accuracy": 0.7,
    "learning_rate": 0.01, "images_per_second": 80.0, "seconds": 2.0,
}  # fmt: skip


def trains(spec: dict[str, Any], context: JobContext) -> Steps:
    """Two epochs, then on and on until it is told to finish."""
    context.note("phase", phase="Last block", epochs=15, n_weights=3, n_train=64, n_validation=8)
    for epoch in (1, 2):
        context.note("epoch", epoch=epoch, **ROW)
    (context.folder / "began").touch()
    while not finish_asked(context.folder):
        yield Progress("Training: Last block", 128, 960, message="epoch 3 of 15")
    return {}


def fails(spec: dict[str, Any], context: JobContext) -> Steps:
    yield Progress("Opening the model", 0, 0)
    raise TrainingError("The loss is not a number.", next_step="Lower the learning rate.")


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setitem(JOB_KINDS, "finetune", trains)
    made = jobs(default_store())
    yield made
    made.close()


def training(manager: Jobs) -> str:
    target = Target("cell", "cat/dog", (("cat", "dog"),))
    spec = FinetuneSpec(
        sample_spec(), sample_spec(), TrainingImages(), DEFAULTS["last_block"], Augmentation(), target
    )
    return manager.submit("finetune", spec.to_json(), title="Last block: cat called dog")


def drawn() -> None:
    import streamlit as st

    from pages.improve.job_list import all_jobs, job_list
    from pages.improve.job_shown import shown_job

    listed = all_jobs()
    chosen = next((job for job in listed if job.id == st.session_state.get("shown_job")), listed[0])
    job_list(chosen.id)
    shown_job(chosen)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def words(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.success, *app.error, *app.metric]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def draw(app: AppTest) -> AppTest:
    app.run(timeout=30)
    assert not app.exception
    return app


def test_a_training_is_followed_paused_and_ended_with_what_it_learnt(manager: Jobs) -> None:
    id = training(manager)
    began(manager, id, default_store().root)
    app = draw(AppTest.from_function(drawn))
    assert {"Pause", "End and keep the best"} <= set(labels(app))
    assert "80" in words(app) and "70.0%" in words(app)  # images per second, right on validation
    assert "The best epoch is number 1" in words(app)
    next(button for button in app.button if button.label == "Pause").click()
    draw(app)
    assert ended(manager, id).state == "cancelled"
    draw(app)
    assert "Paused" in words(app) and {"Go on", "End and keep the best"} <= set(labels(app))
    next(button for button in app.button if button.label == "End and keep the best").click()
    draw(app)
    assert ended(manager, id).state == "done"
    draw(app)
    assert "Done." in words(app)
    assert not {"Pause", "Go on", "End and keep the best"} & set(labels(app))


def test_a_failed_training_says_why_and_what_to_do(manager: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JOB_KINDS, "finetune", fails)
    id = training(manager)
    assert ended(manager, id).state == "failed"
    app = draw(AppTest.from_function(drawn))
    assert "The loss is not a number." in words(app) and "Lower the learning rate." in words(app)
    assert "Try again" in labels(app)
    next(button for button in app.button if button.label == "Delete it").click()
    app.session_state["shown_job"] = None
    assert [job.id for job in manager.list()] == [id]
    training(manager)  # another, so that there is something to draw
    draw(app)
    assert id not in [job.id for job in manager.list()]


@pytest.mark.parametrize("epochs", [0, 2])
def test_what_a_failed_training_has_learnt_can_be_kept(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    """Its weights ran away: tried again they would do so again, but those of the best epoch are there."""

    def runs_away(spec: dict[str, Any], context: JobContext) -> Steps:
        for epoch in range(epochs):
            context.note("epoch", epoch=epoch + 1, **ROW)
        yield Progress("Training: Last block", 128, 960)
        if not finish_asked(context.folder):
            raise TrainingError("The loss is not a number.", next_step="Lower the learning rate.")
        return {}

    monkeypatch.setitem(JOB_KINDS, "finetune", runs_away)
    id = training(manager)
    assert ended(manager, id).state == "failed"
    app = draw(AppTest.from_function(drawn))
    assert ("End and keep the best" in labels(app)) is bool(epochs)
    if epochs:
        next(button for button in app.button if button.label == "End and keep the best").click()
        draw(app)
        assert ended(manager, id).state == "done"


def test_what_runs_comes_first_then_what_waits_in_its_order(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, "evaluate", until_told)
    done = manager.submit("evaluate", {"number": 0}, title="Done")
    began(manager, done, default_store().root)
    (default_store().folder("jobs", done) / "go").touch()
    assert ended(manager, done).state == "done"
    running, first, second = (
        manager.submit("evaluate", {"number": n}, title=f"Number {n}") for n in (1, 2, 3)
    )
    began(manager, running, default_store().root)
    app = draw(AppTest.from_function(drawn))
    listed = [button.key for button in app.button if button.key and button.key.startswith("job_2")]
    assert listed == [f"job_{id}" for id in (running, first, second, done)]
    app.button(f"job_{done}").click()
    draw(app)
    assert "Evaluation" in words(app) and "Delete it" in labels(app)
    for id in (second, first, running):
        manager.cancel(id)
    wait_for(lambda: not any(job.is_active for job in manager.list()))


def test_a_job_of_a_kind_that_nobody_knows_any_more_is_listed(
    manager: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, "from_long_ago", fails)
    id = manager.submit("from_long_ago", {}, title="Something")
    assert ended(manager, id).state == "failed"
    monkeypatch.delitem(JOB_KINDS, "from_long_ago")
    app = draw(AppTest.from_function(drawn))
    assert "From long ago" in words(app)
