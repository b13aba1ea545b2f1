"""The page of channels without a browser: orders, words, what is asked of a layer and of a class."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.layers.channel_selectivity import selectivity
from analysis.layers.excitation_record import ExcitationRecord, ExcitationSpec, Excited, save_excitation
from analysis.layers.receptive_field import ReceptiveField
from analysis.layers.scan_record import LayerScan, ScannedLayer
from models.evaluation import EvaluationSpec
from models.preprocessing import Preprocessing
from models.store import Store
from pages.network import channels_of_layer
from pages.network.channel_list import ordered, short_words
from pages.network.channel_peaks import _mark_words, _words
from pages.network.channel_pictures import CUT_SIDE, peak_cuts, peak_rows
from pages.network.channels_of_layer import ScannedChannels
from pages.network.excitation_shown import _picture_words
from pages.shared import opened, state
from tests.analysis.planted_predictions import planted_predictions
from tests.conftest import ROOT
from tests.pages import test_network_states as without_layers

TIMEOUT_SECONDS = 60
CLASSES = ("cat", "dog", "big_fox")
N = 12
NAME = "e" * 32


def planted(root: Path = Path("/nowhere"), *, places: tuple[int, int] | None = (4, 4)) -> ScannedChannels:
    """Four channels: one for dogs, one of noise that is most active, one dead, one quiet."""
    labels = np.arange(N) % 3
    draws = np.random.default_rng(0)
    vectors = np.column_stack(
        [3.0 * (labels == 1), 5 + draws.normal(size=N), np.zeros(N), 0.1 + 0.01 * draws.random(N)]
    )
    layer = ScannedLayer("conv", 4, places, "hardtanh", False, 0, 0)
    peaks = np.argsort(-vectors, axis=0)[:9].T.astype(np.int32)
    scan = LayerScan(
        layers=(layer,), n_images=N, unreadable=(), low=np.zeros(4, np.float32), high=vectors.max(0).astype(np.float32),
        mean=vectors.mean(0).astype(np.float32), active=np.array([0.3, 1, 0, 1], np.float32),
        peak_values=np.take_along_axis(vectors.T, peaks, 1).astype(np.float32), peak_images=peaks,
        peak_places=np.ones((4, 9, 2), np.int32), vectors=vectors.astype(np.float16),
    )  # fmt: skip
    probabilities = draws.dirichlet([1, 1, 1], N)
    predictions = replace(
        planted_predictions(labels, CLASSES, probabilities=probabilities, root=root), architecture="planted",
        network_fingerprint=NAME, logits=np.log(probabilities).astype(np.float32),
    )  # fmt: skip
    workspace = state.Workspace(EvaluationSpec("model.pth", "val"), predictions.fingerprint)
    return ScannedChannels(
        workspace, predictions, scan, layer, ReceptiveField((7, 7), (8, 8), (0, 0)),
        Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3), selectivity(vectors, labels, 3), scan.still(layer),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("active", [1, 0, 3, 2]),
        ("least", [2, 3, 0, 1]),
        ("labels", [0]),
        ("highest", [1, 0, 3, 2]),
        ("number", [0, 1, 2, 3]),
    ],
)
def test_channels_come_in_the_order_that_was_asked_for(order: str, expected: list[int]) -> None:
    assert ordered(planted(), order, None).tolist()[: len(expected)] == expected


def test_only_the_channels_of_a_class_are_listed() -> None:
    channels = planted()
    found = ordered(channels, "number", 1)
    assert 0 in found and 2 not in found  # the dead one belongs to nobody
    assert channels.known is not None and all(channels.known.best[found] == 1)


def test_channels_are_said_in_words() -> None:
    channels = planted()
    assert short_words(channels, 0) == "mean 1 · most for dog · labels explain 100%"
    assert short_words(channels, 2) == "dead: always 0"
    whole = _words(channels, 0)
    assert (
        "from 0 to 3, behind its ReLU6" in whole
        and "Most active for **dog** (+1.4 standard deviations)" in whole
    )
    assert _words(channels, 2) == "It gave 0 at every place of every image."
    assert "The frame is the 7 x 7 pixels" in _mark_words(channels, True)
    assert "The frame is the place of the largest value in the map" in _mark_words(channels, False)
    assert "no part is marked" in _mark_words(planted(places=None), False)


def test_the_cuts_are_of_the_images_that_excite_it_most(tmp_path: Path) -> None:
    channels = planted(tmp_path)
    for row, path in enumerate(channels.predictions.images["path"]):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        if row != 4:
            Image.new("RGB", (40, 40), (20 * row, 0, 0)).save(tmp_path / path, quality=95)
    peaks = peak_rows(channels, 0)[:4]
    assert [row for row, _, _ in peaks] == [1, 4, 7, 10]
    cuts = peak_cuts(channels, np.array([0]), 4)[0]
    assert cuts[1] is None  # its file is gone
    (tmp_path / "cut.jpg").write_bytes(cuts[2] or b"")
    with Image.open(tmp_path / "cut.jpg") as cut:
        assert cut.size == (CUT_SIDE, CUT_SIDE) and abs(np.asarray(cut)[..., 0].mean() - 140) < 6


def test_a_finished_picture_says_what_it_reaches() -> None:
    record = ExcitationRecord(3, 256, (0.1, 9.0), 9.25, 2, 0.975)
    predictions = planted().predictions
    said = _picture_words(predictions, record, 6.5)
    assert said == (
        "Seed 3, 256 steps: it gives 9.25; any validation image at most 6.5. The network calls it big\\_fox (98%)."
    )
    assert "validation" not in _picture_words(predictions, record, float("nan"))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], AppTest]:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    channels = planted(tmp_path)
    monkeypatch.setattr(opened, "opened_predictions", lambda: (channels.workspace, channels.predictions))

    class Opened:
        preprocessing = channels.preprocessing
        fingerprint = NAME

    monkeypatch.setattr(channels_of_layer.cached, "network", lambda *_: Opened())
    monkeypatch.setattr(channels_of_layer, "scanned", lambda *_: channels.scan)
    monkeypatch.setattr(channels_of_layer, "outlines", lambda *_: {})

    def page() -> AppTest:
        app = AppTest.from_file(str(ROOT / state.CHANNELS_PAGE), default_timeout=TIMEOUT_SECONDS).run()
        assert not app.exception
        return app

    return page


def texts(app: AppTest) -> str:
    elements = [*app.info, *app.warning, *app.error, *app.markdown, *app.caption]
    return "\n".join(each.value for each in elements).replace("\\", "")


def test_the_most_active_channel_is_shown_and_another_by_a_press(shown: Callable[[], AppTest]) -> None:
    app = shown()
    assert "Channel 1 of conv" in texts(app) and "4 channels; 1 dead." in texts(app)
    app.button(key="channel_2").click().run()
    assert not app.exception
    assert "Nothing moves this channel: it is dead" in texts(app)
    app.selectbox(key="channels_class").set_value("big_fox").run()
    assert not app.exception


def test_a_channel_that_is_not_there_is_put_right(shown: Callable[[], AppTest]) -> None:
    app = shown()
    app.query_params["channel"] = "99"
    app.run()
    assert "conv has no channel 99; channel 1 is shown instead." in texts(app)


def test_a_picture_that_was_made_stands_there_with_the_next_seed(
    shown: Callable[[], AppTest], tmp_path: Path
) -> None:
    excited = Excited("conv", 1)
    spec = ExcitationSpec(EvaluationSpec("model.pth", "val"), "0" * 32, NAME, excited)
    file = spec.file(Store(tmp_path / "workspace"))
    file.parent.mkdir(parents=True)
    Image.new("RGB", (32, 32), (9, 9, 9)).save(file.with_suffix(".png"))
    save_excitation(file, ExcitationRecord(0, 256, (0.0, 1.0), 8.0, 0, 0.5))
    app = shown()
    assert "Seed 0, 256 steps: it gives 8" in texts(app)
    seed = next(each for each in app.number_input if each.label == "Seed")
    assert seed.value == 1 and app.button(key="excitation_make").label == "Make an image"
    seed.set_value(0).run()
    assert "This image is made already" in texts(app)


def test_a_class_has_its_own_view(shown: Callable[[], AppTest]) -> None:
    app = shown()
    app.segmented_control(key="excite").set_value("class").run()
    assert not app.exception
    assert "Validation images with the highest score for cat" in texts(app)
    assert "An image made to excite cat" in texts(app)
    app.query_params["for_class"] = "unicorn"
    app.run()
    assert "There is no class unicorn; cat is shown instead." in texts(app)


@pytest.mark.parametrize(
    ("architecture", "words"), [("", "came from a table"), ("torchscript", "is a program (torchscript)")]
)
def test_without_layers_it_says_so(
    architecture: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert words in without_layers.shown(monkeypatch, tmp_path, state.CHANNELS_PAGE, architecture)
