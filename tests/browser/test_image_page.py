"""One image explained: methods chosen, asked otherwise, stopped, kept, saved, and the picture changed."""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from analysis.attribution import attribute, spatial_layers
from models.checkpoint import load_checkpoint
from models.image_input import image_input
from models.jobs import Jobs
from models.predictions import Predictions
from models.store import Store
from pages.explain.watched_jobs import KINDS
from tests.browser.conftest import Server, drag
from tests.browser.test_matrix_page import evaluation, worst_error
from tests.conftest import SAMPLE

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def explain(evaluated_server: Server, open_page: Opener) -> Iterator[Callable[[str], Page]]:
    """Open the page with a query."""
    errors: list[str] = []
    pages: list[Page] = []

    def opened(query: str = "") -> Page:
        page = open_page(f"{evaluated_server.url}/explain?{query}", on_error=errors.append)
        pages.append(page)
        expect(page.locator(".st-key-attribution_grid .photo").first).to_be_visible(timeout=SLOW)
        return page

    yield opened
    for page in pages:
        if not page.is_closed():
            expect(page.get_by_test_id("stException")).to_have_count(0)
    # Streamlit itself looks for its health below the address of a page, in vain.
    assert not [error for error in errors if "/explain/_stcore/" not in error]


def worst_image(predictions: Predictions) -> tuple[str, Path]:
    """The id and file of the most confident image of the worst error."""
    label, predicted = worst_error(predictions)
    names = list(predictions.class_names)
    rows = predictions.images[
        (predictions.labels == names.index(label)) & (predictions.predicted == names.index(predicted))
    ]
    row = rows.sort_values("confidence", ascending=False, kind="stable").iloc[0]
    return row["id"], predictions.absolute(row["path"])


def shown_map(page: Page, method: str, *, tile: str = "tile") -> Locator:
    return page.locator(f".st-key-{tile}_{method} img.relevance").last


def source(found: Locator) -> str:
    expect(found).to_be_visible(timeout=SLOW)
    return found.get_attribute("src") or ""


def test_the_inspector_leads_here_with_its_image(sample_server: Server, open_page: Opener) -> None:
    page = open_page(sample_server.url)
    second = page.locator(".st-key-mistake_gallery button[data-image-id]").nth(1)
    expect(second).to_be_visible(timeout=240_000)
    image = second.get_attribute("data-image-id")
    second.click()
    page.locator(".st-key-explain_more button").click()
    expect(page).to_have_url(re.compile(f"/explain.*image={image}"), timeout=SLOW)
    label, predicted = worst_error(evaluation(sample_server))
    expect(page.locator(".st-key-explain_head")).to_contain_text(f"{label} called {predicted}")
    expect(page.locator(".st-key-explain_steps")).to_contain_text("2 of")
    for method in ("grad_cam", "smooth_grad"):
        expect(shown_map(page, method)).to_be_visible(timeout=SLOW)
    page.locator(".st-key-explain_previous button").click()
    expect(page.locator(".st-key-explain_steps")).to_contain_text("1 of")
    expect(page).not_to_have_url(re.compile(f"image={image}"))
    page.get_by_role("link", name="Confusion matrix").click()
    expect(page.locator(".st-key-mistake_gallery button").first).to_be_visible()
    # the inspector would come after the gallery, so look once the run has ended
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.locator(".st-key-image_inspector")).to_have_count(0)


