"""Choosing a checkpoint and images: what was recognised, what is wrong, and the way to the matrix."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, matrix_stands, start_server

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def setup_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("setup"))
    yield server
    server.stop()


@pytest.fixture
def setup_page(setup_server: Server, open_page: Opener) -> Page:
    page = open_page(setup_server.url)
    page.get_by_role("link", name="Model and images").first.click(timeout=60_000)
    expect(page.locator(".st-key-open_model")).to_be_visible(timeout=60_000)
    return page


def fill(page: Page, key: str, text: str) -> None:
    field = page.locator(f".st-key-{key} input")
    field.fill(text)
    field.press("Enter")


def test_a_checkpoint_and_a_folder_are_recognised_and_evaluated(setup_page: Page, sample: Path) -> None:
    fill(setup_page, "model_path", str(sample / "shufflenet_v2_x0_5.pth"))
    expect(setup_page.locator(".st-key-open_model")).to_contain_text("shufflenet_v2_x0_5", timeout=60_000)
    fill(setup_page, "images_path", str(sample / "pets" / "test"))
    expect(setup_page.locator(".st-key-open_images")).to_contain_text("folder of class folders")
    setup_page.locator(".st-key-evaluate button").first.click()
    matrix_stands(setup_page)
    expect(setup_page.get_by_text("right (", exact=False).first).to_be_visible()
    expect(setup_page).to_have_url(re.compile("images=[^&]*pets%2Ftest"))
    setup_page.reload()
    matrix_stands(setup_page, timeout=60_000)
    expect(setup_page.get_by_text("pets/test", exact=True)).to_be_visible()


def test_wrong_paths_are_said_in_place(setup_page: Page) -> None:
    fill(setup_page, "model_path", "/nowhere/net.pth")
    expect(setup_page.locator(".st-key-open_model [data-testid=stAlert]")).to_contain_text("/nowhere/net.pth")
    fill(setup_page, "images_path", "/nowhere/val")
    expect(setup_page.locator(".st-key-open_images [data-testid=stAlert]")).to_contain_text("/nowhere/val")
    expect(setup_page.locator(".st-key-evaluate button").first).to_be_disabled()


def test_class_names_that_disagree_are_shown_side_by_side(
    setup_page: Page, sample: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    for name in ("apple", "pear"):
        picture = next((sample / "pets" / "test").rglob("*.jpg"))
        (folder / name).mkdir(parents=True)
        shutil.copy(picture, folder / name)
    fill(setup_page, "model_path", str(sample / "shufflenet_v2_x0_5.pth"))
    fill(setup_page, "images_path", str(folder))
    expect(setup_page.get_by_text("The class names do not match")).to_be_visible(timeout=60_000)
    expect(setup_page.locator("[data-testid=stDataFrame]")).to_have_count(2)
    expect(setup_page.locator(".st-key-evaluate")).to_have_count(0)


def test_a_link_to_unknown_files_waits_for_the_person(
    setup_server: Server, open_page: Opener, sample: Path
) -> None:
    model, images = sample / "shufflenet_v2_x0_5.pth", sample / "pets" / "train"
    page = open_page(f"{setup_server.url}/?model={model}&images={images}")
    expect(page.get_by_text("were not evaluated here yet")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-model_path input")).to_have_value(str(model))
    expect(page.locator(".st-key-images_path input")).to_have_value(str(images))
    expect(page.get_by_text("Not read yet.")).to_have_count(2)
    expect(page.locator(".st-key-evaluate button").first).to_be_disabled()
    page.locator(".st-key-check_asked button").first.click()
    expect(page.get_by_text("Recognised")).to_have_count(2, timeout=60_000)
    expect(page.get_by_text("were not evaluated here yet")).to_have_count(0)
    expect(page.locator(".st-key-evaluate button").first).to_be_enabled()


def test_wrong_preprocessing_is_said_while_the_form_is_folded(setup_page: Page, sample: Path) -> None:
    fill(setup_page, "model_path", str(sample / "shufflenet_v2_x0_5.pth"))
    fill(setup_page, "images_path", str(sample / "pets" / "test"))
    expect(setup_page.locator(".st-key-evaluate button").first).to_be_enabled(timeout=60_000)
    form = setup_page.get_by_text("Preprocessing: resize")
    form.click()
    crop = setup_page.get_by_role("textbox", name="Centre crop (pixels)")
    crop.fill("wide")
    crop.press("Enter")
    expect(setup_page.locator(".st-key-evaluate button").first).to_be_disabled()
    form.click()
    expect(crop).to_be_hidden()
    expect(setup_page.locator(".st-key-open_model [data-testid=stAlert]").last).to_contain_text("wide")
    expect(setup_page.locator(".st-key-open_model [data-testid=stAlert]").last).to_be_visible()


def test_the_sample_is_one_click_away(setup_page: Page) -> None:
    setup_page.locator(".st-key-open_sample button").first.click()
    matrix_stands(setup_page)
