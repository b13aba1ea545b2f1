"""The page of learned weights without a browser: what it says of networks, programs, tables, and of planted defects."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from analysis.layers.difference_record import LayerChange
from analysis.layers.scan_record import LayerScan, ScannedLayer
from analysis.layers.weight_record import NetworkWeights, save_weights, weights_file
from analysis.layers.weight_statistics import first_filters, layer_statistics, weighted_layers
from models.evaluation import EvaluationSpec
from models.norm_statistics import norm_statistics
from models.recent import remember
from models.store import Store, default_store
from pages.network.weights_difference import change_chart, other_networks
from pages.network.weights_layer import histogram_chart
from pages.network.weights_table import dead_channels
from pages.shared import opened, state
from tests.analysis.layers.test_weight_statistics import convolutions, network_of
from tests.analysis.planted_predictions import planted_predictions
from tests.conftest import ROOT
from tests.models.finetune.version_samples import saved
from tests.models.planted_norms import convolutions_with_norms, fold, learned

TIMEOUT_SECONDS = 60
NAME = "f" * 32


def texts(app: AppTest) -> str:
    elements = [*app.info, *app.success, *app.warning, *app.error, *app.markdown, *app.caption]
    return "\n".join(each.value for each in elements).replace("\\", "")


def kept(module: nn.Module) -> NetworkWeights:
    """Read a network's weights, as the job does, and keep them."""
    network, file = network_of(module), weights_file(default_store(), NAME)
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = NetworkWeights(
        tuple(layer_statistics(each) for each in weighted_layers(network)),
        first_filters(network),
        norm_statistics(module.modules()),
    )
    save_weights(file, weights)
    return weights


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(st, "page_link", lambda *_, **__: None)  # a page alone knows no others

    def page_of(architecture: str = "planted") -> AppTest:
        labels = np.arange(10) % 2
        predictions = replace(
            planted_predictions(labels, ("a", "b"), predicted=labels),
            architecture=architecture,
            network_fingerprint=NAME,
        )
        workspace = state.Workspace(
            EvaluationSpec(str(tmp_path / "model.pth"), "val"), predictions.fingerprint
        )
        monkeypatch.setattr(opened, "opened_predictions", lambda: (workspace, predictions))
        app = AppTest.from_file(str(ROOT / state.WEIGHTS_PAGE), default_timeout=TIMEOUT_SECONDS)
        app.run()
        assert not app.exception
        return app

    return page_of


def test_a_table_and_an_onnx_file_have_no_weights_to_look_at(shown: Callable[..., AppTest]) -> None:
    assert "came from a table" in texts(shown(""))
    assert "is an ONNX file" in texts(shown("onnx"))


def test_a_healthy_network_is_said_to_be_so(shown: Callable[..., AppTest]) -> None:
    kept(convolutions(3))
    app = shown()
    said = texts(app)
    assert "None of the 4 layers stands out" in said and "The 8 filters of 0, 3 x 3 weights each" in said
    assert "Which channels are never active shows only when images go through." in said
    assert app.button(key="layer_scan").label == "Look at every layer"
    assert "There is no other network here to compare with." in said
    assert "dead" not in app.dataframe[0].value.columns


def test_planted_defects_stand_on_top_and_lead_to_their_layer(shown: Callable[..., AppTest]) -> None:
    module = convolutions(3)
    module[6].weight.data[2] = 0
    module[3].weight.data[0, 0, 0, 0] = float("nan")
    kept(module)
    app = shown()
    assert [app.button(key=f"weights_unusual_{place}").label for place in range(2)] == ["3", "6"]
    said = texts(app)
    assert "One of its weights is no number (NaN or infinite)." in said and "always gives the same" in said
    app.button(key="weights_unusual_1").click().run()
    assert app.selectbox(key="weights_layer_choice").value == "6"
    assert "Empty channels, their weights are 0: 2" in texts(app)


