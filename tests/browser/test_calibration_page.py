"""The calibration page: read the verdict, choose a threshold, open an image, reload: it is still there."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from analysis.calibration import calibration
from analysis.costs import Costs
from analysis.coverage import threshold_report, threshold_step_for
from analysis.expected_cost import compared_costs, decision_changes
from models.predictions import Predictions
from pages.mistakes.calibration_charts import bin_words
from tests.browser.conftest import Server
from tests.browser.test_matrix_page import evaluation, gallery_ids

Opener = Callable[..., Page]
WANTED = 0.95


@pytest.fixture
def calibration_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(f"{evaluated_server.url}/calibration")
    expect(page.locator(".st-key-cost_outcomes")).to_be_visible(timeout=60_000)
    return page


def mistakes_from(predictions: Predictions, threshold: float) -> list[str]:
    """The ids of the wrong images with this confidence or more, the surest first."""
    confidence = predictions.images["confidence"].to_numpy(float)
    rows = np.flatnonzero((predictions.labels != predictions.predicted) & (confidence >= threshold))
    return [str(each) for each in predictions.images["id"].to_numpy()[rows[np.argsort(-confidence[rows])]]]


def test_a_threshold_is_chosen_its_mistakes_open_and_it_stays(
    calibration_page: Page, evaluated_server: Server
) -> None:
    page, predictions = calibration_page, evaluation(evaluated_server)
    expect(page.get_by_text(calibration(predictions).words)).to_be_visible()

    confidence = predictions.images["confidence"].to_numpy(float)
    right = predictions.labels == predictions.predicted
    threshold = threshold_step_for(confidence, right, WANTED)
    assert threshold is not None
    report = threshold_report(confidence, right, threshold)
    page.get_by_role("button", name="Find 95% right").click()
    expect(page).to_have_url(re.compile(rf"threshold={threshold * 100:.1f}"))
    figures = page.locator(".st-key-threshold_figures")
    expect(figures).to_contain_text(re.compile(rf"Mistakes that stay\s*{report.mistakes_kept}(?!\d)"))
    expect(figures).to_contain_text(re.compile(rf"For a person\s*{report.handed_over}(?!\d)"))

    mistakes = mistakes_from(predictions, threshold)
    images = page.locator(".st-key-threshold_images button[data-image-id]")
    expect(images).to_have_count(min(6, len(mistakes)))
    assert gallery_ids(page, "threshold_images") == mistakes[:6]
    images.first.click()
    inspector = page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(" called ")
    page.keyboard.press("Escape")
    expect(inspector).to_have_count(0)
    expect(page).not_to_have_url(re.compile("image="))

    page.reload()
    expect(figures).to_contain_text(
        re.compile(rf"Mistakes that stay\s*{report.mistakes_kept}(?!\d)"), timeout=60_000
    )
    slider = page.locator(".st-key-threshold").get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", f"{threshold * 100:.1f}%")
    slider.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"threshold={threshold * 100 + 0.1:.1f}"))


def test_a_bin_opens_with_a_click_on_the_diagram(calibration_page: Page, evaluated_server: Server) -> None:
    page, found = calibration_page, calibration(evaluation(evaluated_server))
    chosen = found.bins[-2]
    assert chosen != found.worst_bin
    chart = page.locator(".st-key-reliability_width_False")
    # the band of a bin in the upper picture: a bar as wide as the bin
    band = (
        chart.locator(".cartesianlayer .subplot.xy .barlayer .trace")
        .first.locator(".point path")
        .nth(len(found.bins) - 2)
    )
    band.scroll_into_view_if_needed()
    box = band.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.85
    page.mouse.move(x, y)
    page.wait_for_timeout(300)  # plotly hears a click only where it has seen the mouse rest
    page.mouse.click(x, y)
    box_of_bins = page.locator(".st-key-calibration_bin_width_False input")
    expect(box_of_bins).to_have_value(bin_words(chosen))
    table = evaluation(evaluated_server).images
    inside = table[(table["confidence"] >= chosen.low) & (table["confidence"] < chosen.high)]
    assert len(inside) == chosen.n
    wrong = inside[inside["label_index"] != inside["predicted_index"]]
    first = wrong.sort_values("confidence", ascending=False)["id"].iloc[0]
    images = page.locator(".st-key-calibration_bin_images button[data-image-id]")
    expect(images.first).to_have_attribute("data-image-id", first)


def test_dearer_mistakes_change_decisions(calibration_page: Page, evaluated_server: Server) -> None:
    page, predictions = calibration_page, evaluation(evaluated_server)
    cost = page.locator(".st-key-cost_across input")
    cost.fill("20")
    cost.press("Enter")
    expect(page).to_have_url(re.compile("cost_across=20"))
    # the sample needs no temperature
    compared = compared_costs(predictions, Costs(1.0, 20.0, 0.5))
    change = decision_changes(predictions, compared, with_person=True)[0]
    ids = [str(each) for each in predictions.images["id"].to_numpy()[list(change.rows)]]
    images = page.locator(".st-key-cost_images button[data-image-id]")
    expect(images.first).to_have_attribute("data-image-id", ids[0])
    expect(page.get_by_text(f"expect {compared.expected_usual:.3f} per image")).to_be_visible()
    images.first.click()
    expect(page.locator(".st-key-image_inspector")).to_be_visible()
    expect(page).to_have_url(re.compile(f"image={ids[0]}"))
