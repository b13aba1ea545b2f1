"""The report in Chromium: from a file, with every picture and without asking anybody for anything."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.report import report_html
from tests.analysis.full_report import HEADINGS, full_parts, jpeg, some_predictions
from tests.browser.conftest import Server, matrix_stands, start_server
from tests.browser.test_predictions_page import IMAGES, predictions_of_sample

Opener = Callable[..., Page]
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>"\'>'


def opened_file(browser: Browser, file: Path, *, dark: bool = False) -> tuple[Page, list[str]]:
    """A page opened from a file, and every address that it asked for."""
    context = browser.new_context(
        color_scheme="dark" if dark else "light", viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.on("console", lambda message: asked.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    return page, asked


def stands_alone(page: Page, asked: list[str], file: Path) -> int:
    """How many pictures it shows, once it is sure that all of them are there and nothing was asked for."""
    page.wait_for_load_state("load")
    widths = page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(width > 0 for width in widths)
    assert [address for address in asked if not address.startswith("data:")] == [file.as_uri()]
    return len(widths)


@pytest.mark.parametrize("dark", [False, True])
def test_a_full_report_opens_from_a_file(browser: Browser, tmp_path: Path, dark: bool) -> None:
    predictions = some_predictions(first=HOSTILE)
    file = tmp_path / "my report.html"
    parts = full_parts(predictions, HOSTILE)
    file.write_text(report_html(predictions, facts={HOSTILE: HOSTILE}, pictures=jpeg, parts=parts))
    page, asked = opened_file(browser, file, dark=dark)
    assert stands_alone(page, asked, file) > 40
    assert page.locator("h2").all_text_contents() == HEADINGS
    assert re.fullmatch(r"\d+\.\d% right – Errorscope", page.title())
    expect(page.locator("svg")).to_have_count(2)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.context.close()


def test_it_fits_a_telephone(browser: Browser, tmp_path: Path) -> None:
    predictions = some_predictions()
    file = tmp_path / "report.html"
    file.write_text(report_html(predictions, facts={}, pictures=jpeg, parts=full_parts(predictions)))
    page, _ = opened_file(browser, file)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


@pytest.fixture(scope="module")
def table_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on a table of predictions of the sample's test images."""
    home = tmp_path_factory.mktemp("report")
    table = predictions_of_sample(home / "preds.parquet", probabilities=True)
    server = start_server(home, "--predictions", str(table), "--images", str(IMAGES))
    yield server
    server.stop()


def test_the_notes_page_makes_a_report_to_take_away(
    table_server: Server, open_page: Opener, browser: Browser, tmp_path: Path
) -> None:
    page = open_page(table_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Notes and report").click()
    section = page.locator(".st-key-report")
    # without these four the report does not wait for the survey
    for name in ("Findings", "Duplicates and leakage", "Slices", "Embedding map"):
        section.get_by_role("button", name=name, exact=True).click()
        expect(section.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "false"
        )
    page.locator(".st-key-make_report button").click()
    download = page.locator(".st-key-download_report button")
    expect(download).to_contain_text(re.compile(r"Download the report \(\d+\.\d MB\)"), timeout=120_000)
    expect(section).to_contain_text("No note or decision has changed since")
    with page.expect_download() as coming:
        download.click()
    file = tmp_path / coming.value.suggested_filename
    assert file.name == "report_preds.html"
    coming.value.save_as(file)
    report, asked = opened_file(browser, file)
    assert stands_alone(report, asked, file) > 20
    headings = report.locator("h2").all_text_contents()
    assert "Class by class" in headings and "Map of the images" not in headings
    expect(report.locator("dl")).to_contain_text("preds.parquet")
    report.context.close()
    section.get_by_role("button", name="Slices", exact=True).click()
    expect(section).to_contain_text("it holds other parts than those chosen now")
    page.reload()
    expect(download).to_be_visible(timeout=60_000)
