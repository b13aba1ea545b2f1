"""The setup page without a browser: what is read when, and what its fields carry over."""

import os
import shutil
import sys
import time
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import models.images
from models.evaluation import EvaluationSpec
from models.jobs import jobs
from models.predictions import predictions_from_table
from models.store import default_store
from pages.open.given_file import typed_path
from pages.open.predictions_panel import first_missing
from tests.conftest import ROOT, SAMPLE

TIMEOUT_SECONDS = 60
MODEL, IMAGES = SAMPLE / "shufflenet_v2_x0_5.pth", SAMPLE / "pets" / "test"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(sys, "argv", ["app.py"])
    monkeypatch.chdir(ROOT)
    st.cache_data.clear()
    st.cache_resource.clear()
    yield tmp_path / "workspace"
    jobs(default_store()).close()


@pytest.fixture
def setup_page(workspace: Path) -> AppTest:
    """The setup page alone, with nothing open."""
    return AppTest.from_file(str(ROOT / "pages" / "open" / "setup.py"), default_timeout=TIMEOUT_SECONDS).run()


@pytest.fixture
def copied_model(tmp_path: Path) -> Path:
    """The sample's checkpoint in a folder of its own, without its companions."""
    return Path(shutil.copy(MODEL, tmp_path / "net.pth"))


def texts(app: AppTest) -> str:
    elements = [*app.error, *app.info, *app.success, *app.markdown, *app.caption, *app.title]
    return "\n".join(element.value for element in elements).replace("\\", "")


def typed(app: AppTest, **fields: Path | str) -> AppTest:
    for key, value in fields.items():
        app.text_input(key).set_value(str(value)).run()
    assert not app.exception
    return app


def preprocessing_field(app: AppTest, name: str) -> Any:
    return next(each for each in app.text_input if str(each.key).endswith(f"_{name}"))


def traced(path: Path, classes: int, seconds: int) -> None:
    import torch

    network = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, classes)
    ).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but people have such files
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 32, 32)), str(path))
    os.utime(path, (seconds, seconds))


def test_trust_ends_with_another_file_and_with_a_change(setup_page: AppTest, tmp_path: Path) -> None:
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    traced(first, 3, 1_000_000)
    traced(second, 3, 1_000_000)
    typed(setup_page, model_path=first)
    assert [box.value for box in setup_page.checkbox] == [False]
    setup_page.checkbox[0].check().run()
    assert "Recognised" in texts(setup_page)
    typed(setup_page, model_path=second)
    assert [box.value for box in setup_page.checkbox] == [False]
    assert "This file is a program" in texts(setup_page)
    setup_page.checkbox[0].check().run()
    assert "Recognised" in texts(setup_page)
    traced(second, 3, 2_000_000)
    setup_page.run()
    assert [box.value for box in setup_page.checkbox] == [False]
    assert "Recognised" not in texts(setup_page)


def test_preprocessing_that_makes_no_sense_stops_the_evaluation(setup_page: AppTest) -> None:
    typed(setup_page, model_path=MODEL, images_path=IMAGES)
    assert not setup_page.button("evaluate").disabled
    preprocessing_field(setup_page, "mean").set_value("0.5, gray").run()
    assert setup_page.button("evaluate").disabled
    said = [error.value for error in setup_page.error]
    assert len(said) == 1
    assert "0.5, gray" in said[0]
    assert "Correct the preprocessing first" in texts(setup_page)
    folded = [error.value for expander in setup_page.expander for error in expander.error]
    assert folded == []
    preprocessing_field(setup_page, "mean").set_value("0.5, 0.5, 0.5").run()
    assert not setup_page.button("evaluate").disabled


