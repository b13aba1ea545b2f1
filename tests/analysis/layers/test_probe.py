"""Where two classes come apart: at the planted layer, nowhere where labels were shuffled, as scikit-learn has it."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from analysis.layers.linear_probe import corrected_p_values, label_blind_folds, linear_trial, shuffled
from analysis.layers.probe import PairChoice, ProbeCurve, ProbedLayer, probe_steps
from analysis.layers.probe_job import probe_file, probe_job_steps, probe_spec, saved_probe
from analysis.layers.probe_words import apart_words, best_words, images_words
from analysis.layers.scan_record import LayerScan, ScannedLayer, scan_folder
from models.errors import ErrorscopeError
from models.job_kinds import JOB_KINDS
from tests.analysis.evaluated import context_of, driven, result
from tests.analysis.layers.planted_pair import APART_AT, CLASS_NAMES, PlantedPair


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """OpenBLAS shares small products among threads, which then wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedPair:
    made = PlantedPair(tmp_path_factory.mktemp("pair"))
    made.scan()
    return made


@pytest.fixture(scope="module")
def curve(planted: PlantedPair) -> ProbeCurve:
    result(probe_job_steps(probe_spec(planted.fingerprint, (1, 0)), context_of(planted.store)))
    found = saved_probe(probe_file(planted.store, planted.fingerprint, (1, 0)))
    assert found is not None
    return found


def test_the_curve_is_at_chance_before_the_planted_layer_and_near_one_from_it_on(curve: ProbeCurve) -> None:
    names = [each.layer for each in curve.layers]
    place = names.index(APART_AT)
    assert 4 <= place < len(names) / 2
    for each in curve.layers[:place]:
        assert not each.is_beyond_chance and each.choice.accuracy < 0.6, each
    for each in curve.layers[place:]:
        assert each.choice.accuracy > 0.95 and each.p_value == pytest.approx(1 / 501), each
    assert curve.apart_from is curve.layers[place]
    assert curve.class_names == CLASS_NAMES and curve.n == (40, 40)
    assert curve.own is not None and curve.own.accuracy > 0.95
    answer, behind = apart_words(curve)
    assert answer == f"They come apart at {APART_AT}, layer {place + 1} of {len(names)}."
    assert f"Of the {len(names) - place - 1} layers after it all are beyond chance too" in behind
    assert f"The {place} layers before it" in behind
    assert "On 40 images of none_or_both and 40 of one" in images_words(curve)


def test_the_job_is_known_and_begun_layers_are_not_asked_again(
    planted: PlantedPair, curve: ProbeCurve
) -> None:
    importlib.import_module("analysis.job_kinds")
    assert "layer_probe" in JOB_KINDS
    spec = probe_spec(planted.fingerprint, (0, 1))
    assert spec == probe_spec(planted.fingerprint, (1, 0))
    file = probe_file(planted.store, planted.fingerprint, (0, 1))
    file.unlink()
    steps = probe_job_steps(spec, context_of(planted.store))
    for progress in steps:
        if progress.done == 3:
            break
    steps.close()
    begun = file.with_suffix(".begun.npz")
    with np.load(begun) as kept:
        arrays = dict(kept)
    assert len(arrays["right"]) == 3 and not file.exists()
    arrays["right"][0] = 0.25  # would be found anew if it were asked again
    np.savez(begun, **arrays)
    answer, seen = driven(probe_job_steps(spec, context_of(planted.store)))
    found = saved_probe(file)
    assert found is not None and not begun.exists()
    assert found.layers[0].choice.shares == (0.25, 0.25) and found.layers[1:] == curve.layers[1:]
    assert answer == {"n_layers": len(curve.layers)} == {"n_layers": seen[-1].total}
    file.write_text(json.dumps(curve.to_plain()))


def test_what_is_damaged_or_not_there_is_none(
    tmp_path: Path, planted: PlantedPair, curve: ProbeCurve
) -> None:
    assert saved_probe(tmp_path / "none.json") is None
    for damaged in ("", "[]", "{}", '{"layers": [3]}', json.dumps({**curve.to_plain(), "n": [1]})):
        (tmp_path / "probe.json").write_text(damaged)
        assert saved_probe(tmp_path / "probe.json") is None
    assert ProbeCurve.from_plain(json.loads(json.dumps(curve.to_plain()))) == curve
    begun = probe_file(planted.store, planted.fingerprint, (0, 1)).with_suffix(".begun.npz")
    begun.write_text("{")
    result(probe_job_steps(probe_spec(planted.fingerprint, (0, 1)), context_of(planted.store)))
    assert saved_probe(probe_file(planted.store, planted.fingerprint, (0, 1))) == curve


