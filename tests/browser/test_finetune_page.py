"""From a confusion to a training: two clicks start it, it is seen to learn, stopped, taken up again, and judged."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from analysis.target_choice import ConfusedCell, most_confused_cells
from models.finetune.versions import version, versions
from models.image_hashes import choosing_rows
from models.job_list import JobList
from models.jobs import JobStatus
from models.prediction_record import Predictions
from models.saved_predictions import kept_predictions
from models.store import Store
from tests.browser.conftest import Server, choose, matrix_stands, start_server
from tests.conftest import SAMPLE
from tests.models.test_jobs import wait_for

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture(scope="module")
def training_server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Server]:
    """The app on the few test images of the sample, in a workspace of its own, which the trainings here fill."""
    model, images = SAMPLE / "shufflenet_v2_x0_5.pth", SAMPLE / "pets" / "test"
    server = start_server(tmp_path_factory.mktemp("training"), "--model", str(model), "--images", str(images))
    page = browser.new_page()
    page.goto(server.url)
    matrix_stands(page)
    page.close()
    yield server
    server.stop()


@pytest.fixture
def predictions(training_server: Server) -> Predictions:
    """What the sample's network says of them; the first evaluation of the workspace."""
    jobs = JobList(store(training_server))
    (first,) = jobs.list(kinds=("evaluate",))
    wait_for(lambda: jobs.status(first.id).result, SLOW / 1000)  # the matrix is there before the thumbnails
    job = jobs.status(first.id)
    assert job.result is not None
    return kept_predictions(store(training_server), job.result["fingerprint"])


@pytest.fixture
def cells(training_server: Server, predictions: Predictions) -> list[ConfusedCell]:
    """The most confused cells of the choosing half."""
    return most_confused_cells(predictions, choosing_rows(store(training_server), predictions))


@pytest.fixture
def finetune_page(training_server: Server, open_page: Opener) -> Page:
    page = open_page(f"{training_server.url}/finetune")
    expect(start_button(page)).to_be_enabled(timeout=SLOW)
    return page


def start_button(page: Page) -> Locator:
    return page.locator(".st-key-finetune_start button")


def summary(page: Page) -> Locator:
    return page.locator(".st-key-finetune_summary")


def panel(page: Page) -> Locator:
    return page.locator(".st-key-finetune_job")


def store(server: Server) -> Store:
    return Store(server.home / "workspace")


def last_training(server: Server) -> JobStatus:
    return JobList(store(server)).list(limit=1, kinds=("finetune",))[0]


def press(page: Page, name: str) -> None:
    panel(page).get_by_role("button", name=name).click()


def choose_kind(page: Page, name: str) -> None:
    page.locator(".st-key-finetune_kind label").filter(has_text=name).first.click()
    expect(page.locator(".finetune-summary")).to_contain_text(name)


def test_two_clicks_from_a_cell_start_a_training_that_can_be_cancelled(
    training_server: Server, open_page: Opener, cells: list[ConfusedCell]
) -> None:
    label, predicted = cells[0].label, cells[0].predicted
    page = open_page(f"{training_server.url}/?cell={label}%2F{predicted}")
    matrix_stands(page)
    page.get_by_role("link", name="Fine-tune on this").click()
    expect(summary(page)).to_contain_text(f"{label} called {predicted}", timeout=SLOW)
    start_button(page).click()
    expect(panel(page)).to_contain_text(re.compile(r"[1-9]\d* of [\d,]+ images"), timeout=SLOW)
    job = last_training(training_server)
    assert job.spec["target"]["cells"] == [[label, predicted]] and job.spec["target"]["chosen_on"] == "all"
    assert job.spec["training"]["path"].endswith("pets/train")
    press(page, "Pause")
    expect(panel(page)).to_contain_text("kept: it goes on from there", timeout=SLOW)
    page.get_by_role("link", name="In the list of jobs").click()
    shown = page.locator(".st-key-job_shown")
    expect(shown).to_contain_text("Paused")
    expect(page.locator(".st-key-job_list")).to_contain_text(f"{label} called {predicted}")
    shown.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".st-key-job_list").get_by_text(f"{label} called {predicted}")).to_have_count(0)
    assert not versions(store(training_server))