def test_methods_and_question_are_chosen_and_survive_a_reload(
    explain: Callable[[str], Page], sample_server: Server
) -> None:
    label, predicted = worst_error(evaluation(sample_server))
    page = explain("method=grad_cam")
    why_predicted = source(shown_map(page, "grad_cam"))
    page.get_by_role("button", name=re.compile("Methods")).click()
    page.get_by_role("button", name=re.compile("Gradient x input")).click()
    expect(shown_map(page, "input_x_gradient")).to_be_visible(timeout=SLOW)
    page.keyboard.press("Escape")
    expect(page).to_have_url(
        re.compile("method=grad_cam%2Cinput_x_gradient|method=grad_cam,input_x_gradient")
    )
    page.get_by_role("radio", name=f"{predicted} rather than {label}").click()
    expect(page).to_have_url(re.compile("target=contrast"))
    expect(shown_map(page, "grad_cam")).not_to_have_attribute("src", why_predicted, timeout=SLOW)
    contrast, image = source(shown_map(page, "grad_cam")), re.search("image=([^&]+)", page.url)
    assert image
    page.reload()
    expect(shown_map(page, "input_x_gradient")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile(f"image={image[1]}"))
    expect(page.get_by_role("radio", name=f"{predicted} rather than {label}")).to_be_checked()
    assert source(shown_map(page, "grad_cam")) == contrast
    expect(shown_map(page, "smooth_grad")).to_have_count(0)


def test_any_class_can_be_asked_about_by_a_link(
    explain: Callable[[str], Page], sample_server: Server
) -> None:
    names = evaluation(sample_server).class_names
    page = explain(f"method=grad_cam&target={quote(f'{names[3]}/{names[5]}')}")
    expect(page.locator(".st-key-asked_classes input").first).to_have_value(names[3])
    expect(page.get_by_text(f"what speaks for {names[3]} more than for {names[5]}")).to_be_visible()
    expect(shown_map(page, "grad_cam")).to_be_visible(timeout=SLOW)


def test_a_slow_method_starts_when_told_to_and_stops(
    explain: Callable[[str], Page], sample_server: Server
) -> None:
    page = explain("method=kernel_shap")
    tile = page.locator(".st-key-tile_kernel_shap")
    expect(tile.get_by_role("button", name=re.compile(r"Run \(about"))).to_be_visible(timeout=SLOW)
    tile.get_by_role("button", name="Options").click()
    samples = page.get_by_role("spinbutton", name="Samples")
    samples.fill("4000")
    samples.press("Enter")
    page.keyboard.press("Escape")
    tile.get_by_role("button", name=re.compile(r"Run \(about")).click()
    expect(tile.locator(".badge")).to_contain_text("%", timeout=SLOW)
    height = tile.locator(".frame").bounding_box()
    tile.get_by_role("button", name="Cancel").click()
    expect(tile.locator(".badge")).to_contain_text("stopped at", timeout=SLOW)
    expect(tile.locator("img.relevance")).to_be_visible()
    expect(tile.get_by_role("button", name="Run again")).to_be_visible()
    assert tile.locator(".frame").bounding_box() == height
    tile.get_by_role("button", name="Run again").click()
    expect(tile.get_by_role("button", name="Cancel")).to_be_visible(timeout=SLOW)
    page.locator(".st-key-explain_next button").click()
    expect(tile.get_by_role("button", name=re.compile(r"Run \(about"))).to_be_visible(timeout=SLOW)
    # Nobody looks at the answer any more, so nobody goes on looking for it.
    assert how_the_newest_ended(sample_server) == "cancelled"


@pytest.mark.parametrize("way", ["another page", "closed"])
def test_a_slow_method_stops_when_its_page_is_left(
    explain: Callable[[str], Page], sample_server: Server, way: str
) -> None:
    page = explain("method=kernel_shap")
    tile = page.locator(".st-key-tile_kernel_shap")
    tile.get_by_role("button", name="Options").click()
    run = tile.get_by_role("button", name=re.compile("^(play_arrow )?Run"))
    cells = page.get_by_role("slider", name="Cells a side")
    cells.press("End")
    expect(cells).to_have_value("16")
    estimate = run.inner_text()
    samples = page.get_by_role("spinbutton", name="Samples")
    samples.fill("3900" if way == "closed" else "3950")  # enough to outlast the test, also on a quick machine
    samples.press("Enter")
    expect(run).not_to_have_text(estimate)
    page.keyboard.press("Escape")
    run.click()
    expect(tile.locator(".badge")).to_contain_text(re.compile(r"^\d+%"), timeout=SLOW)
    if way == "closed":
        page.close()
    else:
        page.get_by_role("link", name="Overview").click()
        expect(page).to_have_url(re.compile("/overview"))
    assert how_the_newest_ended(sample_server) == "cancelled"


