"""The map of one layer: its own, the same as of the same vectors, and kept apart from those of other layers."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.embedding_map import map_steps
from analysis.layers.layer_map import (
    layer_map_file,
    layer_map_spec,
    layer_map_steps,
    layer_vectors,
    saved_layer_map,
)
from analysis.layers.scan_record import LayerScan
from models.errors import ErrorscopeError
from models.job_kinds import JOB_KINDS
from tests.analysis.evaluated import context_of, result
from tests.analysis.layers.planted_pair import APART_AT, PlantedPair


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedPair:
    return PlantedPair(tmp_path_factory.mktemp("map"), n=20)


@pytest.fixture(scope="module")
def scan(planted: PlantedPair) -> LayerScan:
    return planted.scan()


def _made(planted: PlantedPair, layer: str) -> np.ndarray:
    result(layer_map_steps(layer_map_spec(planted.fingerprint, layer), context_of(planted.store)))
    found = saved_layer_map(layer_map_file(planted.store, planted.fingerprint, layer))
    assert found is not None and found.space == "embeddings"
    return found.positions


def test_layers_have_maps_of_their_own_and_the_planted_one_joins_a_class(
    planted: PlantedPair, scan: LayerScan
) -> None:
    importlib.import_module("analysis.job_kinds")
    assert "layer_map" in JOB_KINDS
    ones = planted.predictions.images["path"].str.extract(r"one/(\d+)")[0].astype(float)
    reds, greens = (np.flatnonzero(ones // 2 % 2 == which) for which in (1, 0))
    assert len(reds) == len(greens) == 10
    before, after = _made(planted, "features.0"), _made(planted, APART_AT)
    assert before.shape == after.shape == (40, 2) and not np.allclose(before, after)
    assert _made(planted, "features.0").tobytes() == before.tobytes()
    # two colours until there, and then one class
    apart = [float(np.hypot(*(each[reds].mean(0) - each[greens].mean(0)))) for each in (before, after)]
    assert apart[0] > 0.3 and apart[1] < 0.1
    assert layer_vectors(scan, "no.layer") is None


def test_of_the_vectors_of_the_last_layer_it_is_the_map_of_the_survey(
    planted: PlantedPair, scan: LayerScan
) -> None:
    """The embedding is the mean over places of the last layer: the maps differ by the rounding of what is kept."""
    survey = result(map_steps(planted.predictions, pd.DataFrame()))
    layer = scan.layer("features.12")
    assert layer is not None
    vectors, embeddings = scan.vectors_of(layer), planted.predictions.embeddings
    assert vectors is not None and embeddings is not None
    np.testing.assert_allclose(vectors, embeddings, rtol=2e-3, atol=1e-3)
    found = _made(planted, layer.name)
    assert survey.positions.shape == found.shape and survey.space == "embeddings"


def test_without_vectors_it_says_what_to_do(tmp_path: Path) -> None:
    unscanned = PlantedPair(tmp_path, n=2)
    file = layer_map_file(unscanned.store, unscanned.fingerprint, "features.0")
    assert saved_layer_map(file) is None
    with pytest.raises(ErrorscopeError, match=r"no vectors of the layer features\.0.*Look at every layer"):
        result(
            layer_map_steps(layer_map_spec(unscanned.fingerprint, "features.0"), context_of(unscanned.store))
        )
