"""The page of layers and the layers of the map: asked, chosen, looked into, and there again after a reload."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from analysis.layers.scan_record import saved_scan
from models.store import Store
from tests.browser.conftest import Server, choose, matrix_stands, unfold
from tests.browser.test_matrix_page import evaluation

Opener = Callable[..., Page]
PAIR = "american_pit_bull_terrier/staffordshire_bull_terrier"
ANSWER = re.compile("They come apart at|They are apart at the first layer|No layer tells the two apart")


def look_at_every_layer(page: Page) -> None:
    """Press the button of the look, unless another test did so before."""
    button = page.get_by_role("button", name="Look at every layer")
    expect(button.or_(page.locator(".st-key-layers_curve"))).to_be_visible(timeout=60_000)
    if button.is_visible():
        expect(page.get_by_text("go through the network once more")).to_be_visible()
        button.click()
    expect(page.locator(".st-key-layers_curve")).to_be_visible(timeout=240_000)


@pytest.fixture
def layers_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(evaluated_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="One pair").click()
    choose(page, "pair_first", PAIR.split("/", maxsplit=1)[0])
    choose(page, "pair_second", PAIR.split("/")[1])
    page.get_by_role("link", name="Where in the network do they come apart?").click()
    look_at_every_layer(page)
    return page


def test_the_pair_of_the_link_is_asked_and_neighbours_are_looked_at(layers_page: Page) -> None:
    page = layers_page
    expect(page.locator(".st-key-pair_first input")).to_have_value(PAIR.split("/", maxsplit=1)[0])
    curve = page.locator(".st-key-layers_curve")
    expect(curve.get_by_text(ANSWER)).to_be_visible(timeout=120_000)
    expect(curve.get_by_text("The network itself, asked to choose between these two only")).to_be_visible()
    expect(curve.locator(".st-key-layers_chart .legend")).to_contain_text("guessing")
    unfold(page, "layers_table_folded")
    expect(curve.locator(".st-key-layers_table_folded canvas").first).to_be_visible()

    neighbours = page.locator(".st-key-layers_neighbours")
    expect(neighbours.locator("[class*=st-key-layers_row_]")).to_have_count(4)
    second = neighbours.locator(".st-key-layers_strip button[data-image-id]").nth(1)
    image = second.get_attribute("data-image-id")
    second.click()
    expect(page).to_have_url(re.compile(f"near={image}"))
    nearest = neighbours.locator("[class*=st-key-layers_row_]").last.locator("button[data-image-id]")
    expect(nearest).to_have_count(7)
    nearest.first.click()
    expect(page.locator(".st-key-image_inspector")).to_contain_text("1 of 10")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-image_inspector")).to_have_count(0)

    page.reload()
    expect(curve.get_by_text(ANSWER)).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-pair_second input")).to_have_value(PAIR.split("/")[1])
    expect(
        neighbours.locator(f'.st-key-layers_strip button[data-image-id="{image}"][aria-pressed="true"]')
    ).to_be_visible()


def test_the_map_of_another_layer_keeps_what_is_selected(layers_page: Page, evaluated_server: Server) -> None:
    page, predictions = layers_page, evaluation(evaluated_server)
    scan = saved_scan(Store(evaluated_server.home / "workspace"), predictions.fingerprint)
    assert scan is not None
    page.get_by_role("link", name="Embedding map").click()
    expect(page.locator(".scatter[data-ready=true]")).to_be_visible(timeout=240_000)
    n_wrong = int((predictions.labels != predictions.predicted).sum())
    page.locator(".scatter .legend").get_by_role("button", name=f"wrong {n_wrong}").click()
    expect(page.locator(".scatter")).to_have_attribute("data-selected", str(n_wrong))
    choose(page, "map_layer", scan.layers[2].name)
    expect(page.get_by_text(f"Images that the layer {scan.layers[2].name} sees as alike")).to_be_visible(
        timeout=120_000
    )
    expect(page.locator(".scatter[data-ready=true]")).to_have_attribute("data-selected", str(n_wrong))
    expect(page).to_have_url(re.compile(re.escape(f"map_layer={scan.layers[2].name}")))
    page.reload()
    expect(page.get_by_text(f"Images that the layer {scan.layers[2].name} sees as alike")).to_be_visible(
        timeout=60_000
    )
    expect(page.locator(".scatter[data-ready=true]")).to_be_visible()
