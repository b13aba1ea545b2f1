"""The pages about the network as a whole: what they draw, and what they say where something is missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analysis.layers.layer_times import LayerTimes, times_file
from analysis.layers.module_tree import ModuleTree, module_tree
from analysis.layers.stage_costs import stage_costs
from models.backbone_files import own_folder
from models.backbone_timing import FOLDER, BackboneTiming, this_machine
from models.backbones import backbones
from models.evaluation_spec import EvaluationSpec
from models.network import Network
from models.prediction_record import Predictions
from models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from models.store import Store, write_json
from pages.improve import finetune_start
from pages.improve.finetune_start import Start
from pages.network.architecture_charts import operation_rows, stage_chart
from pages.network.backbone_charts import backbone_chart
from pages.network.backbone_measuring import how_words
from pages.network.backbone_table import backbone_rows
from pages.network.module_table import found_rows, recipe_rows, table_of
from pages.shared import cached, opened, state
from pages.shared.state import Workspace
from tests.analysis.planted_predictions import planted_predictions
from tests.conftest import ROOT
from tests.models.calibrated import shared_network

Shown = Callable[..., AppTest]
SIDE = 96


def network_of(name: str) -> Network:
    given = shared_network(name)
    return replace(given, preprocessing=Preprocessing(SIDE, SIDE, IMAGENET_MEAN, IMAGENET_STD))


@pytest.fixture
def fingerprint() -> str:
    return f"{np.random.default_rng().integers(1 << 62):032x}"  # caches outlive a test


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fingerprint: str) -> Shown:
    """A page over a network that is planted."""
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(
        st, "page_link", lambda path, **given: st.caption(f"{path} {given.get('query_params')}")
    )

    def page_of(page: str, network: Network | None) -> AppTest:
        predictions = planted(network.architecture if network else "")
        workspace = Workspace(EvaluationSpec(str(tmp_path / "net.pth"), "images"), fingerprint)
        monkeypatch.setattr(cached, "predictions", lambda _: predictions)
        monkeypatch.setattr(cached, "network", lambda *_: network)
        monkeypatch.setattr(opened, "opened_predictions", lambda: (workspace, predictions))
        app = AppTest.from_file(str(ROOT / page), default_timeout=60).run()
        assert not app.exception and not app.error
        return app

    return page_of


def planted(architecture: str) -> Predictions:
    labels = np.array([0, 1, 0])
    return replace(planted_predictions(labels, ("a", "b"), predicted=labels), architecture=architecture)


def times_of(names: list[str], multiply_adds: int | None = None) -> LayerTimes:
    seconds = {name: 0.010 if not name else 0.001 for name in names}
    return LayerTimes(0.008, 0.007, 0.009, 15, seconds, {"mkldnn_convolution": 0.006}, multiply_adds, (SIDE, SIDE), "cpu", 2)  # fmt: skip


def texts(app: AppTest) -> str:
    parts = [*app.info, *app.markdown, *app.caption, *app.warning]
    return "\n".join(part.value for part in parts).replace("\\", "")


def metrics(app: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in app.metric}


def test_the_architecture_before_anything_was_measured(shown: Shown) -> None:
    app = shown(state.ARCHITECTURE_PAGE, network_of("resnet18"))
    found = metrics(app)
    assert found["Architecture"] == "resnet18" and found["Weights"] == "11.2 M"
    assert "One image takes" not in found and found["Multiply-adds"] == "333 M"
    assert [each.label for each in app.button] == ["Measure the time of each layer"]
    assert "not measured yet" in texts(app)
    table: pd.DataFrame = app.dataframe[0].value
    assert "ms" not in table and table["module"].iloc[0] == "whole network"
    assert "layer1.0.conv1" not in set(table["name"])
    app.segmented_control(key="modules_shown").set_value("all").run()
    assert "layer1.0.conv1" in set(app.dataframe[0].value["name"])


def test_what_was_measured_stands_beside_it(shown: Shown, tmp_path: Path, fingerprint: str) -> None:
    network = network_of("resnet18")
    file = times_file(Store(tmp_path), fingerprint)
    file.parent.mkdir(parents=True)
    write_json(file, vars(times_of([name for name, _ in network.module.named_modules()])))
    app = shown(state.ARCHITECTURE_PAGE, network)
    assert metrics(app)["One image takes"] == "8.00 ms"
    assert [each.label for each in app.button] == ["Measure again"]
    assert "with it, the whole takes 10.0 ms" in texts(app) and "2 threads" in texts(app)
    tables = [each.value for each in app.dataframe]
    assert "operation" in tables[0] and {"ms", "time"} <= set(tables[1])


def test_a_search_finds_in_blocks_and_says_when_it_finds_nothing(shown: Shown) -> None:
    app = shown(state.ARCHITECTURE_PAGE, network_of("resnet18"))
    app.text_input(key="modules_find").set_value("downsample.0").run()
    assert set(app.dataframe[0].value["name"]) == {f"layer{at}.0.downsample.0" for at in (2, 3, 4)}
    app.text_input(key="modules_find").set_value("lstm").run()
    assert "No module has this" in texts(app) and not app.exception


def test_a_table_of_predictions_has_no_network(shown: Shown) -> None:
    app = shown(state.ARCHITECTURE_PAGE, None)
    assert "came from a table" in texts(app) and not app.dataframe and not app.button


def test_a_program_shows_what_is_known_of_it(shown: Shown, tmp_path: Path, fingerprint: str) -> None:
    network = replace(
        network_of("shufflenet_v2_x0_5"), kind="torchscript", architecture="torchscript", head=None
    )
    file = times_file(Store(tmp_path), fingerprint)
    file.parent.mkdir(parents=True)
    write_json(file, vars(times_of([], multiply_adds=40_000_000)))
    app = shown(state.ARCHITECTURE_PAGE, network)
    assert "TorchScript program" in texts(app)
    assert metrics(app)["Multiply-adds"] == "40.0 M"
    assert set(app.dataframe[-1].value) == {"module", "name", "class", "weights"}


@pytest.fixture(scope="module")
def tree() -> ModuleTree:
    return module_tree(network_of("vit_b_16"), (SIDE, SIDE))


def test_the_table_says_what_each_module_sees_and_what_never_ran(tree: ModuleTree) -> None:
    rows = found_rows(tree.rows, "", blocks_only=False)
    table = table_of(rows, tree, None, indented=True).set_index("name")
    assert table.loc["conv_proj", "field"] == "16 px"
    assert table.loc["encoder.layers.encoder_layer_3", "field"] == ""
    assert table.loc["encoder.layers.encoder_layer_0.self_attention.out_proj", "calls"] == 0
    assert table.loc["", "share"] == 1.0


def test_the_recipes_are_told_stage_by_stage(tree: ModuleTree) -> None:
    rows = recipe_rows(tree).set_index("stage")
    assert list(rows.loc["head", ["bottleneck", "last_block", "two_blocks", "whole"]]) == ["learns"] * 4
    first = next(iter(tree.stages))
    assert list(rows.loc[first, ["bottleneck", "two_blocks", "whole"]]) == ["frozen", "frozen", "learns"]
    assert rows.loc["weights that learn", "whole"] == "100.0%"


def test_the_chart_has_time_only_where_it_was_measured(tree: ModuleTree) -> None:
    names = [row.name for row in tree.rows]
    assert [each.name for each in stage_chart(stage_costs(tree, None)).data] == ["weights", "multiply-adds"]
    chart = stage_chart(stage_costs(tree, times_of(names).modules))
    assert [each.name for each in chart.data] == ["weights", "multiply-adds", "time"]
    for bars in chart.data:
        assert sum(bars.x) == pytest.approx(1)


def test_operations_beyond_the_first_are_told_together() -> None:
    rows = operation_rows({f"op_{at}": float(at) for at in range(1, 13)})
    assert [each[0] for each in rows][:2] == ["op_12", "op_11"] and rows[-1][0] == "all others"
    assert sum(share for *_, share in rows) == pytest.approx(1)


def timing(name: str, seconds: float = 0.02, n_bytes: int | None = 2**26) -> BackboneTiming:
    return BackboneTiming(name, 224, seconds, seconds, seconds, 10, n_bytes, "cpu", 2, this_machine())


def test_the_backbones_with_the_open_one_marked_and_the_way_to_train(shown: Shown, tmp_path: Path) -> None:
    for name in ("resnet18", "vgg16"):
        (tmp_path / FOLDER).mkdir(exist_ok=True)
        write_json(tmp_path / FOLDER / f"{name}.json", vars(timing(name)))
    app = shown(state.BACKBONES_PAGE, network_of("resnet18"))
    assert len(app.dataframe[0].value) == len(backbones())
    assert metrics(app)["Time here"] == "20.0 ms" and metrics(app)["Memory here"] == "67.1 MB"
    assert app.segmented_control(key="backbone_cost").options == [
        "Multiply-adds", "Weights", "Time here", "Memory here",
    ]  # fmt: skip
    app.selectbox(key="backbone_chosen").set_value("vgg16").run()
    assert not app.exception
    assert "'backbone': 'vgg16'" in texts(app)
    assert next(each.delta for each in app.metric if each.label == "Right on ImageNet") == "+1.8 points"
    app.pills(key="backbone_families").set_value(["VGG"]).run()
    assert set(app.dataframe[0].value["family"]) == {"VGG"}


def test_measuring_asks_only_for_what_is_missing(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    write_json(tmp_path / FOLDER / "a.json", vars(timing("resnet18")))
    app = shown(state.BACKBONES_PAGE, network_of("resnet18"))
    app.multiselect(key="backbones_measured").set_value(["resnet18", "resnet50"]).run()
    assert app.button(key="backbones_measure").label == "Measure one backbone"
    app.multiselect(key="backbones_measured").set_value(["resnet18"]).run()
    assert app.button(key="backbones_measure").label == "Measure again"
    app.multiselect(key="backbones_measured").set_value(["vit_h_14"]).run()
    assert "many seconds" in texts(app)
    app.multiselect(key="backbones_measured").set_value([]).run()
    assert "Choose at least one" in texts(app) and not app.exception


def test_a_table_of_predictions_may_look_at_backbones_but_not_train(shown: Shown) -> None:
    app = shown(state.BACKBONES_PAGE, None)
    assert "needs an open network" in texts(app) and metrics(app)["Weights"] == "3.50 M"


def test_the_rows_and_points_of_backbones() -> None:
    found = list(backbones().values())
    table = backbone_rows(found, {"resnet18": timing("resnet18", n_bytes=None)}, frozenset({"alexnet"}))
    assert table["top_1"].is_monotonic_decreasing and "memory" not in table
    assert set(table.loc[table["here"], "name"]) == {"alexnet"}
    chart: Any = backbone_chart(found, {}, "adds", {"resnet18": "open"})
    points = [each for each in chart.data if each.mode == "markers"]
    assert sum(len(each.x) for each in points) == len(found)
    assert [each.text for each in chart.data if each.mode == "markers+text"] == [("resnet18 (open)",)]
    measured: Any = backbone_chart(found, {"resnet18": timing("resnet18")}, "time", {})
    assert [tuple(each.x) for each in measured.data if each.mode == "markers"] == [(20.0,)]


def test_how_it_was_measured_is_said_honestly() -> None:
    words = how_words({"a": timing("a")})
    assert "process of its own" in words and "random weights" in words and "2 threads" in words
    assert "Measured on" not in how_words({})


def start_page(address: str) -> None:
    """Draws the part of the fine-tuning page that asks for the start."""
    import streamlit as st

    from models.evaluation_spec import EvaluationSpec
    from pages.improve.finetune_start import chosen_start
    from pages.shared.state import Workspace

    if address and "asked" not in st.session_state:
        st.session_state["asked"] = True
        st.query_params["backbone"] = address
    start = chosen_start(Workspace(EvaluationSpec("net.pth", "images"), "f" * 32), "resnet18")
    st.session_state["start"] = start


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def page_of(address: str) -> AppTest:
        app = AppTest.from_function(start_page, args=(address,), default_timeout=60).run()
        assert not app.exception
        return app

    return page_of


def start_of(app: AppTest) -> Start:
    start: Start = app.session_state["start"]
    return start


def test_a_link_names_the_backbone_and_its_weights_may_lie_in_the_workspace(
    asked: Callable[[str], AppTest], tmp_path: Path
) -> None:
    file_name = backbones()["resnet50"].file_name
    app = asked("resnet50")
    assert app.selectbox(key="finetune_backbone").value == "resnet50"
    assert "not on this machine" in start_of(app).problem
    assert app.button(key="backbone_download").label == "Download 103 MB"
    assert [each.value for each in app.code] == [
        backbones()["resnet50"].url, str(own_folder(Store(tmp_path))),
    ]  # fmt: skip
    own_folder(Store(tmp_path)).mkdir()
    (own_folder(Store(tmp_path)) / file_name).write_bytes(b"weights")
    app.run()
    start = start_of(app)
    assert not start.problem and start.words == "resnet50" and not start.is_open
    assert start.spec.architecture == "resnet50" and start.spec.checkpoint.endswith(file_name)
    assert start.spec.preprocessing is None and not app.button


def test_another_start_takes_the_backbone_out_of_the_address(asked: Callable[[str], AppTest]) -> None:
    app = asked("vgg16")
    start = next(each for each in app.selectbox if each.label == "Start from")
    assert start.value == finetune_start.BACKBONE
    app.selectbox(key="finetune_backbone").set_value("alexnet").run()
    assert app.query_params["backbone"] in ("alexnet", ["alexnet"])
    next(each for each in app.selectbox if each.label == "Start from").set_value(finetune_start.OPEN).run()
    assert "backbone" not in app.query_params and start_of(app).is_open


def test_a_backbone_that_torchvision_does_not_know_is_said(asked: Callable[[str], AppTest]) -> None:
    app = asked("resnet5000")
    assert "no backbone called" in app.warning[0].value


def test_without_a_link_it_starts_from_what_is_open(asked: Callable[[str], AppTest]) -> None:
    assert start_of(asked("")).is_open
