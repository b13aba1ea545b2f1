import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score
from statsmodels.stats.proportion import proportion_confint

from analysis.label_overlay import corrected, corrections, overlay_comparison, standing_decision
from analysis.label_tables import corrected_labels_table, relabelled_table
from models.images import open_image_set
from models.notes import Decision, ImageNote
from models.prediction_scores import log_softmax, scores
from models.predictions import Predictions
from tests.analysis.planted_labels import calibrated_logits, drawn_labels, predictions_of
from tests.analysis.planted_predictions import planted_predictions
from tests.models.prediction_samples import pictures

N_CLASSES = 5


def _note(
    label: str,
    decision: Decision | None,
    right: str | None = None,
    text: str = "",
    tags: tuple[str, ...] = (),
) -> ImageNote:
    return ImageNote("0" * 32, 1, "/anywhere", label, decision, right, tags, text)


@pytest.fixture
def predictions() -> Predictions:
    logits = calibrated_logits(300, N_CLASSES, 1)
    return predictions_of(logits, drawn_labels(logits, 2))


def _decided(predictions: Predictions, n: int = 25) -> dict[int, ImageNote]:
    """Decisions of all kinds, about mistakes and others: some mistakes vanish, some appear."""
    rng = np.random.default_rng(3)
    mistakes = np.flatnonzero(predictions.labels != predictions.predicted)[:n]
    notes = {}
    for row in {*mistakes.tolist(), *rng.choice(len(predictions), n, replace=False).tolist()}:
        label = predictions.class_names[predictions.labels[row]]
        kind = rng.choice(["label", "label", "label", "model", "image", "ambiguous"])
        right = predictions.predicted[row] if rng.random() < 0.5 else rng.integers(N_CLASSES)
        notes[row] = _note(label, kind, f"class {right}" if kind == "label" else None)
    return notes


@pytest.mark.parametrize("without_bad_images", [False, True])
def test_the_figures_are_scikit_learns(predictions: Predictions, without_bad_images: bool) -> None:
    notes = _decided(predictions)
    found = overlay_comparison(predictions, notes, without_bad_images=without_bad_images)
    after, kept = predictions.labels.copy(), np.ones(300, dtype=bool)
    for row, note in notes.items():
        if note.decision == "label":
            after[row] = int(str(note.corrected_label).split()[1])
        kept[row] = not (without_bad_images and note.decision == "image")
    predicted = predictions.predicted
    assert found.before.rate == accuracy_score(predictions.labels, predicted)
    assert found.after.rate == pytest.approx(accuracy_score(after[kept], predicted[kept]))
    low, high = proportion_confint(found.after.right, found.after.n, method="wilson")
    assert (found.after.low, found.after.high) == pytest.approx((low, high))
    assert found.n_corrected == (after != predictions.labels).sum() > 5
    assert found.n_left_out == (~kept).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recalls = [
            recall_score(labels, called, labels=range(N_CLASSES), average=None)
            for labels, called in ((predictions.labels, predicted), (after[kept], predicted[kept]))
        ]
    for each in found.classes:
        index = predictions.class_names.index(each.name)
        assert each.before.rate == pytest.approx(recalls[0][index])
        assert each.after.rate == pytest.approx(recalls[1][index])
    untouched = set(range(N_CLASSES)) - {predictions.class_names.index(each.name) for each in found.classes}
    assert all(recalls[0][index] == recalls[1][index] for index in untouched)


def test_the_cells_and_mistakes_are_those_that_change(predictions: Predictions) -> None:
    notes = _decided(predictions)
    found = overlay_comparison(predictions, notes)
    changed = corrected(predictions, notes)
    before, after = (
        confusion_matrix(each.labels, each.predicted, labels=range(N_CLASSES))
        for each in (predictions, changed)
    )
    cells = {
        (int(cell.label[-1]), int(cell.predicted[-1])): (cell.before, cell.after) for cell in found.cells
    }
    assert set(cells) == set(zip(*(axis.tolist() for axis in np.nonzero(before != after)), strict=True))
    assert all(values == (before[place], after[place]) for place, values in cells.items())
    was, now = (each.labels != each.predicted for each in (predictions, changed))
    assert list(found.vanished) == np.flatnonzero(was & ~now).tolist() != []
    assert list(found.appeared) == np.flatnonzero(~was & now).tolist() != []


@pytest.mark.parametrize("has_logits", [True, False])
def test_corrected_rows_are_scored_anew_and_the_others_stay(has_logits: bool) -> None:
    logits = calibrated_logits(200, N_CLASSES, 4)
    labels = drawn_labels(logits, 5)
    made = predictions_of(logits, labels, has_logits=has_logits)
    images = made.images.copy()
    scored = scores(log_softmax(logits), labels)
    images[list(scored)] = scored
    made = replace(made, images=images, groups={f"class {i}": f"group {i % 2}" for i in range(N_CLASSES)})
    notes = _decided(made)
    changed = corrected(made, notes)
    pd.testing.assert_frame_equal(made.images, images)  # the one given is left as it is
    expected = scores(log_softmax(logits), changed.labels)
    for name in ("label_index", "label_rank", "margin", "loss", "predicted_index", "confidence"):
        np.testing.assert_allclose(changed.images[name], expected[name], atol=1e-5)
        assert changed.images[name].dtype == images[name].dtype
    assert list(changed.images["label"]) == [f"class {index}" for index in changed.labels]
    new = list(corrections(made, notes))
    assert list(changed.images["group"].iloc[new]) == [f"group {changed.labels[row] % 2}" for row in new]


