"""The page about smaller networks: what it says where there is none to shrink, and how it words figures."""

from pathlib import Path
from typing import Any

import pytest

from models.finetune.version_record import COMPRESSION, Version
from pages.improve.compare_headline import compressed_words
from pages.improve.versions_words import recipe_label
from pages.network import compression_words
from pages.network.compression_charts import cost_chart, right_chart
from pages.network.compression_words import table_rows
from pages.shared import state
from tests.models.finetune.version_samples import NAMES, finetune_spec
from tests.pages.test_network_states import shown

ROW = {
    "amount": 0.2, "size": 6_092_235, "weights": 1_469_990, "latency": 0.012, "latency_before": 0.016, "n": 100,
    "right_before": 87, "right": 60, "fixed": 3, "broken": 30, "agree": 65, "cells": [],
    "classes": [{"name": "Ragdoll", "n": 14, "before": 14, "after": 2}],
}  # fmt: skip
BEFORE = {"size": 9_301_835, "weights": 2_267_426}


def test_a_table_has_no_network_to_make_smaller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = shown(monkeypatch, tmp_path, state.COMPRESSION_PAGE, "")
    assert "came from a table" in said and "Open the checkpoint" in said


@pytest.mark.parametrize("architecture", ["torchscript", "torch.export", "onnx"])
def test_a_program_has_no_weights_to_change(
    architecture: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = shown(monkeypatch, tmp_path, state.COMPRESSION_PAGE, architecture)
    assert f"is a program ({architecture})" in said and "weights cannot be changed" in said


def test_the_table_begins_with_the_open_network() -> None:
    first, second = table_rows([ROW], BEFORE)
    assert first["Right (95% interval)"].startswith("87.0% (") and first["File"] == "9.30 MB"
    assert (second["Fixed"], second["Broken"], second["One image"]) == ("3", "30", "12.0 ms")
    assert second["Who pays"] == "Ragdoll 14 → 2 of 14"


def test_the_charts_show_shares_of_the_open_network() -> None:
    file, time = cost_chart([ROW], BEFORE).data
    assert file.y[0] == pytest.approx(6_092_235 / 9_301_835) and time.y[0] == pytest.approx(0.75)
    right = right_chart([ROW])
    assert right.data[0].y[0] == 0.6 and right.layout.shapes[0].y0 == 0.87


def version(**found: Any) -> Version:
    return Version(
        id="a", name="a", created=0.0, folder=Path("a"), architecture="resnet18", class_names=NAMES,
        spec=finetune_spec(Path("x")).to_json(), data={COMPRESSION: found} if found else {},
    )  # fmt: skip


def test_a_version_that_was_made_smaller_is_not_called_by_a_recipe() -> None:
    assert recipe_label(version(method="channels", amount=0.3)) == "30% fewer channels"
    assert recipe_label(version()) == "Last block"


def test_half_of_the_images_had_a_part_only_where_there_were_no_training_images() -> None:
    assert "other half" in compressed_words(on_half=True)
    assert "learned nothing" in compressed_words(on_half=False)


def test_where_onnx_runtime_is_missing_the_page_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("models.onnx_runtime.has_onnx_runtime", lambda: False)
    said = shown(monkeypatch, tmp_path, state.COMPRESSION_PAGE, "resnet18", compression_way="int8")
    assert "ONNX Runtime, which computes in 8 bits, is not installed" in said and "make onnx" in said


def test_words_are_tried_as_doctests() -> None:
    import doctest

    assert doctest.testmod(compression_words).failed == 0