def test_an_untouched_form_is_the_default_to_the_last_digit(
    setup_page: AppTest, copied_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean = "0.48567891234567891, 0.1234567890123, 0.3"
    copied_model.with_name("net.preprocessing.json").write_text(
        f'{{"resize": 72, "crop": 64, "mean": [{mean}], "std": [0.2, 0.2, 0.2]}}'
    )
    opened: list[EvaluationSpec] = []
    monkeypatch.setattr("pages.shared.state.open_model", opened.append)
    typed(setup_page, model_path=copied_model, images_path=IMAGES)
    setup_page.button("evaluate").click()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.switch_page", lambda page: None)
        setup_page.run()
    assert [spec.preprocessing for spec in opened] == [None]


def test_another_file_under_the_same_path_starts_a_fresh_form(
    setup_page: AppTest, copied_model: Path
) -> None:
    typed(setup_page, model_path=copied_model)
    default = preprocessing_field(setup_page, "resize").value
    preprocessing_field(setup_page, "resize").set_value("99").run()
    assert preprocessing_field(setup_page, "resize").value == "99"
    os.utime(copied_model, (1_000_000, 1_000_000))
    setup_page.run()
    assert preprocessing_field(setup_page, "resize").value == default


def test_corrected_class_names_beside_the_checkpoint_are_seen(
    setup_page: AppTest, copied_model: Path
) -> None:
    names = (SAMPLE / "shufflenet_v2_x0_5.classes.txt").read_text().splitlines()
    copied_model.with_name("classes.txt").write_text("\n".join(["Wrong", *names[1:]]))
    typed(setup_page, model_path=copied_model)
    assert f": Wrong, {names[1]}" in texts(setup_page)
    copied_model.with_name("classes.txt").write_text("\n".join(names))
    setup_page.run()
    assert f": {names[0]}, {names[1]}" in texts(setup_page)


def test_the_images_are_listed_once(setup_page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    listing = models.images._listing
    monkeypatch.setattr(models.images, "_listing", lambda place: folders.append(place) or listing(place))
    typed(setup_page, images_path=SAMPLE / "pets")
    assert setup_page.selectbox("images_split").value == "val"
    setup_page.number_input("images_limit").set_value(10).run()
    assert "10 in" in texts(setup_page)
    assert folders == [SAMPLE / "pets"]


def test_an_archive_is_read_once_and_a_missing_one_is_said(
    setup_page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(setup_page, images_path=tmp_path / "none.zip")
    assert "none.zip" in setup_page.error[0].value
    archive = tmp_path / "some.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for picture in sorted(IMAGES.rglob("*.jpg"))[:12]:
            packed.write(picture, picture.relative_to(IMAGES))
    reads: list[Path] = []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: reads.append(path) or read(path))
    typed(setup_page, images_path=archive)
    setup_page.run()
    assert "12 in" in texts(setup_page)
    assert reads.count(archive) <= 1


def test_a_link_is_read_only_after_the_click(workspace: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_SECONDS)
    app.query_params["model"], app.query_params["images"] = str(MODEL), str(IMAGES)
    app.run()
    app.run()
    assert not app.exception
    assert app.text_input("model_path").value == str(MODEL)
    assert app.text_input("images_path").value == str(IMAGES)
    assert "Recognised" not in texts(app)
    assert not (workspace / "thumbnails").exists()
    assert app.button("evaluate").disabled
    app.button("check_asked").click().run()
    assert not app.exception
    assert texts(app).count("Recognised") == 2
    assert (workspace / "thumbnails").exists()
    assert not app.button("evaluate").disabled
    assert [button.key for button in app.button if button.key == "check_asked"] == []


def failed_start(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> AppTest:
    """The setup page after a start from the command line whose evaluation failed."""
    monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_SECONDS).run()
    while jobs(default_store()).status(app.session_state["job"]).is_active:
        time.sleep(0.1)
    app.switch_page("pages/open/setup.py").run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("workspace")
def test_what_failed_to_open_can_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, groups = tmp_path / "net.pt", IMAGES.parent / "groups.csv"
    traced(program, 13, 1_000_000)
    files = "--model", str(program), "--images", str(IMAGES), "--groups", str(groups)
    app = failed_start(monkeypatch, *files)
    assert app.text_input("model_path").value == str(program)
    assert app.text_input("images_path").value == str(IMAGES)
    assert app.text_input("images_groups").value == str(groups)
    assert [box.value for box in app.checkbox] == [False]
    assert app.button("evaluate").disabled
    app.checkbox[0].check().run()
    assert texts(app).count("Recognised") == 2


@pytest.mark.usefixtures("workspace")
def test_fields_emptied_by_the_person_stay_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = failed_start(monkeypatch, "--model", str(tmp_path / "gone.pth"), "--images", str(IMAGES))
    typed(app, model_path="", images_path="")
    app.run()
    assert (app.text_input("model_path").value, app.text_input("images_path").value) == ("", "")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ('"/data/my net.pth" ', "/data/my net.pth"),
        ("~nobody-of-this-name/x", f"{ROOT}/~nobody-of-this-name/x"),
    ],
)
def test_typed_paths_are_absolute(text: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert typed_path(text) == path


TABLE = "path,label,predicted,split,camera\n{path},cat,cat,val,old\nb.jpg,dog,cat,val,new\nc.jpg,dog,dog,train,old\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Predictions in a folder without pictures; the path of the first is absolute."""
    path = tmp_path / "results" / "preds.csv"
    path.parent.mkdir()
    path.write_text(TABLE.format(path=next(IMAGES.rglob("*.jpg"))))
    return path


def test_a_table_of_predictions_is_recognised(setup_page: AppTest, table: Path) -> None:
    assert setup_page.button("open_table").disabled
    typed(setup_page, predictions_path=table)
    said = texts(setup_page)
    assert "2 in 2 classes, 50.0% right" in said and "none, only the predicted class" in said
    assert "camera" in said and "1 of 2 files are missing" in said
    assert str(table.parent / "b.jpg") in setup_page.warning[0].value.replace("\\", "")
    assert setup_page.selectbox("predictions_split").options == ["train", "val", "all together"]
    setup_page.selectbox("predictions_split").set_value("all together").run()
    assert setup_page.button("open_table").label == "Open 3 predictions"
    shutil.copy(next(IMAGES.rglob("*.jpg")), table.parent / "b.jpg")
    st.cache_resource.clear()
    typed(setup_page, predictions_images=table.parent)
    assert "1 of 3 files are missing" in texts(setup_page)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,label\na,cat\n", "neither what was predicted"),
        ("path,label,predicted\na,cat,cat\na,dog,cat\n", "names the image a more than once"),
        ("file,label\na,cat\n", "no column called path"),
    ],
)
def test_a_table_that_cannot_be_used_is_explained(
    setup_page: AppTest, table: Path, content: str, words: str
) -> None:
    table.write_text(content)
    typed(setup_page, predictions_path=table)
    assert [words in error.value.replace("\\", "") for error in setup_page.error] == [True]
    assert setup_page.button("open_table").disabled


