"""The slices: the survey runs, the dark images are found, open, and stand in the address."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, matrix_stands
from tests.browser.test_matrix_page import evaluation, gallery_ids
from tests.conftest import ROOT

Opener = Callable[..., Page]
SURVEY = 240_000


@pytest.fixture
def slices_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(evaluated_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Slices", exact=True).click()
    expect(page.locator(".st-key-slices_table")).to_be_visible(timeout=SURVEY)
    return page


def test_the_dark_images_are_a_finding_and_their_gallery_opens(
    slices_page: Page, evaluated_server: Server
) -> None:
    page = slices_page
    first = page.locator(".st-key-slices_table button").first
    expect(first).to_contain_text("dark (brightness below")
    expect(page.locator(".st-key-slices_table")).to_contain_text(re.compile(r"\d+ images · \d+% wrong"))
    expect(page.locator(".st-key-slice_gallery button[data-image-id]").first).to_be_visible()
    predictions = evaluation(evaluated_server)
    planted = set(json.loads((ROOT / "sample_data" / "planted.json").read_text())["low_light"])
    paths = dict(zip(predictions.images["id"], predictions.images["path"], strict=True))
    shown = [paths[image] for image in gallery_ids(page, "slice_gallery")]
    assert shown
    assert sum(f"val/{path}" in planted for path in shown) >= 0.9 * len(shown)
    expect(page.locator(".st-key-slice_spread_0 .js-plotly-plot")).to_be_visible()


def test_a_chosen_slice_and_an_opened_image_stand_after_a_reload(slices_page: Page) -> None:
    page = slices_page
    expect(page).to_have_url(re.compile("slice=[0-9a-f]{8}"))
    page.get_by_text(re.compile("Also those not confirmed")).click()
    other = page.locator('[class*="st-key-slice_button_"] button').nth(1)
    expect(other).to_be_visible()
    name = other.inner_text().splitlines()[-1]
    other.click()
    heading = page.get_by_role("heading", name=name[0].upper() + name[1:])
    expect(heading).to_be_visible()
    page.locator(".st-key-slice_gallery button[data-image-id]").first.click()
    expect(page.locator(".st-key-image_inspector")).to_be_visible()
    expect(page).to_have_url(re.compile("image="))
    address = page.url
    page.reload()
    expect(page.locator(".st-key-image_inspector")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("Not confirmed: on the half")).first).to_be_attached()
    assert re.findall("slice=([0-9a-f]{8})", page.url) == re.findall("slice=([0-9a-f]{8})", address)


def test_a_link_to_an_unknown_slice_says_so(slices_page: Page) -> None:
    page = slices_page
    expect(page).to_have_url(re.compile("slice="))
    page.goto(re.sub("slice=[0-9a-f]+", "slice=00000000", page.url))
    expect(page.get_by_text(re.compile("slice of this link is not among these"))).to_be_visible(
        timeout=60_000
    )