def test_a_training_goes_on_after_a_pause_and_ends_by_hand_with_its_best_weights(
    training_server: Server, finetune_page: Page
) -> None:
    page = finetune_page
    choose_kind(page, "Whole network")
    expect(summary(page)).to_contain_text(re.compile(r"all [\d,]+ learn"), timeout=SLOW)
    start_button(page).click()
    expect(panel(page)).to_contain_text("Training: Whole network", timeout=SLOW)
    expect(panel(page)).to_contain_text(re.compile(r"loss \.?\d"), timeout=SLOW)
    press(page, "Pause")
    expect(panel(page).get_by_role("button", name="Go on")).to_be_visible(timeout=SLOW)
    press(page, "Go on")
    expect(panel(page)).to_contain_text("Training: Whole network", timeout=SLOW)
    # the curves of what was seen within the first epoch
    expect(panel(page).locator(".js-plotly-plot")).to_have_count(2, timeout=SLOW)
    press(page, "End and keep the best")
    expect(panel(page)).to_contain_text("right on the held-out half", timeout=SLOW)
    job = last_training(training_server)
    assert job.state == "done" and job.result is not None
    saved = version(store(training_server), job.result["version"])
    assert saved.metrics["stopped"] == "by hand" and saved.metrics["epochs"] == len(saved.history) >= 1
    page.locator(".st-key-finetune_close button").click()
    expect(panel(page)).to_have_count(0)


def test_a_training_runs_to_its_end_and_leads_to_what_was_fixed_and_broken(
    training_server: Server, finetune_page: Page
) -> None:
    page = finetune_page
    choose_kind(page, "Bottleneck features")
    page.locator(".st-key-finetune_augmentation").get_by_role("radio", name="None").or_(
        page.locator(".st-key-finetune_augmentation").get_by_role("button", name="None", exact=True)
    ).first.click()
    expect(summary(page)).to_contain_text(re.compile("Augmentation\\s*none"))
    start_button(page).click()
    expect(panel(page)).to_contain_text("right on the held-out half", timeout=SLOW)
    expect(panel(page).locator(".js-plotly-plot")).to_have_count(2)
    expect(panel(page)).to_contain_text("The best epoch is number")
    log = panel(page).locator("summary")
    expect(log).to_have_count(1)  # the log of the running job makes way for the whole one
    log.click()
    expect(panel(page)).to_contain_text(re.compile(r"7\d\d training images"))
    panel(page).get_by_role("link", name="What was fixed, what broke").click()
    expect(page.locator(".st-key-comparison_fixed")).to_be_visible(timeout=SLOW)
    result = last_training(training_server).result
    assert result is not None
    expect(page).to_have_url(re.compile(result["evaluation"]))


def test_the_first_target_is_the_most_confused_cell_of_the_choosing_half(
    finetune_page: Page, cells: list[ConfusedCell], predictions: Predictions
) -> None:
    first, second = (f"{cell.label} called {cell.predicted}" for cell in cells[:2])
    expect(finetune_page.locator(".finetune-summary")).to_contain_text(first)
    expect(summary(finetune_page)).not_to_contain_text("You chose this on all images")
    finetune_page.locator(".st-key-mend_suggestions").get_by_role("button", name=second).click()
    expect(finetune_page.locator(".finetune-summary")).to_contain_text(second)
    anywhere = most_confused_cells(predictions, np.ones(len(predictions), bool), limit=99)
    other = next(
        cell
        for cell in anywhere
        if (cell.label, cell.predicted) not in [(c.label, c.predicted) for c in cells]
    )
    choose(finetune_page, "cell_label", other.label)
    choose(finetune_page, "cell_predicted", other.predicted)
    expect(finetune_page.locator(".finetune-summary")).to_contain_text(
        f"{other.label} called {other.predicted}"
    )
    expect(summary(finetune_page)).to_contain_text("You chose this on all images")
    choose(finetune_page, "cell_predicted", other.label)
    expect(finetune_page.get_by_text("The diagonal holds what is right already")).to_be_visible()
    expect(finetune_page.locator(".finetune-summary")).to_contain_text("nothing in particular")


