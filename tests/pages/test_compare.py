"""Before and after: which results stand on which side, what the page says of them, and what it says when it cannot."""

import base64
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from analysis.budget import Budget, budget_checks, parsed_budget
from analysis.class_changes import class_changes
from analysis.comparison import compared
from analysis.comparison_record import Comparison
from analysis.comparison_statistics import comparison_statistics
from analysis.target_test import target_result
from models.evaluation_spec import EvaluationSpec
from models.finetune.augmentation import Augmentation
from models.finetune.recipe import Recipe
from models.finetune.spec import FinetuneSpec, Target, TrainingImages
from models.finetune.version_record import RECORD, WEIGHTS, Version
from models.image_hashes import choosing_rows
from models.prediction_record import Predictions
from models.prediction_table import predictions_from_table
from models.recent import remember
from models.saved_predictions import save_predictions
from models.store import Store, write_json
from pages.improve.compare_budget import checks_list, command
from pages.improve.compare_choice import Chosen
from pages.improve.compare_classes import MOST_CLASSES, chart_words, moved_classes
from pages.improve.compare_image import asked_classes, in_common, outcome
from pages.improve.compare_results import Result, baseline_of, control_of, results, usual_results
from pages.improve.compare_target import lines, table
from pages.improve.job_words import TRAINING
from pages.shared.matrix import _packed_cells
from pages.shared.state import Workspace
from tests.analysis.planted_predictions import planted_predictions
from tests.conftest import ROOT

CLASSES = ("cat", "dog", "<b>fox</b>")
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
BEFORE = np.array([0, 1, 1, 2, 1, 1, 0, 0, 2, 2])
AFTER = np.array([0, 0, 1, 1, 1, 0, 0, 1, 2, 1])
TARGET = Target("cell", "cat/dog", (("cat", "dog"),), chosen_on="half")


def comparison() -> Comparison:
    return compared(
        planted_predictions(LABELS, CLASSES, predicted=BEFORE),
        planted_predictions(LABELS, CLASSES, predicted=AFTER),
    )


def spec_of(target: Target | None, baseline: EvaluationSpec) -> FinetuneSpec:
    return FinetuneSpec(
        baseline, baseline, TrainingImages(), Recipe(), Augmentation(), target=target, name="Mended"
    )


