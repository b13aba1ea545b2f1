"""The overview: true figures, and each line leads to its images."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from analysis.rare_errors import rare_errors
from tests.browser.conftest import Server, matrix_stands
from tests.browser.test_matrix_page import evaluation, gallery_ids, worst_error

Opener = Callable[..., Page]


@pytest.fixture
def overview(sample_server: Server, open_page: Opener) -> Page:
    page = open_page(sample_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".st-key-figures")).to_be_visible()
    return page


def test_the_figures_are_those_of_the_predictions(overview: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    figures = overview.locator(".st-key-figures")
    expect(figures).to_contain_text(f"{predictions.accuracy:.1%}")
    expect(figures).to_contain_text(str(int((predictions.labels != predictions.predicted).sum())))
    expect(overview.get_by_text(re.compile(r"1 files? could not be read"))).to_be_visible()


def test_the_first_worst_cell_leads_to_its_images(overview: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    overview.get_by_role("link", name=re.compile(f"{label} called {predicted}")).click()
    expect(overview).to_have_url(re.compile(f"cell={label}(/|%2F){predicted}"))
    expect(overview.locator(".st-key-mistake_gallery button").first).to_be_visible()


def test_the_rare_errors_are_the_oddest_and_open(overview: Page, sample_server: Server) -> None:
    odd = rare_errors(evaluation(sample_server))
    expect(overview.locator(".st-key-rare_errors button[data-image-id]").first).to_be_visible()
    shown = gallery_ids(overview, "rare_errors")
    assert shown == [error.id for error in odd[: len(shown)]]
    overview.locator(".st-key-rare_errors button").first.click()
    expect(overview.locator(".st-key-image_inspector")).to_contain_text(
        f"{odd[0].label} called {odd[0].predicted}"
    )


def test_the_address_still_names_what_is_open_after_a_change_of_page(overview: Page) -> None:
    expect(overview).to_have_url(re.compile("model=.*images="))
    overview.reload()
    expect(overview.locator(".st-key-figures")).to_be_visible(timeout=60_000)
    overview.get_by_role("link", name="Confusion matrix").click()
    expect(overview.locator(".st-key-mistake_gallery button").first).to_be_visible()
    expect(overview).to_have_url(re.compile("model=.*images="))


@pytest.fixture
def surveyed_overview(overview: Page) -> Page:
    """The overview when the survey, which it begins by itself, is done."""
    expect(overview.get_by_text(re.compile("^Dark .*wrong, against"))).to_be_visible(timeout=240_000)
    return overview


def test_the_findings_lead_with_what_was_planted(surveyed_overview: Page) -> None:
    cards = surveyed_overview.locator("[class*='st-key-finding_']")
    expect(cards.first).to_contain_text(
        "american_bulldog, american_pit_bull_terrier and staffordshire_bull_terrier are taken for each other."
    )
    assert 5 <= cards.count() <= 10
    for words in ("labels look wrong", "British_Shorthair and Russian_Blue", "3 mistakes cross a group"):
        expect(cards.filter(has_text=words)).to_have_count(1)


@pytest.mark.parametrize(
    ("words", "address", "shown"),
    [
        ("British_Shorthair and Russian_Blue", "pair=British_Shorthair", ".st-key-pair_page"),
        ("labels look wrong", "/labels", ".st-key-label_candidates"),
        ("3 mistakes cross a group", "/rare", ".st-key-rare_errors"),
        ("Dark ", "slice=", ".st-key-slices_table"),
    ],
)
def test_each_finding_leads_to_its_images(
    surveyed_overview: Page, words: str, address: str, shown: str
) -> None:
    card = surveyed_overview.locator("[class*='st-key-finding_']").filter(has_text=words)
    card.get_by_role("link").click()
    expect(surveyed_overview).to_have_url(re.compile(re.escape(address)))
    expect(surveyed_overview.locator(shown)).to_be_visible()
    expect(surveyed_overview.locator("button[data-image-id]").first).to_be_visible()
