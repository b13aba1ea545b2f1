import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.command_line import main
from analysis.export import predictions_table
from models.content import content_hash
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.recipe import Recipe
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.version_record import Version
from models.halves import choosing_half
from models.predictions import save_predictions
from models.store import Store, default_store, write_json
from tests.analysis.compared_pairs import NAMES, answers

ROOT = Path(__file__).resolve().parents[2]
LABELS = [0] * 20 + [1] * 20 + [2] * 12
BEFORE = [0] * 8 + [1] * 12 + [1] * 20 + [2] * 12
AFTER = [0] * 18 + [1] * 2 + [1] * 18 + [0] * 2 + [2] * 12


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)
    return default_store()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """``before.csv`` and ``after/predictions.parquet``, as another program and as ``evaluate`` write them."""
    names = np.array(NAMES)
    before = answers(LABELS, BEFORE)
    plain = pd.DataFrame({"path": before.images["path"], "label": names[LABELS], "predicted": names[BEFORE]})
    plain.to_csv(tmp_path / "before.csv", index=False)
    (tmp_path / "after").mkdir()
    predictions_table(answers(LABELS, AFTER)).to_parquet(tmp_path / "after" / "predictions.parquet")
    return tmp_path


def _pictures(folder: Path) -> None:
    for place, label in enumerate(LABELS):
        path = folder / NAMES[label] / f"{place}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (place * 4, 10, 200)).save(path, "PNG")


def test_two_files_are_compared_and_the_figures_written(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["compare", "--before", "before.csv", "--after", "after", "--output", "deep/out"])
    said = capsys.readouterr().out
    assert status == 0
    assert "76.9% → 92.3% of 52 images right" in said and "10 fixed, 2 broken, p = .022" in said
    figures = json.loads((tables / "deep" / "out" / "comparison.json").read_text())
    assert (figures["n_images"], figures["half"], figures["matched_by"]) == (52, "all", "path")
    assert figures["fixed"] == [f"ant/{place}.jpg" for place in range(8, 18)]
    assert figures["broken"] == ["bee/38.jpg", "bee/39.jpg"] and len(figures["both_wrong"]) == 2
    assert figures["accuracy"]["change"] == pytest.approx(8 / 52)
    assert figures["negative_flip_rate"] == pytest.approx(2 / 52) and figures["churn"] == pytest.approx(
        12 / 52
    )
    assert figures["matrix_change"][0][:2] == [10, -10] and figures["passed"] and figures["budget"] == []
    ant = next(row for row in figures["per_class"] if row["class"] == "ant")
    assert (ant["recall_before"], ant["recall_after"]) == (0.4, 0.9)
    assert "target" not in figures


def test_a_budget_decides_the_exit_status_and_says_which_limit(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "--before", "before.csv", "--after", "after", "--budget", "min-accuracy-change=0"]
    assert main([*command, "--budget", "max-negative-flips=5%"]) == 0
    assert "The budget is kept" in capsys.readouterr().out
    assert main([*command, "--budget", "max-negative-flips=3%", "--output", "out"]) == 1
    said = capsys.readouterr().out
    assert "The budget is exceeded" in said
    assert "FAIL Negative flips: 3.8%, 2 of 52 images (at most 3.0%)" in said
    assert "ok   Change of accuracy: +15.4 points (at least +0.0 points)" in said
    figures = json.loads(Path("out/comparison.json").read_text())
    assert not figures["passed"]
    assert [check["passed"] for check in figures["budget"]] == [False, True]


