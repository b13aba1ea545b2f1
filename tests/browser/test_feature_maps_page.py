"""What a layer makes of an image, clicked through: layers, orders, channels, another image beside it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server, choose

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def maps_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(f"{evaluated_server.url}/feature_maps?cell=beagle/chihuahua")
    expect(tiles(page).first).to_be_visible(timeout=SLOW)
    return page


def tiles(page: Page) -> Locator:
    return page.locator(".st-key-channel_grid .tile")


def influences(page: Page) -> list[float]:
    texts = page.locator(".st-key-channel_grid .value").all_inner_texts()
    return [float(each.replace("−", "-")) for each in texts]


def test_the_channels_come_by_influence_and_one_is_laid_over_the_image(maps_page: Page) -> None:
    found = [abs(each) for each in influences(maps_page)]
    assert len(found) > 20 and found == sorted(found, reverse=True) and found[0] > 0
    first = tiles(maps_page).first.get_attribute("data-channel")
    expect(maps_page.get_by_role("heading", name=f"Channel {first} of")).to_be_visible()
    expect(maps_page.locator("[class*=st-key-channel_over_] img")).to_have_count(2)
    third = tiles(maps_page).nth(2)
    number = third.get_attribute("data-channel")
    third.click()
    expect(maps_page.get_by_role("heading", name=f"Channel {number} of")).to_be_visible()
    expect(maps_page).to_have_url(re.compile(f"channel={number}(&|$)"))
    expect(tiles(maps_page).nth(2)).to_have_attribute("aria-pressed", "true")
    # most maps are no single colour
    shades = (
        tiles(maps_page)
        .locator("img")
        .evaluate_all(
            "images => Promise.all(images.slice(0, 12).map(async image => {"
            " await image.decode(); const canvas = document.createElement('canvas'); canvas.width = image.naturalWidth;"
            " canvas.height = image.naturalHeight; const brush = canvas.getContext('2d'); brush.drawImage(image, 0, 0);"
            " const { data } = brush.getImageData(0, 0, canvas.width, canvas.height);"
            " return new Set(new Uint32Array(data.buffer)).size }))"
        )
    )
    assert sum(each > 3 for each in shades) > 6


def test_another_layer_and_order_stand_in_the_address(maps_page: Page) -> None:
    box = maps_page.locator(".st-key-maps_layer input")
    before = box.input_value()
    box.click()
    maps_page.get_by_role("option", name=re.compile("^conv1")).first.click()
    expect(box).not_to_have_value(before)
    expect(maps_page).to_have_url(re.compile("layer=conv1"))
    expect(maps_page.get_by_role("heading", name=re.compile("of conv1"))).to_be_visible(timeout=SLOW)
    choose(maps_page, "maps_order", "Number of the channel")
    expect(tiles(maps_page).nth(5)).to_have_attribute("data-channel", "5")
    maps_page.reload()
    expect(tiles(maps_page).nth(5)).to_have_attribute("data-channel", "5", timeout=SLOW)
    expect(maps_page.get_by_role("heading", name=re.compile("of conv1"))).to_be_visible()


def test_a_mistake_beside_a_right_image(maps_page: Page) -> None:
    choose(maps_page, "maps_beside", "A right beagle like it")
    expect(maps_page.locator("[class*=st-key-channel_over_] img")).to_have_count(4, timeout=SLOW)
    expect(maps_page.get_by_text(re.compile("beagle, recognised")).first).to_be_visible()
    expect(tiles(maps_page).first.locator("img")).to_have_count(2)
    pairs = influences(maps_page)
    gaps = [abs(a - b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    assert gaps[0] == pytest.approx(max(gaps), rel=0.1)  # two digits are shown
    expect(maps_page).to_have_url(re.compile("beside=labelled"))


def test_a_link_to_what_is_not_there_is_put_right_in_words(
    evaluated_server: Server, open_page: Opener
) -> None:
    page = open_page(f"{evaluated_server.url}/feature_maps?layer=nowhere&channel=99999")
    expect(page.get_by_text("There is no layer nowhere to look at here")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("This layer has no channel 99999")).to_be_visible(timeout=SLOW)
    expect(tiles(page).first).to_be_visible()
