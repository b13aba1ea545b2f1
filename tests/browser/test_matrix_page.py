"""From the start of the app to the images behind a mistake and what the network saw in them."""

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from models.predictions import Predictions, saved_predictions
from models.store import Store
from tests.browser.conftest import Server, matrix_stands, start_server

LONG_MESSAGE = 10_000  # bytes; Streamlit by itself sends references to messages at least so long
Opener = Callable[..., Page]


def evaluation(server: Server) -> Predictions:
    """The one evaluation that this server has saved."""
    store = Store(server.home / "workspace")
    (folder,) = (store.root / "evaluations").iterdir()
    saved = saved_predictions(store, folder.name)
    assert saved is not None
    return saved


def gallery_ids(page: Page, key: str = "mistake_gallery") -> list[str]:
    buttons = page.locator(f".st-key-{key} button[data-image-id]")
    expect(buttons.first).to_be_visible()
    return [button.get_attribute("data-image-id") or "" for button in buttons.all()]


def ids_of(predictions: Predictions, label: str | None, predicted: str | None) -> set[str]:
    names = list(predictions.class_names)
    chosen = np.ones(len(predictions), dtype=bool)
    if label is not None:
        chosen &= predictions.labels == names.index(label)
    if predicted is not None:
        chosen &= predictions.predicted == names.index(predicted)
    return set(predictions.images["id"][chosen])


def worst_error(predictions: Predictions) -> tuple[str, str]:
    wrong = predictions.images[predictions.labels != predictions.predicted]
    pairs = wrong.groupby(["label_index", "predicted_index"]).size()
    label, predicted = pairs.idxmax()
    return predictions.class_names[label], predictions.class_names[predicted]


def click_entry(page: Page, row: int | None, column: int | None) -> None:
    """Click a cell, or a row or column label, where the matrix itself says that it lies."""
    canvas = page.locator(".st-key-confusion_matrix canvas").first
    canvas.scroll_into_view_if_needed()
    place = canvas.evaluate("(canvas, [row, column]) => canvas.cellCentre(row, column)", [row, column])
    canvas.click(position={"x": place["x"], "y": place["y"]})


def matrix_order(page: Page) -> list[str]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Matrix as CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    return [row[0] for row in csv.reader(io.StringIO(text))][1:]


@pytest.fixture
def matrix_page(sample_server: Server, open_page: Opener) -> Page:
    page = open_page(sample_server.url)
    matrix_stands(page)
    return page