def test_wrong_folders_and_files_beside_a_table_are_explained(setup_page: AppTest, table: Path) -> None:
    typed(setup_page, predictions_path=table, predictions_images=table.parent / "none")
    assert "is no folder" in setup_page.error[0].value
    typed(setup_page, predictions_images="", predictions_path=table.parent / "none.csv")
    assert "none.csv" in setup_page.error[0].value.replace("\\", "")


def test_a_link_to_a_table_fills_its_own_fields(workspace: Path, table: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_SECONDS)
    app.query_params["model"], app.query_params["images"] = str(table), str(IMAGES)
    app.run()
    assert not app.exception
    assert "predictions and images that were not evaluated here yet" in texts(app)
    assert app.text_input("predictions_path").value == str(table)
    assert app.text_input("predictions_images").value == str(IMAGES)
    assert app.text_input("model_path").value == ""
    assert "Recognised" not in texts(app) and not (workspace / "evaluations").exists()
    app.button("check_asked").click().run()
    assert not app.exception
    assert texts(app).count("Recognised") == 1
    assert not app.button("open_table").disabled


@pytest.mark.usefixtures("workspace")
def test_a_table_that_failed_to_open_can_be_mended(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table.write_text("path,label\na,cat\n")
    app = failed_start(monkeypatch, "--predictions", str(table), "--images", str(IMAGES))
    assert app.text_input("predictions_path").value == str(table)
    assert app.text_input("predictions_images").value == str(IMAGES)
    table.write_text("path,label,predicted\na,cat,cat\n")
    app.run()
    assert not app.button("open_table").disabled


def test_a_picture_whose_name_no_file_can_have_is_missing(tmp_path: Path) -> None:
    name = "a" * 300 + ".jpg"
    (tmp_path / "t.csv").write_text(f"path,label,predicted\n{name},cat,cat\n")
    assert first_missing(predictions_from_table(tmp_path / "t.csv")) == tmp_path / name