def test_a_table_without_probabilities_has_labels_corrected_too() -> None:
    made = planted_predictions(np.array([0, 1, 2]), ("a", "b", "c"), predicted=np.array([1, 1, 1]))
    changed = corrected(made, {0: _note("a", "label", "b"), 2: _note("c", "label", "a")})
    assert changed.labels.tolist() == [1, 1, 0]
    assert changed.images["label_rank"].tolist() == [0, 0, 3]


def test_what_is_not_known_is_not_corrected(predictions: Predictions) -> None:
    label = predictions.class_names[predictions.labels[0]]
    for note, n_unknown in (
        (_note(label, "label"), 1),  # wrong, the right class not known
        (_note(label, "label", "a class of another model"), 1),
        (_note("class of old", "label", "class 1"), 0),  # said of another label
        (_note(label, "model"), 0),
        (_note(label, None, text="a note"), 0),
    ):
        found = overlay_comparison(predictions, {0: note})
        assert (found.n_corrected, found.n_unknown, found.before) == (0, n_unknown, found.after)
        assert corrected(predictions, {0: note}) is predictions
    assert standing_decision(predictions, 0, _note("class of old", "model")) is None


def test_bad_images_are_left_out_of_every_array(predictions: Predictions) -> None:
    embeddings = np.arange(600, dtype=np.float32).reshape(300, 2)
    made = replace(predictions, embeddings=embeddings)
    notes = {row: _note(made.class_names[made.labels[row]], "image") for row in (3, 7)}
    changed = corrected(made, notes, without_bad_images=True)
    kept = np.delete(np.arange(300), [3, 7])
    assert changed.embeddings is not None and changed.logits is not None
    assert np.array_equal(changed.embeddings, embeddings[kept])
    assert len(changed) == len(changed.logits) == 298
    assert changed.images["id"].tolist() == made.images["id"].iloc[kept].tolist()
    assert corrected(made, notes) is made


def test_the_fingerprint_follows_the_corrections(predictions: Predictions) -> None:
    label = predictions.class_names[predictions.labels[0]]
    others = [name for name in predictions.class_names if name != label]
    first, again, other = (
        corrected(predictions, {0: _note(label, "label", name)}).fingerprint
        for name in (others[0], others[0], others[1])
    )
    assert first == again != other != predictions.fingerprint


def test_the_table_of_decisions_says_all_that_was_decided(predictions: Predictions) -> None:
    names = [predictions.class_names[index] for index in predictions.labels[:4]]
    right = "class 0" if names[0] != "class 0" else "class 1"
    notes = {
        0: _note(names[0], "label", right, '=odd, "quoted"', ("crop", "dark")),
        1: _note(names[1], "model"),
        2: _note("class of old", "image"),
        3: _note(names[3], None, text="only a note"),
    }
    table = corrected_labels_table(predictions, notes)
    paths = predictions.images["path"]
    assert table.to_numpy().tolist() == [
        [paths[0], names[0], right, "label", '=odd, "quoted"', "crop, dark"],
        [paths[1], names[1], "", "model", "", ""],
    ]
    every = corrected_labels_table(predictions, notes, only_decided=False)
    assert every["path"].tolist() == paths.tolist()
    assert every["decision"].tolist()[:4] == ["label", "model", "", ""]
    assert every["note"].tolist()[3] == "only a note"
    assert corrected_labels_table(predictions, {}).empty


def test_all_labels_corrected_open_as_images_again(tmp_path: Path, predictions: Predictions) -> None:
    listed = pictures(tmp_path / "pictures", 6)
    labels = np.array([listed.class_names.index(label) for label in listed.table["label"]])
    made = planted_predictions(
        labels, listed.class_names, predicted=labels, root=listed.root,
        groups={name: f"group of {name}" for name in listed.class_names},
    )  # fmt: skip
    made = replace(made, images=made.images.assign(path=listed.table["path"].to_numpy(), split="val"))
    old = listed.class_names[labels[0]]
    new = next(name for name in listed.class_names if name != old)
    notes = {0: _note(old, "label", new), 1: _note(listed.class_names[labels[1]], "image")}
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    relabelled_table(made, notes).to_csv(elsewhere / "labels.csv", index=False)
    opened = open_image_set(elsewhere / "labels.csv")
    assert opened.unreadable == ()
    expected = [new, *(listed.class_names[label] for label in labels[1:])]
    assert opened.table["label"].tolist() == expected
    assert [Path(opened.absolute(path)) for path in opened.table["path"]] == [
        listed.absolute(path) for path in listed.table["path"]
    ]
    assert opened.groups[new] == f"group of {new}" and opened.splits == ("val",)
    assert len(relabelled_table(made, notes, without_bad_images=True)) == 5
