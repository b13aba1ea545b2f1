"""Under the maps of an image: do they agree, add up, point at what matters, depend on what was learned?"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server

Opener = Callable[..., Page]
METHODS = "grad_cam,saliency,integrated_gradients"


@pytest.fixture
def opened(evaluated_server: Server, open_page: Opener) -> Callable[[str], Page]:
    def image_page(methods: str, *, dark: bool = False) -> Page:
        page = open_page(f"{evaluated_server.url}/explain?method={methods}", height=2400, dark=dark)
        expect(panel(page).get_by_text("How far to trust these maps")).to_be_visible(timeout=240_000)
        return page

    return image_page


def panel(page: Page) -> Locator:
    return page.locator(".st-key-trust_panel")


def section(page: Page, check: str) -> Locator:
    return page.locator(f".st-key-trust_{check}")


def test_agreement_and_sums_are_there_at_once(opened: Callable[..., Page]) -> None:
    page = opened(METHODS)
    chart = page.locator(".st-key-agreement_chart")
    expect(chart.locator(".heatmaplayer text")).to_have_count(9, timeout=60_000)
    numbers = [float(text) for text in chart.locator(".heatmaplayer text").all_text_contents()]
    assert numbers[0] == numbers[4] == numbers[8] == 1.0
    assert numbers[1] == numbers[3] and min(numbers) >= -1
    expect(panel(page).get_by_text(re.compile(r"Least alike: .* and .* \(-?0\.\d\d\)"))).to_be_visible()
    sums = panel(page).get_by_text(re.compile(r"Integrated Gradients adds up to [\d.]+% of what it should"))
    expect(sums).to_be_visible()
    expect(page.get_by_role("button", name="Measure faithfulness")).to_be_visible()


def test_one_map_has_nothing_to_agree_with(opened: Callable[..., Page]) -> None:
    page = opened("grad_cam")
    expect(panel(page).get_by_text("Choose a second method")).to_be_visible()
    expect(panel(page).get_by_text("None of these methods promises")).to_be_visible()
    expect(page.locator(".st-key-agreement_chart")).to_have_count(0)


def test_curves_are_measured_and_are_there_again_after_a_reload(opened: Callable[..., Page]) -> None:
    page = opened(METHODS)
    expect(section(page, "curves").get_by_text(re.compile(r"about \d+ (s|min)"))).to_be_visible()
    section(page, "curves").get_by_role("button", name="Measure faithfulness").click()
    for _ in range(2):
        chart = page.locator(".st-key-curves_chart")
        expect(chart.locator(".scatterlayer .trace")).to_have_count(12, timeout=120_000)
        expect(chart.get_by_text(re.compile(r"^\d+ random orders$"))).to_be_visible()
        expect(
            panel(page).get_by_text("These curves hardly tell good methods from each other")
        ).to_be_visible()
        expect(section(page, "curves").get_by_role("button", name="Measure faithfulness")).to_have_count(0)
        page.reload()
        expect(panel(page)).to_be_visible(timeout=60_000)


def test_random_weights_tell_methods_apart(opened: Callable[..., Page]) -> None:
    page = opened("grad_cam,grad_cam_plus_plus", dark=True)
    section(page, "randomisation").get_by_role("button", name="Check against random weights").click()
    verdicts = section(page, "randomisation")
    expect(
        verdicts.get_by_text(re.compile("Grad-CAM depends on what the network has learned"))
    ).to_be_visible(timeout=120_000)
    expect(
        verdicts.get_by_text(re.compile(r"Grad-CAM\+\+ (hardly depends|depends .* only in part)"))
    ).to_be_visible(timeout=120_000)
    expect(page.locator(".st-key-randomisation_chart .scatterlayer .trace")).to_have_count(2)
    expect(verdicts.get_by_role("button", name="Check against random weights")).to_have_count(0)


def test_a_check_that_is_cancelled_keeps_what_is_finished_and_goes_on(opened: Callable[..., Page]) -> None:
    page = opened("gradient,smooth_grad")
    expect(page.locator(".st-key-agreement_chart .heatmaplayer text")).to_have_count(4, timeout=60_000)
    checks = section(page, "randomisation")
    checks.get_by_role("button", name="Check against random weights").click()
    expect(checks.get_by_text(re.compile("Gradient depends"))).to_be_visible(timeout=120_000)
    checks.get_by_role("button", name="Cancel").click()
    again = checks.get_by_role("button", name="Check against random weights: SmoothGrad")
    expect(again).to_be_visible(timeout=60_000)
    expect(checks.get_by_text(re.compile("Gradient depends"))).to_be_visible()
    again.click()
    expect(checks.get_by_text(re.compile("SmoothGrad (hardly )?depends"))).to_be_visible(timeout=600_000)
