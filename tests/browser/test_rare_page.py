"""The rare errors: the oddest first, each in full, and a decision that stays wherever its image is seen."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from analysis.rare_errors import RareError, crossing_words, rare_errors
from models.notes import decide, image_note, image_notes, write_image_note
from models.store import Store
from tests.browser.conftest import Server, choose
from tests.browser.test_matrix_page import evaluation, gallery_ids

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def odd(evaluated_server: Server) -> Iterator[list[RareError]]:
    """The mistakes, the oddest first; what a test noted is taken back after it."""
    predictions = evaluation(evaluated_server)
    yield rare_errors(predictions)
    store = Store(evaluated_server.home / "workspace")
    for note in image_notes(store):
        path = predictions.absolute(note.path)
        decide(store, path, label=note.label, decision=None)
        write_image_note(store, path, label=note.label, tags=[], text="")


@pytest.fixture
def rare_page(evaluated_server: Server, open_page: Opener, odd: list[RareError]) -> Page:
    page = open_page(f"{evaluated_server.url}/rare")
    expect(page.locator(".st-key-rare_errors button[data-image-id]").first).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-rare_head")).to_contain_text(f"{odd[0].label} called {odd[0].predicted}")
    return page


def pressed(page: Page, key: str) -> Locator:
    """The button of a decision, if it is the one that was made."""
    return page.locator(f".st-key-{key} [data-testid='stBaseButton-primary']").first


def test_the_oddest_mistakes_come_first_each_with_what_speaks_for_both_classes(
    rare_page: Page, evaluated_server: Server, odd: list[RareError]
) -> None:
    predictions = evaluation(evaluated_server)
    expect(rare_page.get_by_text(crossing_words(odd, predictions.groups))).to_be_visible()
    shown = gallery_ids(rare_page, "rare_errors")
    assert shown == [error.id for error in odd[: len(shown)]] and len(shown) == 12
    expect(rare_page.get_by_text(odd[0].support).last).to_be_visible()
    expect(rare_page.locator(".st-key-rare_evidence img").first).to_be_visible(timeout=SLOW)
    right = predictions.labels == predictions.predicted
    for side, name in (("label", odd[0].label), ("predicted", odd[0].predicted)):
        expect(rare_page.locator(f".st-key-nearest_{side} button[data-image-id]")).to_have_count(4)
        rows = predictions.images["id"].isin(gallery_ids(rare_page, f"nearest_{side}"))
        assert set(predictions.images["label"][rows]) == {name} and right[rows].all()
    rare_page.locator(".st-key-nearest_label button[data-image-id]").first.click()
    expect(rare_page.locator(".st-key-image_inspector")).to_contain_text(f"{odd[0].label}, recognised")


def test_a_decision_by_keyboard_outlasts_a_reload_and_stands_in_the_inspector(
    rare_page: Page, evaluated_server: Server, odd: list[RareError]
) -> None:
    rare_page.locator(".st-key-rare_errors button[data-image-id]").nth(1).click()
    expect(rare_page.locator(".st-key-rare_head")).to_contain_text(
        f"{odd[1].label} called {odd[1].predicted}"
    )
    expect(rare_page).to_have_url(re.compile(f"error={odd[1].id}"))
    rare_page.keyboard.press("2")
    expect(pressed(rare_page, "rare_label")).to_be_visible()
    expect(rare_page.get_by_role("combobox", name="The right class")).to_have_value(odd[1].predicted)
    rare_page.keyboard.press("ArrowRight")
    expect(rare_page.locator(".st-key-rare_head")).to_contain_text(
        f"{odd[2].label} called {odd[2].predicted}"
    )
    expect(pressed(rare_page, "rare_label")).to_have_count(0)
    rare_page.keyboard.press("ArrowLeft")
    expect(pressed(rare_page, "rare_label")).to_be_visible()
    rare_page.reload()
    expect(pressed(rare_page, "rare_label")).to_be_visible(timeout=SLOW)
    expect(rare_page.locator(".st-key-rare_errors")).to_contain_text(f"Label wrong: {odd[1].predicted}")
    right = next(name for name in evaluation(evaluated_server).class_names if name != odd[1].predicted)
    choose_right_class(rare_page, right)
    rare_page.goto(f"{evaluated_server.url}/?cell={odd[1].label}/{odd[1].predicted}&image={odd[1].id}")
    inspector = rare_page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(f"{odd[1].label} called {odd[1].predicted}", timeout=SLOW)
    expect(pressed(rare_page, "inspector_label")).to_be_visible()
    expect(inspector.get_by_role("combobox", name="The right class")).to_have_value(right)
    rare_page.keyboard.press("2")
    expect(pressed(rare_page, "inspector_label")).to_have_count(0)
    store = Store(evaluated_server.home / "workspace")
    expect(inspector.get_by_role("combobox", name="The right class")).to_have_count(0)
    assert image_note(store, evaluation(evaluated_server).absolute(odd[1].path)) is None


def choose_right_class(page: Page, name: str) -> None:
    box = page.get_by_role("combobox", name="The right class")
    key = box.evaluate("box => box.closest('[class*=st-key-rare_right_class]').className")
    choose(page, re.search(r"st-key-(rare_right_class_\w+)", key)[1], name)  # type: ignore[index]


def test_among_the_undecided_each_decision_leads_to_the_next(rare_page: Page, odd: list[RareError]) -> None:
    rare_page.get_by_role("radio", name="Undecided").or_(
        rare_page.get_by_role("button", name="Undecided")
    ).first.click()
    expect(rare_page).to_have_url(re.compile("rare_decided=Undecided"))
    rare_page.keyboard.press("1")
    expect(rare_page.locator(".st-key-rare_head")).to_contain_text(
        f"{odd[1].label} called {odd[1].predicted}"
    )
    expect(rare_page.locator(f".st-key-rare_errors button[data-image-id='{odd[0].id}']")).to_have_count(0)
    assert gallery_ids(rare_page, "rare_errors")[0] == odd[1].id


def test_a_note_is_typed_in_peace_and_kept(
    rare_page: Page, evaluated_server: Server, odd: list[RareError]
) -> None:
    rare_page.get_by_text("Tags and note").click()
    note = rare_page.get_by_label("Note", exact=True)
    note.click()
    rare_page.keyboard.type("12 spots, 3 legs")
    rare_page.keyboard.press("ArrowLeft")
    note.blur()
    expect(rare_page.get_by_text(re.compile(r"Saved \d{4}-"))).to_be_visible()
    tags = rare_page.get_by_label("Tags", exact=True)
    tags.fill("drawn badly")
    tags.press("Enter")
    expect(rare_page.get_by_text("Tags and note: drawn badly · 12 spots, 3 legs")).to_be_visible()
    expect(rare_page.locator(".st-key-rare_head")).to_contain_text(odd[0].label)
    expect(rare_page.locator("[class*=st-key-rare_] [data-testid='stBaseButton-primary']")).to_have_count(0)
    predictions = evaluation(evaluated_server)
    kept = image_note(Store(evaluated_server.home / "workspace"), predictions.absolute(odd[0].path))
    assert kept is not None and (kept.tags, kept.text) == (("drawn badly",), "12 spots, 3 legs")
