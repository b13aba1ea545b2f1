import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis import command_line
from analysis.command_line import main, parsed_choices
from analysis.evaluate import Choices
from models.torchvision_import import torchvision

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("ant", "bee", "cow", "dog", "elk", "fox")


def _write_images(folder: Path, per_class: int) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for place, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            noise = rng.integers(0, 256, (40, 48, 3)) * 0.5
            noise[..., place % 3] += 20 * place
            paths.append(folder / name / f"{number:03}.png")
            Image.fromarray(noise.astype(np.uint8)).save(paths[-1])
    return paths


def _network(paths: Sequence[Path]) -> torch.nn.Module:
    """A small random network, its batch-norms fitted to the images so that its answers differ."""
    torch.manual_seed(0)
    network = torchvision.models.shufflenet_v2_x0_5(weights=None, num_classes=len(NAMES))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(_batch(paths[::3]))
        centre = network.eval()(_batch(paths)).mean(dim=0)
        network.fc.bias -= centre
    return network


def _batch(paths: Sequence[Path]) -> torch.Tensor:
    prepare = torchvision.models.ShuffleNet_V2_X0_5_Weights.DEFAULT.transforms()
    return torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])


class _Case:
    def __init__(self, folder: Path) -> None:
        self.images = folder / "images"
        self.checkpoint = folder / "animals.pth"
        self.paths = _write_images(self.images, per_class=6)
        network = _network(self.paths)
        torch.save(network.state_dict(), self.checkpoint)
        with torch.inference_mode():
            self.predicted = network(_batch(self.paths)).argmax(dim=1).numpy()
        self.labels = np.repeat(np.arange(len(NAMES)), 6)
        (self.images / "ant" / "broken.png").write_bytes(self.paths[0].read_bytes()[:200])

    def arguments(self, *more: str) -> list[str]:
        return ["evaluate", "--checkpoint", str(self.checkpoint), "--images", str(self.images), *more]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> _Case:
    return _Case(tmp_path_factory.mktemp("animals"))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "workspace"


