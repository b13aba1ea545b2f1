"""The map of the sample: it is made, coloured, drawn around, looked into, and there again after a reload."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, choose, matrix_stands
from tests.browser.test_map_component import canvas, drag_around, place
from tests.browser.test_matrix_page import evaluation, gallery_ids

Opener = Callable[..., Page]


@pytest.fixture
def map_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(evaluated_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Embedding map").click()
    expect(page.locator(".scatter[data-ready=true]")).to_be_visible(timeout=240_000)  # the survey comes first
    return page


def rows_of(page: Page, server: Server, label: str) -> np.ndarray:
    predictions = evaluation(server)
    return np.flatnonzero(predictions.labels == predictions.class_names.index(label))


def test_the_map_is_coloured_selected_opened_and_found_again(
    map_page: Page, evaluated_server: Server
) -> None:
    page, predictions = map_page, evaluation(evaluated_server)
    n_wrong = int((predictions.labels != predictions.predicted).sum())
    legend = page.locator(".scatter .legend")
    expect(legend.get_by_role("button", name=f"wrong {n_wrong}")).to_be_visible()
    expect(page.locator(".st-key-map_faithfulness")).to_contain_text(
        re.compile(r"\d+% are among its 50 nearest")
    )

    choose(page, "map_colour", "Label")
    expect(legend.get_by_role("button", name="Bengal 37")).to_be_visible()
    expect(page).to_have_url(re.compile("map_colour=Label"))

    bengals = rows_of(page, evaluated_server, "Bengal")
    drag_around(page, bengals, margin=6)
    words = page.locator(".st-key-map_selected")
    expect(words).to_contain_text(re.compile(r"\d+ images, \d+ wrong \(.*%\) against .*% elsewhere"))
    selected = int(page.locator(".scatter").get_attribute("data-selected") or "0")
    assert selected >= len(bengals)
    expect(words).to_contain_text(f"{selected} images")

    page.locator(".st-key-map_gallery button[data-image-id]").first.click()
    expect(page.locator(".st-key-image_inspector")).to_contain_text(f"of {selected}")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-image_inspector")).to_have_count(0)
    expect(page.locator(".scatter")).to_have_attribute("data-selected", str(selected))

    page.reload()
    expect(page.locator(".scatter[data-ready=true]")).to_be_visible(timeout=60_000)
    expect(legend.get_by_role("button", name="Bengal 37")).to_be_visible()
    expect(page.get_by_text("Select images on the map")).to_be_visible()


def test_the_legend_selects_all_mistakes_and_another_page_keeps_them(
    map_page: Page, evaluated_server: Server
) -> None:
    page, predictions = map_page, evaluation(evaluated_server)
    n_wrong = int((predictions.labels != predictions.predicted).sum())
    page.locator(".scatter .legend").get_by_role("button", name=f"wrong {n_wrong}").click()
    expect(page.locator(".st-key-map_selected")).to_contain_text(f"{n_wrong} images, {n_wrong} wrong (100%)")
    caution = page.locator(".st-key-map_caution")
    expect(caution).to_contain_text("that proves nothing yet")
    expect(caution.get_by_role("link", name="Slices")).to_have_attribute("href", re.compile("images="))
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".st-key-figures")).to_be_visible()
    page.get_by_role("link", name="Embedding map").click()
    expect(page.locator(".scatter")).to_have_attribute("data-selected", str(n_wrong))
    expect(page.locator(".st-key-map_selected")).to_contain_text(f"{n_wrong} images")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".scatter")).to_have_attribute("data-selected", "0")
    expect(page.get_by_text("Select images on the map")).to_be_visible()


def test_a_point_shows_its_neighbours_and_filters_leave_the_rest_faint(
    map_page: Page, evaluated_server: Server
) -> None:
    page, predictions = map_page, evaluation(evaluated_server)
    page.get_by_text("Only mistakes").click()
    wrong = predictions.labels != predictions.predicted
    expect(page.locator(".scatter .legend")).to_contain_text(f"{int((~wrong).sum())} filtered out")
    row = int(np.flatnonzero(wrong)[0])
    page.mouse.click(*place(page, row))
    expect(page.get_by_text("This image and its nearest on the map")).to_be_visible()
    expect(page.locator(".st-key-map_gallery button[data-image-id]")).to_have_count(11)
    first = gallery_ids(page, "map_gallery")[0]
    clicked = predictions.images["id"].tolist().index(first)
    assert wrong[clicked]  # of two at one place, the one on top
    canvas(page).press("Escape")
    expect(page.get_by_text("Select images on the map")).to_be_visible()
