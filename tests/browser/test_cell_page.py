"""From a cell of the matrix to the shortcut its images share, proved by changing them."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server, choose, drag, matrix_stands, unfold

Opener = Callable[..., Page]

METHOD = "Gradient x input"


@pytest.fixture
def cell_page(sample_server: Server, open_page: Opener) -> Page:
    page = open_page(sample_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Shared evidence").click()
    expect(page.locator(".st-key-cell_page")).to_be_visible()
    return page


def choose_cell(page: Page, label: str, predicted: str) -> None:
    choose(page, "cell_label", label)
    expect(page).to_have_url(re.compile(f"cell={label}(/|%2F)"))
    choose(page, "cell_predicted", predicted)
    expect(page).to_have_url(re.compile(f"cell={label}(/|%2F){predicted}"))


def explained(page: Page, label: str, predicted: str) -> Locator:
    """The findings of a cell, made with the quickest method unless they are known."""
    choose_cell(page, label, predicted)
    choose(page, "cell_method", METHOD)
    expect(page).to_have_url(re.compile("cell_method="))
    # what is drawn, not only what is chosen: what another method found may still stand there
    run, means = page.locator(".st-key-cell_run button"), page.locator(".st-key-cell_means")
    drawn = page.get_by_text(re.compile(f"^{METHOD} (explains|of) "))
    expect(drawn).to_be_visible()
    if "explains" in drawn.inner_text():
        run.click()
    expect(means).to_be_visible(timeout=120_000)
    return means


def test_the_worst_mistake_is_offered_with_what_it_costs(cell_page: Page) -> None:
    expect(cell_page.locator(".st-key-cell_head")).to_contain_text(re.compile(r"\d+ of \d+ \w+ called \w+"))
    expect(cell_page.locator(".st-key-cell_run button")).to_contain_text(re.compile(r"Explain \d+ images"))
    expect(cell_page.get_by_text(re.compile("About .* it is kept"))).to_be_visible()
    cell_page.get_by_role("button", name=re.compile("^All called")).click()
    expect(cell_page.locator(".st-key-cell_head")).to_contain_text(re.compile(r"all \d+ images called \w+"))
    expect(cell_page).to_have_url(re.compile("cell=(/|%2F)"))


def test_the_planted_shortcut_is_found_and_confirmed_and_stays(cell_page: Page) -> None:
    means = explained(cell_page, "chihuahua", "chihuahua")
    # the mark lies in the lower right corner of the cell's mean map, and on no reference
    mark = means.locator(".cell-mark")
    expect(mark).to_have_count(1)
    frame = means.locator(".cell-frame").first.bounding_box()
    place = mark.bounding_box()
    assert frame and place
    assert place["x"] + place["width"] / 2 > frame["x"] + 0.7 * frame["width"]
    assert place["y"] + place["height"] / 2 > frame["y"] + 0.7 * frame["height"]
    expect(cell_page.locator(".st-key-cell_place_0")).to_contain_text(
        "images have much of their evidence here"
    )
    expect(cell_page.locator(".st-key-cell_border")).to_contain_text("The border matters more")
    for edit, words in (("cover", "away from chihuahua"), ("paste", "into chihuahua")):
        cell_page.locator(f".st-key-place_0_{edit} button").click()
        result = cell_page.locator(f".st-key-place_0_{edit}_result")
        expect(result).to_contain_text("Confirmed", timeout=240_000)
        expect(result).to_contain_text(words)
        expect(result.locator(".cell-pair img")).to_have_count(8)
    cell_page.reload()
    for edit in ("cover", "paste"):
        expect(cell_page.locator(f".st-key-place_0_{edit}_result")).to_contain_text(
            "Confirmed", timeout=60_000
        )
    expect(cell_page.locator(".st-key-cell_method input")).to_have_value(METHOD)


def test_a_healthy_class_shows_no_place_and_its_images_open(cell_page: Page) -> None:
    explained(cell_page, "samoyed", "samoyed")
    expect(cell_page.get_by_text("No place stands out.")).to_be_visible()
    expect(cell_page.locator(".st-key-cell_means .cell-mark")).to_have_count(0)
    cell_page.locator(".st-key-cell_examples_0 button[data-image-id]").first.click()
    expect(cell_page.locator(".st-key-image_inspector")).to_contain_text("samoyed")


def test_a_place_of_ones_own_is_tested(cell_page: Page) -> None:
    explained(cell_page, "samoyed", "samoyed")
    unfold(cell_page, "cell_own_place")
    cell_page.locator(".st-key-own_cover button").click()
    # the empty upper left corner means nothing
    expect(cell_page.locator(".st-key-own_cover_result")).to_contain_text("Not confirmed", timeout=240_000)


def test_a_place_of_ones_own_is_drawn_and_stands_in_the_link(cell_page: Page) -> None:
    explained(cell_page, "samoyed", "samoyed")
    unfold(cell_page, "cell_own_place")
    picture = cell_page.locator(".st-key-cell_own_drawn .rectangle")
    expect(picture.locator("img")).to_be_visible()
    drag(cell_page, picture, (0.5, 0.4), (0.8, 0.9))
    expect(cell_page).to_have_url(re.compile("place=(49|50|51)-(79|80|81)(,|%2C)(39|40|41)-(89|90|91)"))
    # a mere click leaves it
    picture.click(position={"x": 5, "y": 5})
    expect(picture.locator(".chosen")).to_be_visible()
    cell_page.reload()
    unfold(cell_page, "cell_own_place")
    expect(cell_page.get_by_role("slider", name="From left to right").first).to_have_value(
        re.compile("49|50|51")
    )
    expect(cell_page.get_by_role("slider", name="From top to bottom").last).to_have_value(
        re.compile("89|90|91")
    )


def test_a_place_of_ones_own_is_known_when_it_is_first_opened_after_another_drawing(cell_page: Page) -> None:
    """The browser makes what is folded only when it is opened: then the session's value was sent long ago."""
    explained(cell_page, "samoyed", "samoyed")
    more = cell_page.locator(".st-key-cell_all_of_group_button_0 button")
    more.click()
    expect(more).to_contain_text("Show fewer")
    unfold(cell_page, "cell_own_place")
    for name in ("From left to right", "From top to bottom"):
        sliders = cell_page.get_by_role("slider", name=name)
        expect(sliders.first).to_have_value("0")
        expect(sliders.last).to_have_value("25")
    assert "place=" not in cell_page.url  # nobody chose one


