"""What the network has learned, clicked through: filters, what stands out, the table, a layer, and what changed."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from models.finetune.augmentation import Augmentation
from models.finetune.recipe import DEFAULTS
from models.finetune.spec import FinetuneSpec, TrainingImages
from models.finetune.versions import delete_version, save_version
from models.store import Store
from pages.shared.sample import sample_spec
from tests.browser.conftest import Server, choose

Opener = Callable[..., Page]
SLOW = 240_000


@pytest.fixture
def weights_page(evaluated_server: Server, open_page: Opener) -> Page:
    page = open_page(f"{evaluated_server.url}/weights")
    expect(page.locator(".st-key-weights_layer")).to_be_visible(timeout=SLOW)
    return page


def test_the_first_filters_are_crisp_pictures_and_the_layers_a_table(weights_page: Page) -> None:
    filters = weights_page.locator(".st-key-first_filters .filter img")
    expect(filters).to_have_count(24)
    expect(weights_page.get_by_text("The 24 filters of conv1.0, 3 x 3 weights each")).to_be_visible()
    first = filters.first
    assert first.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [3, 3]
    assert first.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    expect(weights_page.locator(".st-key-weights_table canvas").first).to_be_visible()
    expect(weights_page.locator(".st-key-weights_unusual")).to_be_visible()
    expect(weights_page.locator(".st-key-weights_histogram .barlayer .point").first).to_be_attached()


def test_a_row_of_the_table_and_the_list_choose_the_layer(weights_page: Page) -> None:
    box = weights_page.locator(".st-key-weights_layer_choice input")
    before = box.input_value()
    assert before.startswith("conv1.0")
    table = weights_page.locator(".st-key-weights_table .stDataFrameGlideDataEditor").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": 35 * 3 + 17})  # the box before the third row
    expect(box).not_to_have_value(before)
    expect(weights_page).to_have_url(re.compile(r"layer=stage2\."))
    box.click()
    box.fill("fc · ")
    weights_page.get_by_role("option").first.click()
    expect(weights_page).to_have_url(re.compile("layer=fc(&|$)"))
    expect(weights_page.locator(".st-key-weights_layer")).to_contain_text("14 x 1024")
    weights_page.reload()
    expect(weights_page.locator(".st-key-weights_layer_choice input")).to_have_value(
        re.compile("^fc "), timeout=SLOW
    )


@pytest.fixture
def changed_version(evaluated_server: Server) -> Iterator[Path]:
    """A version of the sample's network with another last layer; all else is what it was."""
    store, start = Store(evaluated_server.home / "workspace"), sample_spec()
    weights = torch.load(start.checkpoint, weights_only=True)
    weights["fc.weight"] = weights["fc.weight"] * 1.5
    spec = FinetuneSpec(
        start=start, baseline=start, training=TrainingImages(""), recipe=DEFAULTS["bottleneck"],
        augmentation=Augmentation(), target=None, name="Another head",
    )  # fmt: skip
    version = save_version(
        store,
        {"state_dict": weights},
        spec=spec,
        architecture="shufflenet_v2_x0_5",
        class_names=(),
        metrics={},
    )
    yield version.checkpoint
    delete_version(store, version.id)


def test_what_changed_in_a_version_is_its_head_alone(weights_page: Page, changed_version: Path) -> None:
    weights_page.reload()
    expect(weights_page.locator(".st-key-weights_layer")).to_be_visible(timeout=SLOW)
    choose(weights_page, "weights_against", "version Another head")
    panel = weights_page.locator(".st-key-weights_difference")
    expect(panel).to_contain_text(
        "The most changed weight is that of fc: by 33% of its length.", timeout=SLOW
    )
    expect(panel).to_contain_text("as if frozen")
    expect(panel).to_contain_text("The running means and variances of all batch norms stayed what they were.")
    expect(weights_page.locator(".st-key-weights_change_chart .barlayer .point").first).to_be_attached()
    expect(weights_page).to_have_url(re.compile("against="))
    panel.get_by_text("Batch-norm statistics", exact=True).click()
    expect(weights_page.locator(".st-key-weights_change_chart")).to_have_count(0)


def test_a_network_that_is_not_here_is_said_and_a_narrow_screen_fits(
    evaluated_server: Server, open_page: Opener, changed_version: Path
) -> None:
    page = open_page(f"{evaluated_server.url}/weights?against=gone.pth", width=800, dark=True)
    expect(page.get_by_text("The network of this link is not here any more")).to_be_visible(timeout=SLOW)
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0