class Kept:
    """A workspace with saved results on ten pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder / "workspace")
        for place in range(len(LABELS)):
            pixels = np.full((8, 8, 3), 20 * place, np.uint8)
            Image.fromarray(pixels).save(folder / f"{place}.png")

    def result(
        self, name: str, predicted: Sequence[int], labels: Sequence[int] = tuple(LABELS)
    ) -> Predictions:
        """Save what a table of this name says, and write down that it was opened."""
        rows = [
            (f"{place}.png", CLASSES[a], CLASSES[b])
            for place, (a, b) in enumerate(zip(labels, predicted, strict=True))
        ]
        pd.DataFrame(rows, columns=["path", "label", "predicted"]).to_csv(self.folder / name, index=False)
        made = predictions_from_table(self.folder / name)
        save_predictions(self.store, made)
        spec = self.spec(name)
        remember(self.store, spec.key(), spec.to_json(), made)
        return made

    def spec(self, name: str) -> EvaluationSpec:
        return EvaluationSpec.of_predictions(self.folder / name)

    def version(
        self,
        id: str,
        of: Predictions,
        *,
        created: float,
        target: Target | None = TARGET,
        control_of: str = "",
    ) -> Version:
        """Save a version whose evaluation is a result that was saved."""
        spec = replace(spec_of(target, self.spec("before.csv")), control_of=control_of)
        folder = self.store.folder("versions", id)
        made = Version(
            id, f"Mended {id}", created, folder, "resnet18", CLASSES, spec.to_json(), control_of=control_of,
            evaluation=of.fingerprint,
        )  # fmt: skip
        write_json(folder / RECORD, made.to_json())
        return made


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("ERRORSCOPE_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(st, "page_link", lambda *_, **__: None)  # a page alone knows no others
    return Kept(tmp_path)


@pytest.fixture
def opened(kept: Kept) -> Callable[..., AppTest]:
    def page(open_: Predictions | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / "improve" / "compare.py"), default_timeout=60)
        if open_ is not None:
            app.session_state["spec"] = kept.spec("before.csv").to_json()
            app.session_state["fingerprint"] = open_.fingerprint
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return page


def said(app: AppTest) -> str:
    assert not app.exception
    kinds = (app.title, app.markdown, app.info, app.success, app.error, app.warning, app.caption)
    return "\n".join(each.value for kind in kinds for each in kind).replace("\\", "")


def test_the_open_model_is_compared_with_the_newest_version_that_was_trained_from_it(kept: Kept) -> None:
    before = kept.result("before.csv", BEFORE.tolist())
    others = [
        kept.result(f"{name}.csv", each)
        for name, each in (("old", [0] * 10), ("new", [1] * 10), ("control", [2] * 10))
    ]
    kept.version("old", others[0], created=10)
    kept.version("new", others[1], created=20)
    kept.version("control", others[2], created=30, target=None, control_of="new")
    known = results(kept.store)
    workspace = Workspace(kept.spec("before.csv"), before.fingerprint)
    usual = usual_results(known, workspace)
    assert [each and each.fingerprint for each in usual] == [before.fingerprint, others[1].fingerprint]
    assert usual_results(known, None) == usual
    of_version = usual_results(known, Workspace(kept.spec("old.csv"), others[0].fingerprint))
    assert [each and each.fingerprint for each in of_version] == [before.fingerprint, others[0].fingerprint]
    new = known[others[1].fingerprint]
    assert baseline_of(new, known) == known[before.fingerprint] and new.target == TARGET
    control = control_of(new, known)
    assert control == known[others[2].fingerprint] and control is not None and control.is_control
    assert control_of(known[others[0].fingerprint], known) is None


def test_each_result_has_words_of_its_own(kept: Kept) -> None:
    first, second = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    kept.version("a", first, created=1)
    kept.version("b", second, created=2)
    for id in ("a", "b"):
        record = kept.store.root / "versions" / id / RECORD
        record.write_text(record.read_text().replace(f"Mended {id}", "Mended"))
    words = [each.words for each in results(kept.store).values()]
    assert len(set(words)) == 2


@pytest.mark.parametrize("trained", [False, True])
def test_results_without_a_version_or_with_one_are_compared_on_the_images_that_count(
    kept: Kept, opened: Callable[..., AppTest], trained: bool
) -> None:
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    if trained:
        kept.version("a", after, created=1)
    app = opened(before)
    text = said(app)
    match = compared(before, after)
    assert ("of 10 images" in text) is not trained
    assert ("The declared target: cat called dog" in text) is trained
    assert ("No control yet" in text) is trained
    assert (app.query_params["before"], app.query_params["after"]) == (before.fingerprint, after.fingerprint)
    assert (f"{match.fixed.sum()} fixed, {match.broken.sum()} broken" in text) is not trained
    assert ("the other half chose the target and the best epoch" in text) is trained


def test_the_two_halves_together_are_all_images(kept: Kept, opened: Callable[..., AppTest]) -> None:
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    kept.version("a", after, created=1)
    half, whole = opened(before), opened(before, half="All images")
    counts = [
        [int(metric.value) for metric in app.metric if metric.label in ("Fixed", "Broken")]
        for app in (half, whole)
    ]
    assert counts[1] == [2, 2] and all(part <= all_ for part, all_ in zip(*counts, strict=True))
    assert "took part in the training's choices" in said(whole) or "trained on" in said(whole)


def test_a_version_keeps_its_halves_whatever_part_of_the_images_it_is_compared_on(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    """The earlier result knows the half that chose, and one image more: only that one may judge."""
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    kept.version("a", after, created=1)
    choosing = choosing_rows(kept.store, after)
    rows = [*np.flatnonzero(choosing), np.flatnonzero(~choosing)[0]]
    pd.read_csv(kept.folder / "before.csv").iloc[rows].to_csv(kept.folder / "part.csv", index=False)
    part = predictions_from_table(kept.folder / "part.csv")
    save_predictions(kept.store, part)
    remember(kept.store, kept.spec("part.csv").key(), kept.spec("part.csv").to_json(), part)
    assert (~choosing_rows(kept.store, part)).sum() > 1
    assert "of 1 image:" in said(opened(before, before=part.fingerprint, after=after.fingerprint))


def test_of_a_network_that_was_trained_here_on_other_images_nothing_is_promised(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    """Its version was deleted, or it is looked at on other images, its training images perhaps."""
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    assert "nothing was chosen on these images by Errorscope" in said(opened(before))
    spec = EvaluationSpec(str(kept.store.root / "versions" / "gone" / WEIGHTS), str(kept.folder))
    remember(kept.store, spec.key(), spec.to_json(), after)
    for half in ("All images", "Held-out half"):
        text = said(opened(before, part=half))
        assert "is not known" in text and "nothing was chosen on these images" not in text.lower()


def test_with_nothing_to_compare_the_page_says_where_results_come_from(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    assert "There is nothing to compare yet" in said(opened())
    before = kept.result("before.csv", BEFORE.tolist())
    assert "There is nothing to compare yet" in said(opened(before))


def test_other_labels_are_one_clear_message(kept: Kept, opened: Callable[..., AppTest]) -> None:
    before = kept.result("before.csv", BEFORE.tolist())
    kept.result("after.csv", AFTER.tolist(), labels=[1, *LABELS[1:].tolist()])
    text = said(opened(before))
    assert "These cannot be compared" in text and "0.png" in text


def test_a_link_to_a_result_that_is_gone_shows_another_one(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    app = opened(before, after="f" * 32, before=before.fingerprint)
    assert "is not kept here" in said(app) and app.query_params["after"] == after.fingerprint
    app = opened(before, before=after.fingerprint, after=after.fingerprint)
    assert "Both sides are the same result" in said(app)


def test_a_class_that_one_side_does_not_know_is_no_stumbling_block(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    """The table of the earlier result has no fox at all."""
    eight = slice(0, 8)
    before = kept.result("before.csv", np.minimum(BEFORE[eight], 1).tolist(), LABELS[eight].tolist())
    kept.result("after.csv", AFTER.tolist())
    text = said(opened(before))
    assert "of 8 images" in text and "2 images only after are left out" in text


def test_a_control_that_is_there_but_not_chosen_is_not_trained_again(
    kept: Kept, opened: Callable[..., AppTest]
) -> None:
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    control = kept.result("control.csv", [0] * 10)
    kept.version("a", after, created=1)
    kept.version("b", control, created=2, target=None, control_of="a")
    assert "The control leaves" in said(opened(before))
    text = said(opened(before, control="none"))
    assert "Its control is trained" in text and "No control yet" not in text


def test_pressing_the_button_trains_the_same_without_the_target(
    kept: Kept, opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = kept.result("before.csv", BEFORE.tolist()), kept.result("after.csv", AFTER.tolist())
    version = kept.version("a", after, created=1)
    submitted: list[tuple[str, Mapping[str, object]]] = []

    def submit(_: object, kind: str, spec: Mapping[str, object], **__: object) -> str:
        submitted.append((kind, spec))
        return "job"

    monkeypatch.setattr("models.jobs.Jobs.submit", submit)
    app = opened(before)
    app.button(key="train_control").click().run()
    assert submitted == [(TRAINING, version.finetune_spec.control("a").to_json())]
    spec = FinetuneSpec.from_json(dict(submitted[0][1]))
    assert spec.target is None and spec.control_of == "a" and spec.recipe == version.finetune_spec.recipe


def test_the_table_of_the_target_escapes_names_and_marks_what_is_beyond_chance() -> None:
    many = np.repeat(np.arange(3), 40)
    before = np.where(many == 2, 1, many)
    found = compared(
        planted_predictions(many, CLASSES, predicted=before),
        planted_predictions(many, CLASSES, predicted=many),
    )
    own = target_result(found, Target("cell", "f", ((CLASSES[2], "dog"),)))
    html = table(lines(own, None, None))
    assert "Control" not in html and "40 (100%)" in html
    assert '<span class="good sure">−100.0</span>' in html  # fewer mistakes
    both = table(
        lines(
            own, own, target_result(compared_with_itself(many), Target("cell", "f", ((CLASSES[2], "dog"),)))
        )
    )
    assert "After against control" in both and '<span class="none">±0.0</span>' in both


def test_a_target_of_chosen_mistakes_has_no_p_value_of_its_own() -> None:
    labels = np.zeros(40, int)
    found = compared(
        planted_predictions(labels, CLASSES, predicted=np.ones(40, int)),
        planted_predictions(labels, CLASSES, predicted=labels),
    )
    own = target_result(found, Target("selection", "these", images=found.ids[:20]))
    shown = lines(own, None, None)
    assert [line.is_tested for line in shown] == [False, False, True]
    first = table(shown[:1])
    assert "−100.0" in first and "sure" not in first and "0.000" not in first


def compared_with_itself(labels: np.ndarray) -> Comparison:
    same = planted_predictions(labels, CLASSES, predicted=labels)
    return compared(same, same)


def test_the_asked_classes_are_the_label_and_both_answers_once_each() -> None:
    found, predictions = comparison(), planted_predictions(LABELS, CLASSES, predicted=BEFORE)
    titles = [[asked.title for asked in asked_classes(predictions, found, place)] for place in (1, 3, 2, 0)]
    assert titles == [
        ["for cat (label, after)", "for dog (before)"],
        ["for cat (label)", "for <b>fox</b> (before)", "for dog (after)"],
        ["for cat (label)", "for dog (predicted by both)"],
        ["for cat (label, predicted by both)"],
    ]
    assert [outcome(found, place) for place in (1, 5, 2, 0)] == [
        "Fixed: cat", "Broken: dog", "Wrong before and after: cat", "Right before and after: cat"
    ]  # fmt: skip


def test_probabilities_of_other_class_orders_are_brought_together() -> None:
    own = planted_predictions(np.array([0]), ("dog", "cat"), probabilities=np.array([[0.7, 0.3]]))
    common = in_common(own, 0, ("cat", "emu", "dog"))
    assert common is not None and np.allclose(common, [0.3, 0, 0.7])


def test_the_cell_of_the_target_is_shown_first_else_the_mistake_that_changed_most() -> None:
    change = np.array([[5, -3, -2], [0, 1, -1], [4, 0, -4]])

    def places() -> None:
        import streamlit as st

        from pages.improve.compare_matrix import chosen_place as chosen
        from tests.pages.test_compare import CLASSES, TARGET

        change = st.session_state["change"]
        st.write(str([chosen(CLASSES, change, TARGET), chosen(CLASSES, change, None)]))

    app = AppTest.from_function(places)
    app.session_state["change"] = change
    assert app.run(timeout=30).markdown[0].value == "[(0, 1), (2, 0)]"
    app.query_params["cell"] = "dog/"
    assert app.run(timeout=30).markdown[0].value == "[(1, None), (1, None)]"


def test_classes_of_which_no_image_moved_are_in_the_table_only() -> None:
    found = compared_with_itself(LABELS)
    assert moved_classes(class_changes(found, found.rows("all"))).empty
    moved = moved_classes(class_changes(comparison(), comparison().rows("all")))
    assert list(moved["class"]) == ["cat", "dog", "<b>fox</b>"]


def test_a_class_that_moved_beyond_chance_is_counted_though_others_moved_further() -> None:
    """More small classes than are drawn moved by all they have, one large class by a tenth."""
    small = MOST_CLASSES + 5
    labels = np.concatenate([np.arange(small), np.full(400, small)])
    before = np.concatenate([np.full(small, small), np.where(np.arange(400) < 40, 0, small)])
    names = tuple(f"class {place:02d}" for place in range(small + 1))
    after = planted_predictions(labels, names, predicted=labels)
    found = compared(planted_predictions(labels, names, predicted=before), after)
    classes = class_changes(found, found.rows("all"))
    moved = moved_classes(classes)
    assert names[small] not in set(moved["class"]) and (moved["q_value"] > 0.05).all()
    assert chart_words(classes, moved).startswith("Change of the share") and "1 moved" in chart_words(
        classes, moved
    )


def test_the_command_line_of_the_budget_asks_for_the_same_limits() -> None:
    found = comparison()
    statistics = comparison_statistics(found, found.rows("all"))
    budget = Budget({"max-negative-flips": 0.025, "min-accuracy-change": -0.01, "cell-increase": 3})
    spec = EvaluationSpec("net.pth", "images")
    chosen = Chosen(Result("a" * 32, spec, 0.0), Result("b" * 32, spec, 0.0), None)
    words = shlex.split(command(chosen, budget, "report"))
    limits = [words[place + 1] for place, word in enumerate(words) if word == "--budget"]
    assert parsed_budget(limits) == budget
    assert words[:8] == ["python", "-m", "analysis", "compare", "--before", "a" * 32, "--after", "b" * 32]
    html = checks_list(budget_checks(budget, statistics))
    assert html.count("<li") == 3 and '<li class="fail">' in html and '<li class="pass">' in html


def test_changes_travel_with_their_sign_and_with_what_was_before() -> None:
    before, after = np.array([[3, 0], [2, 70_000]]), np.array([[1, 2], [2, 70_001]])
    packed = base64.b64decode(_packed_cells(after, before))
    size = len(packed) // 12
    assert np.frombuffer(packed, "<i4", size).tolist() == [-2, 2, 0, 1]
    assert np.frombuffer(packed, "<u2", size, 4 * size).tolist() == [0, 0, 1, 1]
    assert np.frombuffer(packed, "<u2", size, 6 * size).tolist() == [0, 1, 0, 1]
    assert np.frombuffer(packed, "<u4", size, 8 * size).tolist() == [3, 0, 2, 70_000]
