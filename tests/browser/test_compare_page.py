"""Before and after: two trained networks against the sample, from the headline to one image in both."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from analysis.comparison import compared
from analysis.comparison_record import Comparison, Half
from models.evaluation import images_of, opened_network
from models.finetune.spec import FinetuneSpec, Target
from models.finetune.versions import delete_version
from models.image_hashes import choosing_rows, content_hashes
from models.jobs import jobs
from models.predictions import Predictions, predict
from models.recent import remember
from models.store import Store
from pages.shared.sample import sample_spec
from tests.browser.conftest import Server, choose, start_server, unfold
from tests.browser.retrained import Retrained, retrained
from tests.browser.test_matrix_page import gallery_ids

Opener = Callable[..., Page]
SLOW = 240_000
CELL = ("British_Shorthair", "Russian_Blue")


@dataclass
class Compared:
    """A server whose workspace has the sample, a version that was trained for a cell, and its control."""

    server: Server
    store: Store
    before: Predictions
    after: Retrained
    control: Retrained

    @property
    def comparison(self) -> Comparison:
        """Both image by image, with the halves."""
        hashes = [
            content_hashes(self.store, [each.absolute(path) for path in each.images["path"]])
            for each in (self.before, self.after.predictions)
        ]
        return compared(
            self.before, self.after.predictions, hashes_before=hashes[0], hashes_after=hashes[1],
            report_half=~choosing_rows(self.store, self.before),
        )  # fmt: skip

    def ids(self, which: str, half: Half) -> set[str]:
        """The images that were fixed, say."""
        found = self.comparison
        chosen = getattr(found, which) & found.rows(half)
        return {found.ids[place] for place in np.flatnonzero(chosen)}


@pytest.fixture(scope="session")
def compared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    home = tmp_path_factory.mktemp("compared")
    store, spec = Store(home / "workspace"), sample_spec()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images = images_of(spec)
    before = predict(opened_network(spec), images, store=store)
    remember(store, spec.key(images), spec.to_json(), before)
    target = Target("cell", "/".join(CELL), (CELL,), chosen_on="half")
    lift = {CELL[0]: 1.5}
    after = retrained(store, "20261112-101500-aaaaaa", spec, seed=3, noise=1.2, lift=lift, target=target)
    control = retrained(
        store, "20261112-111500-bbbbbb", spec, seed=2, noise=0.9, lift={}, control_of=after.version.id
    )
    torch.set_num_threads(threads)
    server = start_server(home)
    yield Compared(server, store, before, after, control)
    server.stop()


@pytest.fixture
def compare_page(compared_server: Compared, open_page: Opener) -> Page:
    return compare(open_page, compared_server.server)


def compare(open_page: Opener, server: Server) -> Page:
    """Open the page; on a fresh server Streamlit itself may first say that it is not there."""
    page = open_page(f"{server.url}/compare")
    expect(page.locator(".st-key-comparison_figures")).to_be_visible(timeout=SLOW)
    dialog = page.get_by_text("Page not found")
    if dialog.count():
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    return page


def expect_figure(page: Page, name: str, value: int) -> None:
    """Wait for the value of a figure under the headline."""
    metric = page.locator(".st-key-comparison_figures [data-testid='stMetric']").filter(
        has=page.get_by_text(name, exact=True)
    )
    expect(metric).to_have_count(1)  # while the page is drawn anew, the old one stands there too
    expect(metric.locator("[data-testid='stMetricValue']")).to_have_text(str(value))


def test_the_open_model_against_its_newest_version_on_the_half_that_nothing_was_chosen_by(
    compare_page: Page, compared_server: Compared
) -> None:
    on = compared_server
    expect(compare_page).to_have_url(re.compile(f"before={on.before.fingerprint}"))
    expect(compare_page).to_have_url(re.compile(f"after={on.after.predictions.fingerprint}"))
    for half, words in (("report", "Held-out half"), ("all", "All images")):
        compare_page.locator(".st-key-comparison_half").get_by_text(words, exact=True).click()
        for name in ("fixed", "broken"):
            ids = on.ids(name, half)  # type: ignore[arg-type]
            expect_figure(compare_page, name.capitalize(), len(ids))
            expect(compare_page.locator(f".st-key-comparison_{name} button[data-image-id]")).to_have_count(
                min(len(ids), 12)
            )
            shown = set(gallery_ids(compare_page, f"comparison_{name}"))
            assert shown == ids if len(ids) <= 12 else shown < ids
    assert set(gallery_ids(compare_page, "comparison_both_wrong")) < on.ids("both_wrong", "all")
    expect(compare_page).to_have_url(re.compile("half=All"))


def test_the_declared_target_stands_apart_beside_its_control(
    compare_page: Page, compared_server: Compared
) -> None:
    found, names = compared_server.comparison, compared_server.before.class_names
    label, predicted = (names.index(name) for name in CELL)
    in_half = found.rows("report") & (found.labels == label)
    before, after = (int((side[in_half] == predicted).sum()) for side in (found.before, found.after))
    box = compare_page.locator(".st-key-comparison_target")
    expect(box).to_contain_text(f"{CELL[0]} called {CELL[1]}")
    expect(box).to_contain_text(f"{before} → {after} mistakes on {in_half.sum()} images")
    expect(box.get_by_role("columnheader", name="Control", exact=True)).to_be_visible()
    expect(box).to_contain_text("The control leaves")
    expect(box.get_by_role("button")).to_have_count(0)


def test_a_cell_of_the_matrix_leads_to_the_images_that_left_or_entered_it(
    compare_page: Page, compared_server: Compared
) -> None:
    found = compared_server.comparison
    rows = found.rows("report")
    moved = np.flatnonzero(rows & found.broken)
    label, predicted = int(found.labels[moved[0]]), int(found.after[moved[0]])
    entered = rows & (found.labels == label) & (found.after == predicted) & (found.before != predicted)
    names = compared_server.before.class_names
    canvas = compare_page.locator(".st-key-comparison_matrix canvas.cells")
    canvas.scroll_into_view_if_needed()
    expect(compare_page.get_by_role("heading", name=" called ".join(CELL), exact=True)).to_be_visible()
    choose(compare_page, "change_label", names[label])
    choose(compare_page, "change_predicted", names[predicted])
    expect(compare_page).to_have_url(re.compile(f"cell={names[label]}%2F{names[predicted]}"))
    expect(compare_page.locator(".st-key-comparison_entered button[data-image-id]")).to_have_count(
        int(entered.sum())
    )
    assert set(gallery_ids(compare_page, "comparison_entered")) == {
        found.ids[each] for each in np.flatnonzero(entered)
    }
    # back to the target's cell by a click on the matrix itself
    shown = compare_page.locator(".st-key-comparison_matrix .matrix")
    row, column = (int(each) for each in (shown.get_attribute("data-selected") or "").split(","))
    diagonal = canvas.evaluate("(canvas, row) => canvas.cellCentre(row, row)", row)
    canvas.click(position=diagonal)
    expect(compare_page.get_by_role("heading", name=f"{names[label]}, rightly recognised")).to_be_visible()
    expect(compare_page.get_by_text("No longer recognised")).to_be_visible()
    canvas.hover(position=diagonal)
    expect(compare_page.locator(".st-key-comparison_matrix .tip-words")).to_contain_text(
        re.compile(rf"{names[label]}: \d+ images, rightly recognised: \d+ before, \d+ after")
    )
    compare_page.reload()
    expect(compare_page.get_by_role("heading", name=f"{names[label]}, rightly recognised")).to_be_visible(
        timeout=SLOW
    )
    assert row != column


def test_an_image_is_seen_through_both_networks(compare_page: Page, compared_server: Compared) -> None:
    first = gallery_ids(compare_page, "comparison_fixed")[0]
    compare_page.locator(".st-key-comparison_fixed button[data-image-id]").first.click()
    box = compare_page.locator(".st-key-compared_image")
    expect(box.get_by_role("heading", name=re.compile("Fixed: "))).to_be_visible()
    expect(box.get_by_role("list", name="classes before and after the change")).to_be_visible()
    expect(compare_page).to_have_url(re.compile(f"image={first}"))
    for side in ("before", "after"):
        maps = compare_page.locator(f".st-key-compared_grad_cam_{side}")
        expect(maps.locator("img.photo")).to_have_count(2, timeout=SLOW)
        expect(maps).to_contain_text("(label, after)")
    box.get_by_role("button", name="Next").click()
    expect(box).to_contain_text("2 of")
    compare_page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(compare_page).not_to_have_url(re.compile("image="))


def test_the_sides_change_places_and_what_was_fixed_is_broken(
    compare_page: Page, compared_server: Compared
) -> None:
    fixed = len(compared_server.ids("fixed", "report"))
    compare_page.get_by_role("button", name="Swap", exact=True).click()
    expect(compare_page).to_have_url(re.compile(f"after={compared_server.before.fingerprint}"))
    expect_figure(compare_page, "Broken", fixed)
    expect(compare_page.locator(".st-key-comparison_target")).to_have_count(0)
    choose(compare_page, "comparison_before", compared_server.control.version.name)
    expect(compare_page).to_have_url(re.compile(f"before={compared_server.control.predictions.fingerprint}"))


def test_the_budget_is_kept_or_not(compare_page: Page, compared_server: Compared) -> None:
    verdict = compare_page.locator(".st-key-halves_budget [data-testid='stAlert']")
    expect(verdict).to_contain_text("exceeded")
    for key, limit in (
        ("max-negative-flips", "100"),
        ("class-recall-drop", "100"),
        ("min-accuracy-change", "-100"),
    ):
        box = compare_page.locator(f".st-key-budget_value_{key} input")
        box.fill(limit)
        box.press("Enter")
    expect(verdict).to_contain_text("kept: all 3 limits")
    unfold(compare_page, "budget_command")
    command = compare_page.locator(".st-key-budget_command code")
    expect(command).to_contain_text(f"--after {compared_server.after.predictions.fingerprint} --half report")
    expect(command).to_contain_text("--budget class-recall-drop=100%")


def test_a_file_of_predictions_is_read_and_compared(
    compare_page: Page, compared_server: Compared, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = tmp_path_factory.mktemp("table") / "elsewhere.csv"
    images = compared_server.before.images[["path", "label"]].copy()
    images["predicted"] = images["label"]
    images.to_csv(table, index=False)
    compare_page.get_by_role("button", name="A file").click()
    box = compare_page.get_by_role("textbox", name="Table of predictions")
    box.fill(str(table))
    box.press("Enter")
    compare_page.locator(".st-key-compare_table_read button:enabled").click()
    found = compared_server.comparison
    expect(compare_page.get_by_text("Better on these images.")).to_be_visible(timeout=SLOW)
    expect_figure(compare_page, "Fixed", int((found.rows("all") & ~found.right_before).sum()))
    expect_figure(compare_page, "Broken", 0)
    compare_page.locator(".st-key-comparison_fixed button[data-image-id]").first.click()
    expect(compare_page.locator(".st-key-compared_grad_cam_after")).to_contain_text(
        "came from a table", timeout=SLOW
    )
    expect(compare_page.locator(".st-key-compared_grad_cam_before img.photo")).to_have_count(2, timeout=SLOW)


def test_the_control_is_one_click_away(
    compared_server: Compared, open_page: Opener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a workspace without one, a job for it begins, is seen and is cancelled."""
    home = tmp_path_factory.mktemp("uncontrolled")
    shutil.copytree(
        compared_server.store.root, home / "workspace", ignore=shutil.ignore_patterns("thumbnails")
    )
    store = Store(home / "workspace")
    delete_version(store, compared_server.control.version.id)
    server = start_server(home)
    page = compare(open_page, server)
    page.locator(".st-key-train_control button").click()
    offer = page.locator(".st-key-comparison_control_offer")
    expect(offer).to_contain_text("The control is being trained")
    (job,) = jobs(store).list(kinds=("finetune",))
    spec = FinetuneSpec.from_json(job.spec)
    assert spec.target is None and spec.control_of == compared_server.after.version.id
    page.locator(".st-key-comparison_control_job button").click()
    expect(page.locator(".st-key-train_control")).to_contain_text(re.compile("Go on|Train"), timeout=SLOW)
    server.stop()
