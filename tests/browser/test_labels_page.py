"""Label candidates: looked at one after another by keyboard, kept, laid over the figures, exported."""

import io
import re
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from analysis.label_candidates import LabelCandidate, label_candidates
from models.images import open_image_set
from models.notes import decide, image_notes
from models.predictions import Predictions
from models.store import Store
from tests.browser.conftest import Server
from tests.browser.test_matrix_page import evaluation, gallery_ids

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def predictions(evaluated_server: Server) -> Predictions:
    return evaluation(evaluated_server)


@pytest.fixture(scope="module")
def candidates(predictions: Predictions) -> tuple[LabelCandidate, ...]:
    return label_candidates(predictions).candidates


@pytest.fixture
def labels_page(evaluated_server: Server, open_page: Opener, predictions: Predictions) -> Iterator[Page]:
    """The page as it is before anything is decided; what a test decides is taken back after it."""
    page = open_page(f"{evaluated_server.url}/labels")
    looked_at(page, 0)
    expect(page.locator(".st-key-label_accept button")).to_be_enabled()
    yield page
    store = Store(evaluated_server.home / "workspace")
    for note in image_notes(store):
        if note.decision:
            path = next(
                file
                for row in predictions.images["path"]
                if str(file := predictions.absolute(row)) == note.path
            )
            decide(store, path, label=note.label, decision=None)


def looked_at(page: Page, n: int) -> None:
    """Wait until so many candidates have a decision."""
    expect(page.locator(".st-key-label_head [data-testid=stProgress]")).to_have_text(
        re.compile(rf"^\s*{n} of \d+ looked at")
    )


def shows(page: Page, candidate: LabelCandidate) -> None:
    """Wait until this candidate is the large one."""
    expect(page.locator(".st-key-label_candidate .label-picture figcaption")).to_have_text(candidate.path)


def downloaded(page: Page, key: str) -> pd.DataFrame:
    with page.expect_download() as download:
        page.locator(f".st-key-{key} button").first.click()  # the other one shows its help
    text = download.value.path().read_text(encoding="utf-8")
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def test_the_finding_is_said_and_those_that_stand_out_come_first(
    labels_page: Page, candidates: tuple[LabelCandidate, ...]
) -> None:
    expect(labels_page.get_by_text(re.compile(r"About \d+ of 519 labels look wrong"))).to_be_visible()
    expect(labels_page.locator(".st-key-label_candidates button[data-image-id]")).to_have_count(12)
    assert gallery_ids(labels_page, "label_candidates") == [each.id for each in candidates[:12]]
    shows(labels_page, candidates[0])
    expect(labels_page).to_have_url(re.compile(f"candidate={candidates[0].id}"))
    for side, name in (("label", candidates[0].label), ("suggested", candidates[0].suggested)):
        evidence = labels_page.locator(f".st-key-label_evidence_{side}")
        expect(evidence.locator("button")).to_have_count(4)
        expect(evidence.locator("button").first).to_contain_text(name)


def test_decisions_by_keyboard_are_kept_and_change_the_figures(
    labels_page: Page,
    candidates: tuple[LabelCandidate, ...],
    predictions: Predictions,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    accepted, rejected = candidates[0], candidates[1]
    shows(labels_page, accepted)
    labels_page.keyboard.press("a")
    shows(labels_page, rejected)
    labels_page.keyboard.press("k")
    shows(labels_page, candidates[2])
    labels_page.reload()
    looked_at(labels_page, 2)
    shows(labels_page, candidates[2])
    assert accepted.id not in gallery_ids(labels_page, "label_candidates")
    right = int((predictions.labels == predictions.predicted).sum())
    figures = labels_page.locator(".st-key-label_figures")
    expect(figures).to_contain_text(f"{right / len(predictions):.1%}")
    expect(figures).to_contain_text(f"{(right + 1) / len(predictions):.1%}")
    decided = downloaded(labels_page, "label_decisions_csv")
    assert sorted(decided[["path", "corrected_label", "decision"]].to_numpy().tolist()) == sorted(
        [[accepted.path, accepted.suggested, "label"], [rejected.path, "", "model"]]
    )
    table = tmp_path_factory.mktemp("labels") / "labels.csv"
    downloaded(labels_page, "label_all_csv").to_csv(table, index=False)
    opened = open_image_set(table)
    assert len(opened) == len(predictions)
    assert opened.table["label"].iloc[accepted.index] == accepted.suggested
    labels_page.get_by_role("radio", name="Decided", exact=True).click()
    gallery = labels_page.locator(".st-key-label_candidates")
    expect(gallery.locator("button[data-image-id]")).to_have_count(2)
    expect(gallery).to_contain_text(f"Label wrong: {accepted.suggested}")
    expect(gallery).to_contain_text("Model's fault")


def test_another_label_by_keyboard_and_undo(
    labels_page: Page, candidates: tuple[LabelCandidate, ...]
) -> None:
    shows(labels_page, candidates[0])
    labels_page.keyboard.press("o")
    first = labels_page.locator(".st-key-label_other_1 button")
    expect(first).to_be_visible()
    name = first.inner_text().split("\n")[0]
    assert name not in (candidates[0].label, candidates[0].suggested)
    labels_page.keyboard.press("1")
    shows(labels_page, candidates[1])
    expect(labels_page.locator(".st-key-label_figures")).to_contain_text("Labels corrected")
    labels_page.keyboard.press("u")
    shows(labels_page, candidates[0])
    looked_at(labels_page, 0)
    expect(labels_page.locator(".st-key-label_figures")).to_have_count(0)


def test_a_click_chooses_the_keys_step_and_the_image_opens_in_full(
    labels_page: Page, candidates: tuple[LabelCandidate, ...]
) -> None:
    labels_page.locator(f'.st-key-label_candidates button[data-image-id="{candidates[3].id}"]').click()
    shows(labels_page, candidates[3])
    expect(labels_page).to_have_url(re.compile(f"candidate={candidates[3].id}"))
    labels_page.locator(".label-heading").click()  # keys that go on are those of the page, not of the list
    labels_page.keyboard.press("ArrowRight")
    shows(labels_page, candidates[4])
    labels_page.locator(".st-key-label_inspect button").click()
    inspector = labels_page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(f"{candidates[4].label} called {candidates[4].suggested}")
    labels_page.keyboard.press("b")
    expect(inspector.get_by_text("What the network looked at")).to_be_visible()
    looked_at(labels_page, 0)  # an open image has the keyboard to itself
