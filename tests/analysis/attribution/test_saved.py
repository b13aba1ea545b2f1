"""Attributions in the workspace: the same again, and only when the question is the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.attribution import Attribution, Contrast, attribution_steps
from analysis.attribution.saved import save_attribution, saved_attribution, saved_steps
from models.errors import AttributionError
from models.network import Network
from models.store import Store
from tests.models.calibrated import images


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def files(store: Store) -> list[Path]:
    return sorted(store.root.rglob("*.npy"))


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("target", [3, Contrast(0, 2)])
def test_what_was_saved_comes_back(store: Store, scale: float, target: int | Contrast) -> None:
    relevance = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32) * np.float32(scale)
    kept = Attribution(relevance, "grad_cam", target, {"layer": ""}, "layer4.1", 1.5)
    save_attribution(store, "f" * 32, "cat-1-2", kept)
    found = saved_attribution(store, "f" * 32, "cat-1-2", target, "grad_cam")
    assert found is not None and found.relevance.dtype == np.float32
    np.testing.assert_allclose(found.relevance, relevance, rtol=5e-4, atol=1e-7 * np.abs(relevance).max())
    assert replace(found, relevance=relevance) == kept


def test_a_blank_map_stays_blank(store: Store) -> None:
    save_attribution(store, "f", "cat", Attribution(np.zeros((4, 4), np.float32), "saliency", 0))
    found = saved_attribution(store, "f", "cat", 0, "saliency")
    assert found is not None and found.is_blank and found.layer is None


def test_another_question_has_no_answer_yet(store: Store) -> None:
    relevance = np.ones((4, 4), np.float32)
    options = {"samples": 9, "noise": 0.05, "seed": 0}
    save_attribution(store, "f", "cat", Attribution(relevance, "smooth_grad", 1, options))
    assert saved_attribution(store, "f", "cat", 1, "smooth_grad", samples=9) is not None
    assert saved_attribution(store, "f", "cat", 1, "smooth_grad") is None
    assert saved_attribution(store, "f", "cat", 2, "smooth_grad", samples=9) is None
    assert saved_attribution(store, "f", "cat", Contrast(1, 0), "smooth_grad", samples=9) is None
    assert saved_attribution(store, "f", "dog", 1, "smooth_grad", samples=9) is None
    assert saved_attribution(store, "g", "cat", 1, "smooth_grad", samples=9) is None
    with pytest.raises(AttributionError, match="no attribution method"):
        saved_attribution(store, "f", "cat", 1, "smoothgrad")


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda _: b"", lambda _: b"no array"])
def test_a_damaged_file_counts_as_missing(store: Store, damage: object) -> None:
    save_attribution(store, "f", "cat", Attribution(np.ones((4, 4), np.float32), "saliency", 0))
    (file,) = files(store)
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    assert saved_attribution(store, "f", "cat", 0, "saliency") is None


def test_a_run_is_kept_when_it_is_finished_and_not_before(small_network: Network, store: Store) -> None:
    inputs = images(small_network.architecture)
    steps = saved_steps(store, small_network, inputs, [0, 1], "smooth_grad", image_key="a", samples=6)
    next(steps)
    steps.close()
    assert files(store) == []
    run = list(saved_steps(store, small_network, inputs, [0, 1], "smooth_grad", image_key="a", samples=6))
    assert len(run) == 3 and len(files(store)) == 2
    (again,) = saved_steps(store, small_network, inputs, [1, 0], "smooth_grad", image_key="a", samples=6)
    *_, fresh = attribution_steps(small_network, inputs, [1, 0], "smooth_grad", samples=6)
    assert again.fraction == 1
    for kept, expected in zip(again.attributions, fresh.attributions, strict=True):
        assert kept.target == expected.target
        np.testing.assert_allclose(kept.relevance, expected.relevance, rtol=1e-3, atol=1e-6)


def test_a_second_class_is_computed_beside_the_first(small_network: Network, store: Store) -> None:
    inputs = images(small_network.architecture)
    list(saved_steps(store, small_network, inputs, [0], "grad_cam", image_key="a"))
    (both,) = saved_steps(store, small_network, inputs, [0, 1], "grad_cam", image_key="a")
    assert [each.target for each in both.attributions] == [0, 1]
    assert len(files(store)) == 2