def test_the_sample_opens_by_itself_with_its_worst_mistake(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    expect(matrix_page.locator(".st-key-mistake_gallery button").first).to_be_visible()
    shown = set(gallery_ids(matrix_page))
    counts = {
        frozenset(ids_of(predictions, a, b))
        for a in predictions.class_names
        for b in predictions.class_names
        if a != b and len(ids_of(predictions, a, b)) == len(ids_of(predictions, label, predicted))
    }
    assert frozenset(shown) in counts


def test_clicking_a_cell_shows_exactly_its_images_and_stands_in_the_url(
    matrix_page: Page, sample_server: Server
) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    order = matrix_order(matrix_page)
    click_entry(matrix_page, order.index(predicted), order.index(predicted))
    expect(matrix_page).to_have_url(re.compile(f"cell={predicted}%2F{predicted}"))
    click_entry(matrix_page, order.index(label), order.index(predicted))
    expect(matrix_page).to_have_url(re.compile(f"cell={label}%2F{predicted}"))
    wanted = ids_of(predictions, label, predicted)
    expect(matrix_page.locator(".st-key-mistake_gallery button[data-image-id]")).to_have_count(len(wanted))
    assert set(gallery_ids(matrix_page)) == wanted


def test_a_row_label_shows_all_images_of_the_class(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    label, _ = worst_error(predictions)
    order = matrix_order(matrix_page)
    click_entry(matrix_page, order.index(label), None)
    expect(matrix_page).to_have_url(re.compile(f"cell={label}%2F(&|$)"))
    wanted = ids_of(predictions, label, None)
    shown = min(24, len(wanted))
    expect(matrix_page.locator(".st-key-mistake_gallery button[data-image-id]")).to_have_count(shown)
    assert set(gallery_ids(matrix_page)) <= wanted


def test_a_column_label_shows_all_images_called_so(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    _, predicted = worst_error(predictions)
    click_entry(matrix_page, None, matrix_order(matrix_page).index(predicted))
    expect(matrix_page).to_have_url(re.compile(f"cell=%2F{predicted}"))
    expect(matrix_page.get_by_text(f"images called {predicted}")).to_be_visible()
    assert set(gallery_ids(matrix_page)) <= ids_of(predictions, None, predicted)


def test_pages_of_a_long_row_hold_all_its_images_and_the_next_cell_begins_at_its_first(
    matrix_page: Page, sample_server: Server
) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    wanted = ids_of(predictions, label, None)
    assert len(wanted) > 24
    order = matrix_order(matrix_page)
    click_entry(matrix_page, order.index(label), None)
    buttons = matrix_page.locator(".st-key-mistake_gallery button[data-image-id]")
    expect(buttons).to_have_count(24)
    first = set(gallery_ids(matrix_page))
    matrix_page.locator(".st-key-gallery_page").get_by_role("button", name="Page 2").click()
    expect(buttons).to_have_count(len(wanted) - 24)
    assert first | set(gallery_ids(matrix_page)) == wanted
    click_entry(matrix_page, order.index(predicted), None)
    expect(buttons).to_have_count(24)
    buttons.first.click()
    expect(matrix_page.locator(".st-key-image_inspector")).to_contain_text("1 of ")


def test_the_matrix_and_its_images_stand_side_by_side_on_a_wide_screen(matrix_page: Page) -> None:
    expect(matrix_page.locator(".st-key-mistake_gallery button").first).to_be_visible()
    matrix = matrix_page.locator(".st-key-confusion_matrix").bounding_box()
    images = matrix_page.locator(".st-key-mistake_gallery").bounding_box()
    assert matrix and images
    assert images["x"] >= matrix["x"] + matrix["width"]
    assert images["y"] < matrix["y"] + matrix["height"]


def test_the_comparison_of_folded_groups_holds_right_images_only(
    matrix_page: Page, sample_server: Server
) -> None:
    predictions = evaluation(sample_server)
    matrix_page.goto(f"{sample_server.url}/?folded=cat&folded=dog&cell=group:cat/group:dog")
    strip = matrix_page.locator(".st-key-compare_label button[data-image-id]")
    expect(strip.first).to_be_visible(timeout=60_000)
    right = set(predictions.images["id"][predictions.labels == predictions.predicted])
    assert set(gallery_ids(matrix_page, "compare_label")) <= right
    names = list(predictions.class_names)
    n_right = sum(
        predictions.groups[names[label]] == "cat" and label == called
        for label, called in zip(predictions.labels, predictions.predicted, strict=True)
    )
    expect(matrix_page.get_by_role("button", name=f"All {n_right}")).to_be_visible()


def test_the_lists_choose_a_cell_too(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    for key, name in (("cell_label", label), ("cell_predicted", predicted)):
        field = matrix_page.locator(f".st-key-{key} input")
        field.click()
        field.fill(name)
        field.press("Enter")
        expect(matrix_page).to_have_url(re.compile(f"cell=.*{name}"))
    wanted = ids_of(predictions, label, predicted)
    expect(matrix_page.locator(".st-key-mistake_gallery button[data-image-id]")).to_have_count(len(wanted))
    assert set(gallery_ids(matrix_page)) == wanted


def test_an_image_opens_with_both_attributions_and_survives_a_reload(
    matrix_page: Page, sample_server: Server
) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    matrix_page.goto(f"{sample_server.url}/?cell={label}/{predicted}")
    first = matrix_page.locator(".st-key-mistake_gallery button[data-image-id]").first
    expect(first).to_be_visible(timeout=60_000)
    image = first.get_attribute("data-image-id")
    first.click()
    inspector = matrix_page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(f"{label} called {predicted}")
    for method in ("grad_cam", "smooth_grad"):
        maps = inspector.locator(f".st-key-attribution_{method} img.relevance")
        expect(maps).to_have_count(2, timeout=60_000)
    expect(matrix_page).to_have_url(re.compile(f"image={image}"))
    matrix_page.reload()
    expect(inspector).to_contain_text(f"{label} called {predicted}", timeout=60_000)
    expect(inspector.locator(".st-key-attribution_smooth_grad figure")).to_have_count(2, timeout=60_000)


def test_the_keyboard_steps_to_the_next_image(matrix_page: Page, sample_server: Server) -> None:
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    matrix_page.goto(f"{sample_server.url}/?cell={label}/{predicted}")
    first = matrix_page.locator(".st-key-mistake_gallery button[data-image-id]").first
    expect(first).to_be_visible(timeout=60_000)
    ids = gallery_ids(matrix_page)
    first.click()
    inspector = matrix_page.locator(".st-key-image_inspector")
    expect(inspector).to_contain_text(f"1 of {len(ids)}")
    matrix_page.keyboard.press("ArrowRight")
    expect(inspector).to_contain_text(f"2 of {len(ids)}")
    expect(matrix_page).to_have_url(re.compile(f"image={ids[1]}"))


def test_back_closes_the_open_image(matrix_page: Page) -> None:
    matrix_page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    inspector = matrix_page.locator(".st-key-image_inspector")
    expect(inspector).to_be_visible()
    expect(matrix_page).to_have_url(re.compile("image="))
    matrix_page.go_back()
    expect(inspector).to_have_count(0)
    expect(matrix_page).not_to_have_url(re.compile("image="))
    matrix_page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    expect(inspector).to_be_visible()


def test_folding_the_groups_leaves_two_rows(matrix_page: Page) -> None:
    for group in ("cat", "dog"):
        matrix_page.locator(".st-key-folded").get_by_role("button", name=group, exact=True).click()
        expect(matrix_page).to_have_url(re.compile(f"folded=[^&]*{group}"))
    expect(matrix_page).to_have_url(re.compile("cell=group%3A(cat|dog)%2Fgroup%3A(cat|dog)"))
    assert matrix_order(matrix_page) == ["cat", "dog"]


def test_an_unknown_cell_in_the_url_is_said_and_does_not_break_the_page(
    sample_server: Server, open_page: Opener
) -> None:
    page = open_page(f"{sample_server.url}/?cell=unicorn/dragon")
    expect(page.get_by_text("There is no cell")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-mistake_gallery button").first).to_be_visible()


def test_no_message_is_a_reference_to_one_before(matrix_page: Page, sample_server: Server) -> None:
    """A quick click drops what a drawing has not sent yet, but keeps references, which then belong nowhere."""
    predictions = evaluation(sample_server)
    label, predicted = worst_error(predictions)
    messages: list[ForwardMsg] = []

    def keep(frame: str | bytes) -> None:
        assert isinstance(frame, bytes)
        messages.append(ForwardMsg.FromString(frame))

    matrix_page.on("websocket", lambda socket: socket.on("framereceived", keep))
    matrix_page.reload()
    expect(matrix_page.locator(".st-key-mistake_gallery button").first).to_be_visible()
    order = matrix_order(matrix_page)
    for row in (predicted, label):  # the matrix itself is the same each time
        click_entry(matrix_page, order.index(row), order.index(predicted))
        expect(matrix_page).to_have_url(re.compile(f"cell={row}%2F{predicted}"))
        expect(matrix_page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert sum(message.ByteSize() > LONG_MESSAGE for message in messages) >= 2
    assert not any(message.HasField("ref_hash") for message in messages)


@pytest.mark.parametrize("dark", [False, True])
def test_narrow_screens_stack_and_nothing_overflows(
    sample_server: Server, open_page: Opener, dark: bool
) -> None:
    page = open_page(sample_server.url, width=800, dark=dark)
    expect(page.locator(".st-key-mistake_gallery button").first).to_be_visible(timeout=60_000)
    matrix = page.locator(".st-key-confusion_matrix").bounding_box()
    gallery = page.locator(".st-key-mistake_gallery").bounding_box()
    assert matrix and gallery
    assert matrix["x"] + matrix["width"] <= 800
    assert gallery["x"] + gallery["width"] <= 800
    assert gallery["y"] >= matrix["y"] + matrix["height"]


@pytest.mark.real
def test_the_real_photos_open_with_their_known_mistakes(real_server: Server, open_page: Opener) -> None:
    page = open_page(real_server.url)
    expect(page.get_by_text("416 of 476 right")).to_be_visible(timeout=600_000)
    pair = "staffordshire_bull_terrier/american_staffordshire_terrier"
    page.goto(f"{real_server.url}/?cell={pair}")
    expect(
        page.get_by_text("6 of 14 staffordshire_bull_terrier called american_staffordshire_terrier")
    ).to_be_visible()
    expect(page.locator(".st-key-mistake_gallery button[data-image-id]")).to_have_count(6)
    page.locator(".st-key-mistake_gallery button[data-image-id]").first.click()
    for method in ("grad_cam", "smooth_grad"):
        maps = page.locator(f".st-key-attribution_{method} img.relevance")
        expect(maps).to_have_count(2, timeout=120_000)


@pytest.mark.real
def test_an_evaluation_is_cancelled_and_goes_on_where_it_stood(
    real: Path, tmp_path: Path, open_page: Opener
) -> None:
    weights, images = real / "weights" / "mobilenet_v2_pets34.pth", tmp_path / "photos"
    for breed in (real / "pets" / "train").iterdir():
        (images / breed.name).mkdir(parents=True)
        for photo in sorted(breed.iterdir())[:10]:  # several batches, so that there is time to press
            shutil.copy(photo, images / breed.name)
    server = start_server(tmp_path / "home", "--model", str(weights), "--images", str(images))
    try:
        page = open_page(server.url)
        panel = page.locator(".st-key-job_panel")
        expect(panel).to_contain_text(re.compile(r"Predicting · [1-9]\d* of 340 images"), timeout=60_000)
        page.locator(".st-key-cancel_job button").click()
        expect(panel).to_contain_text(re.compile(r"Cancelled after [\d,]+ of 340 images; they are kept"))
        page.locator(".st-key-resume_job button").click()
        matrix_stands(page, timeout=600_000)
        expect(page.get_by_text("of 340 right")).to_be_visible()
    finally:
        server.stop()
