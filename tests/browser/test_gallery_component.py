"""The gallery by itself: buttons, words, marks, keys, and names that try to be more than names."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server

Opener = Callable[..., Page]


@pytest.fixture
def opened(components: Server, open_page: Opener) -> Callable[..., Page]:
    def page_of(width: int = 1440, dark_theme: bool = False, **query: object) -> Page:
        words = "&".join(f"{name}={value}" for name, value in {"entries": 12, **query}.items())
        page = open_page(f"{components.url}/?{words}", width=width, dark=dark_theme)
        expect(page.locator(".gallery .grid, .gallery .empty").locator("visible=true").first).to_be_visible(
            timeout=240_000
        )
        return page

    return page_of


def buttons(page: Page) -> Locator:
    return page.locator(".st-key-mistake_gallery button[data-image-id]")


def test_every_image_is_a_button_with_its_words(opened: Callable[..., Page]) -> None:
    page = opened(items=24)
    expect(buttons(page)).to_have_count(24)
    expect(page.get_by_role("button", name="Bengal, predicted Persian, confidence 41%")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Abyssinian, rightly predicted"))).to_be_visible()
    sizes = page.locator(".gallery img").evaluate_all("all => all.map(i => [i.complete, i.naturalWidth])")
    assert sizes == [[True, 128]] * 23


def test_right_and_wrong_differ_by_more_than_colour(opened: Callable[..., Page]) -> None:
    page = opened(items=24)
    shapes = {}
    for kind in ("right", "wrong"):
        sign = page.locator(f".gallery .is-{kind} .sign").first
        expect(sign).to_have_attribute("title", kind)
        shapes[kind] = sign.locator("path").get_attribute("d")
    assert shapes["right"] != shapes["wrong"]


def test_a_click_opens_marks_and_can_be_repeated(opened: Callable[..., Page]) -> None:
    page = opened(items=24)
    for times in (1, 2):
        buttons(page).nth(7).click()
        expect(page.get_by_text(f"image image0_7 opens {times}", exact=True)).to_be_visible()
    expect(page.locator(".gallery button[aria-pressed=true]")).to_have_count(1)
    expect(buttons(page).nth(7)).to_have_attribute("aria-pressed", "true")


def test_names_are_text_and_never_html(opened: Callable[..., Page]) -> None:
    page = opened(items=8)
    expect(page.locator(".gallery").get_by_text("<b>bold</b>")).to_be_visible()
    expect(page.locator(".gallery b")).to_have_count(0)


def test_an_unreadable_image_keeps_its_place(opened: Callable[..., Page]) -> None:
    page = opened(items=8)
    expect(buttons(page).nth(5)).to_contain_text("no picture: the file cannot be read")
    buttons(page).nth(5).click()
    expect(page.get_by_text("image image0_5 opens 1", exact=True)).to_be_visible()


def test_no_images_are_said_in_words(opened: Callable[..., Page]) -> None:
    page = opened(items=0)
    expect(page.get_by_text("No Bengal was called Persian.")).to_be_visible()
    expect(buttons(page)).to_have_count(0)


@pytest.mark.parametrize("compact", ["", "1"])
def test_arrow_keys_go_from_image_to_image(opened: Callable[..., Page], compact: str) -> None:
    page = opened(items=40, width=1000, compact=compact)
    first = buttons(page).first
    first.focus()
    tops = buttons(page).evaluate_all("all => all.map(b => b.offsetTop)")
    per_row = tops.count(tops[0])
    assert 1 < per_row < 40
    page.keyboard.press("ArrowRight")
    expect(buttons(page).nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(buttons(page).nth(1 + per_row)).to_be_focused()
    page.keyboard.press("End")
    expect(buttons(page).last).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(buttons(page).last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_text("image image0_0 opens 1", exact=True)).to_be_visible()
    expect(first).to_be_focused()


def test_arrow_keys_in_the_gallery_are_not_shortcuts_of_the_page(opened: Callable[..., Page]) -> None:
    page = opened(items=3, shortcut="Right")
    buttons(page).first.focus()
    for at in (1, 2, 2):  # the last step finds no image to go to
        page.keyboard.press("ArrowRight")
        expect(buttons(page).nth(at)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("image image0_2 opens 1", exact=True)).to_be_visible()
    expect(page.get_by_text("shortcuts 0", exact=True)).to_be_visible()
    page.get_by_text("shortcuts 0", exact=True).click()  # the focus leaves the gallery
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("shortcuts 1", exact=True)).to_be_visible()


def test_nothing_is_wider_than_its_card(opened: Callable[..., Page]) -> None:
    page = opened(entries=34, items=60, width=800)
    expect(buttons(page)).to_have_count(60)
    overflow = buttons(page).evaluate_all("all => all.filter(b => b.scrollWidth > b.clientWidth + 1).length")
    assert overflow == 0


def test_the_gallery_follows_the_matrix(opened: Callable[..., Page]) -> None:
    page = opened(items=24)
    cells = page.locator(".st-key-confusion_matrix canvas.cells")
    point = cells.evaluate("c => c.cellCentre(3, 4)")
    cells.click(position=point)
    expect(page.locator('[data-image-id="image1_0"]')).to_be_visible()
    expect(page.locator('[data-image-id="image0_0"]')).to_have_count(0)
