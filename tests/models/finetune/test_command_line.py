"""`python -m models.finetune` trains as a job, goes on where it was stopped, and says what came of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import TrainingError
from models.finetune import command_line
from models.finetune.command_line import main, result_words
from models.finetune.engines import Failed, in_a_thread
from models.finetune.recipe_file import write_recipe
from models.finetune.recipe_reader import read_recipe
from models.finetune.spec import FinetuneSpec
from models.finetune.versions import amend_version, delete_version, save_version, versions
from models.job_context import JobContext
from models.job_kinds import JOB_KINDS
from models.jobs import Jobs
from models.progress import Progress
from models.store import Store
from tests.conftest import ROOT, SAMPLE
from tests.models.finetune.version_samples import METRICS, NAMES, finetune_spec, history, small_content

Steps = Generator[Progress, None, dict[str, Any]]
BATCHES = 5


def training(spec: dict[str, Any], context: JobContext) -> Steps:
    """A training as the command line sees it: it counts its batches in the job's folder and saves a version."""
    counted = context.folder / "batches"
    while not counted.exists() or counted.stat().st_size < BATCHES:
        with counted.open("a") as file:
            file.write("x")
        yield Progress("Training: Last block", counted.stat().st_size, BATCHES, message="epoch 1 of 1")
    made = save_version(
        context.store, small_content(), spec=FinetuneSpec.from_json(spec), architecture="resnet18", class_names=NAMES,
        metrics=METRICS, history=history(), job=context.folder.name,
    )  # fmt: skip
    amend_version(context.store, made.id, metrics={"test": {"n": 140, "accuracy": 0.875}})
    return {"version": made.id, "accuracy_before": 0.8, "accuracy_after": 0.85}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setitem(JOB_KINDS, "finetune", training)
    return Store(tmp_path / "workspace")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_recipe(tmp_path / "recipe.yaml", finetune_spec(tmp_path))
    return tmp_path / "recipe.yaml"


def job_ids(store: Store) -> list[str]:
    return [job.id for job in Jobs(store).list(kinds=("finetune",))]


def test_a_recipe_becomes_a_version_with_copies(
    store: Store, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "deep" / "out"
    assert main(["--recipe", str(recipe), "--output", str(output)]) == 0
    (made,) = versions(store)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"version {made.id} (Cats and dogs)",
        "accuracy on 30 held-out images: 80.0% before, 85.0% after",
        "accuracy on 140 test images, evaluated once: 87.5%",
        str(output / "weights.pth"),
    ]
    assert (output / "weights.pth").read_bytes() == made.checkpoint.read_bytes()
    assert json.loads((output / "version.json").read_text()) == made.to_json()
    assert read_recipe(output / "recipe.yaml") == read_recipe(recipe) == made.finetune_spec
    assert job_ids(store) == [made.job]


def test_what_has_ended_is_not_repeated_unless_its_version_is_gone(store: Store, recipe: Path) -> None:
    assert main(["--recipe", str(recipe)]) == 0
    first = versions(store)
    assert main(["--recipe", str(recipe)]) == 0
    assert versions(store) == first and len(job_ids(store)) == 1
    delete_version(store, first[0].id)
    assert main(["--recipe", str(recipe)]) == 0
    assert len(versions(store)) == 1 and len(job_ids(store)) == 2


def stopped_after(batches: int) -> Callable[[Progress], None]:
    def on_progress(progress: Progress) -> None:
        if progress.done >= batches:
            raise KeyboardInterrupt

    return on_progress