def _process(arguments: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "analysis", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # where the tests themselves run in the background, Ctrl-C is ignored, and would be here too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def test_it_evaluates_and_writes_figures_predictions_and_a_report(case: _Case, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "report"
    process = _process(case.arguments("--output", str(output)))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    figures = json.loads((output / "summary.json").read_text())
    assert len(set(case.predicted.tolist())) > 2  # else the matrix proves nothing
    expected = np.zeros((6, 6), dtype=int)
    np.add.at(expected, (case.labels, case.predicted), 1)
    assert figures["confusion"] == expected.tolist()
    assert figures["class_names"] == list(NAMES)
    assert figures["n_images"] == 36 and figures["n_unreadable"] == 1
    assert figures["unreadable"][0]["path"] == "ant/broken.png"
    right = int((case.labels == case.predicted).sum())
    assert f"{right} of 36 right" in out and "1 image could not be read" in out
    assert "Predicting: " in err and "Traceback" not in err
    table = pd.read_parquet(output / "predictions.parquet")
    assert table["predicted"].tolist() == [NAMES[i] for i in case.predicted]
    np.testing.assert_allclose(table[[f"probability_{name}" for name in NAMES]].sum(axis=1), 1, atol=1e-5)
    page = (output / "report.html").read_text()
    assert f"{right} of 36 images are right" in page and "data:image/jpeg;base64," in page


def test_a_bad_file_is_one_sentence_and_status_2(case: _Case, tmp_path: Path) -> None:
    process = _process(["evaluate", "--checkpoint", str(tmp_path / "no.pth"), "--images", str(case.images)])
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2 and out == ""
    assert err.count("\n") == 1 and "no.pth" in err


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(tmp_path: Path, case: _Case) -> None:
    _write_images(tmp_path / "many", per_class=20)
    arguments = ["evaluate", "--checkpoint", str(case.checkpoint), "--images", str(tmp_path / "many")]
    arguments += ["--batch-size", "1", "--output", str(tmp_path / "out")]
    process = _process(arguments)
    assert process.stderr is not None
    assert process.stderr.readline() == "Predicting: 0 of 120 images\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.endswith("Stopped: what was predicted is kept, and the same command goes on from there.\n")
    assert "Traceback" not in err and not (tmp_path / "out" / "summary.json").exists()
    again = _process(arguments)
    again.communicate(timeout=240)
    assert again.returncode == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["n_images"] == 120


def test_a_second_run_predicts_nothing_anew(case: _Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(case.arguments()) == 0
    assert "Predicting" in capsys.readouterr().err
    first = Path("errorscope-report/predictions.parquet").read_bytes()
    assert main(case.arguments()) == 0
    assert "Predicting" not in capsys.readouterr().err
    assert Path("errorscope-report/predictions.parquet").read_bytes() == first


def test_predictions_are_read_without_a_network(
    case: _Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(case.arguments("--output", "first")) == 0
    table = tmp_path / "first" / "predictions.parquet"
    again = ["evaluate", "--from-predictions", str(table), "--images", str(case.images), "--output", "again"]
    assert main(again) == 0
    first, second = (
        json.loads((tmp_path / folder / "summary.json").read_text()) for folder in ("first", "again")
    )
    assert second["confusion"] == first["confusion"]
    assert second["top_5_accuracy"] == first["top_5_accuracy"]
    assert "data:image/jpeg;base64," in (tmp_path / "again" / "report.html").read_text()


def test_reading_predictions_never_imports_torch(case: _Case, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,label,predicted,split\na.jpg,cat,cat,val\nb.jpg,dog,cat,val\nc.jpg,dog,dog,test\n")
    script = (
        "import sys; from analysis.command_line import main; "
        f"status = main(['evaluate', '--from-predictions', {str(table)!r}, '--split', 'val', "
        f"'--output', {str(tmp_path / 'out')!r}]); "
        "assert not {'torch', 'torchvision', 'sklearn', 'plotly'} & set(sys.modules); sys.exit(status)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("1 of 2 right")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["confusion"] == [[1, 0], [1, 0]]


def test_what_no_picture_could_show_is_said_and_never_called_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("path,label,predicted\na.jpg,cat,cat\nb.jpg,dog,cat\n")
    assert main(["evaluate", "--from-predictions", "t.csv"]) == 0
    assert "2 of 2 pictures are not there" in capsys.readouterr().out
    figures = json.loads(Path("errorscope-report/summary.json").read_text())
    assert figures["n_missing_files"] == 2 and figures["n_unreadable"] == 0
    assert "duplicates" not in figures and "slices" in figures
    page = Path("errorscope-report/report.html").read_text()
    assert "<b>2</b><span>pictures are not there</span>" in page
    assert "no calibration and no label candidates" in page
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    assert main(["evaluate", "--from-predictions", "t.csv"]) == 0
    assert json.loads(Path("errorscope-report/summary.json").read_text())["duplicates"] == []


def test_images_are_never_called_copies_of_themselves(
    case: _Case, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Path("t.csv")
    rows = "".join(f"{path},x,x\n" for path in case.paths[:4])
    table.write_text(f"path,label,predicted\n{rows}")
    assert main(["evaluate", "--from-predictions", str(table), "--training", str(case.images)]) == 2
    assert "All 4 images are among the training images, as the same files" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_is_a_matter_of_the_output_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("path,label,predicted\na.jpg,cat,cat\n")
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    assert main(["evaluate", "--from-predictions", "t.csv", "--output", "out"]) == 2
    said = capsys.readouterr().err
    assert "report.html cannot be written" in said and "--output" in said and "ERRORSCOPE_HOME" not in said


def test_limits_and_groups_and_preprocessing_reach_the_run(case: _Case, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text(
        "class,group\n" + "".join(f"{name},{'big' if name in 'cow elk' else 'small'}\n" for name in NAMES)
    )
    preprocessing = tmp_path / "small.json"
    values = {"resize": 64, "crop": 64, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    preprocessing.write_text(json.dumps(values))
    more = ["--groups", str(groups), "--limit", "12", "--preprocessing", str(preprocessing)]
    assert main(case.arguments(*more)) == 0
    figures = json.loads(Path("errorscope-report/summary.json").read_text())
    assert figures["n_images"] + figures["n_unreadable"] == 12
    assert figures["groups"]["cow"] == "big"
    assert "crop 64" in Path("errorscope-report/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "evaluate"),
        (["evaluate"], "--checkpoint and --images must be given"),
        (["evaluate", "--images", "x"], "--checkpoint must be given"),
        (["evaluate", "--checkpoint", "x", "--from-predictions", "y"], "exclude each other"),
        (
            ["evaluate", "--checkpoint", "x", "--images", "y", "--batch-size", "0"],
            "'0' is no number from 1 up",
        ),
        (["evaluate", "--checkpoint", "x", "--images", "y", "--limit", "ten"], "'ten' is no number"),
        (["evaluate", "--checkpoint", "x", "--images", "y", "--colour"], "Unrecognized arguments: --colour"),
        (["evaluate", "--checkpoint", "x", "--images", "no folder"], "no folder"),
        (["evaluate", "--from-predictions", "no.csv"], "no.csv"),
        (["evaluate", "--from-predictions", "t.csv", "--split", "test"], "their splits: train, val"),
        (["evaluate", "--from-predictions", "t.csv", "--images", "t.csv"], "t.csv is no folder"),
        (["evaluate", "--from-predictions", "t.csv", "--output", "t.csv"], "it is a file"),
        (["evaluate", "--from-predictions", "t.csv", "--classes", "no.txt"], "no.txt"),
        # said before the table is read: with a network hours would have passed
        (
            ["evaluate", "--from-predictions", "no.csv", "--training", "no folder"],
            "no folder cannot be opened",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("t.csv").write_text("path,label,predicted,split\na,x,y,val\nb,y,y,train\n")
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and said.err.endswith(".\n")
    assert said.out == ""


def test_images_that_do_not_fit_the_network_are_said(
    case: _Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / "two" / name).mkdir(parents=True)
        Image.new("RGB", (30, 30)).save(tmp_path / "two" / name / "a.png")
    command = ["evaluate", "--checkpoint", str(case.checkpoint), "--images", str(tmp_path / "two")]
    assert main(command) == 2
    assert "does not name its 6 classes, and the images have 2" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    assert main([*command, "--classes", str(tmp_path / "names.txt")]) == 2
    assert "one" in capsys.readouterr().err


def test_class_names_in_another_order_are_said_with_both_lists(
    case: _Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("\n".join(NAMES[::-1]))
    assert main(case.arguments("--classes", str(tmp_path / "names.txt"))) == 2
    said = capsys.readouterr()
    assert "another order" in said.err and said.err.count("\n") == 1
    assert ", ".join(NAMES) in said.err and ", ".join(NAMES[::-1]) in said.err
    assert not Path("errorscope-report/summary.json").exists()


def test_ctrl_c_is_status_130_and_a_bug_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    arguments = ["evaluate", "--checkpoint", "x", "--images", "y"]
    monkeypatch.setattr(command_line, "evaluate", stopped)
    assert main(arguments) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(command_line, "evaluate", broken)
    with pytest.raises(ZeroDivisionError):
        main(arguments)


def test_choices_have_the_promised_names_and_defaults() -> None:
    choices = parsed_choices(["evaluate", "--checkpoint", "a.pth", "--images", "b"])
    assert choices == Choices(Path("errorscope-report"), Path("a.pth"), Path("b"))
    promised = ["--architecture", "r", "--classes", "c", "--groups", "g", "--batch-size", "4"]
    promised += ["--limit", "9", "--output", "o", "--trust-code"]
    choices = parsed_choices(["evaluate", "--checkpoint", "a", "--images", "b", *promised])
    assert (choices.architecture, choices.classes, choices.groups) == ("r", Path("c"), Path("g"))
    assert (choices.batch_size, choices.limit, choices.output, choices.trust_code) == (4, 9, Path("o"), True)


@pytest.mark.real
def test_the_real_breeds(real: Path, tmp_path: Path) -> None:
    weights = real / "weights" / "mobilenet_v2_pets34.pth"
    arguments = ["evaluate", "--checkpoint", str(weights), "--images", str(real / "pets" / "val")]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    figures = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert figures["n_images"] == 476
    assert round(figures["accuracy"] * 476) == 416
    crossing = {(error["label"], error["predicted"]) for error in figures["cross_group_errors"]}
    assert len(figures["cross_group_errors"]) == 4
    assert crossing == {
        ("Abyssinian", "chihuahua"),
        ("Bombay", "newfoundland"),
        ("Maine_Coon", "chihuahua"),
        ("leonberger", "Bengal"),
    }
    pair = figures["confusable_pairs"][0]
    assert (pair["a"], pair["a_as_b"]) == ("american_staffordshire_terrier", 3)
    assert (pair["b"], pair["b_as_a"]) == ("staffordshire_bull_terrier", 6)
    first = [{pair["a"], pair["b"]} for pair in figures["confusable_pairs"][:5]]
    assert {"Bengal", "Egyptian_Mau"} in first
    assert {"British_Shorthair", "Russian_Blue"} in first