def how_the_newest_ended(server: Server) -> str:
    """Wait until all explanations have ended; how the one ended that was begun last."""
    running = Jobs(Store(server.home / "workspace"))
    until = time.monotonic() + SLOW / 1000
    while any(job.is_active for job in running.list(kinds=KINDS)):
        assert time.monotonic() < until
        time.sleep(0.2)
    return running.list(limit=1, kinds=KINDS)[0].state


def test_nonsense_in_the_address_is_named_and_the_usual_shown(
    explain: Callable[[str], Page], sample_server: Server
) -> None:
    page = explain("method=grad_cam,tea&target=No/No&image=none&sign=up&clip=nan&colours=red&cell=No/No")
    for words in ("no method tea", "no class No/No", "image of this link is not among"):
        expect(page.get_by_text(words)).to_be_visible()
    label, predicted = worst_error(evaluation(sample_server))
    expect(page.locator(".st-key-explain_head")).to_contain_text(f"{label} called {predicted}")
    expect(shown_map(page, "grad_cam")).to_be_visible(timeout=SLOW)
    expect(page).to_have_url(re.compile("sign=positive.*clip=99.5|clip=99.5.*sign=positive"))


def test_options_change_the_map(explain: Callable[[str], Page]) -> None:
    page = explain("method=grad_cam")
    before = source(shown_map(page, "grad_cam"))
    page.locator(".st-key-tile_grad_cam").get_by_role("button", name="Options").click()
    network = load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")
    # by its name: the list draws its entries as it is scrolled
    layer = spatial_layers(network, network.preprocessing.input_size() or (224, 224))[0]
    box = page.get_by_role("combobox", name="Layer")
    box.click()
    box.fill(layer)
    page.get_by_role("option", name=layer, exact=True).click()
    expect(shown_map(page, "grad_cam")).not_to_have_attribute("src", before, timeout=SLOW)
    page.locator(".st-key-usual_grad_cam button").click()
    expect(shown_map(page, "grad_cam")).to_have_attribute("src", before, timeout=SLOW)


def test_drawing_follows_its_choices_and_the_link(explain: Callable[[str], Page]) -> None:
    page = explain("method=input_x_gradient&sign=signed")
    signed = source(shown_map(page, "input_x_gradient"))
    expect(page.locator(".st-key-explain_scale .low")).to_have_text("against")
    page.get_by_role("radio", name="For", exact=True).click()
    expect(page.locator(".st-key-explain_scale .low")).to_have_text("0")
    expect(shown_map(page, "input_x_gradient")).not_to_have_attribute("src", signed)
    slider = page.get_by_label("Opacity of the relevance")
    slider.fill("0.3")
    expect(shown_map(page, "input_x_gradient")).to_have_css("opacity", "0.3")


def test_a_method_that_cannot_explain_this_network_says_so(explain: Callable[[str], Page]) -> None:
    page = explain("method=grad_cam,attention_rollout")
    expect(page.locator(".st-key-tile_attention_rollout .word")).to_contain_text("attention", timeout=SLOW)
    expect(shown_map(page, "grad_cam")).to_be_visible()