def test_a_program_shows_its_weights_and_says_what_cannot_be_seen(shown: Callable[..., AppTest]) -> None:
    kept(convolutions(2))
    app = shown("torchscript")
    said = texts(app)
    assert "Which channels are dead on the validation images cannot be seen: the network is a program" in said
    assert not [each for each in app.button if each.key == "layer_scan"]
    assert len(app.dataframe[0].value) == 3


def test_norms_that_were_folded_are_said_once_with_what_follows(shown: Callable[..., AppTest]) -> None:
    module = convolutions(3)
    pairs = list(convolutions_with_norms(module))
    for _, norm in pairs:
        learned(norm)
    kept(module)
    assert not said_of_norms(shown())  # statistics of images are nothing to speak of
    for convolution, norm in pairs[:2]:
        fold(convolution, norm)
    kept(module)
    (said,) = said_of_norms(shown())
    assert said.startswith(
        "2 of the 3 batch norms of this network do nothing but add a shift: they were folded"
    )
    assert said.endswith("Fine-tune the network with fixed batch-norm statistics, or it loses what it knows.")
    (said,) = said_of_norms(shown("torchscript"))
    assert "2 of the 3" in said and "Fine-tune" not in said  # a program cannot be


def said_of_norms(app: AppTest) -> list[str]:
    return [each.value for each in app.info if "batch norm" in each.value]


def test_a_network_without_such_layers_says_so(shown: Callable[..., AppTest]) -> None:
    kept(nn.Sequential(nn.ReLU()))
    assert "no convolutions and no linear layers" in texts(shown())


def test_dead_channels_come_from_the_scan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    weights = kept(convolutions(1))
    high = np.ones(8, np.float32)
    high[3] = 0
    nothing = np.zeros(8, np.float32)
    scan = LayerScan(
        layers=(ScannedLayer("0", 8, (2, 2), "relu", False, 0, None),), n_images=1, unreadable=(), low=nothing, high=high,
        mean=nothing, active=nothing, peak_values=np.zeros((8, 9), np.float32), peak_images=np.zeros((8, 9), np.int32),
        peak_places=np.zeros((8, 9, 2), np.int32), vectors=np.zeros((1, 0), np.float16),
    )  # fmt: skip
    assert dead_channels(weights, scan) == {"0": (3,)}  # the head is not among the scanned


def test_the_histogram_counts_every_weight() -> None:
    (layer, *_) = [layer_statistics(each) for each in weighted_layers(network_of(convolutions(1)))]
    bars, bell = histogram_chart(layer).data
    assert sum(bars.y) == layer.n_weights and sum(bell.y) == pytest.approx(layer.n_weights, rel=0.01)
    zero = replace(layer, rms=0.0)
    assert len(histogram_chart(zero).data) == 1


def test_what_cannot_be_compared_is_marked_in_the_chart() -> None:
    found = [
        LayerChange("a", "weight", "weight", (2, 2), (2, 2), 4, 0.1, 1.0, 0.2, 1.0),
        LayerChange("b", "weight", "weight", (2, 2), (3, 2), 6),
    ]
    bars, crosses = change_chart(found).data
    assert list(bars.x) == ["a", "b"] and list(bars.y) == [0.1, None] and list(crosses.x) == ["b"]


def test_the_networks_to_compare_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path))
    store, mine = Store(tmp_path), EvaluationSpec(str(tmp_path / "mine.pth"), "val")
    predictions = planted_predictions(np.arange(4) % 2, ("a", "b"), predicted=np.arange(4) % 2)
    for name in ("mine.pth", "theirs.pth", "small.onnx", "gone.pth", "start.pth"):
        torch.save({}, tmp_path / name)
        spec = EvaluationSpec(str(tmp_path / name), "val")
        remember(store, name, spec.to_json(), predictions)
    (tmp_path / "gone.pth").unlink()
    version = saved(store, "Mended")
    names = {path: each.name for path, each in other_networks(mine).items()}
    assert list(names.values()) == ["version Mended", "start.pth", "theirs.pth"]
    # what the open version started from comes first
    first = next(iter(other_networks(version.evaluation_spec())))
    assert Path(first).name == "start.pth"
