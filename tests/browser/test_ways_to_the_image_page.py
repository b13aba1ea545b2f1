"""How the page of one image follows what is chosen elsewhere: another cell, a folded one, Back, odd names."""

import base64
import io
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, choose, matrix_stands, start_server, unfold
from tests.browser.test_cell_page import METHOD
from tests.browser.test_matrix_page import evaluation, ids_of, worst_error

Opener = Callable[..., Page]
SLOW = 240_000
ODD = ("a_b*c", "<d>$x$", "`e`~f~")


@pytest.fixture
def matrix_page(sample_server: Server, open_page: Opener) -> Page:
    page = open_page(sample_server.url)
    expect(page.locator(".st-key-mistake_gallery button[data-image-id]").first).to_be_visible(timeout=240_000)
    return page


def to_the_image_page(page: Page) -> None:
    page.get_by_role("link", name="One image").click()
    expect(page.locator(".st-key-tile_original img.photo")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("image="))


def test_another_cell_brings_its_own_images(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    matrix_page.locator(".st-key-mistake_gallery button[data-image-id]").nth(1).click()
    matrix_page.locator(".st-key-explain_more button").click()
    expect(matrix_page.locator(".st-key-explain_steps")).to_contain_text("2 of", timeout=SLOW)
    matrix_page.get_by_role("link", name="Confusion matrix").click()
    for key in ("cell_label", "cell_predicted"):
        choose(matrix_page, key, "samoyed")
    expect(matrix_page).to_have_url(re.compile("cell=samoyed(/|%2F)samoyed"))
    to_the_image_page(matrix_page)
    expect(matrix_page.locator(".st-key-explain_head")).to_contain_text("samoyed, recognised")
    wanted = ids_of(predictions, "samoyed", "samoyed")
    expect(matrix_page.locator(".st-key-explain_steps")).to_contain_text(f"1 of {len(wanted)}")
    image = re.search("image=([^&]+)", matrix_page.url)
    assert image and image[1] in wanted


def test_a_folded_cell_is_explained_image_by_image(open_page: Opener, evaluated_server: Server) -> None:
    page = open_page(f"{evaluated_server.url}/explain?cell=group%3Acat%2Fgroup%3Adog&method=grad_cam")
    expect(page.locator(".st-key-explain_head")).to_contain_text("called", timeout=SLOW)
    predictions = evaluation(evaluated_server)
    groups = [predictions.groups[name] for name in predictions.class_names]
    labelled = np.array([groups[each] for each in predictions.labels])
    called = np.array([groups[each] for each in predictions.predicted])
    wanted = int(((labelled == "cat") & (called == "dog")).sum())
    assert wanted
    expect(page.locator(".st-key-explain_steps")).to_contain_text(f"1 of {wanted}")
    expect(page).to_have_url(re.compile("cell=group%3Acat(/|%2F)group%3Adog"))
    expect(page.get_by_text("There is no cell")).to_have_count(0)


def test_back_soon_leaves_the_page(matrix_page: Page) -> None:
    before = matrix_page.evaluate("history.length")
    to_the_image_page(matrix_page)
    expect(matrix_page).to_have_url(re.compile("method="))
    # the page, what is open in it, and what is looked at
    assert matrix_page.evaluate("history.length") - before <= 3


def test_a_class_named_twice_is_asked_about_alone(open_page: Opener, evaluated_server: Server) -> None:
    page = open_page(f"{evaluated_server.url}/explain?method=grad_cam&target=samoyed/chihuahua")
    asked = page.locator(".st-key-asked_a input")
    expect(asked).to_have_value("samoyed", timeout=SLOW)
    choose(page, "asked_a", "chihuahua")
    expect(page).to_have_url(re.compile("target=chihuahua(/|%2F)(&|$)"))
    expect(asked).to_have_value("chihuahua")
    expect(page.locator(".st-key-asked_b input")).to_have_value("")
    expect(page.get_by_text("cannot be held against itself")).to_have_count(0)


@pytest.fixture(scope="module")
def odd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Wide photos of three classes whose names are Markdown and HTML, and a network that guesses."""
    import torch

    from models.torchvision_import import torchvision

    root = tmp_path_factory.mktemp("odd")
    draws = np.random.default_rng(0)
    for name in ODD:
        folder = root / "val" / name
        folder.mkdir(parents=True)
        for number in range(4):
            noise = draws.integers(0, 256, (8, 12, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((180, 120)).save(folder / f"{number}.png")
    torch.manual_seed(0)
    module = torchvision.models.shufflenet_v2_x0_5(num_classes=len(ODD))
    torch.save(module.state_dict(), root / "net.pth")
    (root / "classes.txt").write_text("\n".join(sorted(ODD)), encoding="utf-8")
    arguments = ["--model", str(root / "net.pth"), "--images", str(root / "val")]
    server = start_server(root, *arguments, "--classes", str(root / "classes.txt"))
    yield server
    server.stop()


def test_odd_class_names_are_shown_as_they_are(odd_server: Server, open_page: Opener) -> None:
    page = open_page(odd_server.url)
    matrix_stands(page)
    label, predicted = worst_error(evaluation(odd_server))
    page.get_by_role("link", name="Shared evidence").click()
    expect(page.locator(".st-key-cell_head")).to_contain_text(f"{label} called {predicted}")
    expect(page.get_by_role("button", name=f"All called {predicted}")).to_be_visible()
    to_the_image_page(page)
    expect(page.locator(".st-key-explain_head")).to_contain_text(f"{label} called {predicted}")
    expect(page.get_by_role("radio", name=f"{predicted} rather than {label}")).to_be_visible()


def test_a_place_is_marked_where_it_is_on_a_wide_photo(odd_server: Server, open_page: Opener) -> None:
    """The network sees the middle of it, so that is what is shown before and after."""
    page = open_page(odd_server.url)
    matrix_stands(page)
    _, predicted = worst_error(evaluation(odd_server))
    page.get_by_role("link", name="Shared evidence").click()
    page.get_by_role("button", name=f"All called {predicted}").click()
    expect(page).to_have_url(re.compile("cell=(/|%2F)"))
    choose(page, "cell_method", METHOD)
    expect(page.get_by_text(f"{METHOD} explains")).to_be_visible()
    page.locator(".st-key-cell_run button").click()
    unfold(page, "cell_own_place", timeout=240_000)
    page.locator(".st-key-own_cover button").click()
    pair = page.locator(".st-key-own_cover_pairs .cell-pair").first
    expect(pair).to_be_visible(timeout=240_000)
    frame, mark = pair.locator(".cell-frame").first.bounding_box(), pair.locator(".cell-mark").bounding_box()
    assert frame and mark
    assert mark["width"] == pytest.approx(0.25 * frame["width"], abs=2)
    sources = [each.get_attribute("src") or "" for each in pair.locator("img").all()]
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each.split(",")[1]))).convert("L"), dtype=float)
        for each in sources
    )
    assert before.shape[0] == pytest.approx(before.shape[1], abs=1)  # the crop, not the photo
    changed = np.abs(before - after) > 24
    height, width = changed.shape
    corner = changed[: height // 4, : width // 4]
    assert corner.mean() > 0.2 and changed.sum() - corner.sum() < 0.02 * changed.size
