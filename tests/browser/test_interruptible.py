"""Slow parts of a page end when somebody clicks."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Server, start_server

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = ROOT / "tests" / "browser" / "interruptible_app.py"
    server = start_server(tmp_path_factory.mktemp("slow"), script=script)
    yield server
    server.stop()


@pytest.mark.parametrize("way", ["in one go", "step by step"])
def test_an_image_closes_and_goes_on_while_it_is_explained(
    slow_server: Server, open_page: Opener, way: str
) -> None:
    page = open_page(slow_server.url, at_rest=False)
    page.get_by_role("button", name=f"Open {way}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("explaining")).to_be_visible()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_text("image 2")).to_be_visible()
    expect(dialog.get_by_text("explaining")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("closed", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"Open {way}").click()
    expect(dialog.get_by_text("image 2")).to_be_visible()


def test_a_page_that_ends_early_forgets_no_click(slow_server: Server, open_page: Opener) -> None:
    page = open_page(slow_server.url, at_rest=False)
    page.get_by_role("button", name="Wait and end").click()
    expect(page.get_by_text("drawn 1 times")).to_be_visible()
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("drawn 2 times")).to_be_visible()


@pytest.mark.parametrize("end", ["early", "late"])
def test_a_clock_of_the_page_before_changes_nothing(slow_server: Server, open_page: Opener, end: str) -> None:
    page = open_page(slow_server.url, at_rest=False)
    expect(page.get_by_text("tick", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"Go to {end}").click()
    expect(page.get_by_text(f"{end} 11", exact=True)).to_be_visible()
    page.wait_for_timeout(1500)  # the clock struck while the page was drawn, and its strike comes after that
    expect(page.get_by_text(f"{end} 0", exact=True)).to_be_visible()
    expect(page.get_by_text("tick", exact=True)).to_have_count(0)