def test_all_images_of_a_group_can_be_seen(cell_page: Page) -> None:
    explained(cell_page, "samoyed", "samoyed")
    more = cell_page.locator(".st-key-cell_all_of_group_button_0 button")
    n = int(re.sub(r"\D", "", more.inner_text()))
    assert n > 8
    images = cell_page.locator(".st-key-cell_examples_0 button[data-image-id]")
    expect(images).to_have_count(8)
    more.click()
    expect(images).to_have_count(n)
    expect(more).to_contain_text("Show fewer")
    more.click()
    expect(images).to_have_count(8)


def test_a_cell_without_images_says_so(cell_page: Page) -> None:
    choose_cell(cell_page, "Bombay", "samoyed")
    expect(cell_page.get_by_text("No image falls into this cell")).to_be_visible()
    expect(cell_page.locator(".st-key-cell_run")).to_have_count(0)


def test_a_running_job_can_be_cancelled_and_goes_on(cell_page: Page) -> None:
    choose_cell(cell_page, "beagle", "beagle")
    cell_page.locator(".st-key-cell_run button").click()
    expect(cell_page.locator(".st-key-cell_run_running")).to_contain_text(
        re.compile(r"[1-9]\d* of \d+ images")
    )
    cell_page.locator(".st-key-cell_run_cancel button").click()
    again = cell_page.locator(".st-key-cell_run button")
    expect(again).to_contain_text("Go on", timeout=60_000)
    expect(cell_page.get_by_text("they are kept")).to_be_visible()