def test_without_a_scan_it_says_what_to_do(tmp_path: Path) -> None:
    unscanned = PlantedPair(tmp_path, n=4)
    with pytest.raises(ErrorscopeError, match=r"have not been looked at yet.*Look at every layer"):
        result(probe_job_steps(probe_spec(unscanned.fingerprint, (0, 1)), context_of(unscanned.store)))
    unscanned.scan()
    with pytest.raises(ErrorscopeError, match=r"4 of none_or_both and 4 of one.*10 images or more"):
        result(probe_job_steps(probe_spec(unscanned.fingerprint, (0, 1)), context_of(unscanned.store)))
    shutil.rmtree(scan_folder(unscanned.store, unscanned.fingerprint))


def scan_of(
    vectors: np.ndarray, widths: tuple[int, ...], unreadable: tuple[tuple[int, str], ...] = ()
) -> LayerScan:
    """A scan of these vectors, cut into layers of these widths; one of width 0 kept none."""
    layers, start = [], 0
    for place, width in enumerate(widths):
        layers.append(
            ScannedLayer(f"layer{place}", max(width, 5), None, "", False, 0, start if width else None)
        )
        start += width
    nothing = np.zeros(0, np.float32)
    return LayerScan(
        tuple(layers), len(vectors), unreadable, nothing, nothing, nothing, nothing, nothing,
        nothing.astype(np.int32), nothing.astype(np.int32), vectors.astype(np.float16),
    )  # fmt: skip


def replace_widths(scan: LayerScan, widths: tuple[int, ...]) -> LayerScan:
    layers = [
        replace(each, n_channels=width) if width else each
        for each, width in zip(scan.layers, widths, strict=True)
    ]
    return replace(scan, layers=tuple(layers))


def made_scan(vectors: np.ndarray, widths: tuple[int, ...], **more: tuple[tuple[int, str], ...]) -> LayerScan:
    return replace_widths(scan_of(vectors, widths, **more), widths)


@pytest.mark.parametrize("width", [4, 90])
def test_the_choices_are_those_of_scikit_learn(width: int) -> None:
    """Ridge regression fold by fold, the middle between the classes found by leaving out one image after another."""
    draws = np.random.default_rng(3)
    is_second = np.repeat([False, True], [25, 40])
    vectors = draws.normal(2, 3, size=(65, width))
    vectors[is_second] += 1.5 * draws.normal(size=width)
    vectors[:, 0] = 7.0  # says nothing
    folds = label_blind_folds(65)
    assert folds.shape == (10, 65) and (np.bincount(folds[0]) == 13).all()
    others = shuffled(is_second)
    found = linear_trial(vectors, is_second, folds, others)
    for labels, accuracy in ((is_second, None), (others[7], found.by_chance[7])):
        right = np.zeros(65)
        for fold_of in folds:
            for fold in range(5):
                tried = fold_of == fold
                scaler = StandardScaler().fit(vectors[~tried, 1:])
                known, targets = scaler.transform(vectors[~tried, 1:]), np.where(labels[~tried], 1.0, -1.0)
                model = Ridge(alpha=width - 1)
                left_out = cross_val_predict(model, known, targets, cv=LeaveOneOut())
                middle = (left_out[targets > 0].mean() + left_out[targets < 0].mean()) / 2
                answers = model.fit(known, targets).predict(scaler.transform(vectors[tried, 1:]))
                right[tried] += (answers > middle) == labels[tried]
        if accuracy is None:
            np.testing.assert_allclose(found.right, right / 10)
        else:
            balanced = (right[labels].mean() + right[~labels].mean()) / 20
            assert accuracy == pytest.approx(balanced)


def test_a_rare_class_is_not_given_up() -> None:
    draws = np.random.default_rng(8)
    is_second = np.arange(220) >= 205
    vectors = draws.normal(size=(220, 10)) + 2.5 * is_second[:, None]
    right = linear_trial(vectors, is_second, label_blind_folds(220), shuffled(is_second)).right
    assert right[is_second].mean() > 0.9 and right[~is_second].mean() > 0.9


def test_p_values_allow_for_all_layers() -> None:
    by_chance = np.array([[0.5, 0.6, 0.4], [0.7, 0.3, 0.5]])
    found = corrected_p_values(np.array([0.65, 0.75, 0.5]), by_chance)
    assert found.tolist() == [2 / 4, 1 / 4, 4 / 4]


def test_unreadable_images_overflow_layers_without_vectors_and_many_images() -> None:
    draws = np.random.default_rng(5)
    labels = np.repeat([0, 1], [700, 20])
    vectors = draws.normal(size=(720, 6)).astype(np.float16)
    vectors[labels == 1] += 4
    vectors[[0, 719]] = np.nan  # could not be read
    vectors[3, 2], vectors[4, 1] = np.inf, np.nan  # overflowed
    scan = made_scan(vectors, (3, 0, 3), unreadable=((0, "gone"), (719, "gone")))
    found = result(probe_steps(scan, labels, (0, 1), ("a", "b"), scores=np.eye(2)[labels]))
    assert found.n_all == (699, 19) and found.n == (300, 19)
    assert [each.depth for each in found.layers] == [0, 2] and found.n_layers == 3
    assert found.own == PairChoice((300, 19), (300, 19)) and found.best.choice.accuracy > 0.9
    said = images_words(found)
    assert "300 images of a and 19 of b (evenly taken from 699 and 19)" in said
    assert "the vectors of 2 of the 3 layers are kept" in said
    with pytest.raises(ErrorscopeError, match="No vectors of any layer"):
        result(probe_steps(made_scan(vectors, (0,)), labels, (0, 1), ("a", "b")))


