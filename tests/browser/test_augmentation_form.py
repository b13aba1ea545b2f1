"""The form of augmentations: presets, changes one by one, and a preview that follows at once."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT, Server, start_server

Opener = Callable[..., Page]
MILD = "rotation 10 1 reflect"


@pytest.fixture(scope="module")
def form_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = ROOT / "tests" / "browser" / "augmentation_app.py"
    server = start_server(tmp_path_factory.mktemp("augmentation"), script=script)
    yield server
    server.stop()


@pytest.fixture
def form(form_server: Server, open_page: Opener) -> Callable[..., Page]:
    def opened(width: int = 1440, *, dark: bool = False, unfolded: bool = True) -> Page:
        page = open_page(form_server.url, width=width, dark=dark)
        expect(pictures(page)).to_have_count(10)  # torch is loaded before the first
        if unfolded:
            page.get_by_text("Random changes, one by one").click()
            expect(card(page, "rotation")).to_be_visible()
        return page

    return opened


def pictures(page: Page) -> Locator:
    return page.locator(".augmentation-line img")


def sources(page: Page) -> list[str]:
    return pictures(page).evaluate_all("all => all.map(each => each.src)")


def card(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-augmentation_{name}_card")


def test_a_preset_is_taken_as_a_whole(form: Callable[..., Page]) -> None:
    page = form(unfolded=False)
    expect(page.get_by_text(MILD)).to_be_visible()
    before = sources(page)
    page.get_by_role("radio", name="Small data").click()
    expect(page.get_by_text("rotation 40 1 edge; shift 0.2 1 edge; shear 0.2 1 edge")).to_be_visible()
    expect(page.get_by_text("Turned up to 40°")).to_be_visible()
    expect(pictures(page).nth(1)).not_to_have_attribute("src", before[1])
    after = sources(page)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, *[False] * 4] * 2
    page.get_by_role("radio", name="None", exact=True).click()
    expect(page.get_by_text("nothing", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Draw again")).to_be_disabled()
    expect(pictures(page).nth(1)).not_to_have_attribute("src", after[1])
    plain = sources(page)
    assert set(plain[:5]) == {before[0]}


def test_a_change_is_switched_on_set_and_switched_off(form: Callable[..., Page]) -> None:
    page = form()
    page.get_by_role("button", name="Grid shuffle").click()
    expect(page.get_by_text("grid_shuffle 3 0.2 reflect")).to_be_visible()
    expect(page.get_by_role("radio", name="Your own")).to_be_checked()
    expect(page.get_by_text("Random changes, one by one: 7 on")).to_be_visible()
    slider = card(page, "grid_shuffle").get_by_role("slider").first
    slider.press("ArrowRight")
    expect(page.get_by_text("grid_shuffle 4 0.2 reflect")).to_be_visible()
    card(page, "grid_shuffle").get_by_role("slider").last.press("End")
    expect(page.get_by_text("grid_shuffle 4 1 reflect")).to_be_visible()
    page.get_by_role("button", name="Grid shuffle").click()
    expect(card(page, "grid_shuffle")).to_have_count(0)
    expect(page.get_by_role("radio", name="Mild")).to_be_checked()
    before = sources(page)
    card(page, "rotation").get_by_role("combobox").click()
    page.get_by_role("option", name="Black").click()
    expect(page.get_by_text("rotation 10 1 black")).to_be_visible()
    card(page, "rotation").get_by_role("slider").first.press("End")
    expect(page.get_by_text("rotation 180 1 black")).to_be_visible()
    expect(pictures(page).nth(1)).not_to_have_attribute("src", before[1])


def test_drawing_again_redraws_the_preview_alone(form: Callable[..., Page]) -> None:
    page = form(unfolded=False)
    before = sources(page)
    page.get_by_role("button", name="Draw again").click()
    expect(pictures(page).nth(1)).not_to_have_attribute("src", before[1])
    after = sources(page)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, *[False] * 4] * 2
    page.get_by_role("button", name="Other images").click()
    expect(pictures(page).first).not_to_have_attribute("src", before[0])
    expect(pictures(page)).to_have_count(10)
    expect(page.get_by_text("run 1", exact=True)).to_be_visible()


def test_what_was_chosen_outlives_a_change_of_page(form: Callable[..., Page]) -> None:
    page = form()
    page.get_by_role("button", name="Noise").click()
    expect(page.get_by_text("noise 0.05 0.3 reflect")).to_be_visible()
    card(page, "noise").get_by_role("slider").first.press("Home")
    expect(page.get_by_text("noise 0 0.3 reflect")).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("noise 0 0.3 reflect")).to_be_visible()
    expect(page.get_by_role("radio", name="Your own")).to_be_checked()


def test_no_image_is_said_in_words(form_server: Server, open_page: Opener) -> None:
    page = open_page(f"{form_server.url}/?empty=1")
    expect(page.get_by_text("There is no readable image to show this on.")).to_be_visible()
    expect(page.get_by_text(MILD)).to_be_visible()


def test_nothing_is_wider_than_a_narrow_screen(form: Callable[..., Page]) -> None:
    page = form(800, dark=True)
    width = page.evaluate("document.scrollingElement.scrollWidth")
    assert width <= 800
    assert pictures(page).evaluate_all("all => all.every(each => each.complete && each.naturalWidth == 144)")
    for name in ("rotation", "contrast"):
        box = card(page, name).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 800
