"""Confusable classes and one pair: what is said is planted, and every way leads to the images."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from analysis.cell_name import cell_name
from analysis.confusable import confusable_pairs
from analysis.confusion import confusion_counts
from models.image_facts import image_facts_steps
from models.store import Store
from tests.analysis.evaluated import result
from tests.browser.conftest import Server, choose, matrix_stands
from tests.browser.test_matrix_page import evaluation, gallery_ids, ids_of

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def measured_server(evaluated_server: Server) -> Server:
    """The sample's pictures are measured, so that no page begins the survey for it."""
    predictions = evaluation(evaluated_server)
    paths = [predictions.absolute(path) for path in predictions.images["path"]]
    assert len(result(image_facts_steps(Store(evaluated_server.home / "workspace"), paths))) == len(paths)
    return evaluated_server


@pytest.fixture
def pairs_page(measured_server: Server, open_page: Opener) -> Page:
    page = open_page(measured_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Confusable classes").click()
    expect(page.locator(".st-key-pairs_table")).to_be_visible()
    return page


def pair_stands(page: Page) -> None:
    """Wait for the pair's page to be drawn to its end."""
    expect(page.locator(".st-key-pair_page").get_by_text("Notes", exact=True)).to_be_visible(timeout=60_000)


def planted(sample: Path) -> dict[str, list[str]]:
    looks: dict[str, list[str]] = json.loads((sample / "planted.json").read_text(encoding="utf-8"))[
        "look_alikes"
    ]
    return looks


def test_the_planted_pair_and_trio_are_named_and_a_line_opens_its_pair(
    pairs_page: Page, measured_server: Server, sample: Path
) -> None:
    looks = planted(sample)
    a, b = sorted(looks["pair"])
    answer = pairs_page.get_by_test_id("stMarkdown").filter(has_text="are confused beyond chance.")
    expect(answer).to_contain_text("One pair of classes and one group of three or more")
    expect(answer).to_contain_text(f"{a} and {b}")
    group = pairs_page.locator(".st-key-class_group_0")
    expect(group).to_contain_text(", ".join(sorted(looks["trio"])))
    expect(pairs_page.locator(".st-key-class_group_1")).to_have_count(0)
    pairs_page.locator(f'.st-key-pair_graph [data-pair="{a}/{b}"].edge').press("Enter")
    pair_stands(pairs_page)
    expect(pairs_page).to_have_url(re.compile(f"pair={a}(/|%2F){b}"))
    predictions = evaluation(measured_server)
    for which, label, predicted in (("a_as_b", a, b), ("b_as_a", b, a)):
        assert set(gallery_ids(pairs_page, f"pair_{which}")) == ids_of(predictions, label, predicted)
    for which, name in (("a_right", a), ("b_right", b)):
        shown = set(gallery_ids(pairs_page, f"pair_{which}"))
        assert len(shown) == 8 and shown < ids_of(predictions, name, name)


def test_a_group_links_to_its_cells_of_the_matrix(pairs_page: Page) -> None:
    link = pairs_page.locator(".st-key-class_group_0").get_by_role("link", name=re.compile("called")).first
    words = re.compile(r"\d+\s*(\S+) called (\S+)")
    expect(link).to_contain_text(words)
    label, predicted = words.search(link.text_content() or "").groups()  # type: ignore[union-attr]
    link.click()
    expect(pairs_page).to_have_url(re.compile(f"cell={label}(/|%2F){predicted}"))
    expect(pairs_page.locator(".st-key-mistake_gallery button").first).to_be_visible()


def test_the_first_row_of_the_table_opens_the_most_confused_pair(
    pairs_page: Page, measured_server: Server
) -> None:
    predictions = evaluation(measured_server)
    n_classes = len(predictions.class_names)
    counts = confusion_counts(predictions.labels, predictions.predicted, n_classes)
    first = confusable_pairs(counts, predictions.class_names)[0]
    toggle = pairs_page.get_by_text(re.compile(r"Beyond chance only \(\d+ of \d+\)"))
    expect(toggle).to_be_visible()
    toggle.click()  # now all pairs are listed
    expect(pairs_page.get_by_role("switch", name="Beyond chance only")).not_to_be_checked()
    pairs_page.wait_for_timeout(1000)  # the table is drawn on a canvas, which tells no test what it shows
    table = pairs_page.locator(".st-key-pairs_table .dvn-scroller")
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": 54})
    pair_stands(pairs_page)
    expect(pairs_page).to_have_url(re.compile(f"pair={first.a}(/|%2F){first.b}"))


def test_a_pair_is_chosen_looked_at_and_noted_and_all_is_there_after_a_reload(
    measured_server: Server, open_page: Opener
) -> None:
    page = open_page(measured_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="One pair").click()
    pair_stands(page)
    choose(page, "pair_first", "beagle")
    expect(page).to_have_url(re.compile("pair=beagle(/|%2F)"))
    choose(page, "pair_second", "chihuahua")
    expect(page).to_have_url(re.compile("pair=beagle(/|%2F)chihuahua"))
    confused = page.locator(".st-key-pair_a_as_b button[data-image-id]").first
    confused.click()
    expect(page.locator(".st-key-image_inspector")).to_contain_text("beagle called chihuahua")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-image_inspector")).to_have_count(0)
    expect(page.locator(".st-key-pair_averages img")).to_have_count(5)
    note = page.locator(".st-key-pair_page textarea")
    expect(note).to_have_count(1)
    note.fill("ears again")
    note.blur()
    expect(page.locator(".st-key-pair_page").get_by_text(re.compile("Saved (?!as soon)"))).to_be_visible()
    page.reload()
    pair_stands(page)
    expect(page.locator(".st-key-pair_first input")).to_have_value("beagle")
    expect(page.locator(".st-key-pair_second input")).to_have_value("chihuahua")
    expect(page.locator(".st-key-pair_page textarea")).to_have_value("ears again")


def test_what_separates_a_pair_is_said_in_words(measured_server: Server, open_page: Opener) -> None:
    page = open_page(measured_server.url)
    matrix_stands(page)
    names = evaluation(measured_server).class_names
    assert {"american_pit_bull_terrier", "staffordshire_bull_terrier"} <= set(names)
    page.get_by_role("link", name="Confusable classes").click()
    name = cell_name("american_pit_bull_terrier", "staffordshire_bull_terrier")
    page.locator(f'.st-key-pair_graph [data-pair="{name}"].edge').press("Enter")
    pair_stands(page)
    expect(page.locator(".st-key-pair_features")).to_contain_text("AUC")
    # planted pictures in low light were taken for the other breed
    expect(page.locator(".st-key-pair_qualities")).to_contain_text("are darker than those rightly recognised")


def test_an_address_that_names_no_pair_shows_the_usual_one_and_says_so(
    measured_server: Server, open_page: Opener
) -> None:
    page = open_page(f"{measured_server.url}/pair?pair=unicorn/dragon")
    pair_stands(page)
    expect(page.get_by_text("There is no pair unicorn/dragon among these classes")).to_be_visible()
    expect(page).to_have_url(re.compile("pair=British_Shorthair(/|%2F)Russian_Blue"))
    expect(page.locator(".st-key-pair_a_as_b button[data-image-id]").first).to_be_visible()
