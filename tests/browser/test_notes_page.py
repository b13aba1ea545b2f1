"""The page of notes: what was decided elsewhere is listed, leads back to its image, and goes out as CSV."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from analysis.rare_errors import RareError, rare_errors
from models.notes import decide, image_notes, subject_notes, write_image_note, write_subject_note
from models.predictions import Predictions
from models.store import Store
from tests.browser.conftest import Server, matrix_stands
from tests.browser.test_matrix_page import evaluation

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def store(evaluated_server: Server) -> Iterator[Store]:
    """The server's workspace; what a test noted is taken back after it."""
    store, predictions = Store(evaluated_server.home / "workspace"), evaluation(evaluated_server)
    yield store
    for note in image_notes(store):
        decide(store, Path(note.path), label=note.label, decision=None)
        write_image_note(store, Path(note.path), label=note.label, tags=[], text="")
    for subject in subject_notes(store, predictions.class_names):
        write_subject_note(store, predictions.class_names, subject.kind, subject.name, tags=[], text="")


@pytest.fixture
def decided(evaluated_server: Server, store: Store) -> tuple[Predictions, RareError, RareError]:
    """The two oddest mistakes, one with a wrong label, one with a note that looks like a formula."""
    predictions = evaluation(evaluated_server)
    wrong, noted, *_ = rare_errors(predictions)
    for error, decision, right in ((wrong, "label", wrong.predicted), (noted, "image", None)):
        decide(
            store, predictions.absolute(error.path), label=error.label, decision=decision,
            corrected_label=right, evaluation=predictions.fingerprint,
        )  # fmt: skip
    write_image_note(
        store, predictions.absolute(noted.path), label=noted.label, tags=["dark", "crop"], text="=1+1",
        evaluation=predictions.fingerprint,
    )  # fmt: skip
    return predictions, wrong, noted


def test_without_notes_it_says_how_to_make_some(
    evaluated_server: Server, store: Store, open_page: Opener
) -> None:
    page = open_page(f"{evaluated_server.url}/notes")
    expect(page.get_by_text("Nothing is noted about these images yet")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="Begin with the rare errors").click()
    expect(page.locator(".st-key-rare_errors button[data-image-id]").first).to_be_visible(timeout=SLOW)


def test_decisions_are_listed_filtered_opened_and_downloaded(
    evaluated_server: Server, decided: tuple[Predictions, RareError, RareError], open_page: Opener
) -> None:
    _, wrong, noted = decided
    page = open_page(f"{evaluated_server.url}/notes")
    expect(page.get_by_text("2 images. Select a row")).to_be_visible(timeout=SLOW)
    with page.expect_download() as download:
        page.locator(".st-key-notes_csv button").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert rows[wrong.path]["decision"] == "label" and rows[wrong.path]["corrected_label"] == wrong.predicted
    assert (rows[noted.path]["tags"], rows[noted.path]["note"]) == ("dark; crop", "'=1+1")
    assert rows[noted.path]["model"] == "shufflenet_v2_x0_5.pth"
    page.get_by_text("Label wrong (1)").click()
    expect(page.get_by_text("1 of 2 images")).to_be_visible()
    box = page.locator(".st-key-notes_table [data-testid='stDataFrame']").bounding_box()
    assert box
    page.mouse.click(box["x"] + 18, box["y"] + 60)  # the first row's box under the head
    inspector = page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(f"{wrong.label} called {wrong.predicted}")
    expect(inspector.get_by_role("combobox", name="The right class")).to_have_value(wrong.predicted)
    page.keyboard.press("Escape")
    expect(inspector).to_have_count(0)
    page.mouse.click(box["x"] + 18, box["y"] + 60)
    expect(inspector).to_contain_text(f"{wrong.label} called {wrong.predicted}")


def test_a_note_on_a_cell_outlasts_a_reload_and_leads_back(
    evaluated_server: Server, store: Store, open_page: Opener
) -> None:
    page = open_page(f"{evaluated_server.url}/?cell=samoyed/newfoundland")
    matrix_stands(page)
    page.get_by_text("Notes on this cell").click()
    note = page.get_by_label("Note", exact=True)
    note.fill("mislabelled, both ways")
    note.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"Saved \d{4}-"))).to_be_visible()
    page.reload()
    expect(page.get_by_text("Notes on this cell (written)")).to_be_visible(timeout=SLOW)
    page.get_by_text("Notes on this cell (written)").click()
    expect(page.get_by_label("Note", exact=True)).to_have_value("mislabelled, both ways")
    page.get_by_role("link", name="Notes and report").click()
    expect(page.locator(".st-key-subject_notes")).to_contain_text("mislabelled, both ways", timeout=SLOW)
    page.get_by_role("link", name="samoyed/newfoundland").click()
    expect(page).to_have_url(re.compile("cell=samoyed(/|%2F)newfoundland"))