def test_shuffled_labels_are_apart_nowhere() -> None:
    """Layers that know the classes well, asked about labels that were shuffled: 1 in 20 may err, of any number."""
    draws = np.random.default_rng(11)
    labels = np.repeat([0, 1], 15)
    vectors = draws.normal(size=(30, 120)) + 2 * labels[:, None]
    scan = made_scan(vectors, (8,) * 15)
    assert result(probe_steps(scan, labels, (0, 1), ("a", "b"))).apart_from is not None
    curves = [result(probe_steps(scan, draws.permutation(labels), (0, 1), ("a", "b"))) for _ in range(40)]
    # of 40 with a chance of .05 each, more than 6 are beyond 1 in 300
    assert sum(each.apart_from is not None for each in curves) <= 6
    nowhere = next(each for each in curves if each.apart_from is None)
    answer, behind = apart_words(nowhere)
    assert answer == "No layer tells the two apart beyond chance." and "With so few images" in behind
    assert np.mean([each.layers[-1].choice.accuracy for each in curves]) == pytest.approx(0.5, abs=0.06)


@given(st.tuples(st.integers(0, 40), st.integers(0, 40)), st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(
    right: tuple[int, int], n: tuple[int, int]
) -> None:
    choice = PairChoice((min(right[0], n[0]), min(right[1], n[1])), n)
    low, high = choice.interval
    assert 0 <= low <= choice.accuracy <= high <= 1
    turned = PairChoice(choice.right[::-1], n[::-1])
    assert turned.interval == pytest.approx(choice.interval)


@pytest.mark.parametrize(
    ("n", "shares"), [((14, 14), (0.6, 0.8)), ((200, 12), (0.9, 0.5)), ((30, 30), (0.5, 0.5))]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    n: tuple[int, int], shares: tuple[float, float]
) -> None:
    draws, truth = np.random.default_rng(1), sum(shares) / 2
    held = 0
    for right in draws.binomial(n, shares, size=(1500, 2)):
        low, high = PairChoice((int(right[0]), int(right[1])), n).interval
        held += low <= truth <= high
    assert 0.925 <= held / 1500 <= 0.985


def curve_of(*accuracies: int, own: PairChoice | None = None) -> ProbeCurve:
    """Layers that are right on so many of 50 images of either class; beyond chance from 40 on."""
    layers = [
        ProbedLayer(f"l{i}", i, PairChoice((each, each), (50, 50)), 0.002 if each >= 40 else 0.6)
        for i, each in enumerate(accuracies)
    ]
    return ProbeCurve(("a", "b"), (50, 50), (50, 50), tuple(layers), len(layers), 500, own)


@pytest.mark.parametrize(
    ("accuracies", "start", "said", "after"),
    [
        (
            (45, 45, 45),
            0,
            "They are apart at the first layer already, l0.",
            "Of the 2 layers after it all are",
        ),
        (
            (25, 40, 45),
            1,
            "They come apart at l1, layer 2 of 3.",
            "The one layer after it is beyond chance too.",
        ),
        ((25, 40, 30), 1, "They come apart at l1, layer 2 of 3.", "The one layer after it is not."),
        (
            (25, 31, 25, 45),
            3,
            "They come apart at the last layer only, l3.",
            "are right on 50% to 62%, which chance",
        ),
        (
            (45, 25, 41),
            0,
            "They are apart at the first layer already, l0.",
            "Of the 2 layers after it 1 are beyond",
        ),
        ((5, 30, 5), None, "No layer tells the two apart beyond chance.", "The best, l1, is right on 60%"),
    ],
)
def test_the_first_layer_beyond_chance_is_where_they_come_apart(
    accuracies: tuple[int, ...], start: int | None, said: str, after: str
) -> None:
    found = curve_of(*accuracies)
    assert found.apart_from is (None if start is None else found.layers[start])
    answer, behind = apart_words(found)
    assert answer == said and after in behind


def test_the_best_layer_is_said_to_have_been_picked() -> None:
    own = PairChoice((50, 50), (50, 50))
    said = best_words(curve_of(25, 45, 45, own=own))
    assert (
        said.startswith("l1 does best with 90%") and "picked among 3" in said and "is right on 100%" in said
    )
    assert "network itself" not in best_words(curve_of(40))
