"""Predictions without a network in Chromium: from the table to an image, and back to it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, matrix_stands, start_server
from tests.browser.test_setup_page import fill
from tests.conftest import SAMPLE

Opener = Callable[..., Page]
IMAGES = SAMPLE / "pets" / "test"
PAGES = (
    "overview",
    "pairs",
    "rare",
    "calibration",
    "labels",
    "duplicates",
    "slices",
    "map",
    "notes",
    "explain",
    "cell",
)


def predictions_of_sample(file: Path, *, probabilities: bool) -> Path:
    """Predictions of the sample's test images, some of them wrong, relative to that folder."""
    paths = sorted(IMAGES.rglob("*.jpg"))
    labels = np.array([path.parent.name for path in paths])
    predicted = np.where(np.arange(len(paths)) % 4 == 0, np.roll(labels, 7), labels)
    table = pd.DataFrame({"path": [path.relative_to(IMAGES).as_posix() for path in paths], "label": labels})
    table["camera"] = np.where(np.arange(len(paths)) % 2, "old", "new")
    if not probabilities:
        table.assign(predicted=predicted).to_csv(file, index=False)
        return file
    names = sorted(set(labels))
    drawn = np.random.default_rng(0).dirichlet(np.ones(len(names)), len(paths)) / 2
    drawn[np.arange(len(paths)), [names.index(name) for name in predicted]] += 0.5
    columns = pd.DataFrame(drawn, columns=[f"probability_{name}" for name in names])
    pd.concat([table, columns], axis="columns").to_parquet(file, index=False)
    return file


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, started on a table without probabilities."""
    home = tmp_path_factory.mktemp("predictions")
    table = predictions_of_sample(home / "classes_only.csv", probabilities=False)
    server = start_server(home, "--predictions", str(table), "--images", str(IMAGES))
    yield server
    server.stop()


@pytest.fixture
def setup_page(launched: Server, open_page: Opener) -> Page:
    page = open_page(launched.url)
    matrix_stands(page)
    page.get_by_role("link", name="Model and images").first.click()
    page.get_by_role("tab", name="I have predictions, no network").click()
    expect(page.locator(".st-key-open_predictions")).to_be_visible()
    return page


def test_a_table_from_the_command_line_opens_on_every_page(launched: Server, open_page: Opener) -> None:
    page = open_page(launched.url)
    matrix_stands(page)
    expect(page.locator("[data-testid=stSidebar]")).to_contain_text("classes_only.csv")
    page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    expect(page.locator(".st-key-image_inspector")).to_contain_text("there is no network to ask")
    expect(page.locator(".st-key-image_inspector img").first).to_be_visible()
    query = page.evaluate("location.search").partition("&image=")[0]
    for address in PAGES:
        page.goto(f"{launched.url}/{address}{query}")
        said = page.locator("[data-testid=stMain]").locator("h1, p").first
        expect(said).to_be_visible(timeout=60_000)
        expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_have_count(1)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)


def test_from_the_table_to_an_image_and_back_by_link(
    setup_page: Page, launched: Server, open_page: Opener
) -> None:
    table = predictions_of_sample(launched.home / "preds.parquet", probabilities=True)
    said = setup_page.locator(".st-key-open_predictions")
    expect(said.get_by_role("button", name="Open the predictions")).to_be_disabled()
    fill(setup_page, "predictions_path", str(table))
    n = len(list(IMAGES.rglob("*.jpg")))
    expect(said).to_contain_text(f"Images: {n} in 14 classes")
    expect(said).to_contain_text("one per class")
    expect(said).to_contain_text("camera")
    expect(said).to_contain_text(f"{n} of {n} files are missing")
    fill(setup_page, "predictions_images", str(IMAGES))
    expect(said).to_contain_text("all there")
    said.get_by_role("button", name=f"Open {n} predictions").click()
    matrix_stands(setup_page, timeout=60_000)
    expect(setup_page.locator("[data-testid=stSidebar]")).to_contain_text("preds.parquet")
    expect(setup_page).to_have_url(re.compile("model=[^&]*preds.parquet.*images=[^&]*pets%2Ftest"))
    setup_page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    expect(setup_page.locator(".st-key-image_inspector")).to_contain_text("there is no network to ask")
    expect(setup_page).to_have_url(re.compile("image="))
    link = setup_page.url
    setup_page.reload()
    expect(setup_page.locator(".st-key-image_inspector")).to_contain_text(
        re.compile(r"called \w+ with \d+%"), timeout=60_000
    )
    other = open_page(link)
    expect(other.locator(".st-key-image_inspector")).to_be_visible(timeout=60_000)
    expect(other.locator("[data-testid=stSidebar]")).to_contain_text("preds.parquet")


def test_a_link_to_an_unknown_table_asks_first(launched: Server, open_page: Opener) -> None:
    table = predictions_of_sample(launched.home / "unknown.csv", probabilities=False)
    page = open_page(f"{launched.url}/?model={table}&images={IMAGES}")
    expect(page.get_by_text("were not evaluated here yet")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-predictions_path input")).to_have_value(str(table))
    page.locator(".st-key-check_asked button").first.click()
    expect(page.locator(".st-key-open_predictions")).to_contain_text("Recognised")


def test_what_is_wrong_with_a_table_is_said_in_place(setup_page: Page, launched: Server) -> None:
    table = launched.home / "twice.csv"
    table.write_text("path,label,predicted\na,cat,cat\na,cat,dog\n")
    fill(setup_page, "predictions_path", str(table))
    expect(setup_page.locator(".st-key-open_predictions [data-testid=stAlert]")).to_contain_text(
        "more than once"
    )