def test_a_declared_target_is_tested_apart_and_against_its_control(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = answers(LABELS, [0] * 12 + [1] * 8 + [1] * 20 + [2] * 12)
    predictions_table(control).to_csv("control.csv", index=False)
    command = ["compare", "--before", "before.csv", "--after", "after", "--control", "control.csv"]
    assert main([*command, "--target", "ant/bee", "--output", "out"]) == 0
    said = capsys.readouterr().out
    assert "Target ant/bee: 12 → 2 of 20 images (p < .001): 10 fixed" in said
    assert "Target ant/bee against its control: 8 → 2 of 20 images (p = .016): 6 fixed" in said
    figures = json.loads(Path("out/comparison.json").read_text())
    assert figures["target"]["mistakes"]["only_before"] == 10
    assert figures["target"]["opposite"]["after"] == 0.1
    assert figures["target_against_control"]["mistakes"]["only_before"] == 6
    assert figures["cells"][0]["declared"] and not figures["cells"][1]["declared"]


def test_with_the_pictures_only_the_held_out_half_can_count(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _pictures(tables / "pictures")
    moved = pd.read_parquet("after/predictions.parquet").sample(frac=1, random_state=0)
    moved.to_csv("shuffled.csv", index=False)
    command = ["compare", "--before", "before.csv", "--after", "shuffled.csv", "--images", "pictures"]
    assert main([*command, "--half", "report", "--output", "out"]) == 0
    figures = json.loads(Path("out/comparison.json").read_text())
    paths = [f"{NAMES[label]}/{place}.jpg" for place, label in enumerate(LABELS)]
    hashes = [content_hash(tables / "pictures" / path) for path in paths]
    held_out = ~choosing_half([NAMES[label] for label in LABELS], hashes)
    assert figures["n_images"] == held_out.sum() == 26 and figures["matched_by"] == "content"
    fixed = {paths[place] for place in range(8, 18) if held_out[place]}
    assert set(figures["fixed"]) == fixed
    assert "26 of 52 images (held-out half)" in capsys.readouterr().out


def test_saved_evaluations_are_known_by_their_fingerprint(tables: Path, workspace: Store) -> None:
    for digit, said in (("a", BEFORE), ("b", AFTER)):
        save_predictions(workspace, replace(answers(LABELS, said), fingerprint=digit * 32))
    assert main(["compare", "--before", "a" * 32, "--after", "b" * 32, "--output", "out"]) == 0
    assert len(json.loads(Path("out/comparison.json").read_text())["fixed"]) == 10
    assert main(["compare", "--before", "before.csv", "--after", "b" * 32]) == 0


def _version(
    store: Store, training: TrainingImages, *, id: str = "v", parent: str = "", evaluation: str = "b" * 32
) -> None:
    """A version with a declared target."""
    images = EvaluationSpec("net.pth", "pictures")
    target = Target("cell", "ant/bee", cells=(("ant", "bee"),), chosen_on="half")
    spec = FinetuneSpec(images, images, training, Recipe(), Augmentation(), target)
    folder = store.folder("versions", id)
    made = Version(
        id, "a name", 1.0, folder, "small_cnn", NAMES, spec.to_json(), parent=parent, evaluation=evaluation
    )  # fmt: skip
    write_json(folder / "version.json", made.to_json())


def test_a_version_brings_its_target_and_is_judged_on_the_held_out_half(
    tables: Path, workspace: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    _pictures(tables / "pictures")
    root = tables / "pictures"
    for digit, said in (("a", BEFORE), ("b", AFTER)):
        save_predictions(workspace, replace(answers(LABELS, said), fingerprint=digit * 32, root=root))
    _version(workspace, TrainingImages("train"))
    assert main(["compare", "--before", "a" * 32, "--after", "v", "--output", "out"]) == 0
    figures = json.loads(Path("out/comparison.json").read_text())
    assert figures["half"] == "report" and figures["target"]["mistakes"]["n"] == 10
    assert not figures["target"]["chosen_on_these"]
    assert main(["compare", "--before", "a" * 32, "--after", "v", "--half", "all"]) == 0
    assert "trained on" not in capsys.readouterr().out
    _version(workspace, TrainingImages())
    for before, after in (("a", "v"), ("v", "a"), ("a", "b")):
        names = [name * 32 if name in "ab" else name for name in (before, after)]
        assert main(["compare", "--before", names[0], "--after", names[1], "--half", "all"]) == 0
        assert "Half of these images were trained on" in capsys.readouterr().out
    _version(workspace, TrainingImages("train"), id="child", parent="v", evaluation="c" * 32)
    save_predictions(workspace, replace(answers(LABELS, AFTER), fingerprint="c" * 32, root=root))
    assert main(["compare", "--before", "a" * 32, "--after", "child", "--half", "all"]) == 0
    assert "Half of these images were trained on" in capsys.readouterr().out


def test_a_version_keeps_its_halves_whatever_part_of_the_images_it_is_compared_on(
    tables: Path, workspace: Store
) -> None:
    _pictures(tables / "pictures")
    root = tables / "pictures"
    save_predictions(workspace, replace(answers(LABELS, AFTER), fingerprint="b" * 32, root=root))
    _version(workspace, TrainingImages())
    table = pd.read_csv("before.csv").iloc[3:]
    table.to_csv("part.csv", index=False)
    command = ["compare", "--before", "part.csv", "--images", "pictures", "--output", "out"]
    labels = [NAMES[label] for label in LABELS]
    hashes = [content_hash(root / f"{name}/{place}.jpg") for place, name in enumerate(labels)]
    held_out = ~choosing_half(labels, hashes)
    wrong = (np.array(BEFORE) != LABELS) & (np.array(AFTER) == LABELS) & held_out
    assert (~choosing_half(labels[3:], hashes[3:]) != held_out[3:]).any()
    for after in ("v", "b" * 32):
        assert main([*command, "--after", after]) == 0
        figures = json.loads(Path("out/comparison.json").read_text())
        assert (figures["half"], figures["n_images"]) == ("report", held_out[3:].sum())
        assert figures["fixed"] == [f"ant/{place}.jpg" for place in np.flatnonzero(wrong)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--before", "c" * 32], "is no table of predictions, no folder with predictions.parquet"),
        (["--before", "no.csv"], "no.csv is no table of predictions"),
        (["--half", "report"], "none of them is in"),
        (["--budget", "max-churn=lots"], "Write it like max-negative-flips=2%".lower()),
        (["--target", "ant/unicorn"], 'names the class "unicorn", which neither result knows'),
        (["--target", "ant"], "is no mistake"),
        (["--half", "best"], "invalid choice"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_status_2(
    tables: Path, change: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--before", "before.csv", "--after", "after", *change]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert reason in said.err.lower() if reason.islower() else reason in said.err


def test_other_labels_and_other_images_are_refused(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.read_csv("before.csv")
    table.assign(label=table["label"].replace("cow", "bee")).to_csv("relabelled.csv", index=False)
    assert main(["compare", "--before", "relabelled.csv", "--after", "after"]) == 2
    assert '12 of 52 images have not the same label in both: cow/40.jpg is "bee"' in capsys.readouterr().err
    table.assign(path="else" + table["path"]).to_csv("others.csv", index=False)
    assert main(["compare", "--before", "others.csv", "--after", "after"]) == 2
    assert "none in common" in capsys.readouterr().err


def test_it_runs_as_a_process_and_needs_no_torch(tables: Path) -> None:
    program = (
        "import sys; from analysis.command_line import main\n"
        "status = main(sys.argv[1:]); assert not {'torch', 'plotly'} & set(sys.modules); sys.exit(status)"
    )
    arguments = ["compare", "--before", str(tables / "before.csv"), "--after", str(tables / "after")]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--budget", "max-churn=1%"],
        cwd=ROOT, capture_output=True, text=True, env=dict(os.environ), check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr == "" and "FAIL Churn" in done.stdout