def test_the_numbers_and_the_picture_come_as_files(
    explain: Callable[[str], Page], sample_server: Server
) -> None:
    predictions = evaluation(sample_server)
    _, path = worst_image(predictions)
    _, predicted = worst_error(predictions)
    page = explain("method=input_x_gradient")
    tile = page.locator(".st-key-tile_input_x_gradient")
    tile.get_by_role("button", name="Save").click()
    files = {}
    for name in ("Numbers (NPY)", "Picture (PNG)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        files[download.value.suggested_filename] = download.value.path().read_bytes()
    stem = f"{path.stem}_input_x_gradient_for_{predicted}"
    assert set(files) == {f"{stem}.npy", f"{stem}.png"}
    network = load_checkpoint(SAMPLE / "shufflenet_v2_x0_5.pth")
    target = list(network.class_names).index(predicted)
    inputs = image_input(path, network.preprocessing)
    expected = attribute(network, inputs, target, "input_x_gradient").relevance
    found = np.load(io.BytesIO(files[f"{stem}.npy"]))
    assert found.dtype == np.float32
    # Kept maps are of half precision.
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    with Image.open(io.BytesIO(files[f"{stem}.png"])) as drawn, Image.open(path) as original:
        assert drawn.size == original.size
        assert np.abs(np.asarray(drawn).astype(int) - np.asarray(original.convert("RGB"))).max() > 20


def test_a_picture_of_ones_own_is_explained_and_a_bad_file_refused(
    explain: Callable[[str], Page], tmp_path: Path
) -> None:
    page = explain("method=grad_cam")
    before = source(shown_map(page, "grad_cam"))
    page.get_by_role("button", name="Your own image").click()
    (tmp_path / "letter.jpg").write_text("no picture")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "letter.jpg")
    expect(page.get_by_text("letter.jpg cannot be used")).to_be_visible()
    noise = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "own.png")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "own.png")
    expect(page.locator(".st-key-explain_head")).to_contain_text("own.png", timeout=SLOW)
    expect(page.locator(".st-key-original_classes [role=listitem]")).to_have_count(5)
    expect(page.locator(".st-key-original_classes")).not_to_contain_text("label")
    expect(shown_map(page, "grad_cam")).not_to_have_attribute("src", before, timeout=SLOW)
    page.reload()
    expect(page.locator(".st-key-explain_head")).to_contain_text("own.png", timeout=SLOW)


def test_what_if_changes_prediction_and_maps_until_reset(explain: Callable[[str], Page]) -> None:
    page = explain("method=grad_cam")
    source(shown_map(page, "grad_cam"))
    page.get_by_text("What if the picture were different?").click()
    picture = page.locator(".st-key-what_if_rectangle .rectangle")
    expect(picture).to_be_visible()
    drag(page, picture, (0.1, 0.1), (0.9, 0.95))
    answers = page.locator(".st-key-what_if_classes")
    expect(answers).to_contain_text("pp", timeout=SLOW)
    points = [float(each.replace("−", "-")) for each in re.findall(r"([+−][\d.]+) pp", answers.inner_text())]
    assert max(map(abs, points)) > 1  # hiding the animal changes the answer
    pair = page.locator(".st-key-what_if_tile_grad_cam figure")
    expect(pair).to_have_count(2, timeout=SLOW)
    photos = [each.get_attribute("src") for each in pair.locator("img.photo").all()]
    assert photos[0] != photos[1]
    page.locator(".st-key-what_if_reset button").click()
    expect(answers).to_have_count(0)


def test_the_keyboard_moves_sliders_without_leaving_the_image(explain: Callable[[str], Page]) -> None:
    page = explain("method=grad_cam")
    steps = page.locator(".st-key-explain_steps")
    expect(steps).to_contain_text("1 of")
    slider = page.get_by_label("Opacity of the relevance")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(shown_map(page, "grad_cam")).to_have_css("opacity", "0.85")
    page.get_by_role("radio", name="For", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-explain_scale .low")).to_have_text("against")
    expect(steps).to_contain_text("1 of")
    page.locator(".st-key-explain_head").click()
    page.keyboard.press("n")
    expect(steps).to_contain_text("2 of")
    page.keyboard.press("p")
    expect(steps).to_contain_text("1 of")