def test_the_cell_that_the_matrix_shows_at_first_is_the_target_though_nobody_chose_it(
    training_server: Server, open_page: Opener, predictions: Predictions
) -> None:
    page = open_page(training_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Fine-tune on this").click()
    everywhere = most_confused_cells(predictions, np.ones(len(predictions), bool), limit=99)
    target = page.locator(".finetune-summary span").nth(1)
    expect(target).to_have_text(re.compile(r"\w+ called \w+"), timeout=SLOW)
    cell = next(each for each in everywhere if f"{each.label} called {each.predicted}" == target.inner_text())
    assert cell.count == everywhere[0].count
    expect(summary(page)).to_contain_text("You chose this on all images")


@pytest.mark.parametrize(
    ("address", "link", "words"),
    [
        ("pair?pair=British_Shorthair%2FRussian_Blue", "Fine-tune on this pair", r"British_Shorthair \+ Russian_Blue among each other"),
        ("rare", "Fine-tune on mistakes like this", r"\w+ called \w+"),
    ],
    ids=["pair", "rare"],
)  # fmt: skip
def test_other_pages_lead_here_with_their_mistakes(
    training_server: Server, open_page: Opener, address: str, link: str, words: str
) -> None:
    page = open_page(f"{training_server.url}/{address}")
    page.get_by_role("link", name=link).click(timeout=SLOW)
    expect(summary(page)).to_contain_text(re.compile(words), timeout=SLOW)
    expect(start_button(page)).to_be_enabled()
    chosen = page.locator(".finetune-summary span").nth(1).inner_text()
    page.reload()
    expect(page.locator(".finetune-summary span").nth(1)).to_have_text(chosen, timeout=SLOW)


def test_training_images_that_are_not_there_are_said_and_stop_the_start(
    training_server: Server, finetune_page: Page, predictions: Predictions
) -> None:
    page = finetune_page
    page.get_by_text("Another folder or table", exact=True).first.click()
    expect(start_button(page)).to_be_disabled()
    field = page.locator(".st-key-finetune_training_path input")
    field.fill("/nowhere/at/all")
    field.press("Enter")
    expect(page.get_by_text("cannot be opened").first).to_be_visible()
    expect(start_button(page)).to_be_disabled()
    page.get_by_text("None: train on half of the open images").click()
    half = choosing_rows(store(training_server), predictions)
    n, n_half = round(0.8 * half.sum()), int(half.sum())
    words = (
        f"About {n} images are learnt from, {n_half - n} choose the best epoch, {len(half) - n_half} judge."
    )
    expect(page.get_by_text(words)).to_be_visible()
    expect(start_button(page)).to_be_enabled()


def test_a_setting_that_was_changed_outlives_another_page(finetune_page: Page) -> None:
    page = finetune_page
    choose_kind(page, "Last two blocks")
    field = page.locator(".st-key-recipe_two_blocks_epochs input")
    field.fill("7")
    field.press("Enter")
    expect(summary(page)).to_contain_text("Last two blocks, 7 epochs")
    page.get_by_role("link", name="Rare errors").click()
    expect(page.locator(".st-key-rare_head")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="Fine-tune", exact=True).click()
    expect(page.locator(".st-key-recipe_two_blocks_epochs input")).to_have_value("7", timeout=SLOW)