def test_ctrl_c_stops_and_the_same_command_goes_on(
    store: Store, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def slow(spec: dict[str, Any], context: JobContext) -> Steps:
        steps = training(spec, context)
        for progress in steps:
            seen.append(progress.done)
            yield progress
            while progress.done == 2:  # until somebody has seen it
                time.sleep(0.05)
                yield progress
        raise AssertionError("it was to be stopped")

    monkeypatch.setitem(JOB_KINDS, "finetune", slow)
    monkeypatch.setattr(command_line, "ProgressLine", lambda _: _Line(stopped_after(2)))
    assert main(["--recipe", str(recipe)]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert seen == [1, 2] and versions(store) == []
    monkeypatch.undo()
    monkeypatch.setenv("ERRORSCOPE_HOME", str(store.root))
    monkeypatch.setitem(JOB_KINDS, "finetune", training)
    assert main(["--recipe", str(recipe)]) == 0
    (job,) = job_ids(store)
    assert (store.root / "jobs" / job / "batches").read_text() == "x" * BATCHES
    assert [each.job for each in versions(store)] == [job]


class _Line:
    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress

    def __call__(self, progress: Progress) -> None:
        self._on_progress(progress)

    def close(self) -> None:
        pass


def failing(error: Exception) -> Callable[[dict[str, Any], JobContext], Steps]:
    def steps(spec: dict[str, Any], context: JobContext) -> Steps:
        raise error
        yield

    return steps


def test_what_cannot_be_trained_is_one_sentence_and_status_2(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = TrainingError("There are no images.", next_step="Choose others.")
    monkeypatch.setitem(JOB_KINDS, "finetune", failing(error))
    assert main(["--recipe", str(recipe)]) == 2
    assert capsys.readouterr().err == "There are no images; choose others.\n"


def test_a_bug_is_status_1_and_says_where_its_traceback_is(
    store: Store, recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOB_KINDS, "finetune", failing(ZeroDivisionError("by zero")))
    assert main(["--recipe", str(recipe)]) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by zero" in said and "events.jsonl" in said
    with pytest.raises(Failed):
        in_a_thread(read_recipe(recipe), store, lambda _: None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--recipe"),
        (["--recipe", "no.yaml"], "no.yaml cannot be read"),
        (["--recipe", "bad.yaml"], "bad.yaml, line 2: "),
        (["--recipe", "recipe.yaml", "--engine", "abacus"], "abacus"),
        (["--recipe", "recipe.yaml", "--processes", "0"], "'0' is no number from 1 up"),
        (["--recipe", "recipe.yaml", "--output", "bad.yaml"], "bad.yaml cannot be made"),
        (["--recipe", "recipe.yaml", "--processes", "2"], "one process"),
        (["--recipe", "recipe.yaml", "--colour"], "Unrecognized arguments: --colour"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    arguments: list[str],
    words: str,
    recipe: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(recipe.parent)
    Path("bad.yaml").write_text("model: {checkpoint: a}\nimages: 5\n")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and said.out == ""


def test_no_test_split_is_no_line_about_it(store: Store) -> None:
    made = save_version(
        store,
        small_content(),
        spec=finetune_spec(store.root),
        architecture="resnet18",
        class_names=NAMES,
        metrics={},
    )
    words = result_words(made, {"accuracy_before": 0.5, "accuracy_after": 0.5}, Path("out"))
    assert "test" not in words and "the held-out half: 50.0% before" in words


def test_the_sample_is_trained_from_a_file(tmp_path: Path, store: Store) -> None:
    """All of it, in a process of its own: a new head on the features of the sample's checkpoint, on few images."""
    spec = finetune_spec(tmp_path, target=None)
    start = replace(
        spec.start, checkpoint=str(SAMPLE / "shufflenet_v2_x0_5.pth"), images=str(SAMPLE / "pets" / "val")
    )
    start = replace(start, limit=84)
    recipe = replace(spec.recipe, kind="bottleneck", epochs=3, views=1, patience=None)
    spec = replace(
        spec, start=start, baseline=start, recipe=recipe, training=replace(spec.training, path=None)
    )
    write_recipe(tmp_path / "sample.yaml", spec)
    command = [sys.executable, "-m", "models.finetune", "--recipe", str(tmp_path / "sample.yaml")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    (made,) = versions(store)
    assert f"accuracy on {made.metrics['report']['n']} held-out images" in ended.stdout
    assert made.metrics["before"]["report"]["n"] == made.metrics["report"]["n"] > 30
    assert [row["epoch"] for row in made.history] == [1, 2, 3]
    assert made.finetune_spec == spec
