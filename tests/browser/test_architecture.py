"""The network as a whole, clicked through: its modules, the measurement, the backbones, and the way to a training."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from models.backbone_files import hub_folder
from models.backbones import backbones
from pages.network.network_words import count_words
from tests.browser.conftest import Server, choose, matrix_stands, start_server
from tests.conftest import SAMPLE

Opener = Callable[..., Page]
SLOW = 240_000


def figure(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def test_the_layers_are_listed_searched_and_measured(evaluated_server: Server, open_page: Opener) -> None:
    page = open_page(f"{evaluated_server.url}/architecture")
    expect(figure(page, "Architecture")).to_have_text("shufflenet_v2_x0_5", timeout=SLOW)
    expect(figure(page, "Multiply-adds")).to_have_text(re.compile(r"^\d+(\.\d+)? M$"))
    expect(page.locator(".st-key-stage_chart .bars path").first).to_be_visible(timeout=SLOW)
    counted = page.get_by_text(re.compile(r"\d+ of \d+ modules"))
    expect(counted).to_be_visible()
    few = counted.inner_text()
    page.get_by_role("radio", name="All modules").click()
    expect(counted).not_to_have_text(few)
    search = page.locator(".st-key-modules_find input")
    search.fill("no such layer")
    search.press("Enter")
    expect(page.get_by_text("No module has this in its name or class")).to_be_visible()
    page.locator(".st-key-layer_times_run button").click()
    expect(figure(page, "One image takes")).to_have_text(re.compile(r"^[\d.]+ ms$"), timeout=SLOW)
    expect(page.get_by_role("button", name="Measure again")).to_be_visible()
    expect(page.locator(".st-key-stage_chart .legendtext", has_text="time")).to_have_count(1)


def test_a_backbone_is_chosen_and_its_weights_are_found_where_they_were_put(
    evaluated_server: Server, open_page: Opener
) -> None:
    page = open_page(f"{evaluated_server.url}/backbones")
    expect(page.locator(".st-key-backbone_chart .points path").first).to_be_visible(timeout=SLOW)
    absent = next(each for each in backbones().values() if not (hub_folder() / each.file_name).exists())
    choose(page, "backbone_chosen", absent.name)
    shown = page.locator(".st-key-backbone_shown")
    expect(shown.get_by_role("heading", name=absent.name)).to_be_visible()
    expect(figure(page, "Multiply-adds")).to_have_text(count_words(absent.multiply_adds))
    shown.get_by_role("link", name=f"Fine-tune from {absent.name}").click()
    expect(page).to_have_url(re.compile(rf"/finetune\?.*backbone={absent.name}"))
    start = page.get_by_role("button", name="Start fine-tuning")
    expect(page.locator(".st-key-backbone_download")).to_be_visible(timeout=SLOW)
    expect(start).to_be_disabled()
    expect(page.get_by_text(f"The weights of {absent.name} are not on this machine yet.")).to_be_visible()
    # by hand: the sample's own weights are those of this architecture
    folder = evaluated_server.home / "workspace" / "backbones"
    folder.mkdir()
    name = "shufflenet_v2_x0_5"
    shutil.copy(SAMPLE / f"{name}.pth", folder / backbones()[name].file_name)
    box = page.locator(".st-key-finetune_backbone input")
    box.click()
    box.fill(f"{name} ")
    page.get_by_role("option", name=re.compile(f"^{name} ")).click()
    expect(page.get_by_text("Weights: ").first).to_be_visible(timeout=SLOW)
    expect(start).to_be_enabled(timeout=SLOW)
    expect(page.locator(".st-key-finetune_summary")).to_contain_text(name)
    shutil.rmtree(folder)


@pytest.fixture
def table_server(tmp_path: Path) -> Iterator[Server]:
    table = tmp_path / "predictions.csv"
    table.write_text("path,label,predicted\na,cat,dog\nb,dog,dog\nc,dog,dog\n", encoding="utf-8")
    server = start_server(tmp_path / "home", "--predictions", str(table))
    yield server
    server.stop()


def test_without_a_network_the_page_says_so(table_server: Server, open_page: Opener) -> None:
    page = open_page(table_server.url)
    matrix_stands(page)
    page.get_by_role("link", name="Architecture").click()
    expect(page.get_by_text("there is no network to look into")).to_be_visible()
    expect(page.get_by_role("link", name="Open a model and images")).to_be_visible()
