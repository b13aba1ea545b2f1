"""What excites channels and classes, clicked through: the scan, the list, the images, and an image made from noise."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, choose

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def opened(evaluated_server: Server, open_page: Opener) -> Callable[..., Page]:
    def channels_page(query: str = "", **settings: object) -> Page:
        page = open_page(f"{evaluated_server.url}/channels{query}", **settings)
        scan = page.locator(".st-key-layer_scan button")
        listed = page.locator(".st-key-channel_list .channel-cuts img").first
        expect(scan.or_(listed).first).to_be_visible(timeout=SLOW)
        if scan.is_visible():  # no test before has made it
            scan.click()
        expect(listed).to_be_visible(timeout=SLOW)
        return page

    return channels_page


def test_a_channel_is_chosen_and_its_images_open(opened: Callable[..., Page]) -> None:
    page = opened("?layer=stage3.0")
    expect(page.locator(".st-key-channel_images button[data-image-id]")).to_have_count(9)
    card = page.locator("[class*=st-key-channel_card_other]").nth(2)
    name = card.locator("button").inner_text().strip()
    card.locator("button").click()
    expect(page.get_by_role("heading", name=f"{name} of stage3.0", exact=True)).to_be_visible()
    number = name.removeprefix("Channel ")
    expect(page).to_have_url(re.compile(f"channel={number}(&|$)"))
    expect(page.locator(f".st-key-channel_card_chosen_{number}")).to_be_visible()
    expect(page.get_by_text(re.compile("The frame is the (place|[0-9]+ x [0-9]+ pixels)"))).to_be_visible()
    page.locator(".st-key-channel_images button[data-image-id]").first.click()
    expect(page.locator(".st-key-image_inspector")).to_be_visible()


def test_orders_and_classes_narrow_the_list(opened: Callable[..., Page]) -> None:
    page = opened("?layer=conv5.0")
    first = page.locator("[class*=st-key-channel_card_] button").first
    before = first.inner_text()
    box = page.locator(".st-key-channels_order input")
    box.click()
    page.get_by_role("option", name="Most explained by the labels").click()
    expect(first).not_to_have_text(before)
    box = page.locator(".st-key-channels_class input")
    box.click()
    box.fill("beagle")
    page.get_by_role("option", name="beagle", exact=True).click()
    listed = page.locator(".st-key-channel_list")
    expect(listed).to_contain_text(re.compile(r"[\d,]+ of 1,024 channels"))
    expect(listed.locator(".channel-words").first).to_contain_text("most for beagle")


def test_an_image_is_made_cancelled_gone_on_with_and_kept(opened: Callable[..., Page]) -> None:
    page = opened("?layer=conv5.0&channel=7")
    choose(page, "excitation_steps", "Quick, 128 steps")
    page.locator(".st-key-excitation_make button").click()
    expect(page.locator(".st-key-excitation_so_far img")).to_be_visible(timeout=SLOW)
    page.locator(".st-key-excitation_make_cancel button").click()
    go_on = page.get_by_role("button", name="Go on: make an image")
    expect(go_on).to_be_visible(timeout=SLOW)
    expect(page.get_by_text(re.compile(r"Stopped after \d+ of 128 steps; they are kept\."))).to_be_visible()
    go_on.click()
    for _ in range(2):
        expect(page.locator(".st-key-excitation_pictures img")).to_have_count(1, timeout=SLOW)
        expect(page.get_by_text("Seed 0, 128 steps: it gives")).to_be_visible()
        expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("1")
        page.reload()


def test_a_class_has_its_best_images_and_an_image_of_its_own(opened: Callable[..., Page]) -> None:
    page = opened("?for_class=beagle")
    page.get_by_text("A class", exact=True).click()
    expect(page.get_by_text("Validation images with the highest score for beagle")).to_be_visible()
    expect(page.locator(".st-key-class_images button[data-image-id]")).to_have_count(9)
    choose(page, "excitation_steps", "Quick, 128 steps")
    page.locator(".st-key-excitation_make button").click()
    expect(page.get_by_text(re.compile("Seed 0, 128 steps: .* The network calls it beagle"))).to_be_visible(
        timeout=SLOW
    )


def test_a_narrow_screen_fits(opened: Callable[..., Page]) -> None:
    page = opened("?layer=conv1.0&channel=9999", width=800, dark=True)
    expect(page.get_by_text("conv1.0 has no channel 9999")).to_be_visible()
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0
